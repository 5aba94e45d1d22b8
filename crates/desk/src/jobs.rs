//! Plans and jobs: one engine for every change of many domains or recipients.
//!
//! A plan is made from the mirror and kept; nothing is sent before it is confirmed. From then on it is a job, which a
//! background task brings to its end, row by row, by a journal in the database: a row is marked sent before the wire,
//! and what became of it after. Whoever finds a row sent and never ended (a crash) reads back what is there now, and
//! that decides; nothing is repeated blindly.

mod chunk;
mod control;
mod ending;
mod flights;
mod form;
mod journal;
mod keep;
mod links;
mod plan;
mod read;
mod run;
mod step;
mod view;

pub use links::LinkRow;
pub use plan::{PlanInput, Rows, Selection};
pub use view::{Counts, JobLineView, JobView};

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Notify, watch};

/// Why the jobs of somebody who is shut out pause, and the next step.
pub(crate) const OWNER_OUT: (&str, &str) = ("Its owner is disabled.", "An administrator decides whether it goes on.");

/// Why the jobs of somebody without a role pause, and the next step.
pub(crate) const OWNER_WITHOUT_ROLE: (&str, &str) =
    ("Its owner's role does not allow it any more.", "Ask a colleague whose role does to make the plan again.");

/// What the process knows of the jobs that it runs.
pub(crate) struct Hub {
    /// This process, as leases name it.
    by: String,
    /// There may be something to run.
    wake: Notify,
    /// Goes up with everything that happens to a job.
    changed: watch::Sender<u64>,
    running: Mutex<HashMap<i64, Arc<Flag>>>,
    stopping: AtomicBool,
}

/// Tells a running job to stop sending.
#[derive(Default)]
struct Flag {
    stop: AtomicBool,
    notify: Notify,
}

impl Flag {
    fn raise(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    fn is_raised(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Hub {
    pub(crate) fn new(by: String) -> Self {
        Self {
            by,
            wake: Notify::new(),
            changed: watch::Sender::new(0),
            running: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<i64, Arc<Flag>>) -> T) -> T {
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells a job of this process to stop sending.
    pub(crate) fn stop(&self, number: i64) {
        if let Some(flag) = self.with(|running| running.get(&number).cloned()) {
            flag.raise();
        }
    }

    /// The process ends: all jobs stop sending, and go on after the next start.
    fn stop_all(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.with(|running| running.values().for_each(|flag| flag.raise()));
        self.tell();
    }

    /// How many jobs this process runs.
    pub(crate) fn count_running(&self) -> usize {
        self.with(|running| running.len())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl crate::Desk {
    /// Whether this process is about to end, so that nobody should wait for more.
    pub fn is_stopping(&self) -> bool {
        self.0.jobs.is_stopping()
    }

    /// Goes up with everything that happens to any job of this process.
    pub fn job_changes(&self) -> watch::Receiver<u64> {
        self.0.jobs.changed.subscribe()
    }
}
