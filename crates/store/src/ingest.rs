//! How domains get into the mirror: all at once, as JSON, by a handful of statements over a temporary
//! table, so that ten thousand of them cost little more than ten, and unchanged rows are not written.

use serde::Serialize;

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

/// What ingesting did.
pub(crate) struct Ingested {
    /// Rows added.
    pub(crate) inserted: u64,
    /// Rows there before whose values changed.
    pub(crate) changed: u64,
}

impl Store {
    /// Brings domains (as JSON) into the account: new rows, changed rows, and their aliases.
    pub(crate) async fn ingest(
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
        let written = self.sql(UPSERT).bind(account).bind(now).bind(fresh_at).execute(&mut **tx).await?.rows_affected();
        if written > 0 {
            self.sql(DROP_ALIASES).bind(account).execute(&mut **tx).await?;
            self.sql(PUT_ALIASES).bind(account).execute(&mut **tx).await?;
            self.index_names(tx).await?;
        }
        Ok(Ingested { inserted, changed: written.saturating_sub(inserted) })
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
pub(crate) fn encode(mut domains: Vec<MirrorDomain>) -> Result<String> {
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
            alias_rows: domain.detail.aliases.iter().map(|alias| [alias.clone(), unicode(alias)]).collect(),
        })
        .collect();
    serde_json::to_string(&incoming).map_err(|error| crate::StoreError::Db(sqlx::Error::Encode(error.into())))
}

/// For the search only: what can't be decoded is searched as it stands.
fn unicode(alias: &str) -> String {
    if alias.contains("xn--") { idna::domain_to_unicode(alias).0 } else { alias.to_owned() }
}
