//! Domain names, host names and e-mail addresses.

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// Why a text is not a domain name; each says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("Enter a domain, such as bikeshop.example.")]
    Empty,
    /// A space is in it.
    #[error("The name has a space.{}", suggestion.as_ref().map(|name| format!(" Did you mean {name}?")).unwrap_or_default())]
    Space {
        /// The name with a hyphen instead, when that is one.
        suggestion: Option<String>,
    },
    /// It is an e-mail address.
    #[error("This is an address. Enter only what stands after the @.")]
    LooksLikeAddress,
    /// It is a URL.
    #[error("This is a web address. Enter only the host name, without http and path.")]
    LooksLikeUrl,
    /// It is an IP address.
    #[error("This is an IP address. Enter a name.")]
    IpAddress,
    /// There is no dot.
    #[error("The name has no dot. Enter it whole, such as bikeshop.example.")]
    SingleLabel,
    /// Two dots in a row, or one at the start.
    #[error("The name has an empty part: two dots in a row, or one at the start.")]
    EmptyLabel,
    /// A part is longer than 63 (RFC 1035 2.3.4).
    #[error("A part of the name is longer than 63 characters.")]
    LabelTooLong,
    /// The whole is longer than 253 (RFC 1035 2.3.4).
    #[error("The name is longer than 253 characters.")]
    TooLong,
    /// A part begins or ends with a hyphen (RFC 952).
    #[error("A part of the name begins or ends with a hyphen.")]
    Hyphen,
    /// A character that no name has.
    #[error("The name has a character that names do not have: {}.", .0.escape_debug())]
    BadCharacter(char),
    /// It does not convert (RFC 5891, UTS 46).
    #[error("The name is not a valid internationalised name.")]
    Idna,
}

/// A domain name: lower-case A-label form, no trailing dot, two labels or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Parses a name in any form: upper case, U-label, A-label.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.contains("://") || text.contains('/') {
            return Err(NameError::LooksLikeUrl);
        }
        if text.contains('@') {
            return Err(NameError::LooksLikeAddress);
        }
        if text.contains(char::is_whitespace) {
            let joined = text.split_whitespace().collect::<Vec<_>>().join("-");
            return Err(NameError::Space { suggestion: Self::parse(&joined).ok().map(|name| name.to_unicode()) });
        }
        if IpAddr::from_str(text.trim_matches(['[', ']'])).is_ok() {
            return Err(NameError::IpAddress);
        }
        if let Some(bad) = text.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'))
        {
            return Err(NameError::BadCharacter(bad));
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| NameError::Idna)?;
        check_labels(&ascii)?;
        Ok(Self(ascii.into_owned()))
    }

    /// The A-label form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The U-label form, for reading; the A-label where there is no valid one.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        let (unicode, valid) = Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
        if valid.is_ok() && Self::parse(&unicode).is_ok_and(|back| back == *self) {
            unicode.into_owned()
        } else {
            self.0.clone()
        }
    }
}

