//! The loop that takes what is to be run.

use super::run::{CLOSED_MS, LEASE_MS};
use crate::{Desk, error::Result};
use std::{collections::HashMap, time::Duration};
use store::JobRow;
use tokio::{task::JoinSet, time::sleep};

/// How often a look is taken for jobs, when nothing says that there is one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Jobs at the same time; they share the customer's budget anyway.
const AT_ONCE: usize = 8;

impl Desk {
    /// Runs jobs until `stop`; then sends nothing more and waits for what is under way. At its start it takes up what
    /// an earlier process left.
    pub async fn keep_jobs(&self, stop: impl Future<Output = ()>) {
        if let Err(error) = self.0.store.break_leases().await {
            tracing::error!(%error, "leases could not be broken");
        }
        // Tasks of their own: as futures of this loop they would stand still while it waits for the database, with its
        // one writer in their hands.
        let mut running = JoinSet::new();
        let mut left_alone = HashMap::new();
        tokio::pin!(stop);
        loop {
            while running.len() < AT_ONCE {
                match self.next_job(&mut left_alone).await {
                    Ok(Some(job)) => {
                        running.spawn(self.clone().run_job(job));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(%error, "jobs could not be read");
                        break;
                    }
                }
            }
            tokio::select! {
                Some(ended) = running.join_next() => told(ended),
                () = self.0.jobs.wake.notified() => {}
                () = sleep(LOOK_EVERY) => {}
                () = &mut stop => break,
            }
        }
        self.0.jobs.stop_all();
        while let Some(ended) = running.join_next().await {
            told(ended);
        }
    }

    /// The next job to run. One that was cancelled with rows of which nothing is known is read back, but when that
    /// did not work not again at once: `left_alone` says until when.
    async fn next_job(&self, left_alone: &mut HashMap<i64, i64>) -> Result<Option<JobRow>> {
        let (store, now) = (&self.0.store, self.now_ms());
        if let Some(job) = store.claim_job(&self.0.jobs.by, now, now + LEASE_MS).await? {
            return Ok(Some(job));
        }
        left_alone.retain(|_, until| *until > now);
        let running = |number: i64| self.0.jobs.with(|running| running.contains_key(&number));
        let left = store.cancelled_with_open_rows().await?;
        let next = left.into_iter().find(|job| !running(job.number) && !left_alone.contains_key(&job.number));
        if let Some(job) = &next {
            left_alone.insert(job.number, now + 4 * CLOSED_MS);
        }
        Ok(next)
    }
}

/// A job's task ends only badly when the program is wrong; its lease runs out, and it is taken up again.
fn told(ended: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job broke off");
    }
}
