//! Confirming, pausing, resuming, cancelling; trying failed rows again; taking back.

use super::plan::{known_of, row_of, speaks};
use crate::{Asker, Desk, DeskError, Role, Snapshot, audit::Intent, error::Result};
use inbound::plan::{Act, Input, Kind, Reason, SMALL, Wish, undo};
use std::time::Duration;
use store::{JobLine, JobRow, LineFilter};

/// How long a small job is waited for before its page is shown as it stands.
const WAIT: Duration = Duration::from_secs(10);
/// Rows read at a time.
const PAGE: u32 = 5_000;

impl Desk {
    /// One of the person's plans or jobs.
    pub(super) async fn own_job(&self, asker: &Asker, number: i64) -> Result<JobRow> {
        let job = self.0.store.job(&asker.person.id, number).await?;
        job.ok_or_else(|| DeskError::Gone(format!("job {number}")))
    }

    /// Confirms a plan. The number of rows is typed where [`Kind::needs_count`] says so. A small plan is waited for.
    /// A second confirmation of the same plan does nothing.
    pub async fn confirm(&self, asker: &Asker, number: i64, typed: &str) -> Result<()> {
        let rows = self.check_confirmation(asker, number, typed).await?;
        let confirm = self.0.store.confirm_job(&asker.person.id, number, &asker.request_id, self.now_ms());
        if self.audited(asker, "job.confirm", number, confirm).await? {
            self.0.jobs.wake.notify_one();
            if rows <= SMALL {
                self.wait_for(asker, number).await;
            }
        }
        Ok(())
    }

    /// Checks what has to hold before a plan is confirmed; returns how many rows act.
    pub(super) async fn check_confirmation(&self, asker: &Asker, number: i64, typed: &str) -> Result<usize> {
        let job = self.own_job(asker, number).await?;
        let kind = Kind::parse(&job.kind).ok_or(DeskError::Storage)?;
        if Role::parse(&job.needs).is_none_or(|needs| asker.person.role < needs) {
            return Err(DeskError::field("typed", format!("Your role does not allow this; it needs {}.", job.needs)));
        }
        let rows = self.acting_rows(number).await?;
        if rows == 0 {
            return Err(DeskError::field("typed", "No row of this plan changes anything."));
        }
        let wanted = self.is_typed(&job, kind, rows).await?;
        if wanted && typed.trim().replace(',', "") != rows.to_string() {
            return Err(DeskError::field("typed", format!("Type {rows} to begin.")));
        }
        Ok(rows)
    }

    /// Whether the number of rows is typed: many rows, and whatever deprovisions, such as the undo of a provisioning.
    pub(super) async fn is_typed(&self, job: &JobRow, kind: Kind, rows: usize) -> Result<bool> {
        let takes_away = match job.undo_of {
            Some(of) => {
                let of = self.0.store.job(&job.owner_id, of).await?;
                of.is_some_and(|of| of.kind == Kind::Provision.as_str())
            }
            None => false,
        };
        Ok(takes_away || kind.needs_count(rows))
    }

    /// How many rows of a plan change anything.
    pub(super) async fn acting_rows(&self, number: i64) -> Result<usize> {
        let counts = self.0.store.job_counts(number).await?;
        let acting = counts.iter().filter(|(verdict, ..)| verdict == "new" || verdict == "change");
        Ok(usize::try_from(acting.map(|(.., count)| count).sum::<i64>()).unwrap_or_default())
    }

    /// Whether confirming a plan takes a fresh sign-in: it deprovisions or overwrites many. A plan that isn't there
    /// doesn't.
    pub async fn is_grave(&self, person: &crate::Person, number: i64) -> Result<bool> {
        let Some(job) = self.0.store.job(&person.id, number).await? else { return Ok(false) };
        let kind = Kind::parse(&job.kind).ok_or(DeskError::Storage)?;
        let rows = self.acting_rows(number).await?;
        Ok(kind.is_grave(rows) || (job.undo_of.is_some() && rows > 0 && self.is_typed(&job, kind, rows).await?))
    }

