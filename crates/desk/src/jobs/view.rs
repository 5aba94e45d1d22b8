//! Plans and jobs as pages show them.

use crate::{Asker, Desk, Person, Snapshot, error::Result};
use inbound::plan::{Act, Kind, Outcome, Reason, Verdict, Wish};
use store::{JobLine, JobRow, LineFilter};

/// How many rows are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; 6],
    /// Acting rows that wait.
    pub waiting: u64,
    /// Acting rows that are under way.
    pub sent: u64,
    /// Done.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Not known.
    pub unknown: u64,
    /// Acting rows that were never sent, because the job was cancelled.
    pub left: u64,
}

impl Counts {
    fn of(rows: &[(String, String, i64)]) -> Self {
        let mut counts = Self::default();
        for (verdict, state, count) in rows {
            let count = u64::try_from(*count).unwrap_or_default();
            let Some(verdict) = Verdict::parse(verdict) else { continue };
            if let Some(index) = Verdict::ALL.iter().position(|one| *one == verdict) {
                counts.verdicts[index] += count;
            }
            if verdict.acts() {
                match state.as_str() {
                    "planned" => counts.waiting += count,
                    "sent" => counts.sent += count,
                    "done" => counts.done += count,
                    "failed" => counts.failed += count,
                    "unknown" => counts.unknown += count,
                    _ => counts.left += count,
                }
            }
        }
        counts
    }

    /// Rows of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> u64 {
        Verdict::ALL.iter().position(|one| *one == verdict).map_or(0, |index| self.verdicts[index])
    }

    /// Rows for which something is sent.
    pub fn acting(&self) -> u64 {
        self.verdict(Verdict::New) + self.verdict(Verdict::Change)
    }

    /// All rows.
    pub fn all(&self) -> u64 {
        self.verdicts.iter().sum()
    }

    /// Acting rows that have ended.
    pub fn ended(&self) -> u64 {
        self.done + self.failed + self.left
    }
}

/// A plan or job.
#[derive(Clone, Debug)]
pub struct JobView {
    /// As it is kept.
    pub row: JobRow,
    /// Which act.
    pub kind: Kind,
    /// With what holds for every row.
    pub act: Act,
    /// Its rows.
    pub counts: Counts,
    /// Label of each key that speaks, and for how many rows.
    pub keys: Vec<(String, u64)>,
    /// Why rows failed, and how many.
    pub reasons: Vec<(Reason, u64)>,
    /// Label of the key that domains move to, or that provisions.
    pub target: Option<String>,
    /// Calls that it costs, about.
    pub calls: u64,
    /// Requests a second that the budget allows at the moment.
    pub rate: u32,
    /// Requests of the last second, of everybody together.
    pub in_use: usize,
    /// Whether the number of rows is typed to confirm it.
    pub typed: bool,
}

impl JobView {
    /// Its heading.
    pub fn title(&self) -> String {
        self.kind.title(self.counts.acting())
    }

    /// Seconds that the rows still to be sent take at the budget of the moment, about.
    pub fn seconds_left(&self) -> u64 {
        let open = self.counts.waiting + self.counts.sent + self.counts.unknown;
        let calls = self.calls * open / self.counts.acting().max(1);
        calls.div_ceil(u64::from(self.rate.max(1)))
    }

    /// Whether something of it can be taken back.
    pub fn can_undo(&self) -> bool {
        self.kind.can_undo()
            && self.counts.done > 0
            && matches!(self.row.state.as_str(), "done" | "cancelled" | "paused")
    }

    /// Failed rows that can be tried again as they are.
    pub fn can_retry(&self) -> u64 {
        self.reasons.iter().filter(|(reason, _)| reason.can_retry()).map(|(_, count)| count).sum()
    }

    /// Whether it runs or is about to.
    pub fn is_active(&self) -> bool {
        matches!(self.row.state.as_str(), "queued" | "running")
    }
}

