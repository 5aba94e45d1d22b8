//! Sealing something long, chunk by chunk, under a key that lives only in memory.
//!
//! For what must pass through a disk without being stored: when the process ends, nothing can open it.

use crate::{
    Entropy, NoEntropy,
    aead::{KEY, Key, NONCE, decrypt, encrypt},
};
use zeroize::Zeroizing;

/// Bytes that sealing adds to a chunk.
pub const CHUNK_TAG: usize = crate::aead::TAG;

/// A chunk does not open: it was changed, cut, or is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a spooled chunk does not open")]
pub struct Damaged;

/// A key for one spool. Each chunk's place and whether it is the last are bound into it, so chunks can be
/// neither swapped nor left out.
pub struct SpoolKey(Key);

impl std::fmt::Debug for SpoolKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpoolKey(…)")
    }
}

impl SpoolKey {
    /// A fresh key.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut key = Zeroizing::new([0; KEY]);
        entropy.fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Seals the chunk at an index; none is sealed twice under one key.
    pub fn seal(&self, index: u64, last: bool, chunk: &[u8]) -> Result<Vec<u8>, Damaged> {
        encrypt(&self.0, nonce(index, last), b"sluice spool", chunk).map_err(|_| Damaged)
    }

    /// Opens the chunk at an index.
    pub fn open(&self, index: u64, last: bool, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        decrypt(&self.0, nonce(index, last), b"sluice spool", sealed).map_err(|_| Damaged)
    }
}

fn nonce(index: u64, last: bool) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce[..8].copy_from_slice(&index.to_be_bytes());
    nonce[8] = u8::from(last);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_chunk_opens_only_in_its_place(chunk in proptest::collection::vec(any::<u8>(), 0..200), index: u64, last: bool) {
            let key = SpoolKey::new(&SystemEntropy).unwrap();
            let sealed = key.seal(index, last, &chunk).unwrap();
            prop_assert_eq!(sealed.len(), chunk.len() + CHUNK_TAG);
            prop_assert_eq!(&**key.open(index, last, &sealed).unwrap(), &chunk[..]);
            prop_assert!(key.open(index.wrapping_add(1), last, &sealed).is_err());
            prop_assert!(key.open(index, !last, &sealed).is_err());
            let other = SpoolKey::new(&SystemEntropy).unwrap();
            prop_assert!(other.open(index, last, &sealed).is_err());
        }
    }
}
