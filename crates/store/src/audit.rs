//! The audit log: append-only, intents before the wire, outcomes after it.

use sqlx::{FromRow, SqliteConnection};

use crate::{Result, Store, StoreError};

/// What is about to be done, by whom.
#[derive(Clone, Copy, Debug)]
pub struct NewIntent<'a> {
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person_id: &'a str,
    /// Their name at the time.
    pub person_name: &'a str,
    /// What, such as `domain.settings`.
    pub action: &'a str,
    /// Kind of thing it is done to, such as `domain`.
    pub object_kind: &'a str,
    /// The thing's name or id.
    pub object: &'a str,
    /// Account it concerns.
    pub account_id: Option<&'a str>,
    /// Fingerprint of the key used.
    pub fingerprint: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a str,
    /// State before.
    pub before: Option<&'a str>,
    /// State wanted.
    pub after: Option<&'a str>,
    /// Why, or a ticket.
    pub reason: Option<&'a str>,
    /// Number of the job it is part of.
    pub job: Option<i64>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Id; goes up with time.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person_id: String,
    /// Their name at the time.
    pub person_name: String,
    /// What.
    pub action: String,
    /// Kind of thing it is done to.
    pub object_kind: String,
    /// The thing's name or id.
    pub object: String,
    /// Account it concerns.
    pub account_id: Option<String>,
    /// Fingerprint of the key used.
    pub fingerprint: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// On an outcome: the intent it concludes.
    pub intent_id: Option<i64>,
    /// On an outcome, or an event complete in itself: how it ended.
    pub outcome: Option<String>,
    /// State before.
    pub before: Option<String>,
    /// State wanted.
    pub after: Option<String>,
    /// Why, or a ticket.
    pub reason: Option<String>,
    /// Number of the job it is part of.
    pub job: Option<i64>,
}

impl Store {
    /// Writes what is about to be done. If this fails, it must not be done.
    pub async fn record_intent(&self, intent: &NewIntent<'_>) -> Result<i64> {
        self.record(intent, None).await
    }

    /// Writes something that is over already, such as a sign-in, as one row.
    pub async fn record_event(&self, event: &NewIntent<'_>, outcome: &str) -> Result<i64> {
        self.record(event, Some(outcome)).await
    }

    async fn record(&self, intent: &NewIntent<'_>, outcome: Option<&str>) -> Result<i64> {
        self.insert_audit(&mut *self.write().acquire().await?, intent, outcome).await
    }

    /// Writes a row, in whichever transaction the connection is.
    pub(crate) async fn insert_audit(
        &self,
        connection: &mut SqliteConnection,
        intent: &NewIntent<'_>,
        outcome: Option<&str>,
    ) -> Result<i64> {
        Ok(self
            .scalar(
                "INSERT INTO audit (at, person_id, person_name, action, object_kind, object, account_id, fingerprint,
                                    request_id, before, after, reason, outcome, job)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING id",
            )
            .bind(intent.at)
            .bind(intent.person_id)
            .bind(intent.person_name)
            .bind(intent.action)
            .bind(intent.object_kind)
            .bind(intent.object)
            .bind(intent.account_id)
            .bind(intent.fingerprint)
            .bind(intent.request_id)
            .bind(intent.before)
            .bind(intent.after)
            .bind(intent.reason)
            .bind(outcome)
            .bind(intent.job)
            .fetch_one(connection)
            .await?)
    }

    /// Writes how an intent ended, as a row of its own.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `audit.intent` when there is no such intent or it was concluded already.
    pub async fn record_outcome(&self, intent: i64, outcome: &str, now: i64) -> Result<()> {
        self.insert_outcome(&mut *self.write().acquire().await?, intent, outcome, now).await
    }

    /// Writes how an intent ended, in whichever transaction the connection is.
    pub(crate) async fn insert_outcome(
        &self,
        connection: &mut SqliteConnection,
        intent: i64,
        outcome: &str,
        now: i64,
    ) -> Result<()> {
        let done = self
            .sql(
                "INSERT INTO audit (at, person_id, person_name, action, object_kind, object, account_id, fingerprint,
                                    request_id, reason, job, intent_id, outcome)
                 SELECT ?3, person_id, person_name, action, object_kind, object, account_id, fingerprint,
                        request_id, reason, job, id, ?2
                 FROM audit WHERE id = ?1 AND intent_id IS NULL AND outcome IS NULL",
            )
            .bind(intent)
            .bind(outcome)
            .bind(now)
            .execute(connection)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::Conflict("audit.intent")) } else { Ok(()) }
    }

    /// Intents without an outcome, oldest first: what was under way when the program last stopped. Those of jobs
    /// are not among them: a job reads back what it left open.
    pub async fn unfinished_intents(&self) -> Result<Vec<AuditRow>> {
        Ok(self
            .rows(
                "SELECT a.* FROM audit a
                 WHERE a.intent_id IS NULL AND a.outcome IS NULL AND a.job IS NULL
                   AND NOT EXISTS (SELECT 1 FROM audit o WHERE o.intent_id = a.id)
                 ORDER BY a.id",
            )
            .fetch_all(self.read())
            .await?)
    }

    /// One intent.
    pub async fn intent(&self, id: i64) -> Result<Option<AuditRow>> {
        Ok(self
            .rows("SELECT * FROM audit WHERE id = ?1 AND intent_id IS NULL")
            .bind(id)
            .fetch_optional(self.read())
            .await?)
    }

    /// The last rows about one thing, newest first, intents and outcomes alike.
    pub async fn history(&self, object_kind: &str, object: &str, limit: u32) -> Result<Vec<AuditRow>> {
        Ok(self
            .rows("SELECT * FROM audit WHERE object_kind = ?1 AND object = ?2 ORDER BY id DESC LIMIT ?3")
            .bind(object_kind)
            .bind(object)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }
}

#[cfg(test)]
mod tests;
