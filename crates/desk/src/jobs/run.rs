//! Running jobs: a loop that takes what is to be run, and for each job a pass over its rows, account by account, with
//! as many calls under way as the latency asks for, so that the budget, not the round trip, is the limit.

use super::{
    Flag,
    chunk::Chunk,
    flights::meanwhile,
    journal::{Journal, Unwritten},
    read,
    step::{Ready, Sent, Step, lacks_servers, reason_of, words_of},
};
use crate::{Desk, DeskError, Person, Role, Snapshot, error::Result, reach::Opened};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use inbound::plan::{Kind, Reason, SMALL, Settled, settle};
use mailchannels::{Error as Upstream, Lane};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use store::{JobLine, JobRow, KeyRow, Mark};
use tokio::time::sleep;

/// A lease, unless renewed, and how often that happens.
pub(super) const LEASE_MS: i64 = 30_000;
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often a row is sent, or looked at, before it is given up.
const TRIES_MAX: i64 = 8;
/// The pause before the second try; doubles with each.
const BACKOFF_MS: i64 = 500;
/// The pause after a call that was not even sent.
pub(super) const CLOSED_MS: i64 = 5_000;
/// Calls under way before anything is known of the latency.
const AT_FIRST: usize = 8;
/// Shared calls at the same time.
const CHUNKS_AT_ONCE: usize = 2;

/// A job under way.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) desk: Desk,
    pub(super) job: Arc<JobRow>,
    pub(super) kind: Kind,
    pub(super) keys: Arc<Vec<KeyRow>>,
    pub(super) journal: Journal,
    /// People's, for a small job: who confirmed it waits for it.
    lane: Lane,
    flag: Arc<Flag>,
}

enum Task {
    Send(JobLine),
    Look(JobLine),
    Chunk(Vec<JobLine>),
}

/// Rows under way, and whether the journal could be written.
type Flight<'a> = BoxFuture<'a, (Vec<i64>, std::result::Result<(), Unwritten>)>;

impl Task {
    fn seqs(&self) -> Vec<i64> {
        match self {
            Self::Send(line) | Self::Look(line) => vec![line.seq],
            Self::Chunk(lines) => lines.iter().map(|line| line.seq).collect(),
        }
    }
}

impl Desk {
    /// Brings a claimed job as far as it goes, then gives its lease back.
    pub(super) async fn run_job(self, job: JobRow) {
        let number = job.number;
        let flag = Arc::new(Flag::default());
        self.0.jobs.with(|running| running.insert(number, flag.clone()));
        self.0.jobs.tell();
        if let Err(error) = self.clone().pass(job, flag).await {
            tracing::error!(%error, job = number, "a job could not go on");
            let (what, next) = error.words();
            let _ = self.0.store.pause_own_job(number, &self.0.jobs.by, &what, &next).await;
        }
        self.0.jobs.with(|running| running.remove(&number));
        let _ = self.0.store.release_lease(number, &self.0.jobs.by).await;
        self.0.jobs.tell();
    }

    async fn pass(self, job: JobRow, flag: Arc<Flag>) -> Result<()> {
        let number = job.number;
        let cancelled = job.state == "cancelled";
        if let Some((what, next)) = self.may_not(&job).await? {
            self.0.store.pause_own_job(number, &self.0.jobs.by, what, next).await?;
            return Ok(());
        }
        let owner = self.person(&job.owner_id).await?.ok_or(DeskError::Storage)?;
        let keys = self.key_rows(&owner).await?;
        let kind = Kind::parse(&job.kind).ok_or(DeskError::Storage)?;
        if kind == Kind::LoginLinks {
            // Whoever waited for the links is gone.
            return Ok(self.0.store.close_links(number, self.now_ms()).await?);
        }
        let job = Arc::new(job);
        let journal = Journal::start(&self, &job);
        let lane = if self.acting_rows(number).await? <= SMALL { Lane::Interactive } else { Lane::Bulk };
        let (keys, flag_too) = (Arc::new(keys), flag.clone());
        let run = Run { desk: self.clone(), job: job.clone(), kind, keys, journal, lane, flag: flag_too };
        let accounts = self.0.store.job_accounts(number).await?;
        let work = futures::future::try_join_all(accounts.iter().map(|account| run.account(account)));
        let ended = if cancelled {
            work.await.map(drop)
        } else {
            tokio::select! {
                ended = work => ended.map(drop),
                error = self.keep_lease(&job, &flag) => Err(error),
            }
        };
        ended?;
        if self.0.jobs.is_stopping() {
            return Ok(());
        }
        if !self.0.store.finish_job(number, self.now_ms()).await? {
            run.pause_waiting().await?;
        }
        run.refresh().await;
        Ok(())
    }

