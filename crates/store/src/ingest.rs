//! How domains get into the mirror: put aside as JSON, page by page, then all at once by a handful of statements over
//! a temporary table, so that ten thousand of them cost little more than ten, and unchanged rows are not written.
//! What differs is found once; from that come the rows to write and the changes to keep as evidence.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::{MirrorDetail, MirrorDomain, Result, Store, pool::Tx};

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

/// Where domains come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// The key that saw them.
    pub(crate) fingerprint: &'a str,
    /// Its account.
    pub(crate) account: &'a str,
    /// When the reading began: what a later reading found is newer. None for what is known to be the newest, such
    /// as a domain read back after it was changed.
    pub(crate) begun: Option<i64>,
    /// When it is noted.
    pub(crate) now: i64,
    /// For domains that were not there before; see `domains.fresh_at`.
    pub(crate) fresh_at: i64,
}

/// What ingesting did.
pub(crate) struct Ingested {
    /// Rows added.
    pub(crate) inserted: u64,
    /// Rows there before whose values changed.
    pub(crate) changed: u64,
}

/// The number of what is put aside and brought in within one transaction.
pub(crate) const NO_SYNC: i64 = 0;

impl Store {
    /// Makes sure that the temporary tables are there.
    pub(crate) async fn prepare_incoming(&self, connection: &mut SqliteConnection) -> Result<()> {
        for table in TABLES {
            self.sql(table).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Puts domains (as JSON) aside for a sync on its way, by its number; one that came before is replaced.
    pub(crate) async fn put_aside(&self, connection: &mut SqliteConnection, sync: i64, json: &str) -> Result<()> {
        self.sql(PUT_ASIDE).bind(sync).bind(json).execute(connection).await?;
        Ok(())
    }

    /// Brings what was put aside under a number into the account: new rows, changed rows, and their aliases. What
    /// changed is kept in `server_changes`.
    pub(crate) async fn ingest(&self, tx: &mut Tx, reading: Reading<'_>, sync: i64) -> Result<Ingested> {
        for emptied in ["DELETE FROM temp.incoming", "DELETE FROM temp.differing"] {
            self.sql(emptied).execute(&mut **tx).await?;
        }
        for moved in MOVE_IN {
            self.sql(moved).bind(sync).execute(&mut **tx).await?;
        }
        let Reading { fingerprint, account, begun, now, fresh_at } = reading;
        let (as_of, begun) = (begun.unwrap_or(now), begun.unwrap_or(i64::MAX));
        let differing = self.sql(DIFFER).bind(account).bind(begun).bind(now).execute(&mut **tx).await?.rows_affected();
        if differing == 0 {
            return Ok(Ingested { inserted: 0, changed: 0 });
        }
        let (inserted, known): (i64, i64) = self
            .rows(
                "SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE known_at IS NOT NULL) FROM temp.differing",
            )
            .fetch_one(&mut **tx)
            .await?;
        if known > 0 {
            self.sql(RECORD).bind(account).bind(now).bind(fingerprint).execute(&mut **tx).await?;
        }
        self.sql(UPSERT).bind(account).bind(as_of).bind(fresh_at).execute(&mut **tx).await?;
        for aliases in [DROP_ALIASES, PUT_ALIASES] {
            self.sql(aliases).bind(account).bind(begun).bind(now).execute(&mut **tx).await?;
        }
        self.index_names(tx).await?;
        let inserted = u64::try_from(inserted).unwrap_or_default();
        let changed = differing.saturating_sub(inserted);
        if u64::try_from(known).unwrap_or_default() > changed {
            // Some came back.
            self.sql("DELETE FROM domains_gone WHERE account_id = ?1 AND name IN (SELECT name FROM temp.differing)")
                .bind(account)
                .execute(&mut **tx)
                .await?;
        }
        Ok(Ingested { inserted, changed })
    }

    /// Keeps what the account's domains are that no key sees any more, and drops them; all of them, or the one of
    /// this id. The key is the one that just turned out not to see them, and when it last did.
    pub(crate) async fn drop_unseen(
        &self,
        tx: &mut Tx,
        account: &str,
        last: (&str, Option<i64>),
        domain: Option<i64>,
    ) -> Result<u64> {
        let (fingerprint, seen_at) = last;
        self.sql(BURY).bind(account).bind(domain).bind(fingerprint).bind(seen_at).execute(&mut **tx).await?;
        let done = self
            .sql(
                "DELETE FROM domains WHERE account_id = ?1 AND id = coalesce(?2, id)
                 AND NOT EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = domains.id)",
            )
            .bind(account)
            .bind(domain)
            .execute(&mut **tx)
            .await?;
        if done.rows_affected() > 0 {
            self.index_names(tx).await?;
        }
        Ok(done.rows_affected())
    }

    /// Lets a key see all that came in; returns how many it didn't see before.
    pub(crate) async fn see_incoming(&self, tx: &mut Tx, fingerprint: &str, account: &str) -> Result<u64> {
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
}

const TABLES: [&str; 4] = [
    // The syncs on their way, and what they read so far.
    "CREATE TEMP TABLE IF NOT EXISTS syncs (number INTEGER NOT NULL PRIMARY KEY) STRICT",
    "CREATE TEMP TABLE IF NOT EXISTS aside (
         sync INTEGER NOT NULL, name TEXT NOT NULL, display TEXT NOT NULL, subscription TEXT NOT NULL, policy TEXT,
         policy_override INTEGER, header_name TEXT, header_value TEXT, servers INTEGER NOT NULL,
         aliases INTEGER NOT NULL, detail TEXT NOT NULL, alias_rows TEXT NOT NULL,
         PRIMARY KEY (sync, name)) STRICT, WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS incoming (
         name TEXT NOT NULL PRIMARY KEY, display TEXT NOT NULL, subscription TEXT NOT NULL, policy TEXT,
         policy_override INTEGER, header_name TEXT, header_value TEXT, servers INTEGER NOT NULL,
         aliases INTEGER NOT NULL, detail TEXT NOT NULL, alias_rows TEXT NOT NULL) STRICT, WITHOUT ROWID",
    // Those to be written, with what they were if they were there.
    "CREATE TEMP TABLE IF NOT EXISTS differing (
         name TEXT NOT NULL PRIMARY KEY, new INTEGER NOT NULL, known_at INTEGER, detail TEXT,
         settings TEXT) STRICT, WITHOUT ROWID",
];

