//! The mirror: what each key sees upstream, brought up to date by syncs and by live reads.

use serde::{Deserialize, Serialize};

use crate::{
    Result, Store,
    ingest::{NO_SYNC, Reading, encode},
    pool::Tx,
};

/// A domain as the service describes it, to be mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorDomain {
    /// A-label.
    pub name: String,
    /// U-label.
    pub display: String,
    /// Subscription handle.
    pub subscription: String,
    /// `block`, `flag`, `quarantine`, or another word of the service's.
    pub policy: Option<String>,
    /// Whether the policy overrides the recipient's choice.
    pub policy_override: Option<bool>,
    /// Header added under `flag`.
    pub header_name: Option<String>,
    /// Its value.
    pub header_value: Option<String>,
    /// The lists; their lengths are what the domain list shows.
    pub detail: MirrorDetail,
}

/// The lists of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorDetail {
    /// Domain admins.
    pub admins: Vec<String>,
    /// Downstream servers, one compact line each.
    pub downstreams: Vec<String>,
    /// Aliases, A-label.
    pub aliases: Vec<String>,
}

/// What a sync found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStats {
    /// Domains the key sees and didn't before.
    pub added: u64,
    /// Domains known before whose values changed.
    pub changed: u64,
    /// Domains the key saw and sees no more.
    pub removed: u64,
    /// Domains the key sees.
    pub total: u64,
}

impl Store {
    /// Makes the mirror of a key what a sync found, in one transaction. Rows that are as they were are
    /// not written: the age of the data is the key's. For a key that is held no more nothing is done.
    /// `account_id` counts only while the key has no account on record.
    pub async fn apply_sync(
        &self,
        fingerprint: &str,
        account_id: &str,
        domains: Vec<MirrorDomain>,
        now: i64,
    ) -> Result<SyncStats> {
        self.apply_reading(fingerprint, account_id, domains, now, now).await
    }

    /// The same for a sync that began to read at `begun`: what a reading that began later found is newer, and
    /// stays.
    pub async fn apply_reading(
        &self,
        fingerprint: &str,
        account_id: &str,
        domains: Vec<MirrorDomain>,
        begun: i64,
        now: i64,
    ) -> Result<SyncStats> {
        let staging = self.stage(fingerprint).await?;
        staging.add(domains).await?;
        staging.apply(account_id, begun, now).await
    }

    /// Notes that a sync failed: `rejected` or `unreachable`, in words. What was mirrored stays.
    pub async fn sync_failed(&self, fingerprint: &str, health: &str, detail: &str, now: i64) -> Result<()> {
        self.sql("UPDATE upstream_keys SET attempted_at = ?2 WHERE fingerprint = ?1")
            .bind(fingerprint)
            .bind(now)
            .execute(self.write())
            .await?;
        self.set_health(fingerprint, health, Some(detail), None, now).await
    }

    /// Mirrors one domain that a key was just seen to reach, as it is after it was changed.
    pub async fn patch_domain(&self, fingerprint: &str, domain: MirrorDomain, now: i64) -> Result<()> {
        self.patch(fingerprint, domain, None, now).await
    }

    /// The same for a look that began at `begun`: what a reading that began later found is newer, and stays.
    pub async fn patch_reading(&self, fingerprint: &str, domain: MirrorDomain, begun: i64, now: i64) -> Result<()> {
        self.patch(fingerprint, domain, Some(begun), now).await
    }

    async fn patch(&self, fingerprint: &str, domain: MirrorDomain, begun: Option<i64>, now: i64) -> Result<()> {
        let name = domain.name.clone();
        let incoming = encode(&mut [domain])?;
        let mut tx = self.begin().await?;
        self.prepare_incoming(&mut tx).await?;
        let Some(account) = self.account_of(&mut tx, fingerprint).await? else {
            return Ok(());
        };
        let reading = Reading { fingerprint, account: &account, begun, now, fresh_at: now };
        self.put_aside(&mut tx, NO_SYNC, &incoming).await?;
        let ingested = self.ingest(&mut tx, reading, NO_SYNC).await?;
        let added = self.see_incoming(&mut tx, fingerprint, &account).await?;
        let id: i64 = self
            .scalar(
                "UPDATE domains SET synced_at = max(synced_at, ?3) WHERE account_id = ?1 AND name = ?2 RETURNING id",
            )
            .bind(&account)
            .bind(&name)
            .bind(begun.unwrap_or(now))
            .fetch_one(&mut *tx)
            .await?;
        let moved = self.associate(&mut tx, &account, Some(id)).await?;
        if added + moved > 0 {
            self.recount(&mut tx, &account).await?;
        }
        tx.commit().await?;
        if added + moved + ingested.inserted + ingested.changed > 0 {
            self.mirror_changed();
        }
        Ok(())
    }

    /// Notes that a key was just seen not to reach a domain.
    pub async fn unsee_domain(&self, fingerprint: &str, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let Some(account) = self.account_of(&mut tx, fingerprint).await? else {
            return Ok(());
        };
        let gone: Option<i64> = self
            .scalar(
                "DELETE FROM visibility WHERE fingerprint = ?1
                 AND domain_id = (SELECT id FROM domains WHERE account_id = ?2 AND name = ?3) RETURNING domain_id",
            )
            .bind(fingerprint)
            .bind(&account)
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(id) = gone else {
            return Ok(());
        };
        let seen_at: Option<i64> = self
            .scalar("SELECT synced_at FROM upstream_keys WHERE fingerprint = ?1")
            .bind(fingerprint)
            .fetch_one(&mut *tx)
            .await?;
        self.drop_unseen(&mut tx, &account, (fingerprint, seen_at), Some(id)).await?;
        self.associate(&mut tx, &account, Some(id)).await?;
        self.recount(&mut tx, &account).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    /// Drops a domain for all keys of an account, after it was deprovisioned. That is no evidence of anything.
    pub async fn forget_domain(&self, account_id: &str, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let done = self
            .sql("DELETE FROM domains WHERE account_id = ?1 AND name = ?2")
            .bind(account_id)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        self.index_names(&mut tx).await?;
        self.recount(&mut tx, account_id).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    /// Notes that a domain was just locked to a key: only that key reaches it now `[spec]`.
    /// With a single key on record the next sync says unknown again, since nothing then shows it.
    pub async fn set_holder(&self, account_id: &str, name: &str, fingerprint: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let id: Option<i64> = self
            .scalar(
                "UPDATE domains SET association = 'locked', holder = ?3, seen_by = 1, fresh_at = 0
                 WHERE account_id = ?1 AND name = ?2 RETURNING id",
            )
            .bind(account_id)
            .bind(name)
            .bind(fingerprint)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(id) = id else {
            return Ok(());
        };
        self.sql("DELETE FROM visibility WHERE domain_id = ?1 AND fingerprint <> ?2")
            .bind(id)
            .bind(fingerprint)
            .execute(&mut *tx)
            .await?;
        self.sql("INSERT INTO visibility (fingerprint, domain_id) VALUES (?2, ?1) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(fingerprint)
            .execute(&mut *tx)
            .await?;
        self.recount(&mut tx, account_id).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    async fn account_of(&self, tx: &mut Tx, fingerprint: &str) -> Result<Option<String>> {
        let account: Option<Option<String>> = self
            .scalar("SELECT account_id FROM upstream_keys WHERE fingerprint = ?1")
            .bind(fingerprint)
            .fetch_optional(&mut **tx)
            .await?;
        Ok(account.flatten())
    }
}

#[cfg(test)]
mod tests;