    /// Why a job may not be run, if so: its owner's rights are asked again each time.
    async fn may_not(&self, job: &JobRow) -> Result<Option<(&'static str, &'static str)>> {
        let owner: Option<Person> = self.person(&job.owner_id).await?;
        Ok(match owner {
            Some(owner) if owner.disabled => Some(super::OWNER_OUT),
            Some(owner) if Role::parse(&job.needs).is_none_or(|needs| owner.role < needs) => {
                Some(super::OWNER_WITHOUT_ROLE)
            }
            Some(_) => None,
            None => Some(("Its owner is not known any more.", "Make the plan again.")),
        })
    }

    /// Renews the lease, until the job is to stop; returns only with an error.
    async fn keep_lease(&self, job: &JobRow, flag: &Flag) -> DeskError {
        loop {
            sleep(RENEW_EVERY).await;
            let until = self.now_ms() + LEASE_MS;
            match self.0.store.renew_lease(job.number, &self.0.jobs.by, until).await {
                Ok(true) => match self.may_not(job).await {
                    Ok(None) => {}
                    Ok(Some((what, next))) => {
                        let _ = self.0.store.pause_own_job(job.number, &self.0.jobs.by, what, next).await;
                        flag.raise();
                    }
                    Err(error) => return error,
                },
                Ok(false) => flag.raise(),
                Err(error) => return error.into(),
            }
        }
    }
}

impl Run {
    /// Opens one of the keys that the owner may use: now, since a share may have been withdrawn a moment ago.
    pub(super) async fn open(&self, fingerprint: &str) -> Option<Opened> {
        let row = self.keys.iter().find(|row| row.fingerprint == fingerprint)?;
        let may = self.desk.0.store.may_use(&self.job.owner_id, fingerprint).await;
        let opened = self.desk.open(row).ok().filter(|_| may.is_ok_and(|may| may))?;
        Some(Opened { lane: self.lane, ..opened })
    }

    /// Brings the rows of an account as far as they go.
    async fn account(&self, account: &str) -> Result<()> {
        let mut flights: FuturesUnordered<Flight<'_>> = FuturesUnordered::new();
        let mut landed = Vec::new();
        let mut under_way: HashSet<i64> = HashSet::new();
        let mut queue = VecDeque::new();
        loop {
            let width = self.width(account);
            if queue.is_empty() && flights.len() < width {
                queue = meanwhile(&mut flights, &mut landed, self.due(account, &under_way, width)).await?;
            }
            while flights.len() < width
                && let Some(task) = queue.pop_front()
            {
                let sends = !matches!(task, Task::Look(_));
                if sends && self.flag.is_raised() {
                    continue;
                }
                let seqs = task.seqs();
                under_way.extend(&seqs);
                flights.push(
                    async move {
                        let ended = self.task(task).await;
                        (seqs, ended)
                    }
                    .boxed(),
                );
            }
            if flights.is_empty() && landed.is_empty() {
                if self.flag.is_raised() {
                    return Ok(());
                }
                let now = self.desk.now_ms();
                match self.desk.0.store.next_due(self.job.number, account).await? {
                    None => return Ok(()),
                    Some(due) if due > now => {
                        let wait = u64::try_from(due - now).unwrap_or_default().min(1_000);
                        tokio::select! {
                            () = sleep(Duration::from_millis(wait)) => {}
                            () = self.flag.notify.notified() => {}
                        }
                    }
                    Some(_) => {}
                }
                continue;
            }
            if landed.is_empty() {
                landed.extend(flights.next().await);
            }
            for (seqs, ended) in landed.drain(..) {
                for seq in seqs {
                    under_way.remove(&seq);
                }
                ended.map_err(|Unwritten| DeskError::Storage)?;
            }
        }
    }

