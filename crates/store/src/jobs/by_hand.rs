//! Jobs that a request runs by itself: login links, which are given out at once.

use crate::{Result, Store};

impl Store {
    /// Confirms a plan and takes it at once, for whoever runs it by hand: true for exactly one caller.
    pub async fn begin_job(
        &self,
        owner_id: &str,
        number: i64,
        request_id: &str,
        by: &str,
        now: i64,
        until: i64,
    ) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE jobs SET state = 'running', confirmed_at = ?4, started_at = ?4, request_id = ?3,
                                 lease_by = ?5, lease_until = ?6
                 WHERE number = ?2 AND owner_id = ?1 AND state = 'planned'",
            )
            .bind(owner_id)
            .bind(number)
            .bind(request_id)
            .bind(now)
            .bind(by)
            .bind(until)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a job that was run by hand: what is open is left, or, where it was sent, failed for want of a link.
    pub async fn close_links(&self, number: i64, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        self.sql(
            "UPDATE job_rows SET reason = iif(state = 'planned', NULL, 'no-link'),
                                 state = iif(state = 'planned', 'left', 'failed')
             WHERE job = ?1 AND state IN ('planned', 'sent', 'unknown')",
        )
        .bind(number)
        .execute(&mut *tx)
        .await?;
        self.sql("UPDATE jobs SET state = 'done', ended_at = ?2, lease_until = 0, lease_by = NULL WHERE number = ?1")
            .bind(number)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
