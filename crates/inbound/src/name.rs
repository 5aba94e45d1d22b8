//! Domain names, host names and e-mail addresses.

mod address;

pub use address::{AddressError, EmailAddress};

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
    #[error("The name has a space. {}", suggestion.as_ref().map_or_else(|| "Remove it.".into(), |name| format!("Did you mean {name}?")))]
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
    /// Two dots in a row, or one at the start or end.
    #[error("The name has an empty part. Remove the dot at its start or end, or the second of two in a row.")]
    EmptyLabel,
    /// A part is longer than 63 (RFC 1035 2.3.4).
    #[error("A part of the name is longer than 63 characters. Shorten it.")]
    LabelTooLong,
    /// The whole is longer than 253 (RFC 1035 2.3.4).
    #[error("The name is longer than 253 characters. Shorten it.")]
    TooLong,
    /// A part begins or ends with a hyphen (RFC 952).
    #[error("A part of the name begins or ends with a hyphen. Remove the hyphen.")]
    Hyphen,
    /// A character that no name has.
    #[error("The name has a character that names do not have: {}. Remove it.", .0.escape_debug())]
    BadCharacter(char),
    /// It does not convert (RFC 5891, UTS 46).
    #[error("The name is not a valid internationalised name. Check its spelling.")]
    Idna,
}

/// Longest text in bytes that is looked at: 253 characters of up to four bytes.
const TEXT_MAX: usize = 4 * 253;

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
        // No name is that long in any form, and conversion of labels takes quadratic time.
        if text.len() > TEXT_MAX {
            return Err(NameError::TooLong);
        }
        if text.contains("://") || text.contains('/') {
            return Err(NameError::LooksLikeUrl);
        }
        if text.contains('@') {
            return Err(NameError::LooksLikeAddress);
        }
        if text.contains(char::is_whitespace) {
            return Err(NameError::Space { suggestion: hyphenated(text) });
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

/// The name with hyphens for spaces. Only where one name was meant: with a dot before the last
/// space it is rather two names, or a name and something else.
fn hyphenated(text: &str) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let (_, before) = words.split_last()?;
    if before.iter().any(|word| word.contains('.')) {
        return None;
    }
    DomainName::parse(&words.join("-")).ok().map(|name| name.to_unicode())
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
#[serde(try_from = "String", into = "String")]
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

impl TryFrom<String> for HostName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::{IntoDeserializer, value::Error as ValueError};

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
            ("a.example.", NameError::EmptyLabel),
            ("bikeshop.example mx.example", NameError::Space { suggestion: None }),
            // Full-width digits are digits.
            ("192.0.2.1", NameError::IpAddress),
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
        assert_eq!(DomainName::parse(&"ü".repeat(100_000)), Err(NameError::TooLong));
    }

    #[test]
    fn errors_name_the_mending() {
        let said = |text: &str| DomainName::parse(text).unwrap_err().to_string();
        assert_eq!(said("ashdown dental.example"), "The name has a space. Did you mean ashdown-dental.example?");
        assert_eq!(said("a.example b.example"), "The name has a space. Remove it.");
        assert!(said("a\u{7}.example").contains("\\u{7}"), "a control character is spelt out");
    }

    #[test]
    fn reading_from_storage_checks_again() {
        let name =
            |text: &'static str| DomainName::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text));
        let host = |text: &'static str| HostName::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text));
        assert_eq!(name("A.example").unwrap().as_str(), "a.example");
        assert!(name("no name").is_err());
        assert_eq!(host("mx.example.").unwrap().as_str(), "mx.example");
        assert!(host("no host.").is_err());
    }

    #[test]
    fn forms_of_one_name_are_one() {
        let name = DomainName::parse("BÜCHERWURM.example").unwrap();
        assert_eq!(name, DomainName::parse("xn--bcherwurm-q9a.EXAMPLE").unwrap());
        assert_eq!((name.as_str(), name.to_unicode().as_str()), ("xn--bcherwurm-q9a.example", "bücherwurm.example"));
        assert_eq!(HostName::parse("MX.example.org.").unwrap().with_dot(), "mx.example.org.");
        assert!(HostName::parse("mx.example..").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = (DomainName::parse(&text), HostName::parse(&text));
        }

        /// A host name is a domain name with or without one dot, and nothing else.
        #[test]
        fn a_host_is_a_name(text in "[a-z.-]{0,12}") {
            let name = DomainName::parse(&text).ok().map(|name| name.to_string());
            if let Some(name) = name {
                prop_assert_eq!(HostName::parse(&text).unwrap().to_string(), name.clone());
                prop_assert_eq!(HostName::parse(&format!("{text}.")).unwrap().with_dot(), format!("{name}."));
            } else {
                prop_assert!(HostName::parse(&text).is_err() || text.ends_with('.'));
            }
        }

        /// Every A-label the parser lets through has a Unicode form that leads back to it.
        #[test]
        fn reads_back_from_any_a_label(label in "[a-z0-9]{1,10}(-[a-z0-9]{1,6})?") {
            if let Ok(name) = DomainName::parse(&format!("xn--{label}.example")) {
                prop_assert_eq!(DomainName::parse(&name.to_unicode()), Ok(name.clone()));
            }
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