    /// How many calls are to be under way.
    fn width(&self, account: &str) -> usize {
        if self.kind.shared().is_some() {
            return CHUNKS_AT_ONCE;
        }
        let key = self.keys.iter().find(|key| key.account_id.as_deref() == Some(account));
        match key.map(|key| self.desk.account_of(key).stats()) {
            Some(stats) if stats.open => 1,
            Some(stats) => stats.concurrency(),
            None => AT_FIRST,
        }
    }

    /// What can be done now: first what is not known, then what is to be sent.
    async fn due(&self, account: &str, under_way: &HashSet<i64>, width: usize) -> Result<VecDeque<Task>> {
        let (store, number, now) = (&self.desk.0.store, self.job.number, self.desk.now_ms());
        let limit = width * 2 + under_way.len();
        let free = |line: &JobLine| !under_way.contains(&line.seq);
        let unknown = store.due_lines(number, account, "unknown", now, limit).await?;
        let mut tasks: VecDeque<_> = unknown.into_iter().filter(free).map(Task::Look).collect();
        if self.flag.is_raised() {
            return Ok(tasks);
        }
        let (limit, shared) = match self.kind.shared() {
            Some(most) => (most + under_way.len(), Some(most)),
            None => (limit, None),
        };
        let planned = store.due_lines(number, account, "planned", now, limit).await?;
        let mut together = Vec::new();
        for line in planned.into_iter().filter(free) {
            // What is there already is changed by itself; see `Snapshot::Domain`.
            if shared.is_some_and(|most| together.len() < most) && line.before.is_none() {
                together.push(line);
            } else if shared.is_none() || line.before.is_some() {
                tasks.push_back(Task::Send(line));
            }
        }
        if !together.is_empty() {
            tasks.push_back(Task::Chunk(together));
        }
        Ok(tasks)
    }

    async fn task(&self, task: Task) -> std::result::Result<(), Unwritten> {
        match task {
            Task::Send(line) => self.send(line).await,
            Task::Look(line) => self.look(line).await,
            Task::Chunk(lines) => Chunk { run: self, lines }.send().await,
        }
    }

