//! The mirror: what each key sees upstream, brought up to date by syncs and by live reads.

use serde::{Deserialize, Serialize};

use crate::{Result, Store, pool::Tx};

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

/// A domain on its way into the database, in the order of the temporary table's columns.
#[derive(Serialize)]
struct Incoming<'a> {
    name: &'a str,
    display: &'a str,
    subscription: &'a str,
    policy: Option<&'a str>,
    policy_override: Option<bool>,
    header_name: Option<&'a str>,
    header_value: Option<&'a str>,
    servers: usize,
    aliases: usize,
    detail: &'a MirrorDetail,
    alias_rows: Vec<[String; 2]>,
}

/// What ingesting did.
struct Ingested {
    inserted: u64,
    changed: u64,
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
        let incoming = encode(domains)?;
        let mut tx = self.begin().await?;
        let key: Option<(Option<String>, Option<i64>)> = self
            .rows("SELECT account_id, synced_at FROM upstream_keys WHERE fingerprint = ?1")
            .bind(fingerprint)
            .fetch_optional(&mut *tx)
            .await?;
        let Some((account, synced_before)) = key else {
            return Ok(SyncStats::default());
        };
        let account = account.unwrap_or_else(|| account_id.to_owned());
        // On its first sync a key reports what was there all along; later, what turned up in between.
        let fresh_at = if synced_before.is_some() { now } else { 0 };
        let ingested = self
            .ingest(&mut tx, &account, &incoming, now, fresh_at)
            .await?;
        let total: i64 = self
            .scalar("SELECT count(*) FROM temp.incoming")
            .fetch_one(&mut *tx)
            .await?;
        let removed = self
            .sql(
                "DELETE FROM visibility WHERE fingerprint = ?1 AND domain_id NOT IN (
                     SELECT d.id FROM temp.incoming i JOIN domains d ON d.account_id = ?2 AND d.name = i.name)",
            )
            .bind(fingerprint)
            .bind(&account)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let added = self.see_incoming(&mut tx, fingerprint, &account).await?;
        if removed > 0 {
            self.drop_unseen(&mut tx, &account).await?;
        }
        self.sql(
            "UPDATE upstream_keys SET account_id = ?2, health = 'working', health_at = ?3, detail = NULL,
                    synced_at = ?3, attempted_at = ?3
             WHERE fingerprint = ?1",
        )
        .bind(fingerprint)
        .bind(&account)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        let moved = self.associate(&mut tx, &account, None).await?;
        if added + removed + moved > 0 {
            self.recount(&mut tx, &account).await?;
        }
        tx.commit().await?;
        if added + removed + moved + ingested.inserted + ingested.changed > 0 {
            self.mirror_changed();
        }
        Ok(SyncStats {
            added,
            changed: ingested.changed,
            removed,
            total: u64::try_from(total).unwrap_or_default(),
        })
    }

    /// Notes that a sync failed: `rejected` or `unreachable`, in words. What was mirrored stays.
    pub async fn sync_failed(
        &self,
        fingerprint: &str,
        health: &str,
        detail: &str,
        now: i64,
    ) -> Result<()> {
        self.sql("UPDATE upstream_keys SET attempted_at = ?2 WHERE fingerprint = ?1")
            .bind(fingerprint)
            .bind(now)
            .execute(self.write())
            .await?;
        self.set_health(fingerprint, health, Some(detail), None, now)
            .await
    }

    /// Mirrors one domain that a key was just seen to reach.
    pub async fn patch_domain(
        &self,
        fingerprint: &str,
        domain: MirrorDomain,
        now: i64,
    ) -> Result<()> {
        let name = domain.name.clone();
        let incoming = encode(vec![domain])?;
        let mut tx = self.begin().await?;
        let Some(account) = self.account_of(&mut tx, fingerprint).await? else {
            return Ok(());
        };
        let ingested = self.ingest(&mut tx, &account, &incoming, now, now).await?;
        let added = self.see_incoming(&mut tx, fingerprint, &account).await?;
        let id: i64 = self
            .scalar("UPDATE domains SET synced_at = ?3 WHERE account_id = ?1 AND name = ?2 RETURNING id")
            .bind(&account)
            .bind(&name)
            .bind(now)
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
        self.sql("DELETE FROM domains WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM visibility WHERE domain_id = ?1)")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        self.associate(&mut tx, &account, Some(id)).await?;
        self.recount(&mut tx, &account).await?;
        tx.commit().await?;
        self.mirror_changed();
        Ok(())
    }

    /// Drops a domain for all keys of an account, after it was deprovisioned.
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

    /// Lets a key see all that came in; returns how many it didn't see before.
    async fn see_incoming(&self, tx: &mut Tx, fingerprint: &str, account: &str) -> Result<u64> {
        let done = self
            .sql(
                "INSERT INTO visibility (fingerprint, domain_id)
                 SELECT ?1, d.id FROM temp.incoming i JOIN domains d ON d.account_id = ?2 AND d.name = i.name
                 WHERE true ON CONFLICT DO NOTHING",
            )
            .bind(fingerprint)
            .bind(account)
            .execute(&mut **tx)
            .await?;
        Ok(done.rows_affected())
    }

    /// Brings domains (as JSON) into the account: new rows, changed rows, and their aliases.
    async fn ingest(
        &self,
        tx: &mut Tx,
        account: &str,
        incoming: &str,
        now: i64,
        fresh_at: i64,
    ) -> Result<Ingested> {
        for setup in INCOMING {
            self.sql(setup).execute(&mut **tx).await?;
        }
        self.sql(FILL).bind(incoming).execute(&mut **tx).await?;
        let new: i64 = self
            .scalar(
                "SELECT count(*) FROM temp.incoming i
                 WHERE NOT EXISTS (SELECT 1 FROM domains d WHERE d.account_id = ?1 AND d.name = i.name)",
            )
            .bind(account)
            .fetch_one(&mut **tx)
            .await?;
        let inserted = u64::try_from(new).unwrap_or_default();
        let written = self
            .sql(UPSERT)
            .bind(account)
            .bind(now)
            .bind(fresh_at)
            .execute(&mut **tx)
            .await?
            .rows_affected();
        if written > 0 {
            self.sql(DROP_ALIASES)
                .bind(account)
                .execute(&mut **tx)
                .await?;
            self.sql(PUT_ALIASES)
                .bind(account)
                .execute(&mut **tx)
                .await?;
        }
        Ok(Ingested {
            inserted,
            changed: written.saturating_sub(inserted),
        })
    }
}

