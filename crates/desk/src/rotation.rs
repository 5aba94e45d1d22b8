//! Rotation of the key-encryption key: everything that is sealed is wrapped anew, while the server runs. Batched, so that
//! it never holds the database for long; repeatable, so that one that was broken off is begun again.

use crate::{Asker, Desk, DeskError, audit::Intent, error::Result, reach::seal_context};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, path::Path};
use store::{Copied, SealedBlob};
use vault::{Context, KekId};

/// Blobs that are wrapped in one transaction.
const BATCH: u32 = 100;

/// A key-encryption key and what is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekStatus {
    /// Its id.
    pub id: String,
    /// Whether it is the one that seals.
    pub is_current: bool,
    /// Whether it is configured.
    pub is_configured: bool,
    /// Blobs under it, the master secret among them.
    pub blobs: u64,
    /// When the database first knew it, unix milliseconds; `None` when it doesn't.
    pub since: Option<i64>,
}

/// What a rotation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Blobs that were wrapped anew.
    pub rewrapped: u64,
    /// Blobs that were under the current key already.
    pub current: u64,
    /// Blobs that do not open, in words.
    pub unreadable: Vec<String>,
    /// Ids of keys that nothing is under any more: they may be taken out of the configuration.
    pub forgotten: Vec<String>,
}

fn context(blob: &SealedBlob) -> Context<'_> {
    if blob.place == "sessions" {
        Context { table: "sessions", column: "hint", row: &blob.row, owner: &blob.owner }
    } else {
        seal_context(&blob.row, &blob.owner)
    }
}

fn named(blob: &SealedBlob, why: &dyn std::fmt::Display) -> String {
    format!("{} {}: {why}", blob.place, blob.row)
}

impl Desk {
    /// Which key-encryption keys there are, and how much is under each.
    pub async fn kek_status(&self) -> Result<Vec<KekStatus>> {
        let ring = &self.0.ring;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut count = |blob: &[u8]| {
            let id = ring.blob_kek(blob).map_or_else(|_| "unreadable".to_owned(), |id| id.to_string());
            *counts.entry(id).or_default() += 1;
        };
        if let Some(master) = self.0.store.sealed_master().await? {
            count(&master);
        }
        let mut walk = Walk::default();
        while let Some(blobs) = walk.next(self).await? {
            for blob in &blobs {
                count(&blob.sealed);
            }
        }
        let known = self.0.store.keks().await?;
        let current = ring.current().to_string();
        for id in known.iter().map(|row| row.id.clone()).chain([current.clone()]) {
            counts.entry(id).or_default();
        }
        Ok(counts
            .into_iter()
            .map(|(id, blobs)| KekStatus {
                is_current: id == current,
                is_configured: KekId::parse(&id).is_some_and(|id| ring.has(id)),
                since: known.iter().find(|row| row.id == id).map(|row| row.created_at),
                blobs,
                id,
            })
            .collect())
    }

    /// Wraps everything anew under the current key, `progress` after each batch. What does not open is left as it is
    /// and said; the key that it is under stays known.
    pub async fn rotate_kek(&self, mut progress: impl FnMut(&Rotated)) -> Result<Rotated> {
        let current = self.0.ring.current().to_string();
        let intent = self.intend(&crate::command_line(), Intent::to("kek.rotate", "kek", &current)).await?;
        let done = self.rewrap_all(&mut progress).await;
        let outcome = match &done {
            Ok(done) => format!("done: {} wrapped anew, {} unreadable", done.rewrapped, done.unreadable.len()),
            Err(_) => "failed: it can be begun again".to_owned(),
        };
        self.conclude(intent, &outcome).await;
        done
    }

    async fn rewrap_all(&self, progress: &mut impl FnMut(&Rotated)) -> Result<Rotated> {
        let (store, ring) = (&self.0.store, &self.0.ring);
        let mut done = Rotated::default();
        let mut walk = Walk::default();
        while let Some(blobs) = walk.next(self).await? {
            let mut batch = Vec::new();
            for blob in blobs {
                match ring.rewrap(&context(&blob), &blob.sealed) {
                    Ok(Some(new)) => batch.push((blob, new)),
                    Ok(None) => done.current += 1,
                    Err(error) => done.unreadable.push(named(&blob, &error)),
                }
            }
            done.rewrapped += store.put_rewrapped(&batch).await? as u64;
            progress(&done);
        }
        if store.rewrap_master(ring).await.map_err(|error| DeskError::storage(&error))? {
            done.rewrapped += 1;
        } else {
            done.current += 1;
        }
        done.forgotten = store.forget_keks(ring).await?;
        Ok(done)
    }

    /// Makes a copy of the database at a path. That it is made, and how it ended, is in the audit log.
    ///
    /// # Errors
    /// As [`store::Store::copy_to`].
    pub async fn back_up(&self, asker: &Asker, path: &Path) -> store::Result<Copied> {
        let (store, object) = (&self.0.store, path.display().to_string());
        let intent = Intent::to("backup.make", "backup", &object);
        let intent = store.record_intent(&intent.by(asker, self.now_ms())).await?;
        let done = store.copy_to(path).await;
        let outcome = match &done {
            Ok(copied) => format!("done: {} bytes", copied.bytes),
            Err(error) => format!("failed: {error}"),
        };
        self.conclude(intent, &outcome).await;
        done
    }

    /// Opens everything that is sealed, and compares each API key with its fingerprint. Returns how many opened, and
    /// what is wrong, in words without a secret.
    pub async fn verify_sealed(&self) -> Result<(u64, Vec<String>)> {
        let mut good = 0;
        let mut wrong = Vec::new();
        let mut walk = Walk::default();
        while let Some(blobs) = walk.next(self).await? {
            for blob in &blobs {
                match self.0.ring.open(&context(blob), &blob.sealed) {
                    Err(error) => wrong.push(named(blob, &error)),
                    Ok(secret) if !self.is_of(&secret, blob.fingerprint.as_deref()) => {
                        wrong.push(named(blob, &"it is another key than its fingerprint says"));
                    }
                    Ok(_) => good += 1,
                }
            }
        }
        Ok((good, wrong))
    }

    fn is_of(&self, secret: &SecretString, fingerprint: Option<&str>) -> bool {
        fingerprint.is_none_or(|own| self.0.master.fingerprint(secret.expose_secret()).full() == own)
    }
}

/// Goes through everything that is sealed, some at a time.
#[derive(Default)]
struct Walk {
    /// Place and row of the last one.
    after: Option<(String, String)>,
}

impl Walk {
    /// The next ones; `None` after the last.
    async fn next(&mut self, desk: &Desk) -> Result<Option<Vec<SealedBlob>>> {
        let after = self.after.as_ref().map(|(place, row)| (place.as_str(), row.as_str()));
        let blobs = desk.0.store.sealed_after(after, BATCH).await?;
        let Some(last) = blobs.last() else { return Ok(None) };
        self.after = Some((last.place.clone(), last.row.clone()));
        Ok(Some(blobs))
    }
}
