//! Trusted headers: what a proxy in front says about who is asking. A last resort, so every doubt is a no.

use crate::{Vouched, claims::shown};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// Header that carries the secret shared with the proxy.
pub const SECRET_HEADER: &str = "x-sluice-proxy-secret";
/// Longest value that is taken, in bytes.
const VALUE_MAX: usize = 256;
/// Longest list of groups, in bytes.
const GROUPS_MAX: usize = 8 * 1024;

/// Which proxies are believed, and what they say where.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Addresses of the proxies.
    pub peers: Vec<IpNet>,
    /// Header with the person's stable id.
    pub user: HeaderName,
    /// Header with their address.
    pub email: HeaderName,
    /// Header with their name.
    pub name: Option<HeaderName>,
    /// Header with their groups, parted by commas or `|`.
    pub groups: HeaderName,
    /// A secret that every request must carry.
    pub secret: Option<SecretString>,
}

/// Why a list of proxies can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPeers {
    /// There is none.
    #[error(
        "SLUICE_PROXY_CIDRS is not set: name the addresses of the proxy, such as 192.0.2.10/32; whoever else reaches the port could say that they are anybody."
    )]
    None,
    /// Everybody.
    #[error("SLUICE_PROXY_CIDRS has “{0}”, which is everybody. Name the addresses of the proxy.")]
    Everybody(String),
    /// Not an address.
    #[error("SLUICE_PROXY_CIDRS has “{0}”, which is no address or network such as 192.0.2.10/32.")]
    NoNetwork(String),
}

/// Reads a list of addresses and networks.
pub fn peers(texts: &[String]) -> Result<Vec<IpNet>, BadPeers> {
    let mut nets = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        if text == "*" {
            return Err(BadPeers::Everybody(text.to_owned()));
        }
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| BadPeers::NoNetwork(text.to_owned()))?;
        if net.prefix_len() == 0 {
            return Err(BadPeers::Everybody(text.to_owned()));
        }
        nets.push(net);
    }
    if nets.is_empty() { Err(BadPeers::None) } else { Ok(nets) }
}

/// Whether an address is one of these; an IPv4 address that came over IPv6 is the IPv4 address.
pub fn is_among(nets: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    nets.iter().any(|net| net.contains(&address))
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It does not come from the proxy.
    #[error("it does not come from the proxy's address")]
    Peer,
    /// The shared secret is missing or wrong.
    #[error("the proxy's secret is missing or wrong")]
    Secret,
    /// A header is missing, empty, there twice, too long, or has characters it must not have.
    #[error("a header is missing, empty, there twice or malformed")]
    Header,
    /// A header whose name another program may take for one of these.
    #[error("a header is named almost like one that is trusted")]
    Alias,
}

/// `X_Forwarded.User` is, to many a program, `x-forwarded-user`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

impl Rules {
    /// Who is asking, by a request's headers and the address at the other end of its connection.
    pub fn read(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Vouched, Untrusted> {
        if !is_among(&self.peers, peer) {
            return Err(Untrusted::Peer);
        }
        let ours = [Some(&self.user), Some(&self.email), Some(&self.groups), self.name.as_ref()];
        let secret = HeaderName::from_static(SECRET_HEADER);
        for name in headers.keys() {
            let alias = |own: &HeaderName| name != own && folded(name.as_str()) == folded(own.as_str());
            if ours.into_iter().flatten().any(alias) || alias(&secret) {
                return Err(Untrusted::Alias);
            }
        }
        if let Some(expected) = &self.secret {
            let said = once(headers, &secret)?.ok_or(Untrusted::Secret)?;
            if !bool::from(said.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
                return Err(Untrusted::Secret);
            }
        }
        let subject = plain(once(headers, &self.user)?.ok_or(Untrusted::Header)?, VALUE_MAX)?;
        let email = once(headers, &self.email)?.map(|value| plain(value, VALUE_MAX)).transpose()?;
        let name = match &self.name {
            Some(name) => once(headers, name)?.map(lossy),
            None => None,
        };
        let groups = once(headers, &self.groups)?.map(|value| plain(value, GROUPS_MAX)).transpose()?;
        Ok(Vouched {
            issuer: "proxy".to_owned(),
            name: name.filter(|name| !name.is_empty()).or_else(|| email.clone()).unwrap_or_else(|| subject.clone()),
            subject,
            // The proxy is trusted with who it is, so also with this.
            email_verified: email.is_some(),
            email,
            groups: groups
                .iter()
                .flat_map(|list| list.split([',', '|']))
                .map(|group| group.trim().to_owned())
                .filter(|group| !group.is_empty())
                .collect(),
            auth_time: None,
            session: None,
        })
    }
}

fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Untrusted> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() { Err(Untrusted::Header) } else { Ok(value) }
}

/// Printable ASCII, not empty, without space around it.
fn plain(value: &HeaderValue, max: usize) -> Result<String, Untrusted> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Untrusted::Header)?;
    let good = !text.is_empty()
        && text.len() <= max
        && text == text.trim()
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if good { Ok(text.to_owned()) } else { Err(Untrusted::Header) }
}

/// A name, which is only shown.
fn lossy(value: &HeaderValue) -> String {
    shown(&String::from_utf8_lossy(value.as_bytes()), 80)
}

#[cfg(test)]
mod tests;
