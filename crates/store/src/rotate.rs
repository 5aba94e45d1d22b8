//! Sealed blobs, wherever they are: which key-encryption key each is under, and wrapping them anew.

use sqlx::FromRow;
use vault::{KekId, KeyRing, MasterSecret};

use crate::{Result, Store, StoreError, boot::UnlockError};

/// A sealed blob and what it is bound to.
#[derive(Clone, Debug, FromRow)]
pub struct SealedBlob {
    /// Its table.
    pub place: String,
    /// Its row: an id, or what sessions are called by.
    pub row: String,
    /// Whose it is.
    pub owner: String,
    /// Of an API key: its fingerprint, full form.
    pub fingerprint: Option<String>,
    /// The blob.
    pub sealed: Vec<u8>,
}

/// A key-encryption key that the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekRow {
    /// Its id.
    pub id: String,
    /// When it was first the current one, unix milliseconds.
    pub created_at: i64,
}

/// All blobs of rows, in one order; the master secret is apart. Columns as in [`SealedBlob`].
macro_rules! blobs {
    ($rest:literal) => {
        concat!(
            "SELECT place, row, owner, fingerprint, sealed FROM (
                 SELECT 'api_keys' AS place, id AS row, owner_id AS owner, fingerprint, sealed FROM api_keys
                 UNION ALL
                 SELECT 'sessions', name, person_id, NULL, hint FROM sessions WHERE hint IS NOT NULL) ",
            $rest
        )
    };
}

impl Store {
    /// The key-encryption keys that the database knows, oldest first.
    pub async fn keks(&self) -> Result<Vec<KekRow>> {
        let rows: Vec<(String, i64)> =
            self.rows("SELECT kek_id, created_at FROM keks ORDER BY created_at, kek_id").fetch_all(self.read()).await?;
        Ok(rows.into_iter().map(|(id, created_at)| KekRow { id, created_at }).collect())
    }

    /// The next sealed blobs after one, by place and row.
    pub async fn sealed_after(&self, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<SealedBlob>> {
        let (place, row) = after.unwrap_or_default();
        Ok(self
            .rows(blobs!("WHERE (place, row) > (?1, ?2) ORDER BY place, row LIMIT ?3"))
            .bind(place)
            .bind(row)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }

    /// The sealed master secret.
    pub async fn sealed_master(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(self.read()).await?)
    }

    /// Puts blobs in the place of what they were made from, in one transaction. One that was replaced or deleted
    /// meanwhile is left as it is. Returns how many were put.
    pub async fn put_rewrapped(&self, blobs: &[(SealedBlob, Vec<u8>)]) -> Result<usize> {
        let mut tx = self.begin().await?;
        let mut put = 0;
        for (old, new) in blobs {
            let statement = match old.place.as_str() {
                "api_keys" => "UPDATE api_keys SET sealed = ?4 WHERE id = ?1 AND owner_id = ?2 AND sealed = ?3",
                "sessions" => "UPDATE sessions SET hint = ?4 WHERE name = ?1 AND person_id = ?2 AND hint = ?3",
                _ => return Err(StoreError::Conflict("sealed.place")),
            };
            let done = self
                .sql(statement)
                .bind(&old.row)
                .bind(&old.owner)
                .bind(&old.sealed)
                .bind(new)
                .execute(&mut *tx)
                .await?;
            put += usize::try_from(done.rows_affected()).unwrap_or_default();
        }
        tx.commit().await?;
        Ok(put)
    }

    /// Wraps the master secret anew under the current key; `false` when it is so already.
    pub async fn rewrap_master(&self, ring: &KeyRing) -> Result<bool, UnlockError> {
        let mut tx = self.begin().await?;
        let old: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(&mut *tx).await?;
        let old = old.ok_or(UnlockError::Incomplete("master secret"))?;
        let Some(new) = MasterSecret::rewrap(ring, &old).map_err(UnlockError::Master)? else { return Ok(false) };
        self.sql("UPDATE meta SET value = ?1 WHERE key = 'master'").bind(new).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets the key-encryption keys under which nothing is any more, but the current one; returns which. Asked and
    /// done in one transaction, so that nothing is sealed in between.
    pub async fn forget_keks(&self, ring: &KeyRing) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        let rows: Vec<SealedBlob> = self.rows(blobs!("ORDER BY place, row")).fetch_all(&mut *tx).await?;
        let master: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(&mut *tx).await?;
        let blobs = rows.iter().map(|row| &row.sealed).chain(&master);
        let mut used: Vec<KekId> = blobs.filter_map(|blob| ring.blob_kek(blob).ok()).collect();
        used.push(ring.current());
        let known: Vec<String> = self.scalar("SELECT kek_id FROM keks").fetch_all(&mut *tx).await?;
        let unused: Vec<_> =
            known.into_iter().filter(|id| KekId::parse(id).is_some_and(|id| !used.contains(&id))).collect();
        for id in &unused {
            self.sql("DELETE FROM keks WHERE kek_id = ?1").bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(unused)
    }
}
