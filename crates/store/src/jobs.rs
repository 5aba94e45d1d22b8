//! Plans and jobs: making, finding, confirming, leasing, pausing, ending them. Their rows are in [`crate::job_rows`].

mod by_hand;

use sqlx::FromRow;
use std::collections::HashMap;

use crate::{NewRow, Result, Store};

/// A plan to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Whose.
    pub owner_id: &'a str,
    /// Their name at the time.
    pub owner_name: &'a str,
    /// Of the form: the same again makes no second plan.
    pub client_request_id: &'a str,
    /// Which act.
    pub kind: &'a str,
    /// What holds for every row, JSON.
    pub act: &'a str,
    /// Where the rows came from.
    pub source: &'a str,
    /// A ticket, or why.
    pub reason: Option<&'a str>,
    /// The least role that may run it.
    pub needs: &'a str,
    /// The job it takes back.
    pub undo_of: Option<i64>,
    /// The job whose failed rows it tries again.
    pub retry_of: Option<i64>,
    /// Unix milliseconds.
    pub now: i64,
}

/// A plan or job.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct JobRow {
    /// Its number.
    pub number: i64,
    /// Whose.
    pub owner_id: String,
    /// Their name at the time.
    pub owner_name: String,
    /// Which act.
    pub kind: String,
    /// What holds for every row, JSON.
    pub act: String,
    /// Where the rows came from.
    pub source: String,
    /// A ticket, or why.
    pub reason: Option<String>,
    /// The least role that may run it.
    pub needs: String,
    /// The job it takes back.
    pub undo_of: Option<i64>,
    /// The job whose failed rows it tries again.
    pub retry_of: Option<i64>,
    /// `planned`, `queued`, `running`, `paused`, `done`, `cancelled`.
    pub state: String,
    /// Paused: what happened.
    pub why_what: Option<String>,
    /// And the next step.
    pub why_next: Option<String>,
    /// Fingerprints whose rows wait, JSON.
    pub held: String,
    /// Request id of the confirmation.
    pub request_id: String,
    /// Unix milliseconds, as those below.
    pub created_at: i64,
    /// When it was confirmed.
    pub confirmed_at: Option<i64>,
    /// When its first row was begun.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// The process that runs it.
    pub lease_by: Option<String>,
    /// Until when, unless renewed.
    pub lease_until: i64,
}

const COLUMNS: &str = "number, owner_id, owner_name, kind, act, source, reason, needs, undo_of, retry_of, state,
    why_what, why_next, held, request_id, created_at, confirmed_at, started_at, ended_at, lease_by, lease_until";

/// Put together from constants only.
fn select(rest: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM jobs {rest}"))
}

impl Store {
    /// Keeps a plan with its rows; the same request again gives the plan it made. Says whether it is new.
    pub async fn create_job(&self, job: &NewJob<'_>, rows: &[NewRow]) -> Result<(i64, bool)> {
        let mut tx = self.begin().await?;
        let made: Option<i64> = self
            .scalar(
                "INSERT INTO jobs (owner_id, owner_name, client_request_id, kind, act, source, reason, needs,
                                   undo_of, retry_of, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (owner_id, client_request_id) DO NOTHING RETURNING number",
            )
            .bind(job.owner_id)
            .bind(job.owner_name)
            .bind(job.client_request_id)
            .bind(job.kind)
            .bind(job.act)
            .bind(job.source)
            .bind(job.reason)
            .bind(job.needs)
            .bind(job.undo_of)
            .bind(job.retry_of)
            .bind(job.now)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(number) = made else {
            let number = self
                .scalar("SELECT number FROM jobs WHERE owner_id = ?1 AND client_request_id = ?2")
                .bind(job.owner_id)
                .bind(job.client_request_id)
                .fetch_one(&mut *tx)
                .await?;
            return Ok((number, false));
        };
        self.insert_rows(&mut tx, number, rows).await?;
        tx.commit().await?;
        Ok((number, true))
    }

