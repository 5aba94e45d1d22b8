//! The account-tier lists as they are read in the background: what is on them, since when, and what went.

use sqlx::FromRow;

use crate::{Result, Store, accounts::json};

/// An account whose lists are due, and a key that works.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListsDue {
    /// The account.
    pub account_id: String,
    /// The key's fingerprint.
    pub fingerprint: String,
}

/// When a list was read.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListReading {
    /// `safelist` or `blocklist`.
    pub list: String,
    /// Last try, unix milliseconds.
    pub attempted_at: i64,
    /// First success.
    pub first_at: Option<i64>,
    /// Last success.
    pub read_at: Option<i64>,
}

/// An entry that turned up on a list, or went from it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct EntryChange {
    /// `safelist` or `blocklist`.
    pub list: String,
    /// The entry, as the service has it.
    pub item: String,
    /// Whether it turned up; else it went.
    pub appeared: bool,
    /// The last reading that had it the other way, unix milliseconds.
    pub known_at: i64,
    /// The first reading that had it this way.
    pub seen_at: i64,
}

impl Store {
    /// Accounts whose lists were last tried at this time or before, each with a key that works.
    pub async fn lists_due(&self, before: i64) -> Result<Vec<ListsDue>> {
        Ok(self
            .rows(
                "SELECT k.account_id, min(k.fingerprint) AS fingerprint FROM upstream_keys k
                 WHERE k.account_id IS NOT NULL AND k.health IN ('working', 'slow')
                   AND NOT EXISTS (SELECT 1 FROM account_lists l
                                   WHERE l.account_id = k.account_id AND l.attempted_at > ?1)
                 GROUP BY k.account_id ORDER BY k.account_id",
            )
            .bind(before)
            .fetch_all(self.read())
            .await?)
    }

    /// Makes the mirror of an account's list what was read. Entries that stay are not written. Returns how
    /// many turned up and how many went.
    pub async fn apply_account_list(
        &self,
        account_id: &str,
        list: &str,
        items: &[String],
        now: i64,
    ) -> Result<(u64, u64)> {
        let items = json(items);
        let mut tx = self.begin().await?;
        let there: Option<String> =
            self.scalar("SELECT id FROM accounts WHERE id = ?1").bind(account_id).fetch_optional(&mut *tx).await?;
        if there.is_none() {
            // It became one with another account meanwhile, whose turn comes.
            return Ok((0, 0));
        }
        let before: Option<i64> = self
            .scalar("SELECT read_at FROM account_lists WHERE account_id = ?1 AND list = ?2 AND read_at IS NOT NULL")
            .bind(account_id)
            .bind(list)
            .fetch_optional(&mut *tx)
            .await?;
        let gone = self
            .sql(
                "UPDATE account_entries SET present_at = coalesce(?5, first_seen_at), gone_at = ?4
                 WHERE account_id = ?1 AND list = ?2 AND gone_at IS NULL
                   AND item NOT IN (SELECT value FROM json_each(?3))",
            )
            .bind(account_id)
            .bind(list)
            .bind(&items)
            .bind(now)
            .bind(before)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let added = self
            .sql(
                "INSERT INTO account_entries (account_id, list, item, absent_at, first_seen_at)
                 SELECT ?1, ?2, value, ?5, ?4 FROM json_each(?3) WHERE true
                 ON CONFLICT (account_id, list, item) WHERE gone_at IS NULL DO NOTHING",
            )
            .bind(account_id)
            .bind(list)
            .bind(&items)
            .bind(now)
            .bind(before)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        self.sql(
            "INSERT INTO account_lists (account_id, list, attempted_at, first_at, read_at) VALUES (?1, ?2, ?3, ?3, ?3)
             ON CONFLICT (account_id, list) DO UPDATE SET
                 attempted_at = ?3, read_at = ?3, first_at = coalesce(first_at, ?3)",
        )
        .bind(account_id)
        .bind(list)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((added, gone))
    }

    /// Notes that reading an account's list failed; what was mirrored stays.
    pub async fn account_list_failed(&self, account_id: &str, list: &str, now: i64) -> Result<()> {
        self.sql(
            "INSERT INTO account_lists (account_id, list, attempted_at) SELECT id, ?2, ?3 FROM accounts WHERE id = ?1
             ON CONFLICT (account_id, list) DO UPDATE SET attempted_at = ?3",
        )
        .bind(account_id)
        .bind(list)
        .bind(now)
        .execute(self.write())
        .await?;
        Ok(())
    }

    /// When an account's lists were read; one never tried is not among them.
    pub async fn list_readings(&self, account_id: &str) -> Result<Vec<ListReading>> {
        Ok(self
            .rows("SELECT list, attempted_at, first_at, read_at FROM account_lists WHERE account_id = ?1 ORDER BY list")
            .bind(account_id)
            .fetch_all(self.read())
            .await?)
    }

    /// Entries that turned up or went after a time, newest first. What the first reading had, did not turn up.
    pub async fn entry_changes_since(&self, account_id: &str, since: i64) -> Result<Vec<EntryChange>> {
        Ok(self
            .rows(
                "SELECT list, item, true AS appeared, absent_at AS known_at, first_seen_at AS seen_at
                 FROM account_entries WHERE account_id = ?1 AND absent_at IS NOT NULL AND first_seen_at > ?2
                 UNION ALL
                 SELECT list, item, false, present_at, gone_at
                 FROM account_entries WHERE account_id = ?1 AND gone_at > ?2
                 ORDER BY seen_at DESC, list, item",
            )
            .bind(account_id)
            .bind(since)
            .fetch_all(self.read())
            .await?)
    }
}

#[cfg(test)]
mod tests;
