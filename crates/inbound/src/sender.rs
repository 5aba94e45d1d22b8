//! What to enter for a sender, and what to be careful about.

use crate::name::{DomainName, EmailAddress};
use std::net::IpAddr;

/// Which form of a sender to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The address: the narrowest.
    Address,
    /// The domain, because the address differs with every mail.
    Domain,
}

/// A reason to be careful with a safelist entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The sender's domain is the customer's own.
    OwnDomain,
    /// Anybody can have an address there.
    Freemail,
    /// Below the domain stand other people's domains.
    PublicSuffix,
    /// The sending IP is the customer's own server.
    OwnIp,
    /// The sending IP is `MailChannels`'s.
    MailChannelsIp,
    /// A network larger than one network of one sender.
    WideNet,
    /// Whose IP address it is could not be found out.
    IpNotChecked,
}

impl Warning {
    /// Why, in a sentence or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OwnDomain => {
                "This is the customer's own domain. Safelisted, every forgery of it comes through; mail from its real servers should pass by SPF and DKIM instead."
            }
            Self::Freemail => {
                "Anybody can have an address at this provider. Enter the whole address, never the domain."
            }
            Self::PublicSuffix => {
                "Other people register names below this domain, so an entry for it is far too wide. Enter the whole name or the address."
            }
            Self::OwnIp => {
                "This IP address is one of the domain's own servers: all mail comes from it after filtering, so an entry for it says nothing of the sender."
            }
            Self::MailChannelsIp => {
                "This IP address is MailChannels's own: mail of many senders comes through it. Look for the address that handed the mail to MailChannels."
            }
            Self::WideNet => {
                "This network is wider than /24 (IPv6: /48), the smallest that is routed by itself: it holds the servers of many senders. Enter the addresses of the one sender."
            }
            Self::IpNotChecked => {
                "Not checked: DNS did not say in time whose IP address this is. It may be one of the domain's own servers, or MailChannels's."
            }
        }
    }
}

/// What to enter for a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The form to choose unless told otherwise.
    pub preselect: Width,
    /// Why the address won't match again, when it differs with every mail.
    pub verp: Option<String>,
    /// What to be careful about.
    pub warnings: Vec<Warning>,
}

/// Providers where anybody can have an address; `*` stands for a public suffix.
const FREEMAIL: [&str; 40] = [
    "gmail.com",
    "googlemail.com",
    "outlook.*",
    "hotmail.*",
    "live.*",
    "msn.com",
    "passport.com",
    "yahoo.*",
    "ymail.com",
    "rocketmail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.*",
    "gmx.*",
    "web.de",
    "freenet.de",
    "t-online.de",
    "arcor.de",
    "proton.me",
    "protonmail.com",
    "pm.me",
    "tutanota.com",
    "tuta.io",
    "mail.ru",
    "bk.ru",
    "inbox.ru",
    "list.ru",
    "yandex.*",
    "rambler.ru",
    "qq.com",
    "163.com",
    "126.com",
    "zoho.com",
    "fastmail.com",
    "orange.fr",
    "free.fr",
    "laposte.net",
    "libero.it",
    "seznam.cz",
];

fn is_freemail(domain: &str) -> bool {
    FREEMAIL.iter().any(|known| match known.strip_suffix(".*") {
        Some(name) => domain.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).is_some_and(is_public_suffix),
        None => domain == *known,
    })
}

/// Whether other people register names below this one.
fn is_public_suffix(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == domain.as_bytes())
}

/// What to enter for an address, and what to be careful about; `own` says which domains are the customer's.
#[must_use]
pub fn advise(address: &str, own: impl Fn(&str) -> bool) -> Advice {
    let (local, domain) = address.rsplit_once('@').unwrap_or(("", address));
    let domain = DomainName::parse(domain).map_or_else(|_| domain.to_lowercase(), |name| name.as_str().to_owned());
    let mut warnings = Vec::new();
    let (freemail, suffix) = (is_freemail(&domain), is_public_suffix(&domain));
    for (is, warning) in
        [(own(&domain), Warning::OwnDomain), (freemail, Warning::Freemail), (suffix, Warning::PublicSuffix)]
    {
        if is {
            warnings.push(warning);
        }
    }
    let verp = EmailAddress::parse(address).ok().and_then(|_| changes(local)).map(str::to_owned);
    let too_wide = freemail || suffix || own(&domain);
    let preselect = if verp.is_some() && !too_wide { Width::Domain } else { Width::Address };
    Advice { preselect, verp, warnings }
}

