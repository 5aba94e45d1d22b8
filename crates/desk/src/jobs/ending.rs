//! How rows of a running job end, or wait; and what follows when all have.

use super::{journal::Unwritten, run::Run};
use crate::{Snapshot, error::Result};
use inbound::plan::Reason;
use std::collections::HashSet;
use store::{JobLine, Mark};

impl Run {
    pub(super) async fn done(
        &self,
        line: &JobLine,
        detail: &str,
        after: Option<Snapshot>,
    ) -> std::result::Result<(), Unwritten> {
        let outcome = if detail.is_empty() { "done".to_owned() } else { format!("done: {detail}") };
        let mark = Mark::Ended {
            seq: line.seq,
            state: "done",
            reason: None,
            detail: detail.to_owned(),
            after: after.map(|after| after.base()),
            outcome: Some(outcome),
        };
        self.journal.mark(mark).await
    }

    pub(super) async fn fail(
        &self,
        line: &JobLine,
        reason: Reason,
        detail: String,
    ) -> std::result::Result<(), Unwritten> {
        let outcome = format!("failed: {}", reason.title());
        let mark = Mark::Ended {
            seq: line.seq,
            state: "failed",
            reason: Some(reason.as_str()),
            detail,
            after: None,
            outcome: Some(outcome),
        };
        self.journal.mark(mark).await
    }

    pub(super) async fn again(
        &self,
        line: &JobLine,
        wait: i64,
        counts: bool,
        outcome: &str,
    ) -> std::result::Result<(), Unwritten> {
        let not_before = self.desk.now_ms() + wait;
        self.journal.mark(Mark::Again { seq: line.seq, not_before, counts, outcome: outcome.to_owned() }).await
    }

    /// The key was rejected: its rows wait, all others go on.
    pub(super) async fn hold(&self, line: &JobLine) -> std::result::Result<(), Unwritten> {
        let store = &self.desk.0.store;
        store.hold_key(self.job.number, &line.fingerprint).await.map_err(|error| {
            tracing::error!(%error, "a rejected key could not be noted");
            Unwritten
        })
    }

    /// Pauses a job that has rows left: those of keys that were rejected.
    pub(super) async fn pause_waiting(&self) -> Result<()> {
        let store = &self.desk.0.store;
        let Some(job) = store.job(&self.job.owner_id, self.job.number).await? else { return Ok(()) };
        let held: Vec<String> = serde_json::from_str(&job.held).unwrap_or_default();
        let labels: Vec<_> =
            self.keys.iter().filter(|key| held.contains(&key.fingerprint)).map(|key| key.label.as_str()).collect();
        let (what, next) = if labels.is_empty() {
            ("It stopped before all rows ended.".to_owned(), "Resume it.".to_owned())
        } else {
            let what = format!("MailChannels rejected {}; its rows wait, all others went on.", labels.join(", "));
            (what, "Replace the key under API keys, then resume.".to_owned())
        };
        // A job that somebody paused or cancelled meanwhile stays as it is.
        store.pause_own_job(job.number, &self.desk.0.jobs.by, &what, &next).await?;
        Ok(())
    }

    /// Brings the mirror of the keys that were used up to date.
    pub(super) async fn refresh(&self) {
        let Ok(used) = self.desk.0.store.job_keys(self.job.number).await else { return };
        let target = match serde_json::from_str(&self.job.act) {
            Ok(inbound::plan::Act::Associate { fingerprint, .. }) => Some(fingerprint),
            _ => None,
        };
        let keys: HashSet<_> = used.into_iter().map(|(key, _)| key).chain(target).collect();
        for key in keys.into_iter().filter(|key| !key.is_empty()) {
            if let Err(error) = self.desk.sync_key(&key).await {
                tracing::warn!(%error, job = self.job.number, "the mirror could not be refreshed after a job");
            }
        }
    }
}