const INCOMING: [&str; 2] = [
    "CREATE TEMP TABLE IF NOT EXISTS incoming (
         name TEXT NOT NULL PRIMARY KEY, display TEXT NOT NULL, subscription TEXT NOT NULL, policy TEXT,
         policy_override INTEGER, header_name TEXT, header_value TEXT, servers INTEGER NOT NULL,
         aliases INTEGER NOT NULL, detail TEXT NOT NULL, alias_rows TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "DELETE FROM temp.incoming",
];

const FILL: &str = "
    INSERT OR REPLACE INTO temp.incoming
    SELECT value ->> 'name', value ->> 'display', value ->> 'subscription', value ->> 'policy',
           value ->> 'policy_override', value ->> 'header_name', value ->> 'header_value', value ->> 'servers',
           value ->> 'aliases', value -> 'detail', value -> 'alias_rows'
    FROM json_each(?1)";

const UPSERT: &str = "
    INSERT INTO domains (account_id, name, display, subscription, policy, policy_override, header_name, header_value,
                         servers, aliases, detail, synced_at, fresh_at)
    SELECT ?1, name, display, subscription, policy, policy_override, header_name, header_value,
           servers, aliases, detail, ?2, ?3
    FROM temp.incoming WHERE true
    ON CONFLICT (account_id, name) DO UPDATE SET
        display = excluded.display, subscription = excluded.subscription, policy = excluded.policy,
        policy_override = excluded.policy_override, header_name = excluded.header_name,
        header_value = excluded.header_value, servers = excluded.servers, aliases = excluded.aliases,
        detail = excluded.detail, synced_at = excluded.synced_at
    WHERE (domains.display, domains.subscription, domains.policy, domains.policy_override, domains.header_name,
           domains.header_value, domains.detail)
       IS NOT (excluded.display, excluded.subscription, excluded.policy, excluded.policy_override,
               excluded.header_name, excluded.header_value, excluded.detail)";

const DROP_ALIASES: &str = "
    DELETE FROM aliases WHERE domain_id IN (
        SELECT d.id FROM temp.incoming i JOIN domains d ON d.account_id = ?1 AND d.name = i.name
        WHERE (SELECT count(*) FROM aliases a WHERE a.domain_id = d.id) <> i.aliases
           OR EXISTS (SELECT 1 FROM json_each(i.alias_rows) j WHERE NOT EXISTS (
                  SELECT 1 FROM aliases a WHERE a.account_id = ?1 AND a.alias = j.value ->> 0 AND a.domain_id = d.id)))";

const PUT_ALIASES: &str = "
    INSERT INTO aliases (account_id, alias, display, domain_id)
    SELECT ?1, j.value ->> 0, j.value ->> 1, d.id
    FROM temp.incoming i JOIN domains d ON d.account_id = ?1 AND d.name = i.name JOIN json_each(i.alias_rows) j
    WHERE true
    ON CONFLICT (account_id, alias) DO UPDATE SET domain_id = excluded.domain_id
    WHERE aliases.domain_id <> excluded.domain_id";

/// The lists are sets to the service: sorted, so that another order is no change.
fn encode(mut domains: Vec<MirrorDomain>) -> Result<String> {
    for domain in &mut domains {
        for list in [&mut domain.detail.admins, &mut domain.detail.aliases] {
            list.sort();
            list.dedup();
        }
    }
    let incoming: Vec<_> = domains
        .iter()
        .map(|domain| Incoming {
            name: &domain.name,
            display: &domain.display,
            subscription: &domain.subscription,
            policy: domain.policy.as_deref(),
            policy_override: domain.policy_override,
            header_name: domain.header_name.as_deref(),
            header_value: domain.header_value.as_deref(),
            servers: domain.detail.downstreams.len(),
            aliases: domain.detail.aliases.len(),
            detail: &domain.detail,
            alias_rows: domain
                .detail
                .aliases
                .iter()
                .map(|alias| [alias.clone(), unicode(alias)])
                .collect(),
        })
        .collect();
    serde_json::to_string(&incoming)
        .map_err(|error| crate::StoreError::Db(sqlx::Error::Encode(error.into())))
}

/// For the search only: what can't be decoded is searched as it stands.
fn unicode(alias: &str) -> String {
    if alias.contains("xn--") {
        idna::domain_to_unicode(alias).0
    } else {
        alias.to_owned()
    }
}

#[cfg(test)]
mod tests;
