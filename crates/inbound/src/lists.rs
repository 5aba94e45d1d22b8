//! Safelists and blocklists at three tiers: what an entry is, what it matches, which one decides.
//!
//! Precedence is user, then domain, then account; within a tier the safelist beats the blocklist
//! `[doc]`. Whether a domain entry reaches sub-domains, and what CIDR and wildcard entries do, nobody
//! says `[?]`: the former is a switch ([`Rules`]), the latter are matched as they are usually meant.

mod batch;
mod standing;
mod walk;
mod whose;

pub use batch::{Batch, LineError, Row, export, parse_batch};
pub use standing::{Standing, Standings};
pub use walk::{Hit, Mail, Outcome, Step, Walk, becomes, walk};
pub use whose::{Target, Whose};

use crate::name::{AddressError, DomainName, EmailAddress, NameError};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// How many mailboxes an entry reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// One recipient.
    User,
    /// A domain and its aliases.
    Domain,
    /// Every domain of the customer, present and future `[doc]`.
    Account,
}

impl Tier {
    /// In order of precedence.
    pub const ALL: [Self; 3] = [Self::User, Self::Domain, Self::Account];

    /// As URLs and CSV have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Domain => "domain",
            Self::Account => "account",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// Which of a tier's two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// Mail is let through.
    Safelist,
    /// Mail is stopped.
    Blocklist,
}

impl List {
    /// In order of precedence.
    pub const ALL: [Self; 2] = [Self::Safelist, Self::Blocklist];

    /// As URLs, CSV and the API have it `[spec]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safelist => "safelist",
            Self::Blocklist => "blocklist",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// One of the six lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Its tier.
    pub tier: Tier,
    /// Which list of it.
    pub list: List,
}

impl Place {
    /// The six in the order in which they are asked.
    pub const WALK: [Self; 6] = {
        const fn of(tier: Tier, list: List) -> Place {
            Place { tier, list }
        }
        use List::{Blocklist, Safelist};
        use Tier::{Account, Domain, User};
        [
            of(User, Safelist),
            of(User, Blocklist),
            of(Domain, Safelist),
            of(Domain, Blocklist),
            of(Account, Safelist),
            of(Account, Blocklist),
        ]
    };

    /// Its index in [`Self::WALK`].
    #[must_use]
    pub fn order(self) -> usize {
        self.tier as usize * 2 + self.list as usize
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tier.as_str(), self.list.as_str())
    }
}

/// What is not said about matching `[?]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether a domain entry also matches senders of its sub-domains.
    pub subdomains: bool,
}

/// What an entry of a list is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// An address; its local part in lower case, for filters compare it so `[infer]`.
    Address(EmailAddress),
    /// A domain.
    Domain(DomainName),
    /// `*.` and a domain: its sub-domains.
    Wildcard(DomainName),
    /// An IP address, never an IPv4-mapped one.
    Ip(IpAddr),
    /// A network in CIDR notation: its first address, without host bits, and the number of bits.
    Net(IpAddr, u8),
    /// What this program can't read: what it matches is not known.
    Odd(String),
}

/// Why a text can't be an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Nothing.
    #[error("Enter an address, a domain or an IP address.")]
    Empty,
    /// A bad address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// A bad domain.
    #[error("{0}")]
    Domain(NameError),
    /// Numbers like those of an IP address, which are none.
    #[error("This is not an IP address. It has four numbers from 0 to 255, such as 192.0.2.25.")]
    Ip,
    /// Several `@`.
    #[error("This has more than one @. Enter one address, such as name@bikeshop.example.")]
    Ats,
    /// A bad network.
    #[error(
        "“{0}” is not a network. Write an IP address and the number of bits, such as 192.0.2.0/24, without host bits."
    )]
    Net(String),
}

