//! Whether the program can do its work.

use crate::Desk;
use crate::error::Result as DeskResult;
use mailchannels::{LimiterStats, Observer};
use std::{sync::Arc, time::Duration};
use store::{AuditHead, Census};
use tokio::time::timeout;

/// How long the database may take to answer before it counts as not answering.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that must be so for work to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What is wrong; nothing when all is well.
    pub wrong: Option<String>,
}

impl Check {
    /// A check and its outcome.
    pub fn new(name: &'static str, outcome: Result<(), String>) -> Self {
        Self { name, wrong: outcome.err() }
    }
}

impl Desk {
    /// Looks whether the database is of this program's schema, opens with the configured encryption keys, and takes
    /// writes.
    pub async fn checks(&self) -> Vec<Check> {
        let store = &self.0.store;
        let schema = async {
            match store.schema().await {
                Ok((found, known)) if found == known => Ok(()),
                Ok((found, known)) => Err(format!("the database has schema {found}, this program {known}")),
                Err(error) => Err(error.to_string()),
            }
        };
        let keys = async { store.keks_open(&self.0.ring).await.map_err(|error| error.to_string()) };
        let writes = async { store.takes_writes().await.map_err(|error| error.to_string()) };
        vec![
            Check::new("schema and migrations", in_time(schema).await),
            Check::new("encryption keys", in_time(keys).await),
            Check::new("database takes writes", in_time(writes).await),
        ]
    }
}

/// How much of everything there is.
#[derive(Clone, Debug)]
pub struct Counted {
    /// What the database counts.
    pub census: Census,
    /// The newest row of the audit log.
    pub audit_head: Option<AuditHead>,
    /// The schema of the database.
    pub schema: i64,
    /// Each account's budget of calls, by the account's id.
    pub budgets: Vec<(String, LimiterStats)>,
    /// How long writers waited for the database, since the start.
    pub waited: Duration,
    /// Jobs that this process is running.
    pub running: usize,
}

/// As much of a key's fingerprint as tells keys apart where no names may be.
pub fn short_fingerprint(fingerprint: &str) -> String {
    fingerprint.chars().take(8).collect()
}

impl Desk {
    /// Counts for the status page and the metrics. Nobody's names are in it.
    pub async fn counted(&self) -> DeskResult<Counted> {
        let store = &self.0.store;
        let budgets = self.0.client.budgets().into_iter().map(|(account, stats)| (account.0, stats)).collect();
        Ok(Counted {
            census: store.census(self.now_ms()).await?,
            audit_head: store.audit_head().await?,
            schema: store.schema().await?.0,
            budgets,
            waited: store.waited(),
            running: self.0.jobs.count_running(),
        })
    }

    /// Tells somebody of every call to MailChannels.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.0.client.observe(observer);
    }
}

async fn in_time(look: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    timeout(PATIENCE, look).await.unwrap_or_else(|_| Err("the database did not answer in time".to_owned()))
}