/// A row as pages show it.
#[derive(Clone, Debug)]
pub struct JobLineView {
    /// Place in the job.
    pub seq: i64,
    /// Line of the input.
    pub line: i64,
    /// A-label, address, or the text of a line that can't be read.
    pub object: String,
    /// Label of the key that speaks.
    pub key: Option<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in words.
    pub note: String,
    /// State before.
    pub before: Option<Snapshot>,
    /// State wanted.
    pub after: Option<Snapshot>,
    /// `planned`, `sent`, `done`, `failed`, `unknown`, `left`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// What the service said, or what was found.
    pub detail: String,
    /// When it ended or was last tried.
    pub at: Option<i64>,
}

impl Desk {
    /// One of the person's plans or jobs.
    pub async fn job(&self, asker: &Asker, number: i64) -> Result<JobView> {
        let row = self.own_job(asker, number).await?;
        self.job_view(&asker.person, row).await
    }

    /// How a job stands: its state and its rows. For live progress; two statements.
    pub async fn job_progress(&self, person: &Person, number: i64) -> Result<Option<(String, Counts)>> {
        let Some(row) = self.0.store.job(&person.id, number).await? else { return Ok(None) };
        Ok(Some((row.state, Counts::of(&self.0.store.job_counts(number).await?))))
    }

    async fn job_view(&self, person: &Person, row: JobRow) -> Result<JobView> {
        let store = &self.0.store;
        let kind = Kind::parse(&row.kind).ok_or(crate::DeskError::Storage)?;
        let act: Act = serde_json::from_str(&row.act).map_err(|error| crate::DeskError::storage(&error))?;
        let counts = Counts::of(&store.job_counts(row.number).await?);
        let keys = self.key_rows(person).await?;
        let label =
            |fingerprint: &str| keys.iter().find(|key| key.fingerprint == fingerprint).map(|key| key.label.clone());
        let used = store.job_keys(row.number).await?;
        let stats = used
            .iter()
            .filter_map(|(fingerprint, _)| keys.iter().find(|key| key.fingerprint == *fingerprint))
            .map(|key| self.account_of(key).stats())
            .next();
        let reasons = store.job_reasons(row.number).await?;
        let target = match &act {
            Act::Associate { fingerprint, .. } | Act::Provision { fingerprint, .. } => label(fingerprint),
            _ => None,
        };
        let acting = counts.acting();
        let typed = self.is_typed(&row, kind, usize::try_from(acting).unwrap_or(usize::MAX)).await?;
        let calls = match kind.shared() {
            Some(most) => {
                let shared = acting.div_ceil(most as u64);
                // Provisioning reads back all that the key sees, 5,000 domains a call.
                if kind == Kind::Provision { shared * 2 } else { shared }
            }
            None => acting * kind.calls_a_row(),
        };
        Ok(JobView {
            keys: used
                .into_iter()
                .map(|(fingerprint, count)| {
                    let count = u64::try_from(count).unwrap_or_default();
                    (label(&fingerprint).unwrap_or_else(|| "a key that is gone".into()), count)
                })
                .collect(),
            reasons: reasons
                .into_iter()
                .filter_map(|(reason, count)| Some((Reason::parse(&reason)?, u64::try_from(count).unwrap_or_default())))
                .collect(),
            rate: stats.map_or(self.0.client.rate(), |stats| stats.limit),
            in_use: stats.map_or(0, |stats| stats.in_window),
            row,
            kind,
            act,
            counts,
            target,
            calls,
            typed,
        })
    }

    /// Of the domains that a job takes away: how many have MX records that still point here, and of how many nothing
    /// is known.
    pub async fn job_mx(&self, number: i64) -> Result<(u64, u64)> {
        let (here, unknown) = self.0.store.job_mx(number).await?;
        Ok((u64::try_from(here).unwrap_or_default(), u64::try_from(unknown).unwrap_or_default()))
    }

    /// The person's plans and jobs, newest first, with their counts.
    pub async fn jobs(&self, person: &Person, before: Option<i64>, limit: u32) -> Result<Vec<(JobRow, Kind, Counts)>> {
        let mut jobs = Vec::new();
        let rows = self.0.store.jobs_of(&person.id, before, limit).await?;
        let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
        let mut counts = self.0.store.counts_of_jobs(&numbers).await?;
        for row in rows {
            let Some(kind) = Kind::parse(&row.kind) else { continue };
            let counts = Counts::of(&counts.remove(&row.number).unwrap_or_default());
            jobs.push((row, kind, counts));
        }
        Ok(jobs)
    }