impl Entry {
    /// Parses what a person typed.
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')).unwrap_or(text).trim();
        if text.is_empty() {
            return Err(EntryError::Empty);
        }
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        if let Some((ip, bits)) = text.split_once('/')
            && (ip.parse::<IpAddr>().is_ok() || bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.is_empty())
        {
            let bare = ip.parse::<IpAddr>().ok();
            let net = net(ip, bits)
                .filter(|net| !matches!(net, Self::Net(first, _) if bare.map(|ip| ip.to_canonical()) != Some(*first)));
            return net.ok_or_else(|| EntryError::Net(text.to_owned()));
        }
        if let Some(domain) = text.strip_prefix('@') {
            return named(domain).map(Self::Domain);
        }
        if text.contains('@') {
            return Ok(Self::Address(lower(&EmailAddress::parse(text)?)));
        }
        if let Some(rest) = text.strip_prefix("*.") {
            return named(rest).map(Self::Wildcard);
        }
        named(text).map(Self::Domain)
    }

    /// Reads what the service has; never fails. A network with host bits is the network around them: nothing
    /// else can be meant.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let around = || text.trim().split_once('/').and_then(|(ip, bits)| net(ip, bits));
        Self::parse(text).ok().or_else(around).unwrap_or_else(|| Self::Odd(text.to_owned()))
    }

    /// As it is sent.
    #[must_use]
    pub fn item(&self) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Domain(domain) => domain.as_str().to_owned(),
            Self::Wildcard(domain) => format!("*.{domain}"),
            Self::Ip(ip) => ip.to_string(),
            Self::Net(ip, bits) => format!("{ip}/{bits}"),
            Self::Odd(text) => text.clone(),
        }
    }

    /// As people read it: names with their own letters.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Address(address) => format!("{}@{}", address.local(), address.domain().to_unicode()),
            Self::Domain(domain) => domain.to_unicode(),
            Self::Wildcard(domain) => format!("*.{}", domain.to_unicode()),
            _ => self.item(),
        }
    }

    /// Its kind, as filters and CSV have it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Domain(_) | Self::Wildcard(_) => "domain",
            Self::Ip(_) | Self::Net(..) => "ip",
            Self::Odd(_) => "other",
        }
    }

    /// Whether every mail that `other` matches is matched by this entry too.
    #[must_use]
    pub fn covers(&self, other: &Self, rules: Rules) -> bool {
        match (self, other) {
            (Self::Odd(_), _) | (_, Self::Odd(_)) => false,
            (Self::Domain(wide), Self::Address(address)) => reaches(wide, address.domain(), rules),
            (Self::Domain(wide), Self::Domain(domain)) => reaches(wide, domain, rules),
            (Self::Domain(wide), Self::Wildcard(domain)) => rules.subdomains && reaches(wide, domain, rules),
            (Self::Wildcard(wide), Self::Address(address)) => beneath(wide, address.domain()),
            (Self::Wildcard(wide), Self::Domain(domain)) => beneath(wide, domain),
            (Self::Wildcard(wide), Self::Wildcard(domain)) => wide == domain || beneath(wide, domain),
            (Self::Net(net, bits), Self::Ip(ip)) => within(*ip, *net, *bits),
            (Self::Net(net, bits), Self::Net(ip, narrower)) => narrower >= bits && within(*ip, *net, *bits),
            (one, other) => one == other,
        }
    }
}

/// A domain of an entry, where an address or an IP address would do as well.
fn named(text: &str) -> Result<DomainName, EntryError> {
    DomainName::parse(text).map_err(|error| match error {
        NameError::IpAddress => EntryError::Ip,
        NameError::LooksLikeAddress => EntryError::Ats,
        other => EntryError::Domain(other),
    })
}

/// An address as lists compare it.
#[must_use]
pub fn lower(address: &EmailAddress) -> EmailAddress {
    EmailAddress::parse(&format!("{}@{}", address.local().to_lowercase(), address.domain()))
        .unwrap_or_else(|_| address.clone())
}

fn reaches(domain: &DomainName, sender: &DomainName, rules: Rules) -> bool {
    domain == sender || rules.subdomains && beneath(domain, sender)
}

fn beneath(domain: &DomainName, sender: &DomainName) -> bool {
    sender.as_str().strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
}

/// The bits of an address, left-aligned in 128.
fn bits_of(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

fn within(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    ip.is_ipv4() == net.is_ipv4() && (bits_of(ip) ^ bits_of(net)) & mask(bits) == 0
}

/// The first address of a network.
fn first_of(ip: IpAddr, bits: u8) -> IpAddr {
    let first = bits_of(ip) & mask(bits);
    match ip {
        IpAddr::V4(_) => IpAddr::from(u32::try_from(first >> 96).unwrap_or_default().to_be_bytes()),
        IpAddr::V6(_) => IpAddr::from(first.to_be_bytes()),
    }
}

/// A network, its host bits cleared; an IPv4-mapped one as IPv4.
fn net(ip: &str, bits: &str) -> Option<Entry> {
    let (ip, bits): (IpAddr, u8) = (ip.parse().ok()?, bits.parse().ok()?);
    let (ip, bits) = match (ip.to_canonical(), ip) {
        (four @ IpAddr::V4(_), IpAddr::V6(_)) if bits >= 96 => (four, bits - 96),
        _ => (ip, bits),
    };
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    if bits > whole {
        return None;
    }
    Some(if bits == whole { Entry::Ip(ip.to_canonical()) } else { Entry::Net(first_of(ip, bits), bits) })
}

#[cfg(test)]
mod tests;