    /// Waits until a job does not run any more, but not for long.
    async fn wait_for(&self, asker: &Asker, number: i64) {
        let mut changes = self.job_changes();
        let ended = async {
            loop {
                match self.0.store.job(&asker.person.id, number).await {
                    Ok(Some(job)) if matches!(job.state.as_str(), "queued" | "running") => {}
                    _ => break,
                }
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(WAIT, ended).await;
    }

    /// Throws a plan away.
    pub async fn discard_plan(&self, asker: &Asker, number: i64) -> Result<bool> {
        Ok(self.0.store.discard_plan(&asker.person.id, number).await?)
    }

    /// Pauses a job: what is under way ends, nothing more is sent.
    pub async fn pause_job(&self, asker: &Asker, number: i64) -> Result<bool> {
        self.own_job(asker, number).await?;
        let what = format!("{} paused it.", asker.person.name);
        let pause = self.0.store.pause_job(number, &what, "Resume it when you want.");
        let paused = self.audited(asker, "job.pause", number, pause).await?;
        if paused {
            self.0.jobs.stop(number);
        }
        self.0.jobs.tell();
        Ok(paused)
    }

    /// Lets a paused job go on.
    pub async fn resume_job(&self, asker: &Asker, number: i64) -> Result<bool> {
        let job = self.own_job(asker, number).await?;
        if Role::parse(&job.needs).is_none_or(|needs| asker.person.role < needs) {
            return Ok(false);
        }
        let resume = self.0.store.resume_job(&asker.person.id, number);
        let resumed = self.audited(asker, "job.resume", number, resume).await?;
        if resumed {
            self.0.jobs.wake.notify_one();
            self.0.jobs.tell();
        }
        Ok(resumed)
    }

    /// Ends a job by hand: what was not sent is left.
    pub async fn cancel_job(&self, asker: &Asker, number: i64) -> Result<bool> {
        self.own_job(asker, number).await?;
        let cancel = self.0.store.cancel_job(&asker.person.id, number, self.now_ms());
        let cancelled = self.audited(asker, "job.cancel", number, cancel).await?;
        if cancelled {
            self.0.jobs.stop(number);
            self.0.jobs.wake.notify_one();
        }
        self.0.jobs.tell();
        Ok(cancelled)
    }

    /// Does something to a job, between its intent and its outcome in the audit log.
    pub(super) async fn audited(
        &self,
        asker: &Asker,
        action: &str,
        number: i64,
        act: impl Future<Output = store::Result<bool>>,
    ) -> Result<bool> {
        let object = number.to_string();
        let intent = Intent::to(action, "job", &object);
        let intent = store::NewIntent { job: Some(number), ..intent.by(asker, self.now_ms()) };
        let intent = self.0.store.record_intent(&intent).await?;
        let done = act.await;
        let outcome = match &done {
            Ok(true) => "done".to_owned(),
            Ok(false) => "failed: there was nothing to do any more".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        self.conclude(intent, &outcome).await;
        Ok(done?)
    }

    /// A new plan from the rows that failed, of one reason or of all that can be tried again.
    pub async fn retry_plan(&self, asker: &Asker, number: i64, reason: Option<Reason>, request: &str) -> Result<i64> {
        let job = self.own_job(asker, number).await?;
        let act: Act = serde_json::from_str(&job.act).map_err(|error| DeskError::storage(&error))?;
        let reason_of = |line: &JobLine| line.reason.as_deref().and_then(Reason::parse);
        let lines: Vec<_> = self
            .all_lines(number, "failed")
            .await?
            .into_iter()
            .filter(|line| reason_of(line).is_some_and(|own| reason.map_or(own.can_retry(), |wanted| own == wanted)))
            .collect();
        if lines.is_empty() {
            return Err(DeskError::field("retry", "No failed row can be tried again."));
        }
        let needs = Role::parse(&job.needs).ok_or(DeskError::Storage)?;
        let source =
            format!("{} of job {number}", inbound::words::count(lines.len() as u64, "failed row", "failed rows"));
        let kept = (source.as_str(), job.reason.as_deref(), request);
        let keys = self.key_rows(&asker.person).await?;
        if let Act::Undo { of } = act {
            let rows = self.undo_rows(&keys, &lines, true).await?;
            return self.keep_plan(asker, &Act::Undo { of }, &rows, kept, needs, (job.undo_of, Some(number))).await;
        }
        // What was provisioned without its servers is there now, and gets what is missing.
        let incomplete = lines.iter().all(|line| reason_of(line) == Some(Reason::Incomplete));
        let act = match act {
            Act::Provision { subscription, fingerprint, account, lock, .. } if incomplete => {
                Act::Provision { subscription, fingerprint, account, lock, update: true }
            }
            other => other,
        };
        let wishes = lines.iter().filter_map(|line| serde_json::from_str::<Wish>(&line.input).ok()).collect();
        let rows = self.rows_of(&keys, &act, Input { wishes, ..Input::default() }).await?;
        self.keep_plan(asker, &act, &rows, kept, needs, (None, Some(number))).await
    }

    /// A new plan that takes back what a job did; rows where the world has moved on are refused.
    pub async fn undo_plan(&self, asker: &Asker, number: i64, request: &str) -> Result<i64> {
        let job = self.own_job(asker, number).await?;
        let kind = Kind::parse(&job.kind).ok_or(DeskError::Storage)?;
        let lines = if kind.can_undo() { self.all_lines(number, "done").await? } else { Vec::new() };
        if lines.is_empty() {
            return Err(DeskError::field("undo", "Nothing of this job can be taken back."));
        }
        let needs = Role::parse(&job.needs).ok_or(DeskError::Storage)?;
        let keys = self.key_rows(&asker.person).await?;
        let rows = self.undo_rows(&keys, &lines, false).await?;
        let source = format!("what job {number} did, {}", inbound::words::count(lines.len() as u64, "row", "rows"));
        let kept = (source.as_str(), job.reason.as_deref(), request);
        self.keep_plan(asker, &Act::Undo { of: number }, &rows, kept, needs, (Some(number), None)).await
    }

    /// The way back of rows that were done; of rows that are a way back themselves, the same again.
    async fn undo_rows(&self, keys: &[store::KeyRow], lines: &[JobLine], again: bool) -> Result<Vec<store::NewRow>> {
        let domain =
            |line: &JobLine| line.object.rsplit_once('@').map_or(line.object.clone(), |(_, name)| name.to_owned());
        let names: Vec<_> = lines.iter().map(domain).collect();
        let found = self.known(keys, names.iter().map(String::as_str)).await?;
        let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base);
        let mut rows = Vec::with_capacity(lines.len());
        for (line, name) in lines.iter().zip(&names) {
            // What was done without being sent changed nothing.
            if !again && line.tries == 0 {
                continue;
            }
            let (mut before, after) = (snapshot(&line.before), snapshot(&line.after));
            let Some(mut after) = after else { continue };
            if again {
                let Some(was) = before.clone().or(Some(Snapshot::Provisioned { present: false })) else { continue };
                (before, after) = (Some(after), was);
            }
            let found = found.get(name.as_str());
            // A provisioned domain is undone, or made again, by the key that did it.
            let own = keys.iter().find(|key| key.fingerprint == line.fingerprint);
            let speaker = found.and_then(|found| speaks(keys, found)).or(own);
            let known = found.map(|found| known_of(found, speaker));
            let decision = undo(&line.object, before.as_ref(), &after, known.as_ref());
            let wish: Wish = serde_json::from_str(&line.input).unwrap_or_default();
            rows.push(row_of(&wish, decision, speaker));
        }
        Ok(rows)
    }

    /// All rows of a job in one state.
    pub(super) async fn all_lines(&self, number: i64, state: &str) -> Result<Vec<JobLine>> {
        let mut all = Vec::new();
        let mut filter = LineFilter { state: Some(state.to_owned()), limit: PAGE, ..LineFilter::default() };
        loop {
            let lines = self.0.store.job_lines(number, &filter).await?;
            let Some(last) = lines.last() else { return Ok(all) };
            filter.after = last.seq;
            all.extend(lines);
        }
    }

    /// Drops plans that nobody confirmed for a week, and jobs of more than a year ago.
    pub async fn purge_jobs(&self) -> Result<u64> {
        const DAY: i64 = 24 * 60 * 60 * 1_000;
        let now = self.now_ms();
        Ok(self.0.store.purge_jobs(now - 7 * DAY, now - 400 * DAY).await?)
    }
}