    /// The person's jobs that are under way or wait for them: number, title, state.
    pub async fn active_jobs(&self, person: &Person) -> Result<Vec<JobRow>> {
        Ok(self.0.store.active_jobs_of(&person.id).await?)
    }

    /// Some rows of one of the person's jobs.
    pub async fn job_lines(&self, asker: &Asker, number: i64, filter: &LineFilter) -> Result<Vec<JobLineView>> {
        self.own_job(asker, number).await?;
        let keys = self.key_rows(&asker.person).await?;
        let label =
            |fingerprint: &str| keys.iter().find(|key| key.fingerprint == fingerprint).map(|key| key.label.clone());
        let lines = self.0.store.job_lines(number, filter).await?;
        Ok(lines.into_iter().map(|line| line_view(line, label)).collect())
    }

    /// Rows for a CSV: all, or those that failed. With the kind that says their columns.
    pub async fn job_outcomes(&self, asker: &Asker, number: i64, failed: bool) -> Result<(Kind, Vec<Outcome>)> {
        let row = self.own_job(asker, number).await?;
        let mut kind = Kind::parse(&row.kind).ok_or(crate::DeskError::Storage)?;
        if let Some(of) = row.undo_of
            && let Some(of) = self.0.store.job(&asker.person.id, of).await?
        {
            kind = Kind::parse(&of.kind).unwrap_or(kind);
        }
        let mut outcomes = Vec::new();
        let state = failed.then(|| "failed".to_owned());
        let mut filter = LineFilter { state, limit: 5_000, ..LineFilter::default() };
        loop {
            let lines = self.0.store.job_lines(number, &filter).await?;
            let Some(last) = lines.last() else { return Ok((kind, outcomes)) };
            filter.after = last.seq;
            outcomes.extend(lines.into_iter().map(|line| outcome(kind, line)));
        }
    }
}

fn line_view(line: JobLine, label: impl Fn(&str) -> Option<String>) -> JobLineView {
    let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base);
    JobLineView {
        key: label(&line.fingerprint),
        verdict: Verdict::parse(&line.verdict).unwrap_or(Verdict::Invalid),
        before: snapshot(&line.before),
        after: snapshot(&line.after),
        reason: line.reason.as_deref().and_then(Reason::parse),
        seq: line.seq,
        line: line.line,
        object: line.object,
        note: line.note,
        state: line.state,
        detail: line.detail,
        at: line.at,
    }
}

fn outcome(kind: Kind, line: JobLine) -> Outcome {
    let verdict = Verdict::parse(&line.verdict).unwrap_or(Verdict::Invalid);
    let reason = line.reason.as_deref().and_then(Reason::parse);
    let said = match (line.state.as_str(), verdict) {
        ("done", _) => kind.done(),
        ("failed", _) => "Failed",
        ("sent", _) => "Under way",
        ("unknown", _) => "Not known yet",
        ("planned", _) => "Waiting",
        (_, Verdict::Exists) => "Existed",
        (_, Verdict::Same) => "No change needed",
        (_, Verdict::Invalid) => "Invalid",
        (_, Verdict::Forbidden) => "Not allowed",
        _ => "Not sent",
    };
    let mut why: Vec<_> = reason.map(|reason| reason.title().to_owned()).into_iter().collect();
    why.extend([line.note.clone(), line.detail.clone()].into_iter().filter(|text| !text.is_empty()));
    let mut wish: Wish = serde_json::from_str(&line.input).unwrap_or_default();
    if wish.object.is_empty() {
        wish.object = line.object;
    }
    Outcome {
        wish,
        outcome: said.to_owned(),
        reason: why.join(" "),
        next: reason.map(|reason| reason.next().to_owned()).unwrap_or_default(),
        time: line
            .at
            .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
            .map(|at| format!("{at:.0}"))
            .unwrap_or_default(),
    }
}
