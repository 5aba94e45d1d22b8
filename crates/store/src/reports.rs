//! The log of reports: no content.

use sqlx::FromRow;

use crate::{Result, Store};

/// A report of a misjudged message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReportRow {
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person_id: String,
    /// Their name at the time.
    pub person_name: String,
    /// `false_positive` or `false_negative`.
    pub kind: String,
    /// The recipient's domain, A-label.
    pub domain: String,
    /// Keyed hash of the subject.
    pub subject_hash: String,
    /// How it ended.
    pub outcome: String,
}

impl Store {
    /// Keeps a report's row, before it is sent. Returns its id.
    pub async fn add_report(&self, row: &ReportRow) -> Result<i64> {
        Ok(self
            .scalar(
                "INSERT INTO reports (at, person_id, person_name, kind, domain, subject_hash, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
            )
            .bind(row.at)
            .bind(&row.person_id)
            .bind(&row.person_name)
            .bind(&row.kind)
            .bind(&row.domain)
            .bind(&row.subject_hash)
            .bind(&row.outcome)
            .fetch_one(self.write())
            .await?)
    }

    /// Says how a report ended.
    pub async fn conclude_report(&self, id: i64, outcome: &str) -> Result<()> {
        self.sql("UPDATE reports SET outcome = ?2 WHERE id = ?1").bind(id).bind(outcome).execute(self.write()).await?;
        Ok(())
    }

    /// At start: reports that were under way when the program stopped get this outcome instead.
    pub async fn settle_reports(&self, under_way: &str, outcome: &str) -> Result<()> {
        self.sql("UPDATE reports SET outcome = ?2 WHERE outcome = ?1")
            .bind(under_way)
            .bind(outcome)
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// A person's last reports, newest first.
    pub async fn reports_of(&self, person_id: &str, limit: u32) -> Result<Vec<ReportRow>> {
        Ok(self
            .rows("SELECT * FROM reports WHERE person_id = ?1 ORDER BY id DESC LIMIT ?2")
            .bind(person_id)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }
}
