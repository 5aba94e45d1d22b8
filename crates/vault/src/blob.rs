//! The layout of a sealed blob, and its one decoder.
//!
//! | Bytes | What |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | algorithm, 1: XChaCha20-Poly1305 for both layers |
//! | 8 | id of the KEK |
//! | 24 + 32 + 16 | the wrapped data key: nonce, ciphertext, tag |
//! | 24 | nonce |
//! | n + 16 | the record's ciphertext and tag |

use crate::{
    KekId,
    aead::{KEY, NONCE, TAG},
};

const VERSION: u8 = 1;
const XCHACHA20_POLY1305: u8 = 1;
const WRAPPED: usize = KEY + TAG;

/// Version and algorithm: what both layers bind as associated data.
pub(crate) const FORMAT: [u8; 2] = [VERSION, XCHACHA20_POLY1305];

/// A blob taken apart.
pub(crate) struct Blob<'a> {
    pub(crate) kek: KekId,
    pub(crate) wrap_nonce: [u8; NONCE],
    pub(crate) wrapped: &'a [u8],
    pub(crate) nonce: [u8; NONCE],
    pub(crate) ciphertext: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Takes a blob apart; `None` when it is too short, of another version or of another algorithm.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (&format, rest) = bytes.split_first_chunk::<2>()?;
        if format != FORMAT {
            return None;
        }
        let (&kek, rest) = rest.split_first_chunk::<{ KekId::LEN }>()?;
        let (&wrap_nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (wrapped, rest) = rest.split_at_checked(WRAPPED)?;
        let (&nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        (ciphertext.len() >= TAG).then_some(Self { kek: KekId(kek), wrap_nonce, wrapped, nonce, ciphertext })
    }

    /// Puts a blob together.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&FORMAT[..], &self.kek.0, &self.wrap_nonce, self.wrapped, &self.nonce, self.ciphertext].concat()
    }

    /// What the wrapped key binds: the format and which KEK it claims.
    pub(crate) fn wrap_header(kek: KekId) -> Vec<u8> {
        [&FORMAT[..], &kek.0].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode_or_not_but_never_panic(
            format in prop_oneof![Just(FORMAT.to_vec()), proptest::collection::vec(any::<u8>(), 0..3)],
            rest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [format, rest].concat();
            match Blob::decode(&bytes) {
                // What decodes is whole: putting it together gives every byte back.
                Some(blob) => prop_assert_eq!(blob.encode(), bytes),
                None => prop_assert!(bytes.get(..2) != Some(&FORMAT[..]) || bytes.len() < 2 + 8 + 24 + 48 + 24 + 16),
            }
        }
    }
}