    /// The row as a step, with its keys opened; or why not.
    async fn step<'a>(
        &self,
        line: &'a JobLine,
        opened: Option<&'a Opened>,
        target: Option<&'a Opened>,
    ) -> std::result::Result<Option<Step<'a>>, Unwritten> {
        let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base);
        let Some(opened) = opened else {
            self.fail(line, Reason::NoKey, String::new()).await?;
            return Ok(None);
        };
        let Some(after) = snapshot(&line.after) else {
            self.fail(line, Reason::Unexpected, String::new()).await?;
            return Ok(None);
        };
        let strict = self.kind == Kind::Undo;
        Ok(Some(Step { object: &line.object, before: snapshot(&line.before), after, opened, target, strict }))
    }

    /// The key that a row moves to.
    async fn target(&self, line: &JobLine) -> Option<Opened> {
        match line.after.as_deref().and_then(Snapshot::from_base) {
            Some(Snapshot::Holder { fingerprint: Some(fingerprint) }) => self.open(&fingerprint).await,
            _ => None,
        }
    }

    async fn send(&self, line: JobLine) -> std::result::Result<(), Unwritten> {
        let (opened, target) = (self.open(&line.fingerprint).await, self.target(&line).await);
        let Some(step) = self.step(&line, opened.as_ref(), target.as_ref()).await? else {
            return Ok(());
        };
        let (wire, item) = match step.ready().await {
            Ok(Ready::Go(wire, item)) => (wire, item),
            Ok(Ready::Already) => return self.done(&line, "It was so already; nothing was sent.", None).await,
            Ok(Ready::Moved(Snapshot::Provisioned { present: false })) => {
                return self.fail(&line, Reason::NotFound, String::new()).await;
            }
            Ok(Ready::Moved(_)) => return self.fail(&line, Reason::Moved, String::new()).await,
            Err(error) => return self.unread(&line, &error, true).await,
        };
        let kind = if line.object.contains('@') { "recipient" } else { "domain" };
        if !self.journal.sent(&line, step.after.action(), kind).await? {
            return Ok(());
        }
        match step.send(wire.as_deref(), item).await {
            Sent::Done(after) => self.done(&line, "", after).await,
            Sent::Failed(reason, detail) => self.fail(&line, reason, detail).await,
            Sent::BadKey => {
                self.again(&line, 0, false, "failed: the key was rejected").await?;
                self.hold(&line).await
            }
            Sent::Unsent => self.again(&line, CLOSED_MS, false, "failed: not sent, the service is down").await,
            Sent::Later if line.tries + 1 >= TRIES_MAX => self.fail(&line, Reason::Unavailable, String::new()).await,
            Sent::Later => self.again(&line, backoff(&line), true, "failed: too many requests").await,
            Sent::Unknown => self.journal.mark(Mark::Later { seq: line.seq, not_before: self.desk.now_ms() }).await,
        }
    }

    /// Reads back what may or may not have been done.
    async fn look(&self, line: JobLine) -> std::result::Result<(), Unwritten> {
        let (opened, target) = (self.open(&line.fingerprint).await, self.target(&line).await);
        let Some(step) = self.step(&line, opened.as_ref(), target.as_ref()).await? else {
            return Ok(());
        };
        match read::now(step.opened, step.object, &step.after, step.target).await {
            Ok(now) => match settle(step.before.as_ref(), &step.after, &now) {
                Settled::Done if lacks_servers(&step.after, &now) => {
                    self.fail(&line, Reason::Incomplete, String::new()).await
                }
                Settled::Done => {
                    let found = matches!(now, Snapshot::Domain(_)).then_some(now);
                    self.done(&line, "The answer was lost; reading back shows it done.", found).await
                }
                Settled::NotDone if line.tries >= TRIES_MAX => {
                    self.fail(&line, Reason::Unavailable, String::new()).await
                }
                Settled::NotDone => {
                    self.again(&line, backoff(&line), true, "failed: reading back shows it not done").await
                }
                Settled::Moved => {
                    self.fail(&line, Reason::NotTaken, "The answer was lost, and something else reads back.".into())
                        .await
                }
            },
            Err(error) => self.unread(&line, &error, false).await,
        }
    }

    /// A read that failed: before sending (then a refusal ends the row), or after.
    async fn unread(&self, line: &JobLine, error: &Upstream, before: bool) -> std::result::Result<(), Unwritten> {
        let transient = matches!(
            error,
            Upstream::RateLimited
                | Upstream::Unavailable { .. }
                | Upstream::Timeout
                | Upstream::Ambiguous
                | Upstream::BreakerOpen
        );
        if matches!(error, Upstream::BadKey) {
            return self.hold(line).await;
        }
        if before && !transient {
            return self.fail(line, reason_of(error), words_of(error)).await;
        }
        if before && line.tries >= TRIES_MAX {
            return self.fail(line, Reason::Unavailable, String::new()).await;
        }
        let wait = if matches!(error, Upstream::BreakerOpen) { CLOSED_MS } else { backoff(line) };
        // What may have been done is looked at for as long as it takes: it is never called failed unread.
        self.journal.mark(Mark::Later { seq: line.seq, not_before: self.desk.now_ms() + wait }).await
    }
}

/// The pause before a row's next try: doubles, and differs from row to row, so that they don't come back together.
fn backoff(line: &JobLine) -> i64 {
    let doubled = BACKOFF_MS << line.tries.clamp(0, 6);
    doubled / 2 + (line.seq * 7_919) % (doubled / 2).max(1)
}
