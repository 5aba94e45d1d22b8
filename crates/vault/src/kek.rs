//! Key-encryption keys and their ids.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use crate::aead::{self, KEY, Key};

/// Public id of a KEK, computed from it; 16 hex digits in print.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId(pub(crate) [u8; KekId::LEN]);

impl KekId {
    pub(crate) const LEN: usize = 8;

    /// Reads the printed form.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut id = [0; Self::LEN];
        from_hex(hex, &mut id).then_some(Self(id))
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

/// A key-encryption key. Keeps only what is derived from the configured bytes.
pub struct Kek {
    id: KekId,
    pub(crate) wrap: Key,
}

/// The text is no KEK. Says nothing of what the text was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key: 32 bytes in base64 or hex are expected")]
pub struct ParseKekError;

impl Kek {
    /// Takes 32 random bytes.
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { id: KekId(*aead::subkey(&bytes, "sluice/v1/kek-id")), wrap: aead::subkey(&bytes, "sluice/v1/wrap") }
    }

    /// Reads 32 bytes as base64 (either alphabet, padded or not) or 64 hex digits; space around is ignored.
    ///
    /// # Errors
    /// [`ParseKekError`], which doesn't repeat the text.
    pub fn parse(text: &str) -> Result<Self, ParseKekError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY]);
        // 64 hex digits are 48 bytes of base64, so the two never mean the same text.
        if from_hex(text, &mut *bytes) {
            return Ok(Self::from_bytes(*bytes));
        }
        // Room for four characters more, so that an overlong text is refused by its length.
        let mut decoded = Zeroizing::new([0; KEY + 3]);
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            if engine.decode_slice(text, &mut *decoded) == Ok(KEY) {
                bytes.copy_from_slice(&decoded[..KEY]);
                return Ok(Self::from_bytes(*bytes));
            }
        }
        Err(ParseKekError)
    }

    /// Its public id.
    pub fn id(&self) -> KekId {
        self.id
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Fills `into` from exactly twice as many hex digits; false when the text is anything else.
fn from_hex(text: &str, into: &mut [u8]) -> bool {
    let digits = text.as_bytes();
    digits.len() == into.len() * 2
        && into.iter_mut().zip(digits.chunks_exact(2)).all(|(byte, pair)| {
            let digit = |digit: u8| (digit as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => {
                    *byte = high << 4 | low;
                    true
                }
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_in_every_writing_has_one_id() {
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 8).unwrap() ^ 0xfb);
        let id = Kek::from_bytes(bytes).id();
        let hex = hex(&bytes);
        let writings = [
            hex.to_uppercase(),
            format!(" {hex}\n"),
            STANDARD.encode(bytes),
            STANDARD_NO_PAD.encode(bytes),
            format!("{}\r\n", URL_SAFE.encode(bytes)),
            URL_SAFE_NO_PAD.encode(bytes),
        ];
        for writing in writings {
            assert_eq!(Kek::parse(&writing).unwrap().id(), id, "{writing}");
        }
        assert_ne!(Kek::from_bytes([7; 32]).id(), id);
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for bytes in [0, 1, 16, 31, 33, 48, 64] {
            let text = STANDARD.encode(vec![0xa5; bytes]);
            let error = Kek::parse(&text).unwrap_err();
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(&text));
        }
        assert!(Kek::parse("not a key at all").is_err());
        assert!(Kek::parse(&"é".repeat(32)).is_err());
        assert!(Kek::parse(&"g".repeat(64)).is_err());
    }

    #[test]
    fn an_id_reads_back_from_print() {
        let id = Kek::from_bytes([3; 32]).id();
        assert_eq!(KekId::parse(&id.to_string()), Some(id));
        assert_eq!(KekId::parse("12"), None);
        assert_eq!(KekId::parse("zzzzzzzzzzzzzzzz"), None);
    }
}
