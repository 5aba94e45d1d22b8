//! Evidence: what was found changed in mirrored domains, and what Sluice itself wanted meanwhile.
//! The changes are written where they are found, by `ingest`; which of them are our own, callers decide.

use sqlx::FromRow;

use crate::{Result, Store, accounts::json};

/// A difference between what the mirror had and what was found.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ChangeRow {
    /// Id; goes up with time.
    pub id: i64,
    /// The domain, A-label.
    pub domain: String,
    /// `servers`, `admins`, `aliases` or `settings`.
    pub kind: String,
    /// The value before: a JSON array of lines; settings are an object with `policy`, `override`,
    /// `header_name` and `header_value`.
    pub before: String,
    /// The value found.
    pub after: String,
    /// When the value before was last seen, unix milliseconds.
    pub known_at: i64,
    /// When the change was found, unix milliseconds.
    pub seen_at: i64,
    /// No key saw the domain in between.
    pub gone: bool,
}

/// What Sluice wanted of something.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct WantedRow {
    /// The thing's name or id.
    pub object: String,
    /// When the intent was written, unix milliseconds.
    pub at: i64,
    /// The state wanted, as the audit log has it.
    pub after: String,
}

impl Store {
    /// Changes found in an account's domains after a time, newest first: of domains that one of the keys
    /// sees, or that one of them saw changed.
    pub async fn changes_since(
        &self,
        account_id: &str,
        keys: &[String],
        since: i64,
        limit: u32,
    ) -> Result<Vec<ChangeRow>> {
        Ok(self
            .rows(
                "SELECT c.id, c.domain, c.kind, c.before, c.after, c.known_at, c.seen_at, c.gone FROM server_changes c
                 WHERE c.account_id = ?1 AND c.seen_at > ?3
                   AND (c.fingerprint IN (SELECT value FROM json_each(?2))
                        OR EXISTS (SELECT 1 FROM domains d JOIN visibility v ON v.domain_id = d.id
                                   WHERE d.account_id = ?1 AND d.name = c.domain
                                     AND +v.fingerprint IN (SELECT value FROM json_each(?2))))
                 ORDER BY c.seen_at DESC, c.id DESC LIMIT ?4",
            )
            .bind(account_id)
            .bind(json(keys))
            .bind(since)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }

    /// What Sluice wanted of the domains that were found changed after a time, by anybody, and at most
    /// `slack` milliseconds before the first of their old values was last seen.
    pub async fn wanted_of_changed(&self, account_id: &str, since: i64, slack: i64) -> Result<Vec<WantedRow>> {
        Ok(self
            .rows(
                "WITH changed AS MATERIALIZED (
                     SELECT domain, min(known_at) AS known_at FROM server_changes
                     WHERE account_id = ?1 AND seen_at > ?2 GROUP BY domain)
                 SELECT a.object, a.at, a.after FROM changed c
                 JOIN audit a ON a.object_kind = 'domain' AND a.object = c.domain
                 WHERE a.intent_id IS NULL AND a.after IS NOT NULL AND a.at >= c.known_at - ?3
                 ORDER BY a.id",
            )
            .bind(account_id)
            .bind(since)
            .bind(slack)
            .fetch_all(self.read())
            .await?)
    }

    /// What Sluice wanted of an account's own lists from a time on.
    pub async fn wanted_of_account(&self, account_id: &str, since: i64) -> Result<Vec<WantedRow>> {
        Ok(self
            .rows(
                "SELECT object, at, after FROM audit
                 WHERE object_kind = 'account' AND object = ?1 AND intent_id IS NULL AND after IS NOT NULL AND at >= ?2
                 ORDER BY id",
            )
            .bind(account_id)
            .bind(since)
            .fetch_all(self.read())
            .await?)
    }

    /// Forgets changes found before one time and domains last seen before it, and list entries that went before
    /// another.
    pub async fn forget_watched(&self, changes_before: i64, entries_before: i64) -> Result<()> {
        self.sql("DELETE FROM server_changes WHERE seen_at < ?1").bind(changes_before).execute(self.write()).await?;
        self.sql("DELETE FROM domains_gone WHERE known_at < ?1").bind(changes_before).execute(self.write()).await?;
        self.sql("DELETE FROM account_entries WHERE gone_at < ?1").bind(entries_before).execute(self.write()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
