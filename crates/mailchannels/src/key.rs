//! API keys.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// An API key. It cannot be printed, cloned or serialised, and is wiped from memory when dropped.
pub struct ApiKey(SecretString);

/// Why a text is no API key. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Nothing was given.
    #[error("Paste the key.")]
    Empty,
    /// Spaces, control characters or non-ASCII: it could not travel in a header.
    #[error("A key has no spaces or special characters. Copy it again, whole and alone.")]
    Characters,
    /// Too long to be one.
    #[error("This is too long for a key. Copy it again, alone.")]
    TooLong,
}

/// Longest key that is accepted; keys seen so far are far shorter `[infer]`.
const MAX: usize = 512;

impl ApiKey {
    /// Checks and takes a key; surrounding white space is not part of it.
    pub fn new(text: impl Into<SecretString>) -> Result<Self, InvalidKey> {
        let text: SecretString = text.into();
        let key = text.expose_secret().trim();
        if key.is_empty() {
            Err(InvalidKey::Empty)
        } else if key.len() > MAX {
            Err(InvalidKey::TooLong)
        } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(InvalidKey::Characters)
        } else {
            Ok(Self(SecretString::from(key)))
        }
    }

    /// The key, for sealing it and for fingerprints; for nothing else.
    #[must_use]
    pub fn expose_for_sealing(&self) -> &str {
        self.0.expose_secret()
    }

    /// As a header that libraries know not to print.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.0.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_travels_in_a_header_and_prints_nothing() {
        let key = ApiKey::new(" abc-DEF_123 \n".to_owned()).unwrap();
        assert_eq!(key.expose_for_sealing(), "abc-DEF_123");
        assert_eq!(format!("{key:?} {:?}", key.header().unwrap()), "ApiKey(…) Sensitive");
        for (bad, why) in [
            ("  ", InvalidKey::Empty),
            ("a b", InvalidKey::Characters),
            ("a\r\nX: y", InvalidKey::Characters),
            ("ключ", InvalidKey::Characters),
        ] {
            assert_eq!(ApiKey::new(bad.to_owned()).err(), Some(why));
        }
        assert_eq!(ApiKey::new("x".repeat(513)).err(), Some(InvalidKey::TooLong));
    }
}
