//! The journal: the rows of jobs. A row is marked sent, together with its intent in the audit log, before the wire;
//! how it ended is marked with the intent's outcome. Many marks go in one transaction.

use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow};

use crate::{NewIntent, Result, Store, StoreError, audit::Chain, pool::Tx};

/// A row to be kept.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewRow {
    /// Line of the input.
    pub line: i64,
    /// A-label or address.
    pub object: String,
    /// Account of the key.
    pub account_id: String,
    /// Fingerprint of the key that speaks.
    pub fingerprint: String,
    /// What it comes to.
    pub verdict: &'static str,
    /// Why, in words.
    pub note: String,
    /// The row as it came, JSON.
    pub input: String,
    /// State before, JSON.
    pub before: Option<String>,
    /// State wanted, JSON.
    pub after: Option<String>,
    /// `planned` when something is to be sent, else `left`.
    pub state: &'static str,
}

/// A row of a job.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct JobLine {
    /// Place in the job.
    pub seq: i64,
    /// Line of the input.
    pub line: i64,
    /// A-label or address.
    pub object: String,
    /// Account of the key.
    pub account_id: String,
    /// Fingerprint of the key that speaks.
    pub fingerprint: String,
    /// What it comes to.
    pub verdict: String,
    /// Why, in words.
    pub note: String,
    /// The row as it came, JSON.
    pub input: String,
    /// State before, JSON.
    pub before: Option<String>,
    /// State wanted, JSON.
    pub after: Option<String>,
    /// `planned`, `sent`, `done`, `failed`, `unknown`, `left`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// What the service said, or what was found.
    pub detail: String,
    /// How often it was sent.
    pub tries: i64,
    /// When it ended or was last tried.
    pub at: Option<i64>,
}

/// Which rows of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// What they come to.
    pub verdict: Option<String>,
    /// Their state.
    pub state: Option<String>,
    /// Why they failed.
    pub reason: Option<String>,
    /// Part of their name.
    pub text: Option<String>,
    /// Those behind this place.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub enum Mark<'a> {
    /// It is about to be sent.
    Sent {
        /// Place in the job.
        seq: i64,
        /// What the audit log says of it.
        intent: NewIntent<'a>,
    },
    /// It ended.
    Ended {
        /// Place in the job.
        seq: i64,
        /// `done`, `failed` or `unknown`.
        state: &'static str,
        /// Why it failed.
        reason: Option<&'static str>,
        /// What the service said, or what was found.
        detail: String,
        /// The state that was reached, JSON, when another than planned.
        after: Option<String>,
        /// For the audit log; none leaves its intent open, until it is known.
        outcome: Option<String>,
    },
    /// It was not done, and is sent again from this time on.
    Again {
        /// Place in the job.
        seq: i64,
        /// Unix milliseconds.
        not_before: i64,
        /// Whether it counts as a try.
        counts: bool,
        /// For the audit log.
        outcome: String,
    },
    /// It could not be looked at, before it was sent or after, and is from this time on. Counts as a try.
    Later {
        /// Place in the job.
        seq: i64,
        /// Unix milliseconds.
        not_before: i64,
    },
}

const COLUMNS: &str = "seq, line, object, account_id, fingerprint, verdict, note, input, before, after, state, reason,
    detail, tries, at";
/// Rows of one statement.
const CHUNK: usize = 5_000;

impl Store {
    pub(crate) async fn insert_rows(&self, tx: &mut Tx, job: i64, rows: &[NewRow]) -> Result<()> {
        for (chunk, rows) in rows.chunks(CHUNK).enumerate() {
            let json =
                serde_json::to_string(rows).map_err(|error| StoreError::Db(sqlx::Error::Encode(error.into())))?;
            self.sql(
                "INSERT INTO job_rows (job, seq, line, object, account_id, fingerprint, verdict, note, input, before,
                                       after, state)
                 SELECT ?1, ?2 + key, value ->> 'line', value ->> 'object', value ->> 'account_id',
                        value ->> 'fingerprint', value ->> 'verdict', value ->> 'note', value ->> 'input',
                        value ->> 'before', value ->> 'after', value ->> 'state'
                 FROM json_each(?3)",
            )
            .bind(job)
            .bind(i64::try_from(chunk * CHUNK).unwrap_or(i64::MAX).saturating_add(1))
            .bind(json)
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    }

