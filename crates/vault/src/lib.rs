//! Sealing of secrets at rest.
//!
//! A [`KeyRing`] seals each secret under a data key of its own, wrapped by the current
//! key-encryption key ([`Kek`]); earlier KEKs still open what they sealed. [`MasterKeys`] gives the
//! keyed fingerprints and the [`AuditKey`] of the audit chain. No type here prints a secret.
//!
//! Sub-keys, all by HKDF-SHA256 (RFC 5869), never one key for two purposes:
//!
//! | From | Info | For |
//! |---|---|---|
//! | KEK | `sluice/v1/kek-id` | the KEK's public id |
//! | KEK | `sluice/v1/wrap` | wrapping data keys |
//! | master secret | `sluice/v1/fingerprint` | fingerprints of API keys |
//! | master secret | `sluice/v1/audit` | the audit chain |
//! | master secret | `sluice/v1/subject` | hashes of reported messages' subjects |
//! | master secret | `sluice/v1/session` | reserved, not derived yet |

mod aead;
mod blob;
mod entropy;
mod kek;
mod master;
mod ring;
mod spool;

pub use entropy::{Entropy, NoEntropy, SystemEntropy};
pub use kek::{Kek, KekId, ParseKekError};
pub use master::{AuditKey, Fingerprint, MasterKeys, MasterSecret};
pub use ring::{Context, KeyRing, OpenError, SealError};
pub use spool::{CHUNK_TAG, Damaged, SpoolKey};