const PUT_ASIDE: &str = "
    INSERT OR REPLACE INTO temp.aside
    SELECT ?1, value ->> 'name', value ->> 'display', value ->> 'subscription', value ->> 'policy',
           value ->> 'policy_override', value ->> 'header_name', value ->> 'header_value', value ->> 'servers',
           value ->> 'aliases', value -> 'detail', value -> 'alias_rows'
    FROM json_each(?2)";

const MOVE_IN: [&str; 2] = [
    "INSERT INTO temp.incoming
     SELECT name, display, subscription, policy, policy_override, header_name, header_value, servers, aliases, detail,
            alias_rows
     FROM temp.aside WHERE sync = ?1",
    "DELETE FROM temp.aside WHERE sync = ?1",
];

/// Spam handling as JSON; an empty header is none.
macro_rules! settings {
    ($of:literal) => {
        concat!(
            "json_object('policy', ",
            $of,
            ".policy,
                'override', json(CASE ",
            $of,
            ".policy_override WHEN 0 THEN 'false' WHEN 1 THEN 'true' END),
                'header_name', nullif(",
            $of,
            ".header_name, ''), 'header_value', nullif(",
            $of,
            ".header_value, ''))"
        )
    };
}

/// A row of a reading that began later is newer than this one, and stays. (One from the future is a clock's
/// mistake, and counts for nothing.)
const DIFFER: &str = concat!(
    "INSERT INTO temp.differing
     SELECT i.name, d.id IS NULL,
            CASE WHEN d.id IS NULL THEN g.known_at ELSE max(d.synced_at, coalesce((
                SELECT max(k.synced_at) FROM visibility v JOIN upstream_keys k ON k.fingerprint = v.fingerprint
                WHERE v.domain_id = d.id), 0)) END,
            CASE WHEN d.id IS NULL THEN g.detail ELSE d.detail END,
            CASE WHEN d.id IS NULL THEN g.settings ELSE ",
    settings!("d"),
    " END
     FROM temp.incoming i LEFT JOIN domains d ON d.account_id = ?1 AND d.name = i.name
     LEFT JOIN domains_gone g ON d.id IS NULL AND g.account_id = ?1 AND g.name = i.name
     WHERE d.id IS NULL
        OR ((d.synced_at <= ?2 OR d.synced_at > ?3)
            AND (d.display, d.subscription, d.policy, d.policy_override, d.header_name, d.header_value, d.detail)
             IS NOT (i.display, i.subscription, i.policy, i.policy_override, i.header_name, i.header_value, i.detail))"
);

const RECORD: &str = concat!(
    "INSERT INTO server_changes (account_id, domain, kind, before, after, known_at, seen_at, gone, fingerprint)
     WITH both (name, gone, known_at, old, new, old_settings, new_settings) AS (
         SELECT c.name, c.new, c.known_at, c.detail, i.detail, c.settings, ",
    settings!("i"),
    "    FROM temp.differing c JOIN temp.incoming i ON i.name = c.name WHERE c.known_at IS NOT NULL),
     facets (name, gone, known_at, kind, before, after) AS (
         SELECT name, gone, known_at, 'servers', old -> '$.downstreams', new -> '$.downstreams' FROM both
         UNION ALL SELECT name, gone, known_at, 'admins', old -> '$.admins', new -> '$.admins' FROM both
         UNION ALL SELECT name, gone, known_at, 'aliases', old -> '$.aliases', new -> '$.aliases' FROM both
         UNION ALL SELECT name, gone, known_at, 'settings', old_settings, new_settings FROM both)
     SELECT ?1, name, kind, before, after, known_at, ?2, gone, ?3 FROM facets WHERE before <> after"
);

const BURY: &str = concat!(
    "INSERT OR REPLACE INTO domains_gone (account_id, name, detail, settings, known_at, fingerprint)
     SELECT d.account_id, d.name, d.detail, ",
    settings!("d"),
    ", max(d.synced_at, coalesce(?4, 0)), ?3 FROM domains d
     WHERE d.account_id = ?1 AND d.id = coalesce(?2, d.id)
       AND NOT EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = d.id)"
);

const UPSERT: &str = "
    INSERT INTO domains (account_id, name, display, subscription, policy, policy_override, header_name, header_value,
                         servers, aliases, detail, synced_at, fresh_at)
    SELECT ?1, name, display, subscription, policy, policy_override, header_name, header_value,
           servers, aliases, detail, ?2, ?3
    FROM temp.incoming WHERE name IN (SELECT name FROM temp.differing)
    ON CONFLICT (account_id, name) DO UPDATE SET
        display = excluded.display, subscription = excluded.subscription, policy = excluded.policy,
        policy_override = excluded.policy_override, header_name = excluded.header_name,
        header_value = excluded.header_value, servers = excluded.servers, aliases = excluded.aliases,
        detail = excluded.detail, synced_at = excluded.synced_at";

const DROP_ALIASES: &str = "
    DELETE FROM aliases WHERE domain_id IN (
        SELECT d.id FROM temp.incoming i JOIN domains d ON d.account_id = ?1 AND d.name = i.name
        WHERE (d.synced_at <= ?2 OR d.synced_at > ?3 OR i.name IN (SELECT name FROM temp.differing))
          AND ((SELECT count(*) FROM aliases a WHERE a.domain_id = d.id) <> i.aliases
           OR EXISTS (SELECT 1 FROM json_each(i.alias_rows) j WHERE NOT EXISTS (
                  SELECT 1 FROM aliases a WHERE a.account_id = ?1 AND a.alias = j.value ->> 0 AND a.domain_id = d.id))))";

const PUT_ALIASES: &str = "
    INSERT INTO aliases (account_id, alias, display, domain_id)
    SELECT ?1, j.value ->> 0, j.value ->> 1, d.id
    FROM temp.incoming i JOIN domains d ON d.account_id = ?1 AND d.name = i.name JOIN json_each(i.alias_rows) j
    WHERE d.synced_at <= ?2 OR d.synced_at > ?3 OR i.name IN (SELECT name FROM temp.differing)
    ON CONFLICT (account_id, alias) DO UPDATE SET domain_id = excluded.domain_id
    WHERE aliases.domain_id <> excluded.domain_id";

/// The lists are sets to the service: sorted, so that another order is no change.
pub(crate) fn encode(domains: &mut [MirrorDomain]) -> Result<String> {
    for domain in &mut *domains {
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
            alias_rows: domain.detail.aliases.iter().map(|alias| [alias.clone(), unicode(alias)]).collect(),
        })
        .collect();
    serde_json::to_string(&incoming).map_err(|error| crate::StoreError::Db(sqlx::Error::Encode(error.into())))
}

/// For the search only: what can't be decoded is searched as it stands.
fn unicode(alias: &str) -> String {
    if alias.contains("xn--") { idna::domain_to_unicode(alias).0 } else { alias.to_owned() }
}
