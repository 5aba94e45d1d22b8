//! The writer of the journal: marks that come while one transaction is being written go together into the next, so
//! that a hundred rows a second don't need two hundred syncs of the disk.

use crate::{Clock, Desk};
use store::{JobLine, JobRow, Mark, NewIntent, Store};
use tokio::sync::{mpsc, oneshot};

/// Marks of one transaction at most.
const TOGETHER: usize = 512;

/// A mark that waits to be written.
pub(super) enum Note {
    /// About to be sent, as this action.
    Sent { line: Box<JobLine>, action: &'static str, kind: &'static str },
    /// What became of a row.
    Mark(Mark<'static>),
}

type Waiting = (Note, oneshot::Sender<bool>);

/// The journal of one run of a job.
#[derive(Clone)]
pub(super) struct Journal(mpsc::UnboundedSender<Waiting>);

/// The journal can't be written: nothing may be sent any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwritten;

impl Journal {
    /// Starts the writer; it ends when the last handle is dropped.
    pub(super) fn start(desk: &Desk, job: &JobRow) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let writer = Writer {
            store: desk.0.store.clone(),
            clock: desk.0.clock,
            by: desk.0.jobs.by.clone(),
            job: job.clone(),
            desk: desk.clone(),
        };
        tokio::spawn(writer.run(receiver));
        Self(sender)
    }

    async fn write(&self, note: Note) -> Result<bool, Unwritten> {
        let (sender, receiver) = oneshot::channel();
        self.0.send((note, sender)).map_err(|_| Unwritten)?;
        receiver.await.map_err(|_| Unwritten)
    }

    /// Commits that a row is about to be sent; false when it is not to be any more.
    pub(super) async fn sent(
        &self,
        line: &JobLine,
        action: &'static str,
        kind: &'static str,
    ) -> Result<bool, Unwritten> {
        self.write(Note::Sent { line: Box::new(line.clone()), action, kind }).await
    }

    /// Commits what became of a row.
    pub(super) async fn mark(&self, mark: Mark<'static>) -> Result<(), Unwritten> {
        self.write(Note::Mark(mark)).await.map(drop)
    }

    /// Commits that many rows are about to be sent; tells which.
    pub(super) async fn all_sent(&self, lines: &[JobLine], action: &'static str) -> Result<Vec<bool>, Unwritten> {
        futures::future::try_join_all(lines.iter().map(|line| self.sent(line, action, "domain"))).await
    }
}

struct Writer {
    store: Store,
    clock: Clock,
    by: String,
    job: JobRow,
    desk: Desk,
}

impl Writer {
    async fn run(self, mut receiver: mpsc::UnboundedReceiver<Waiting>) {
        while let Some(first) = receiver.recv().await {
            let mut waiting = vec![first];
            while waiting.len() < TOGETHER
                && let Ok(next) = receiver.try_recv()
            {
                waiting.push(next);
            }
            let now = (self.clock)();
            let (notes, replies): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            let marks: Vec<_> = notes.iter().map(|note| self.mark(note, now)).collect();
            match self.store.mark(self.job.number, &self.by, &marks, now).await {
                Ok(taken) => {
                    for (reply, taken) in replies.into_iter().zip(taken) {
                        let _ = reply.send(taken);
                    }
                    self.desk.0.jobs.tell();
                }
                // The replies are dropped, which tells the rows.
                Err(error) => tracing::error!(%error, job = self.job.number, "the journal could not be written"),
            }
        }
    }

    fn mark<'a>(&'a self, note: &'a Note, now: i64) -> Mark<'a> {
        match note {
            Note::Mark(mark) => mark.clone(),
            Note::Sent { line, action, kind } => Mark::Sent {
                seq: line.seq,
                intent: NewIntent {
                    at: now,
                    person_id: &self.job.owner_id,
                    person_name: &self.job.owner_name,
                    action,
                    object_kind: kind,
                    object: &line.object,
                    account_id: Some(&line.account_id),
                    fingerprint: Some(&line.fingerprint),
                    request_id: &self.job.request_id,
                    before: line.before.as_deref(),
                    after: line.after.as_deref(),
                    reason: self.job.reason.as_deref(),
                    job: Some(self.job.number),
                },
            },
        }
    }
}