fn check_labels(ascii: &str) -> Result<(), NameError> {
    let labels: Vec<_> = ascii.split('.').collect();
    if labels.iter().any(|label| label.is_empty()) {
        return Err(NameError::EmptyLabel);
    }
    if labels.iter().any(|label| label.len() > 63) {
        return Err(NameError::LabelTooLong);
    }
    if ascii.len() > 253 {
        return Err(NameError::TooLong);
    }
    if labels.iter().any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Err(NameError::Hyphen);
    }
    match labels.last() {
        _ if labels.len() < 2 => Err(NameError::SingleLabel),
        // Such a name would be read as an IPv4 address by much software (RFC 1123 2.1, WHATWG URL).
        Some(last) if last.bytes().all(|byte| byte.is_ascii_digit()) => Err(NameError::IpAddress),
        _ => Ok(()),
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DomainName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

/// The name of a mail server; a domain name that may be written with a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostName(DomainName);

impl HostName {
    /// Parses a host name, with or without one trailing dot.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        DomainName::parse(text.strip_suffix('.').unwrap_or(text)).map(Self)
    }

    /// Without the dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// With the dot, as the service wants it `[spec]`.
    #[must_use]
    pub fn with_dot(&self) -> String {
        format!("{}.", self.0)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`.
    #[error("The address has no @.")]
    NoAt,
    /// Nothing, or too much, or something odd before the `@` (RFC 5321 4.1.2, 4.5.3.1.1).
    #[error("What stands before the @ is not valid.")]
    Local,
    /// What stands after the `@`.
    #[error("After the @: {0}")]
    Domain(#[from] NameError),
}

/// An e-mail address: local part as given, domain canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EmailAddress {
    local: String,
    domain: DomainName,
}

impl EmailAddress {
    /// Parses an address: dot-atom local parts, or quoted ones without control characters.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError::NoAt)?;
        if !is_local(local) {
            return Err(AddressError::Local);
        }
        Ok(Self { local: local.to_owned(), domain: DomainName::parse(domain)? })
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// What stands after it.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

fn is_local(local: &str) -> bool {
    if local.is_empty() || local.len() > 64 {
        return false;
    }
    if let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return !inner.is_empty() && !inner.contains(['"', '\\']) && !inner.chars().any(char::is_control);
    }
    let atom = |c: char| {
        c.is_ascii_alphanumeric()
            || !c.is_ascii() && !c.is_control() && !c.is_whitespace()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
    };
    local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wrong_names_say_what_is_wrong() {
        let suggestion = Some("ashdown-dental.example".to_owned());
        for (text, error) in [
            ("", NameError::Empty),
            ("ashdown dental.example", NameError::Space { suggestion }),
            ("a@b.example", NameError::LooksLikeAddress),
            ("https://b.example", NameError::LooksLikeUrl),
            ("192.0.2.1", NameError::IpAddress),
            ("[2001:db8::1]", NameError::IpAddress),
            ("a.1", NameError::IpAddress),
            ("localhost", NameError::SingleLabel),
            ("a..example", NameError::EmptyLabel),
            (".example", NameError::EmptyLabel),
            ("-a.example", NameError::Hyphen),
            ("a_b.example", NameError::BadCharacter('_')),
            ("a.example\u{0}", NameError::BadCharacter('\u{0}')),
            ("xn--a.example", NameError::Idna),
        ] {
            assert_eq!(DomainName::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(DomainName::parse(&format!("{}.example", "a".repeat(64))), Err(NameError::LabelTooLong));
        assert_eq!(DomainName::parse(&format!("{}example", "a.".repeat(124))), Err(NameError::TooLong));
    }

    #[test]
    fn forms_of_one_name_are_one() {
        let name = DomainName::parse("BÜCHERWURM.example").unwrap();
        assert_eq!(name, DomainName::parse("xn--bcherwurm-q9a.EXAMPLE").unwrap());
        assert_eq!((name.as_str(), name.to_unicode().as_str()), ("xn--bcherwurm-q9a.example", "bücherwurm.example"));
        assert_eq!(HostName::parse("MX.example.org.").unwrap().with_dot(), "mx.example.org.");
        assert!(HostName::parse("mx.example..").is_err());
    }

    #[test]
    fn addresses() {
        assert_eq!(
            EmailAddress::parse(" O'Neil+x@Bücher.example ").unwrap().to_string(),
            "O'Neil+x@xn--bcher-kva.example"
        );
        assert!(EmailAddress::parse("\"a b\"@c.example").is_ok());
        for bad in ["a", "@b.example", "a@", "a..b@c.example", ".a@c.example", "a b@c.example", "a@b", "<a@b.example>"]
        {
            assert!(EmailAddress::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = (DomainName::parse(&text), HostName::parse(&text), EmailAddress::parse(&text));
        }

        #[test]
        fn reads_its_own_unicode_back(text in "[a-zäöüßéñшд0-9]{1,12}(\\.[a-zäöüé]{2,8}){1,3}") {
            if let Ok(name) = DomainName::parse(&text) {
                prop_assert_eq!(DomainName::parse(&name.to_unicode()), Ok(name.clone()));
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'));
            }
        }
    }
}
