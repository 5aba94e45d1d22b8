//! API keys: who holds them, and how each distinct one fares.

use serde::Deserialize;
use sqlx::FromRow;

use crate::{Result, Store, StoreError, pool::Tx};

/// A person's hold on a key, with how the key fares and what it sees.
#[derive(Clone, Debug, FromRow)]
pub struct KeyRow {
    /// Id of the hold.
    pub id: String,
    /// Whose it is.
    pub owner_id: String,
    /// The owner's label; with the owner's name, where it is somebody else's.
    pub label: String,
    /// Who lets the person use it, where it isn't theirs.
    #[sqlx(default)]
    pub shared_by: Option<String>,
    /// Fingerprint, full form.
    pub fingerprint: String,
    /// Last four characters.
    pub last_four: String,
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// Account it belongs to.
    pub account_id: Option<String>,
    /// That account's name.
    pub account_name: Option<String>,
    /// When it was added.
    pub created_at: i64,
    /// When its secret was last replaced.
    pub replaced_at: Option<i64>,
    /// When it last carried a person's request.
    pub last_used_at: Option<i64>,
    /// `unchecked`, `working`, `rejected`, `unreachable` or `slow`.
    pub health: Option<String>,
    /// When that was found.
    pub health_at: Option<i64>,
    /// What went wrong, in words.
    pub detail: Option<String>,
    /// Last successful sync.
    pub synced_at: Option<i64>,
    /// Last try.
    pub attempted_at: Option<i64>,
    /// How long the last look took.
    pub latency_ms: Option<i64>,
    /// Domains locked to it.
    #[sqlx(try_from = "i64")]
    pub locked: u64,
    /// Free domains it sees.
    #[sqlx(try_from = "i64")]
    pub free: u64,
    /// Domains it saw that are locked to another key since.
    #[sqlx(try_from = "i64")]
    pub elsewhere: u64,
    /// All domains it sees.
    #[sqlx(try_from = "i64")]
    pub total: u64,
}

/// What lists of domains need of a key. Read from JSON, it is an array in this order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyBrief {
    /// Id of the hold.
    pub id: String,
    /// The owner's label.
    pub label: String,
    /// Fingerprint, full form.
    pub fingerprint: String,
    /// Account it belongs to.
    pub account_id: Option<String>,
    /// `unchecked`, `working`, `rejected`, `unreachable` or `slow`.
    pub health: Option<String>,
    /// When that was found.
    pub health_at: Option<i64>,
    /// Last successful sync.
    pub synced_at: Option<i64>,
}

/// A key to add.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// Id of the hold; the secret is sealed to it.
    pub id: &'a str,
    /// Whose it is.
    pub owner_id: &'a str,
    /// The owner's label.
    pub label: &'a str,
    /// Fingerprint, full form.
    pub fingerprint: &'a str,
    /// Last four characters.
    pub last_four: &'a str,
    /// The sealed secret.
    pub sealed: &'a [u8],
    /// Account it belongs to, when known.
    pub account_id: Option<&'a str>,
    /// Unix milliseconds.
    pub now: i64,
}

/// A new secret for a hold.
#[derive(Clone, Copy, Debug)]
pub struct ReplaceKey<'a> {
    /// Whose it is.
    pub owner_id: &'a str,
    /// Id of the hold.
    pub id: &'a str,
    /// The sealed secret.
    pub sealed: &'a [u8],
    /// Its fingerprint, full form.
    pub fingerprint: &'a str,
    /// Its last four characters.
    pub last_four: &'a str,
    /// Account it belongs to, when known.
    pub account_id: Option<&'a str>,
    /// Unix milliseconds.
    pub now: i64,
}

