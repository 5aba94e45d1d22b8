//! Received fields (RFC 5321 4.4): who handed a message to whom.

use super::text::{addresses_in, plain};
use std::net::IpAddr;

/// One hop.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The name that the client gave.
    pub(super) ehlo: Option<String>,
    /// The name of its address, as the server looked it up.
    pub(super) host: Option<String>,
    /// Its address.
    pub(super) ip: Option<IpAddr>,
    /// For whom.
    pub(super) to: Option<String>,
}

impl Received {
    pub(super) fn read(value: &str) -> Self {
        let value: String = value.chars().take(2_000).collect();
        // The clauses come in this order; what the client claims stands before "by".
        let lower = value.to_ascii_lowercase();
        let by = lower.find(" by ").unwrap_or(lower.len());
        let from = if lower.starts_with("from ") { &value[5.min(by)..by] } else { "" };
        let (name, comment) = from.trim().split_once(' ').unwrap_or((from.trim(), ""));
        let ehlo = name.trim_matches(['[', ']', '(', ')']).trim();
        let ip = ip_in(comment).or_else(|| ip_in(name));
        let looked_up = comment.trim_start().strip_prefix('(').and_then(|inside| {
            let word = inside.split([' ', '[', ')', '(']).next()?.trim_end_matches('.');
            let host = !word.is_empty() && word.contains('.') && word.parse::<IpAddr>().is_err();
            (host && !word.contains(['=', ':', '@'])).then(|| plain(word, 255))
        });
        let to = lower.find(" for ").and_then(|at| addresses_in(&value[at..]).into_iter().next());
        Self { ehlo: (!ehlo.is_empty()).then(|| plain(ehlo, 255)), host: looked_up, ip, to }
    }

    /// Whether it came over the internet from somebody else, not from the filter or within a house.
    pub(super) fn is_from_outside(&self) -> bool {
        let filter = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| {
                let name = name.trim_end_matches('.').to_lowercase();
                name == "mailchannels.net" || name.ends_with(".mailchannels.net")
            })
        };
        self.ip.is_some_and(is_public) && !filter(&self.host) && !filter(&self.ehlo)
    }
}

/// Not private, loopback, link-local or nothing. Ranges for documentation count as public: examples use them.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
    }
}

/// The first address in a text: in brackets as mail servers write it, or bare.
pub(crate) fn ip_in(text: &str) -> Option<IpAddr> {
    let cut = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
    let words = text.split(['[', ']', '(', ')', ' ', ',', ';', '<', '>']);
    words
        .map(|word| word.strip_prefix("IPv6:").or_else(|| word.strip_prefix("ipv6:")).unwrap_or(word))
        .map(|word| word.trim_matches(cut).trim_end_matches(['.', ':']))
        .filter(|word| word.len() <= 45)
        .find_map(|word| word.parse::<IpAddr>().ok())
        .map(|ip| ip.to_canonical())
}

/// A public address in brackets, or one that stands alone as a word.
pub(crate) fn public_in(word: &str) -> Option<IpAddr> {
    if word.contains('@') || !word.contains(['.', ':']) {
        return None;
    }
    ip_in(word).filter(|ip| is_public(*ip))
}
