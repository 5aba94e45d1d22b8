//! What DNS said about the mail of mirrored domains, by name, and who muted it.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row, sqlite::SqliteRow};

use crate::{Result, Store};

/// What is kept of a domain's MX records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MxRow {
    /// A-label.
    pub name: String,
    /// `here`, `elsewhere`, `mixed`, `none` or `unknown`.
    pub verdict: String,
    /// Priority and host of each record of the last answer.
    pub records: Vec<(u16, String)>,
    /// When that answer came, unix milliseconds.
    pub answered_at: Option<i64>,
    /// When it was last looked up, also in vain, unix milliseconds.
    pub checked_at: Option<i64>,
    /// Since when it is muted, unix milliseconds.
    pub muted_at: Option<i64>,
    /// Who muted it: their name as it was.
    pub muted_by: Option<String>,
}

/// What the domain list shows of it; a domain never looked up is `unknown` without a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MxState {
    /// `here`, `elsewhere`, `mixed`, `none` or `unknown`.
    pub verdict: String,
    /// When it was last looked up, unix milliseconds.
    pub checked_at: Option<i64>,
    /// Whether it is muted.
    pub muted: bool,
}

/// The outcome of a look-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MxResult {
    /// A-label.
    pub name: String,
    /// `here`, `elsewhere`, `mixed`, `none` or `unknown`.
    pub verdict: String,
    /// The records of the answer; none when there was no answer, and then the earlier ones stay.
    pub records: Option<Vec<(u16, String)>>,
}

/// Which look-ups are too old, unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MxDue {
    /// Of names that had an answer: those looked up at this time or before.
    pub answered_before: i64,
    /// Of names that had none: the same.
    pub unknown_before: i64,
}

impl FromRow<'_, SqliteRow> for MxRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let records = serde_json::from_str(row.try_get("records")?)
            .map_err(|error| sqlx::Error::ColumnDecode { index: "records".to_owned(), source: error.into() })?;
        Ok(Self {
            name: row.try_get("name")?,
            verdict: row.try_get("verdict")?,
            records,
            answered_at: row.try_get("answered_at")?,
            checked_at: row.try_get("checked_at")?,
            muted_at: row.try_get("muted_at")?,
            muted_by: row.try_get("muted_by")?,
        })
    }
}

impl Store {
    /// Names of mirrored domains that are to be looked up: those that never were first, then the oldest.
    pub async fn mx_due(&self, due: MxDue, limit: u32) -> Result<Vec<String>> {
        Ok(self
            .scalar(
                "SELECT d.name FROM (SELECT DISTINCT name FROM domains) d LEFT JOIN mx m ON m.name = d.name
                 WHERE m.checked_at IS NULL OR m.checked_at <= ?1 OR (m.verdict = 'unknown' AND m.checked_at <= ?2)
                 ORDER BY m.checked_at NULLS FIRST, d.name LIMIT ?3",
            )
            .bind(due.answered_before)
            .bind(due.unknown_before)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }

    /// Saves look-ups, all or none. Mutes stay as they are.
    pub async fn save_mx(&self, results: &[MxResult], now: i64) -> Result<()> {
        let results = serde_json::to_string(results).unwrap_or_default();
        let mut tx = self.begin().await?;
        let changed: i64 = self
            .scalar(
                "SELECT count(*) FROM json_each(?1) r LEFT JOIN mx m ON m.name = r.value ->> 'name'
                 WHERE coalesce(m.verdict, 'unknown') <> r.value ->> 'verdict'",
            )
            .bind(&results)
            .fetch_one(&mut *tx)
            .await?;
        self.sql(
            "INSERT INTO mx (name, verdict, records, answered_at, checked_at)
             SELECT value ->> 'name', value ->> 'verdict', coalesce(value ->> 'records', '[]'),
                    iif(value ->> 'records' IS NULL, NULL, ?2), ?2 FROM json_each(?1) WHERE true
             ON CONFLICT (name) DO UPDATE SET verdict = excluded.verdict, checked_at = excluded.checked_at,
                 records = iif(excluded.answered_at IS NULL, records, excluded.records),
                 answered_at = coalesce(excluded.answered_at, answered_at)",
        )
        .bind(&results)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if changed > 0 {
            self.mirror_changed();
        }
        Ok(())
    }

    /// What is known of a name, A-label.
    pub async fn mx_of(&self, name: &str) -> Result<Option<MxRow>> {
        Ok(self.rows("SELECT * FROM mx WHERE name = ?1").bind(name).fetch_optional(self.read()).await?)
    }

    /// Mutes a name in somebody's name; one that is muted stays with who muted it first.
    pub async fn mute_mx(&self, name: &str, by: &str, now: i64) -> Result<()> {
        self.sql(
            "INSERT INTO mx (name, muted_at, muted_by) VALUES (?1, ?3, ?2)
             ON CONFLICT (name) DO UPDATE SET muted_at = coalesce(muted_at, ?3), muted_by = coalesce(muted_by, ?2)",
        )
        .bind(name)
        .bind(by)
        .bind(now)
        .execute(self.write())
        .await?;
        self.mirror_changed();
        Ok(())
    }

    /// Ends a mute.
    pub async fn unmute_mx(&self, name: &str) -> Result<()> {
        self.sql("UPDATE mx SET muted_at = NULL, muted_by = NULL WHERE name = ?1")
            .bind(name)
            .execute(self.write())
            .await?;
        self.mirror_changed();
        Ok(())
    }

    /// Every name that had an answer, to be judged again when other hosts are expected.
    pub async fn mx_answered(&self) -> Result<Vec<MxRow>> {
        Ok(self
            .rows("SELECT * FROM mx WHERE answered_at IS NOT NULL AND verdict <> 'unknown'")
            .fetch_all(self.read())
            .await?)
    }

    /// Changes verdicts alone: nothing was looked up.
    pub async fn set_mx_verdicts(&self, verdicts: &[(String, &str)]) -> Result<()> {
        let verdicts = serde_json::to_string(verdicts).unwrap_or_default();
        self.sql("UPDATE mx SET verdict = r.value ->> 1 FROM json_each(?1) r WHERE mx.name = r.value ->> 0")
            .bind(verdicts)
            .execute(self.write())
            .await?;
        self.mirror_changed();
        Ok(())
    }

    /// Forgets names that left the mirror and were last looked up at this time or before. A mute outlives
    /// a domain that is away for less.
    pub async fn forget_mx(&self, before: i64) -> Result<u64> {
        let done = self
            .sql(
                "DELETE FROM mx WHERE coalesce(checked_at, muted_at, 0) <= ?1
                 AND NOT EXISTS (SELECT 1 FROM domains d WHERE d.name = mx.name)",
            )
            .bind(before)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;
