//! The key ring: sealing, opening and rewrapping.

use std::fmt;

use secrecy::{SecretSlice, SecretString};
use zeroize::Zeroizing;

use crate::{
    Entropy, Kek, KekId, NoEntropy, SystemEntropy,
    aead::{self, KEY, Key, NONCE, Purpose, associated},
    blob::{Blob, FORMAT},
};

/// Where a blob belongs. A blob moved to any other place does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Table.
    pub table: &'a str,
    /// Column.
    pub column: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// Id of the person it belongs to; empty for the installation's own.
    pub owner: &'a str,
}

/// A secret could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The cipher refused the input (longer than 256 GiB).
    #[error("the cipher refused the input")]
    Cipher,
    /// The KEK asked for is not in the ring.
    #[error("no key-encryption key {0} is configured")]
    UnknownKek(KekId),
}

/// A blob does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or of a version or algorithm this program doesn't know; or not the text it should hold.
    #[error("not a sealed blob")]
    Malformed,
    /// Sealed under a KEK that is not configured.
    #[error("sealed under key-encryption key {0}, which is not configured")]
    UnknownKek(KekId),
    /// Changed, moved from another place, or sealed under another key of the same id.
    #[error("the sealed blob was changed or belongs elsewhere")]
    Forged,
    /// Rewrapping needs random bytes, and the source failed.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

const CHECK: &[u8] = b"sluice check value";

/// The configured KEKs: the current one seals, all open.
pub struct KeyRing {
    current: Kek,
    previous: Vec<Kek>,
    entropy: Box<dyn Entropy>,
}

impl KeyRing {
    /// A ring with the system's randomness.
    pub fn new(current: Kek, previous: Vec<Kek>) -> Self {
        Self::with_entropy(current, previous, Box::new(SystemEntropy))
    }

    /// A ring with a given source of randomness, for tests.
    pub fn with_entropy(current: Kek, previous: Vec<Kek>, entropy: Box<dyn Entropy>) -> Self {
        Self { current, previous, entropy }
    }

    /// Id of the KEK that seals.
    pub fn current(&self) -> KekId {
        self.current.id()
    }

    /// Whether a KEK is configured.
    pub fn has(&self, id: KekId) -> bool {
        self.kek(id).is_some()
    }

    /// Where this ring takes its random bytes from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Seals a secret under the current KEK.
    pub fn seal(&self, context: &Context<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_under(&self.current, context, plain)
    }

    /// Opens a sealed text, such as an API key.
    pub fn open(&self, context: &Context<'_>, blob: &[u8]) -> Result<SecretString, OpenError> {
        let plain = self.plain(context, blob)?;
        let text = std::str::from_utf8(&plain).map_err(|_| OpenError::Malformed)?;
        Ok(SecretString::from(text))
    }

    /// Opens sealed bytes.
    pub fn open_bytes(&self, context: &Context<'_>, blob: &[u8]) -> Result<SecretSlice<u8>, OpenError> {
        Ok(SecretSlice::from(self.plain(context, blob)?.to_vec()))
    }

    /// Wraps a blob's data key anew under the current KEK; `None` when it is so already.
    /// The blob is opened on the way, so that a damaged one is found and not carried along.
    pub fn rewrap(&self, context: &Context<'_>, blob: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        let old = Blob::decode(blob).ok_or(OpenError::Malformed)?;
        let data_key = self.data_key(context, &old)?;
        record(context, &old, &data_key)?;
        if old.kek == self.current.id() {
            return Ok(None);
        }
        let wrap_nonce = self.random()?;
        let wrapped = wrap(&self.current, context, wrap_nonce, &data_key).map_err(|_| OpenError::Forged)?;
        Ok(Some(Blob { kek: self.current.id(), wrap_nonce, wrapped: &wrapped, ..old }.encode()))
    }

    /// Which KEK a blob was sealed under. Reads only its header.
    pub fn blob_kek(&self, blob: &[u8]) -> Result<KekId, OpenError> {
        Blob::decode(blob).map(|blob| blob.kek).ok_or(OpenError::Malformed)
    }

    /// A blob that only the KEK of this id can have made; kept to recognise the KEK at each start.
    pub fn check_value(&self, id: KekId) -> Result<Vec<u8>, SealError> {
        let kek = self.kek(id).ok_or(SealError::UnknownKek(id))?;
        self.seal_under(kek, &check_context(&id.to_string()), CHECK)
    }

    /// Whether the configured KEK of this id is the one that made the check value.
    pub fn verify_check_value(&self, id: KekId, blob: &[u8]) -> Result<(), OpenError> {
        if !self.has(id) {
            return Err(OpenError::UnknownKek(id));
        }
        if self.blob_kek(blob)? != id || **self.plain(&check_context(&id.to_string()), blob)? != *CHECK {
            return Err(OpenError::Forged);
        }
        Ok(())
    }

    fn kek(&self, id: KekId) -> Option<&Kek> {
        std::iter::once(&self.current).chain(&self.previous).find(|kek| kek.id() == id)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn seal_under(&self, kek: &Kek, context: &Context<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut data_key: Key = Zeroizing::new([0; KEY]);
        self.entropy.fill(&mut *data_key)?;
        let (wrap_nonce, nonce) = (self.random()?, self.random()?);
        let wrapped = wrap(kek, context, wrap_nonce, &data_key).map_err(|_| SealError::Cipher)?;
        let aad = associated(Purpose::Record, &FORMAT, context);
        let ciphertext = aead::encrypt(&data_key, nonce, &aad, plain).map_err(|_| SealError::Cipher)?;
        Ok(Blob { kek: kek.id(), wrap_nonce, wrapped: &wrapped, nonce, ciphertext: &ciphertext }.encode())
    }

    fn data_key(&self, context: &Context<'_>, blob: &Blob<'_>) -> Result<Key, OpenError> {
        let kek = self.kek(blob.kek).ok_or(OpenError::UnknownKek(blob.kek))?;
        let aad = associated(Purpose::Wrap, &Blob::wrap_header(blob.kek), context);
        let plain = aead::decrypt(&kek.wrap, blob.wrap_nonce, &aad, blob.wrapped).map_err(|_| OpenError::Forged)?;
        let mut data_key: Key = Zeroizing::new([0; KEY]);
        if plain.len() != KEY {
            return Err(OpenError::Malformed);
        }
        data_key.copy_from_slice(&plain);
        Ok(data_key)
    }

    fn plain(&self, context: &Context<'_>, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let blob = Blob::decode(bytes).ok_or(OpenError::Malformed)?;
        let data_key = self.data_key(context, &blob)?;
        record(context, &blob, &data_key)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("current", &self.current)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

fn check_context(id: &str) -> Context<'_> {
    Context { table: "keks", column: "check_value", row: id, owner: "" }
}

fn wrap(kek: &Kek, context: &Context<'_>, nonce: [u8; NONCE], data_key: &Key) -> Result<Vec<u8>, aead::Refused> {
    let aad = associated(Purpose::Wrap, &Blob::wrap_header(kek.id()), context);
    aead::encrypt(&kek.wrap, nonce, &aad, &**data_key)
}

/// The record's own layer. It doesn't bind the KEK, so that a rotation leaves it as it is.
fn record(context: &Context<'_>, blob: &Blob<'_>, data_key: &Key) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let aad = associated(Purpose::Record, &FORMAT, context);
    aead::decrypt(data_key, blob.nonce, &aad, blob.ciphertext).map_err(|_| OpenError::Forged)
}

#[cfg(test)]
mod tests;