    /// How many rows are of each verdict and state.
    pub async fn job_counts(&self, job: i64) -> Result<Vec<(String, String, i64)>> {
        Ok(self
            .rows("SELECT verdict, state, count(*) FROM job_rows WHERE job = ?1 GROUP BY verdict, state")
            .bind(job)
            .fetch_all(self.read())
            .await?)
    }

    /// How many rows of a job each key speaks for, of those that are sent.
    pub async fn job_keys(&self, job: i64) -> Result<Vec<(String, i64)>> {
        Ok(self
            .rows(
                "SELECT fingerprint, count(*) FROM job_rows WHERE job = ?1 AND verdict IN ('new', 'change')
                 GROUP BY fingerprint ORDER BY 2 DESC, 1",
            )
            .bind(job)
            .fetch_all(self.read())
            .await?)
    }

    /// Of the domains that a job takes away: how many have MX records that still point here, or partly; and of how many
    /// nothing is known.
    pub async fn job_mx(&self, job: i64) -> Result<(i64, i64)> {
        Ok(self
            .rows(
                "SELECT count(*) FILTER (WHERE m.verdict IN ('here', 'mixed')),
                        count(*) FILTER (WHERE coalesce(m.verdict, 'unknown') = 'unknown')
                 FROM job_rows r LEFT JOIN mx m ON m.name = r.object
                 WHERE r.job = ?1 AND r.verdict IN ('new', 'change')",
            )
            .bind(job)
            .fetch_one(self.read())
            .await?)
    }

    /// How many rows failed for each reason.
    pub async fn job_reasons(&self, job: i64) -> Result<Vec<(String, i64)>> {
        Ok(self
            .rows(
                "SELECT reason, count(*) FROM job_rows WHERE job = ?1 AND reason IS NOT NULL
                 GROUP BY reason ORDER BY 2 DESC, 1",
            )
            .bind(job)
            .fetch_all(self.read())
            .await?)
    }

    /// Some rows, in their order.
    pub async fn job_lines(&self, job: i64, filter: &LineFilter) -> Result<Vec<JobLine>> {
        // Put together from constants only.
        let mut sql = format!("SELECT {COLUMNS} FROM job_rows WHERE job = ?1 AND seq > ?2");
        for (on, condition) in [
            (filter.verdict.is_some(), " AND verdict = ?3"),
            (filter.state.is_some(), " AND state = ?4"),
            (filter.reason.is_some(), " AND reason = ?5"),
            (filter.text.is_some(), " AND instr(object, ?6) > 0"),
        ] {
            if on {
                sql.push_str(condition);
            }
        }
        sql.push_str(" ORDER BY seq LIMIT ?7");
        Ok(self
            .rows(AssertSqlSafe(sql))
            .bind(job)
            .bind(filter.after)
            .bind(filter.verdict.as_deref())
            .bind(filter.state.as_deref())
            .bind(filter.reason.as_deref())
            .bind(filter.text.as_deref())
            .bind(filter.limit)
            .fetch_all(self.read())
            .await?)
    }

    /// The accounts with rows that have not ended.
    pub async fn job_accounts(&self, job: i64) -> Result<Vec<String>> {
        Ok(self
            .scalar(
                "SELECT DISTINCT account_id FROM job_rows WHERE job = ?1 AND state IN ('planned', 'sent', 'unknown')",
            )
            .bind(job)
            .fetch_all(self.read())
            .await?)
    }

