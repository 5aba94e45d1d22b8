//! E-mail addresses.

use super::{DomainName, NameError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest local part in bytes (RFC 5321 4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// Longest address in bytes: a path of 256 less its angle brackets (RFC 5321 4.5.3.1.3).
const ADDRESS_MAX: usize = 254;

/// Why a text is not an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`.
    #[error("The address has no @. Enter it whole, such as info@bikeshop.example.")]
    NoAt,
    /// Nothing, or something odd before the `@` (RFC 5321 4.1.2).
    #[error("What stands before the @ is not valid. Use letters, digits and single dots.")]
    Local,
    /// Too much before the `@` (RFC 5321 4.5.3.1.1).
    #[error("What stands before the @ is longer than 64 characters. Shorten it.")]
    LocalTooLong,
    /// The whole is too long (RFC 5321 4.5.3.1.3).
    #[error("The address is longer than 254 characters. Shorten it.")]
    TooLong,
    /// What stands after the `@`.
    #[error("After the @: {0}")]
    Domain(#[from] NameError),
}

/// An e-mail address: local part as given, domain canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    local: String,
    domain: DomainName,
}

impl EmailAddress {
    /// Parses an address: dot-atom local parts, or quoted ones without escapes (RFC 5321 4.1.2), in
    /// ASCII; SMTPUTF8 local parts (RFC 6531) are refused.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local.len() > LOCAL_MAX {
            return Err(AddressError::LocalTooLong);
        }
        if !is_local(local) {
            return Err(AddressError::Local);
        }
        let address = Self { local: local.to_owned(), domain: DomainName::parse(domain)? };
        if address.local.len() + 1 + address.domain.as_str().len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(address)
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
    if let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return !inner.is_empty() && inner.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte));
    }
    // Beyond ASCII as RFC 6531 has it: an admin whose name has an umlaut must not block saving the others.
    let beyond = |c: char| !c.is_ascii() && c.is_alphanumeric();
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || beyond(c);
    local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses() {
        assert_eq!(
            EmailAddress::parse(" O'Neil+x@Bücher.example ").unwrap().to_string(),
            "O'Neil+x@xn--bcher-kva.example"
        );
        let quoted = EmailAddress::parse("\"a b@x\"@c.example").unwrap();
        assert_eq!((quoted.local(), quoted.domain().as_str()), ("\"a b@x\"", "c.example"));
        for bad in [
            "@b.example",
            "a..b@c.example",
            ".a@c.example",
            "a.@c.example",
            "a b@c.example",
            "<a@b.example>",
            "\"\"@c.example",
            "\"a\"b\"@c.example",
            "\"a\n\"@c.example",
            "\"@c.example",
            "a\u{200b}@c.example",
        ] {
            let wrong = EmailAddress::parse(bad);
            assert!(matches!(wrong, Err(AddressError::Local | AddressError::Domain(_))), "{bad:?}: {wrong:?}");
        }
        assert_eq!(EmailAddress::parse("a"), Err(AddressError::NoAt));
        assert_eq!(EmailAddress::parse("a@"), Err(AddressError::Domain(NameError::Empty)));
        assert_eq!(EmailAddress::parse("a@b"), Err(AddressError::Domain(NameError::SingleLabel)));
    }

    #[test]
    fn lengths_have_their_edges() {
        let of = |local: usize, domain: usize| {
            let domain = format!("{}x", "a.".repeat((domain - 1) / 2));
            EmailAddress::parse(&format!("{}@{domain}", "l".repeat(local))).map(|address| address.to_string().len())
        };
        assert_eq!(of(64, 189), Ok(254));
        assert_eq!(of(64, 191), Err(AddressError::TooLong));
        assert_eq!(of(65, 11), Err(AddressError::LocalTooLong));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}@?\\PC{0,40}") {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn reads_what_it_shows(text in "[a-zA-Z0-9!#'*+/=?^_`{|}~.\" -]{1,12}@[a-zé]{1,6}\\.example") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(&address.to_string()), Ok(address));
            }
        }
    }
}
