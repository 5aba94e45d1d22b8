//! XChaCha20-Poly1305 with our associated data, and HKDF-SHA256: the two primitives everything uses.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Context;

pub(crate) const KEY: usize = 32;
pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// Bound into every blob, so that one of another program never opens here.
const APP: &str = "sluice";

pub(crate) type Key = Zeroizing<[u8; KEY]>;

/// The cipher refused: on decryption a wrong key, wrong associated data or changed bytes.
pub(crate) struct Refused;

/// What a ciphertext protects; keeps a wrapped key from passing as a record and the other way round.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// A data key, under a KEK.
    Wrap,
    /// A record, under its data key.
    Record,
}

/// Associated data: each part with its length before it, so that no two lists of parts look alike.
pub(crate) fn associated(purpose: Purpose, header: &[u8], context: &Context<'_>) -> Vec<u8> {
    let purpose = match purpose {
        Purpose::Wrap => "wrap",
        Purpose::Record => "record",
    };
    let parts = [
        APP.as_bytes(),
        purpose.as_bytes(),
        header,
        context.table.as_bytes(),
        context.column.as_bytes(),
        context.row.as_bytes(),
        context.owner.as_bytes(),
    ];
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

pub(crate) fn encrypt(key: &Key, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Refused> {
    XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .map_err(|_| Refused)
}

pub(crate) fn decrypt(key: &Key, nonce: [u8; NONCE], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad })
        .map(Zeroizing::new)
        .map_err(|_| Refused)
}

/// A sub-key of `secret` for one purpose, N bytes.
pub(crate) fn subkey<const N: usize>(secret: &[u8; KEY], info: &str) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869 gives no longer output") };
    let mut out = Zeroizing::new([0; N]);
    // The only error is an output too long, ruled out above.
    let _ = Hkdf::<Sha256>::new(Some(APP.as_bytes()), secret).expand(info.as_bytes(), &mut *out);
    out
}