/// Why an address with this local part won't come again.
fn changes(local: &str) -> Option<&'static str> {
    let lower = local.to_lowercase();
    if lower.starts_with("srs0") || lower.starts_with("srs1") {
        return Some("A forwarder rewrote this address (SRS) and does so anew each day.");
    }
    if ["prvs=", "btv1==", "msprvs1="].iter().any(|tag| lower.starts_with(tag)) {
        return Some("The sender signs this address anew for each mail (BATV).");
    }
    let carries_recipient = lower.split(['+', '-', '.', '_']).any(|part| part.contains('='));
    if carries_recipient {
        return Some("This address carries the recipient's (VERP), so it differs for each of them.");
    }
    let (_, tag) = lower.split_once('+').or_else(|| lower.split_once('-')).unwrap_or((&lower, &lower));
    let bounce = ["bounce", "bounces", "return", "errors", "mailer"].iter().any(|word| lower.starts_with(word));
    let digits = tag.bytes().filter(u8::is_ascii_digit).count();
    let token = [tag, &lower].iter().any(|part| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let hex = part.bytes().filter(u8::is_ascii_hexdigit).count();
        part.len() >= 12 && digits >= 4 && (hex * 10 >= part.len() * 8 || digits * 2 >= part.len())
    });
    if bounce && digits >= 3 || token || local.len() >= 40 && digits >= 4 {
        return Some("This address has a token in it that differs with each mail.");
    }
    None
}

/// What to be careful about with a sending IP: `own` are the domain's servers, `host` the name it gave.
#[must_use]
pub fn ip_warning(ip: IpAddr, own: &[IpAddr], host: Option<&str>) -> Option<Warning> {
    let theirs = |host: &str| {
        let host = host.trim_end_matches('.').to_lowercase();
        host == "mailchannels.net" || host.ends_with(".mailchannels.net")
    };
    if own.contains(&ip) {
        return Some(Warning::OwnIp);
    }
    host.is_some_and(theirs).then_some(Warning::MailChannelsIp)
}

/// What to be careful about with a network of so many bits.
#[must_use]
pub fn net_warning(first: IpAddr, bits: u8) -> Option<Warning> {
    let narrow = if first.is_ipv4() { 24 } else { 48 };
    (bits < narrow).then_some(Warning::WideNet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(address: &str) -> Advice {
        advise(address, |domain| domain == "shop.example")
    }

    #[test]
    fn addresses_that_come_again_and_those_that_do_not() {
        for steady in [
            "billing@parcelhub.example",
            "o.neil+news@b.example",
            "info2024@b.example",
            "no-reply@b.example",
            "mary-jane.watson@b.example",
            "team42@b.example",
        ] {
            assert_eq!((of(steady).preselect, of(steady).verp), (Width::Address, None), "{steady}");
        }
        for varying in [
            "bounce+4f2a91cc.8812@mail.b.example",
            "bounces-123456-ann=shop.example@b.example",
            "SRS0=x1y2=AB=b.example=ann@forwarder.example",
            "prvs=1234abcdef=ann@b.example",
            "0102018f3a9bc1de-2f6c@eu.b.example",
            "bounce-771_HTML-99881-221@b.example",
        ] {
            assert_eq!(of(varying).preselect, Width::Domain, "{varying}");
            assert!(of(varying).verp.is_some(), "{varying}");
        }
    }

    #[test]
    fn too_wide_domains_are_warned_about_and_never_chosen() {
        for (address, warning) in [
            ("ann@gmail.com", Warning::Freemail),
            ("ann@yahoo.co.uk", Warning::Freemail),
            ("bounce+1234567@gmx.net", Warning::Freemail),
            ("ann@co.uk", Warning::PublicSuffix),
            ("ann@shop.example", Warning::OwnDomain),
            ("bounce+1234567@Shop.example", Warning::OwnDomain),
        ] {
            let advice = of(address);
            assert!(advice.warnings.contains(&warning), "{address}: {advice:?}");
            assert_eq!(advice.preselect, Width::Address, "{address}");
        }
        assert_eq!(of("ann@notgmail.com").warnings, []);
        assert_eq!(of("ann@yahoo.b.example").warnings, []);
    }

    #[test]
    fn sending_addresses_of_ones_own_and_of_the_filter() {
        let own: IpAddr = "192.0.2.7".parse().unwrap();
        let other: IpAddr = "192.0.2.8".parse().unwrap();
        assert_eq!(ip_warning(own, &[own], None), Some(Warning::OwnIp));
        assert_eq!(ip_warning(other, &[own], Some("a.b.MailChannels.net.")), Some(Warning::MailChannelsIp));
        assert_eq!(ip_warning(other, &[own], Some("notmailchannels.net")), None);
        for (net, bits, wide) in [
            ("0.0.0.0", 0, true),
            ("192.0.2.0", 23, true),
            ("192.0.2.0", 24, false),
            ("2001:db8::", 47, true),
            ("2001:db8::", 48, false),
        ] {
            assert_eq!(net_warning(net.parse().unwrap(), bits).is_some(), wide, "{net}/{bits}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(address in "\\PC{0,40}@?\\PC{0,30}") {
            let _ = of(&address);
        }

        #[test]
        fn a_plain_name_is_entered_as_it_is(local in "[a-z]{1,12}(\\.[a-z]{1,12})?", domain in "[a-z]{3,9}\\.example") {
            prop_assert_eq!(of(&format!("{local}@{domain}")).preselect, Width::Address);
        }
    }
}
