//! Whether the program can do its work.

use crate::Desk;
use std::time::Duration;
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

async fn in_time(look: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    timeout(PATIENCE, look).await.unwrap_or_else(|_| Err("the database did not answer in time".to_owned()))
}