    /// Rows in one state that are due and whose key isn't held, in their order.
    pub async fn due_lines(
        &self,
        job: i64,
        account: &str,
        state: &str,
        now: i64,
        limit: usize,
    ) -> Result<Vec<JobLine>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job_rows WHERE job = ?1 AND state = ?3 AND account_id = ?2 AND not_before <= ?4
             AND fingerprint NOT IN (SELECT value FROM jobs, json_each(jobs.held) WHERE number = ?1)
             ORDER BY not_before, seq LIMIT ?5"
        );
        Ok(self
            .rows(AssertSqlSafe(sql))
            .bind(job)
            .bind(account)
            .bind(state)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.read())
            .await?)
    }

    /// When the next row of an account is due, of those whose key isn't held; none when all have ended or wait.
    pub async fn next_due(&self, job: i64, account: &str) -> Result<Option<i64>> {
        Ok(self
            .scalar(
                "SELECT min(not_before) FROM job_rows
                 WHERE job = ?1 AND account_id = ?2 AND state IN ('planned', 'unknown')
                   AND fingerprint NOT IN (SELECT value FROM jobs, json_each(jobs.held) WHERE number = ?1)",
            )
            .bind(job)
            .bind(account)
            .fetch_one(self.read())
            .await?)
    }

    /// Writes marks in one transaction. Answers for each whether it was taken: a row is marked sent only while it is
    /// planned and its job is this process's to run.
    pub async fn mark(&self, job: i64, by: &str, marks: &[Mark<'_>], now: i64) -> Result<Vec<bool>> {
        let mut tx = self.begin().await?;
        let mut chain = self.chain(&mut tx).await?;
        let mut taken = Vec::with_capacity(marks.len());
        for mark in marks {
            taken.push(match mark {
                Mark::Sent { seq, intent } => self.mark_sent(&mut tx, &mut chain, (job, *seq), by, intent, now).await?,
                Mark::Ended { seq, state, reason, detail, after, outcome } => {
                    let intent: Option<Option<i64>> = self
                        .scalar(
                            "UPDATE job_rows SET state = ?3, reason = ?4, detail = ?5, after = coalesce(?6, after), at = ?7
                             WHERE job = ?1 AND seq = ?2 AND state IN ('planned', 'sent', 'unknown') RETURNING intent_id",
                        )
                        .bind(job)
                        .bind(seq)
                        .bind(state)
                        .bind(reason)
                        .bind(detail)
                        .bind(after.as_deref())
                        .bind(now)
                        .fetch_optional(&mut *tx)
                        .await?;
                    self.conclude_line(&mut tx, &mut chain, intent.flatten(), outcome.as_deref(), now).await?;
                    intent.is_some()
                }
                Mark::Again { seq, not_before, counts, outcome } => {
                    // A job that was cancelled meanwhile sends nothing again.
                    let intent: Option<Option<i64>> = self
                        .scalar(
                            "UPDATE job_rows SET not_before = ?3, at = ?4, tries = tries - ?5,
                                    state = iif((SELECT state FROM jobs WHERE number = ?1) = 'cancelled', 'left', 'planned')
                             WHERE job = ?1 AND seq = ?2 AND state IN ('sent', 'unknown') RETURNING intent_id",
                        )
                        .bind(job)
                        .bind(seq)
                        .bind(not_before)
                        .bind(now)
                        .bind(i64::from(!counts))
                        .fetch_optional(&mut *tx)
                        .await?;
                    self.conclude_line(&mut tx, &mut chain, intent.flatten(), Some(outcome), now).await?;
                    intent.is_some()
                }
                Mark::Later { seq, not_before } => {
                    let done = self
                        .sql(
                            "UPDATE job_rows SET state = iif(state = 'planned', 'planned', 'unknown'), not_before = ?3,
                                    tries = tries + (state <> 'sent')
                             WHERE job = ?1 AND seq = ?2 AND state IN ('planned', 'sent', 'unknown')",
                        )
                        .bind(job)
                        .bind(seq)
                        .bind(not_before)
                        .execute(&mut *tx)
                        .await?;
                    done.rows_affected() > 0
                }
            });
        }
        tx.commit().await?;
        Ok(taken)
    }

    async fn mark_sent(
        &self,
        tx: &mut Tx,
        chain: &mut Chain,
        (job, seq): (i64, i64),
        by: &str,
        intent: &NewIntent<'_>,
        now: i64,
    ) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE job_rows SET state = 'sent', tries = tries + 1, at = ?4
                 WHERE job = ?1 AND seq = ?2 AND state = 'planned'
                   AND EXISTS (SELECT 1 FROM jobs WHERE number = ?1 AND state = 'running' AND lease_by = ?3)",
            )
            .bind(job)
            .bind(seq)
            .bind(by)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let id = self.insert_audit(tx, chain, intent, None).await?;
        self.sql("UPDATE job_rows SET intent_id = ?3 WHERE job = ?1 AND seq = ?2")
            .bind(job)
            .bind(seq)
            .bind(id)
            .execute(&mut **tx)
            .await?;
        Ok(true)
    }

    async fn conclude_line(
        &self,
        tx: &mut Tx,
        chain: &mut Chain,
        intent: Option<i64>,
        outcome: Option<&str>,
        now: i64,
    ) -> Result<()> {
        let (Some(intent), Some(outcome)) = (intent, outcome) else {
            return Ok(());
        };
        match self.insert_outcome(tx, chain, intent, outcome, now).await {
            // A row that ended without being sent again has the intent of an earlier try, concluded then.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => other,
        }
    }
}