    /// One of a person's.
    pub async fn job(&self, owner_id: &str, number: i64) -> Result<Option<JobRow>> {
        Ok(self
            .rows(select("WHERE number = ?1 AND owner_id = ?2"))
            .bind(number)
            .bind(owner_id)
            .fetch_optional(self.read())
            .await?)
    }

    /// A person's, newest first; `before` a number, or all.
    pub async fn jobs_of(&self, owner_id: &str, before: Option<i64>, limit: u32) -> Result<Vec<JobRow>> {
        Ok(self
            .rows(select("WHERE owner_id = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3"))
            .bind(owner_id)
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }

    /// How many rows of each verdict and state several jobs have, by their numbers.
    pub async fn counts_of_jobs(&self, jobs: &[i64]) -> Result<HashMap<i64, Vec<(String, String, i64)>>> {
        let rows: Vec<(i64, String, String, i64)> = self
            .rows(
                "SELECT job, verdict, state, count(*) FROM job_rows WHERE job IN (SELECT value FROM json_each(?1))
                 GROUP BY job, verdict, state",
            )
            .bind(serde_json::json!(jobs).to_string())
            .fetch_all(self.read())
            .await?;
        let mut counts: HashMap<_, Vec<_>> = HashMap::new();
        for (job, verdict, state, count) in rows {
            counts.entry(job).or_default().push((verdict, state, count));
        }
        Ok(counts)
    }

    /// A person's that are under way or wait for them.
    pub async fn active_jobs_of(&self, owner_id: &str) -> Result<Vec<JobRow>> {
        Ok(self
            .rows(select(
                "WHERE owner_id = ?1 AND state IN ('queued', 'running', 'paused') ORDER BY number DESC LIMIT 20",
            ))
            .bind(owner_id)
            .fetch_all(self.read())
            .await?)
    }

    /// Confirms a plan: true for exactly one caller.
    pub async fn confirm_job(&self, owner_id: &str, number: i64, request_id: &str, now: i64) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE jobs SET state = 'queued', confirmed_at = ?4, request_id = ?3
                 WHERE number = ?2 AND owner_id = ?1 AND state = 'planned'",
            )
            .bind(owner_id)
            .bind(number)
            .bind(request_id)
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Throws a plan away that was never confirmed.
    pub async fn discard_plan(&self, owner_id: &str, number: i64) -> Result<bool> {
        let done = self
            .sql("DELETE FROM jobs WHERE number = ?2 AND owner_id = ?1 AND state = 'planned'")
            .bind(owner_id)
            .bind(number)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes the next job that nobody runs: a queued one, or one whose process died. What that one had sent and
    /// not heard of is unknown from here on.
    pub async fn claim_job(&self, by: &str, now: i64, until: i64) -> Result<Option<JobRow>> {
        let mut tx = self.begin().await?;
        let claimed: Option<i64> = self
            .scalar(
                "UPDATE jobs SET state = 'running', lease_by = ?1, lease_until = ?3,
                                 started_at = coalesce(started_at, ?2), why_what = NULL, why_next = NULL
                 WHERE number = (SELECT number FROM jobs
                                 WHERE state IN ('queued', 'running') AND lease_until <= ?2 ORDER BY number LIMIT 1)
                 RETURNING number",
            )
            .bind(by)
            .bind(now)
            .bind(until)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(number) = claimed else {
            return Ok(None);
        };
        self.sql("UPDATE job_rows SET state = 'unknown', not_before = 0 WHERE job = ?1 AND state = 'sent'")
            .bind(number)
            .execute(&mut *tx)
            .await?;
        let row = self.rows(select("WHERE number = ?1")).bind(number).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// At the start of the only process on this database: no lease is anybody's.
    pub async fn break_leases(&self) -> Result<()> {
        self.sql("UPDATE jobs SET lease_until = 0, lease_by = NULL WHERE lease_until > 0")
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// Renews a lease; false when the job is not this process's any more, or is not to go on.
    pub async fn renew_lease(&self, number: i64, by: &str, until: i64) -> Result<bool> {
        let done = self
            .sql("UPDATE jobs SET lease_until = ?3 WHERE number = ?1 AND lease_by = ?2 AND state = 'running'")
            .bind(number)
            .bind(by)
            .bind(until)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives a lease back, after nothing of the job is under way any more.
    pub async fn release_lease(&self, number: i64, by: &str) -> Result<()> {
        self.sql("UPDATE jobs SET lease_until = 0, lease_by = NULL WHERE number = ?1 AND lease_by = ?2")
            .bind(number)
            .bind(by)
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// Notes that a key's rows wait, because the service rejected it.
    pub async fn hold_key(&self, number: i64, fingerprint: &str) -> Result<()> {
        self.sql(
            "UPDATE jobs SET held = json_insert(held, '$[#]', ?2)
             WHERE number = ?1 AND ?2 NOT IN (SELECT value FROM json_each(held))",
        )
        .bind(number)
        .bind(fingerprint)
        .execute(self.write())
        .await?;
        Ok(())
    }

    /// Pauses a job that is queued or running; what is under way ends. Says whether there was something to pause.
    pub async fn pause_job(&self, number: i64, what: &str, next: &str) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE jobs SET state = 'paused', why_what = ?2, why_next = ?3
                 WHERE number = ?1 AND state IN ('queued', 'running')",
            )
            .bind(number)
            .bind(what)
            .bind(next)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Pauses a job from within, while this process runs it: one that was paused and resumed meanwhile, and waits to
    /// be taken again, stays as it is.
    pub async fn pause_own_job(&self, number: i64, by: &str, what: &str, next: &str) -> Result<()> {
        self.sql(
            "UPDATE jobs SET state = 'paused', why_what = ?3, why_next = ?4
             WHERE number = ?1 AND state = 'running' AND lease_by = ?2",
        )
        .bind(number)
        .bind(by)
        .bind(what)
        .bind(next)
        .execute(self.write())
        .await?;
        Ok(())
    }

    /// Lets a paused job go on; the keys that were held are tried again.
    pub async fn resume_job(&self, owner_id: &str, number: i64) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE jobs SET state = 'queued', why_what = NULL, why_next = NULL, held = '[]'
                 WHERE number = ?2 AND owner_id = ?1 AND state = 'paused'",
            )
            .bind(owner_id)
            .bind(number)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a job by hand: what was not sent is left. What is under way, or not known, is still brought to its end.
    pub async fn cancel_job(&self, owner_id: &str, number: i64, now: i64) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = self
            .sql(
                "UPDATE jobs SET state = 'cancelled', ended_at = ?3, why_what = NULL, why_next = NULL
                 WHERE number = ?2 AND owner_id = ?1 AND state IN ('queued', 'running', 'paused')",
            )
            .bind(owner_id)
            .bind(number)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.sql("UPDATE job_rows SET state = 'left' WHERE job = ?1 AND state = 'planned'")
            .bind(number)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends a job whose rows have all ended; false when some have not.
    pub async fn finish_job(&self, number: i64, now: i64) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE jobs SET state = 'done', ended_at = ?2 WHERE number = ?1 AND state = 'running'
                 AND NOT EXISTS (SELECT 1 FROM job_rows WHERE job = ?1 AND state IN ('planned', 'sent', 'unknown'))",
            )
            .bind(number)
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Jobs that ended by hand with rows of which nothing is known, for reading back.
    pub async fn cancelled_with_open_rows(&self) -> Result<Vec<JobRow>> {
        Ok(self
            .rows(select(
                "WHERE state = 'cancelled' AND lease_until = 0
                 AND EXISTS (SELECT 1 FROM job_rows r WHERE r.job = number AND r.state IN ('sent', 'unknown'))",
            ))
            .fetch_all(self.read())
            .await?)
    }

    /// Drops plans that were never confirmed and jobs that ended, made before these times.
    pub async fn purge_jobs(&self, plans_before: i64, jobs_before: i64) -> Result<u64> {
        let done = self
            .sql(
                "DELETE FROM jobs WHERE (state = 'planned' AND created_at < ?1)
                 OR (state IN ('done', 'cancelled') AND created_at < ?2
                     AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.undo_of = jobs.number OR j.retry_of = jobs.number))",
            )
            .bind(plans_before)
            .bind(jobs_before)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;
