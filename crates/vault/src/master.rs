//! The installation's master secret and what is derived from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    Context, Entropy, KeyRing, NoEntropy, OpenError, SealError,
    aead::{self, KEY, Key},
    kek::hex,
};

/// Where the sealed master secret is kept.
const CONTEXT: Context<'static> = Context { table: "meta", column: "value", row: "master", owner: "" };

/// 32 random bytes made once for an installation and kept sealed in its database.
///
/// Fingerprints and the audit chain come from this secret, not from a KEK: when the KEK is rotated
/// the secret is only wrapped anew, so fingerprints already stored keep their meaning.
pub struct MasterSecret(Key);

impl MasterSecret {
    /// Makes a new one.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; KEY]);
        entropy.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// Takes 32 given bytes.
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Seals it for the database.
    pub fn seal(&self, ring: &KeyRing) -> Result<Vec<u8>, SealError> {
        ring.seal(&CONTEXT, &*self.0)
    }

    /// Opens it from the database.
    pub fn open(ring: &KeyRing, blob: &[u8]) -> Result<Self, OpenError> {
        let plain = ring.open_bytes(&CONTEXT, blob)?;
        let mut bytes = Zeroizing::new([0; KEY]);
        if plain.expose_secret().len() != KEY {
            return Err(OpenError::Malformed);
        }
        bytes.copy_from_slice(plain.expose_secret());
        Ok(Self(bytes))
    }

    /// Wraps a sealed master secret anew; `None` when it is under the current KEK already.
    pub fn rewrap(ring: &KeyRing, blob: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        ring.rewrap(&CONTEXT, blob)
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(..)")
    }
}

/// The keys derived from the master secret.
pub struct MasterKeys {
    fingerprint: MacKey,
    audit: AuditKey,
    subject: MacKey,
}

/// The key of the audit chain, to be handed to what writes and checks it.
#[derive(Clone)]
pub struct AuditKey(MacKey);

impl AuditKey {
    /// The next link of the chain: a MAC over the link before (empty for the first) and a row.
    pub fn mac(&self, previous: &[u8], row: &[u8]) -> [u8; 32] {
        mac(&self.0, &[previous, row])
    }

    /// Whether a link is right; in constant time.
    pub fn mac_is(&self, previous: &[u8], row: &[u8], link: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.mac(previous, row).ct_eq(link).into()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(..)")
    }
}

/// A whole block of HMAC-SHA256.
type MacKey = Zeroizing<[u8; 64]>;

impl MasterKeys {
    /// Derives them. Same secret, same keys.
    pub fn from_secret(secret: &MasterSecret) -> Self {
        Self {
            fingerprint: aead::subkey(&secret.0, "sluice/v1/fingerprint"),
            audit: AuditKey(aead::subkey(&secret.0, "sluice/v1/audit")),
            subject: aead::subkey(&secret.0, "sluice/v1/subject"),
        }
    }

    /// Derives them from a new secret; the secret itself is lost, so this is for tests and one-off use.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Ok(Self::from_secret(&MasterSecret::generate(entropy)?))
    }

    /// The keyed fingerprint of a secret: tells equal ones without telling what they are.
    pub fn fingerprint(&self, secret: &str) -> Fingerprint {
        let mac = mac(&self.fingerprint, &[secret.as_bytes()]);
        let mut short = [0; Fingerprint::LEN];
        short.copy_from_slice(&mac[..Fingerprint::LEN]);
        Fingerprint(short)
    }

    /// The keyed hash of a message's subject, 16 hex digits: tells equal ones without telling what they say.
    pub fn subject(&self, subject: &str) -> String {
        hex(&mac(&self.subject, &[subject.as_bytes()])[..8])
    }

    /// The key of the audit chain.
    pub fn audit_key(&self) -> AuditKey {
        self.audit.clone()
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(..)")
    }
}

/// HMAC-SHA256 over parts, each with its length before it.
fn mac(key: &MacKey, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new((&**key).into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// 128 bits that stand for a secret. Public: it is shown beside the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; Fingerprint::LEN]);

impl Fingerprint {
    const LEN: usize = 16;

    /// All 128 bits, 32 hex digits: the form that is stored.
    pub fn full(&self) -> String {
        hex(&self.0)
    }
}

/// The short form, grouped: `7f3a 91c2 0e`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.full();
        write!(f, "{} {} {}", &full[..4], &full[4..8], &full[8..10])
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kek, SystemEntropy};

    #[test]
    fn a_fingerprint_is_the_secrets_and_the_installations() {
        let keys = MasterKeys::from_secret(&MasterSecret::from_bytes([1; 32]));
        let other = MasterKeys::from_secret(&MasterSecret::from_bytes([2; 32]));
        let print = keys.fingerprint("canary-key");
        assert_eq!(print, keys.fingerprint("canary-key"));
        assert_ne!(print, keys.fingerprint("canary-kez"));
        assert_ne!(print, other.fingerprint("canary-key"));
        let full = print.full();
        assert_eq!((full.len(), full.chars().all(|digit| digit.is_ascii_hexdigit())), (32, true));
        let short = print.to_string();
        assert_eq!(short.split(' ').map(str::len).collect::<Vec<_>>(), [4, 4, 2]);
        assert!(full.starts_with(&short.replace(' ', "")));
    }

    #[test]
    fn fingerprints_outlive_a_rotation_of_the_kek() {
        let (old, new) = ([1; 32], [2; 32]);
        let before = KeyRing::new(Kek::from_bytes(old), vec![]);
        let during = KeyRing::new(Kek::from_bytes(new), vec![Kek::from_bytes(old)]);
        let after = KeyRing::new(Kek::from_bytes(new), vec![]);
        let secret = MasterSecret::generate(&SystemEntropy).unwrap();
        let print = MasterKeys::from_secret(&secret).fingerprint("canary-key");
        let blob = secret.seal(&before).unwrap();
        let blob = MasterSecret::rewrap(&during, &blob).unwrap().unwrap();
        let opened = MasterSecret::open(&after, &blob).unwrap();
        assert_eq!(MasterKeys::from_secret(&opened).fingerprint("canary-key"), print);
        assert_eq!(MasterSecret::rewrap(&during, &blob).unwrap(), None);
    }

    #[test]
    fn audit_links_depend_on_both_parts_and_their_border() {
        let keys = MasterKeys::from_secret(&MasterSecret::from_bytes([1; 32]));
        let chain = keys.audit_key();
        let link = chain.mac(b"ab", b"c");
        assert!(chain.mac_is(b"ab", b"c", &link));
        assert!(!chain.mac_is(b"a", b"bc", &link));
        assert!(!chain.mac_is(b"ab", b"d", &link));
        assert!(!chain.mac_is(b"ab", b"c", &link[..31]));
        // Another purpose, another key: the fingerprint of the same text shares nothing with it.
        assert_ne!(chain.mac(b"", b"x")[..16], keys.fingerprint("x").0);
    }

    #[test]
    fn nothing_prints_the_secret() {
        let secret = MasterSecret::from_bytes([0x41; 32]);
        let keys = MasterKeys::from_secret(&secret);
        assert_eq!(format!("{secret:?}"), "MasterSecret(..)");
        assert_eq!(format!("{keys:?}"), "MasterKeys(..)");
        assert_eq!(format!("{:?}", keys.audit_key()), "AuditKey(..)");
    }
}