macro_rules! select_key {
    ($where:literal) => {
        concat!(
            "SELECT k.*, a.name AS account_name, u.health, u.health_at, u.detail, u.synced_at, u.attempted_at,
                    u.latency_ms, coalesce(u.locked, 0) AS locked, coalesce(u.free, 0) AS free,
                    coalesce(u.elsewhere, 0) AS elsewhere, coalesce(u.total, 0) AS total
             FROM api_keys k
             LEFT JOIN upstream_keys u ON u.fingerprint = k.fingerprint
             LEFT JOIN accounts a ON a.id = k.account_id ",
            $where
        )
    };
}

impl Store {
    /// Adds a key to a person's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `api_keys.label` or `api_keys.fingerprint` when the person has that already.
    pub async fn add_key(&self, key: &NewKey<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        self.sql(
            "INSERT INTO api_keys (id, owner_id, label, fingerprint, last_four, sealed, account_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(key.id)
        .bind(key.owner_id)
        .bind(key.label)
        .bind(key.fingerprint)
        .bind(key.last_four)
        .bind(key.sealed)
        .bind(key.account_id)
        .bind(key.now)
        .execute(&mut *tx)
        .await?;
        self.know_key(&mut tx, key.fingerprint, key.account_id).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a key another label.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `api_keys.label` when the person has that label already,
    /// `api_keys.id` when they have no such key.
    pub async fn rename_key(&self, owner_id: &str, id: &str, label: &str) -> Result<()> {
        let done = self
            .sql("UPDATE api_keys SET label = ?3 WHERE owner_id = ?1 AND id = ?2")
            .bind(owner_id)
            .bind(id)
            .bind(label)
            .execute(self.write())
            .await?;
        found(done.rows_affected())
    }

    /// Replaces a key's secret. What only the old secret saw goes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `api_keys.fingerprint` when the person has the new secret already,
    /// `api_keys.id` when they have no such key.
    pub async fn replace_key(&self, new: &ReplaceKey<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        let old = self.fingerprint_of(&mut tx, new.owner_id, new.id).await?;
        self.sql(
            "UPDATE api_keys SET sealed = ?3, fingerprint = ?4, last_four = ?5, account_id = ?6, replaced_at = ?7,
                    last_used_at = NULL
             WHERE owner_id = ?1 AND id = ?2",
        )
        .bind(new.owner_id)
        .bind(new.id)
        .bind(new.sealed)
        .bind(new.fingerprint)
        .bind(new.last_four)
        .bind(new.account_id)
        .bind(new.now)
        .execute(&mut *tx)
        .await?;
        self.know_key(&mut tx, new.fingerprint, new.account_id).await?;
        self.forget_unheld(&mut tx, &old).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    /// Removes a key from a person's. When nobody else holds it, what only it saw goes too.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `api_keys.id` when the person has no such key.
    pub async fn remove_key(&self, owner_id: &str, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let fingerprint = self.fingerprint_of(&mut tx, owner_id, id).await?;
        self.sql("DELETE FROM api_keys WHERE owner_id = ?1 AND id = ?2")
            .bind(owner_id)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        self.forget_unheld(&mut tx, &fingerprint).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    /// One of a person's keys.
    pub async fn key(&self, owner_id: &str, id: &str) -> Result<Option<KeyRow>> {
        Ok(self
            .rows(select_key!("WHERE k.owner_id = ?1 AND k.id = ?2"))
            .bind(owner_id)
            .bind(id)
            .fetch_optional(self.read())
            .await?)
    }

    /// Any hold on a key of somebody who isn't shut out, the oldest: enough to speak with it.
    pub async fn key_for_fingerprint(&self, fingerprint: &str) -> Result<Option<KeyRow>> {
        Ok(self
            .rows(select_key!(
                "WHERE k.fingerprint = ?1 AND EXISTS (
                     SELECT 1 FROM people p WHERE p.id = k.owner_id AND p.disabled_at IS NULL)
                 ORDER BY k.created_at, k.id LIMIT 1"
            ))
            .bind(fingerprint)
            .fetch_optional(self.read())
            .await?)
    }

    /// Every distinct key that somebody may use, the one synced longest ago first.
    pub async fn distinct_fingerprints(&self) -> Result<Vec<String>> {
        Ok(self
            .scalar(
                "SELECT fingerprint FROM upstream_keys u WHERE EXISTS (
                     SELECT 1 FROM api_keys k JOIN people p ON p.id = k.owner_id
                     WHERE k.fingerprint = u.fingerprint AND p.disabled_at IS NULL)
                 ORDER BY coalesce(attempted_at, 0), fingerprint",
            )
            .fetch_all(self.read())
            .await?)
    }

    /// Notes that a key carried a person's request; on every hold, since it is one key.
    pub async fn touch_key(&self, fingerprint: &str, now: i64) -> Result<()> {
        self.sql("UPDATE api_keys SET last_used_at = ?2 WHERE fingerprint = ?1 AND coalesce(last_used_at, 0) < ?2")
            .bind(fingerprint)
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// Notes how a key fares: `working`, `rejected`, `unreachable` or `slow`, with words and milliseconds.
    pub async fn set_health(
        &self,
        fingerprint: &str,
        health: &str,
        detail: Option<&str>,
        latency_ms: Option<i64>,
        now: i64,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let row: Option<(Option<String>, String)> = self
            .rows("SELECT account_id, health FROM upstream_keys WHERE fingerprint = ?1")
            .bind(fingerprint)
            .fetch_optional(&mut *tx)
            .await?;
        let Some((account, before)) = row else {
            return Ok(());
        };
        self.sql(
            "UPDATE upstream_keys SET health = ?2, health_at = ?3, detail = ?4, latency_ms = coalesce(?5, latency_ms)
             WHERE fingerprint = ?1",
        )
        .bind(fingerprint)
        .bind(health)
        .bind(now)
        .bind(detail)
        .bind(latency_ms)
        .execute(&mut *tx)
        .await?;
        // A rejected key no longer testifies which domains are locked or free.
        let mut changed = false;
        if let Some(account) = account.filter(|_| (before == "rejected") != (health == "rejected")) {
            changed = self.associate(&mut tx, &account, None).await? > 0;
            if changed {
                self.recount(&mut tx, &account).await?;
            }
        }
        tx.commit().await?;
        if changed {
            self.mirror_changed();
        }
        Ok(())
    }

    async fn fingerprint_of(&self, tx: &mut Tx, owner_id: &str, id: &str) -> Result<String> {
        self.scalar("SELECT fingerprint FROM api_keys WHERE owner_id = ?1 AND id = ?2")
            .bind(owner_id)
            .bind(id)
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(StoreError::Conflict("api_keys.id"))
    }

    /// Gives a distinct key its row. Its account is the same for all who hold it.
    async fn know_key(&self, tx: &mut Tx, fingerprint: &str, account_id: Option<&str>) -> Result<()> {
        self.sql(
            "INSERT INTO upstream_keys (fingerprint, account_id) VALUES (?1, ?2)
             ON CONFLICT (fingerprint) DO UPDATE SET account_id = coalesce(account_id, excluded.account_id)",
        )
        .bind(fingerprint)
        .bind(account_id)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn forget_unheld(&self, tx: &mut Tx, fingerprint: &str) -> Result<()> {
        let gone: Option<(Option<String>, Option<i64>)> = self
            .rows(
                "DELETE FROM upstream_keys WHERE fingerprint = ?1
                 AND NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.fingerprint = ?1) RETURNING account_id, synced_at",
            )
            .bind(fingerprint)
            .fetch_optional(&mut **tx)
            .await?;
        if let Some((Some(account), seen_at)) = gone {
            self.drop_unseen(tx, &account, (fingerprint, seen_at), None).await?;
            self.associate(tx, &account, None).await?;
            self.recount(tx, &account).await?;
        }
        Ok(())
    }
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(StoreError::Conflict("api_keys.id")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
