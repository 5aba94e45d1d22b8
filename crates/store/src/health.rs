//! What the program asks of its own database: can it be used, and how full is it.

use sqlx::FromRow;
use vault::{KekId, KeyRing, OpenError};

use crate::{Result, Store, UnlockError, pool::newest_schema, sessions::session_lives};

/// What a status page and the metrics count, in one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Plans and jobs, by state.
    pub jobs: Vec<(String, i64)>,
    /// Rows of jobs, by state; those of plans that nobody confirmed wait for nothing.
    pub job_rows: Vec<(String, i64)>,
    /// Sessions that are alive.
    pub sessions: i64,
    /// Each distinct key that is kept in step: one whose holders are all disabled is not.
    pub mirrors: Vec<MirrorAge>,
    /// Bytes of the database, without what waits in its log.
    pub bytes: i64,
}

/// When a key's domains were last read.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct MirrorAge {
    /// The key.
    pub fingerprint: String,
    /// Its account, if it is known.
    pub account_id: Option<String>,
    /// Whether the key works, as last seen.
    pub health: String,
    /// The last success, unix milliseconds.
    pub synced_at: Option<i64>,
    /// Since when somebody holds it, unix milliseconds.
    pub since: i64,
    /// How many domains it sees.
    pub total: i64,
}

/// Sessions that are alive at ?1.
const SESSIONS: &str =
    concat!("SELECT count(*) FROM sessions s JOIN people p ON p.id = s.person_id WHERE ", session_lives!());

impl Store {
    /// The schema of the database, and the one that this program has. A migration that began and did not end counts
    /// as none.
    pub async fn schema(&self) -> Result<(i64, i64)> {
        let found = self
            .scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
            .fetch_one(self.read())
            .await?;
        Ok((found, newest_schema()))
    }

    /// Whether every key-encryption key that the database needs is at hand and is the one that was used.
    pub async fn keks_open(&self, ring: &KeyRing) -> Result<(), UnlockError> {
        let registered: Vec<(String, Vec<u8>)> =
            self.rows("SELECT kek_id, check_value FROM keks ORDER BY kek_id").fetch_all(self.read()).await?;
        for (id, check) in &registered {
            let id = KekId::parse(id).ok_or(UnlockError::Incomplete("key-encryption key ids"))?;
            ring.verify_check_value(id, check).map_err(|error| match error {
                OpenError::UnknownKek(id) => UnlockError::MissingKek(id),
                _ => UnlockError::WrongKek(id),
            })?;
        }
        if registered.is_empty() { Err(UnlockError::Incomplete("key-encryption key check values")) } else { Ok(()) }
    }

    /// Takes the place of the writer, and gives it back. Leaves nothing.
    pub async fn takes_writes(&self) -> Result<()> {
        self.begin().await?.rollback().await?;
        Ok(())
    }

    /// Brings what waits in the log beside the database into it, and empties the log; at stop, so that the file alone
    /// is whole. `false` when a reader of another process kept part of it back.
    pub async fn checkpoint(&self) -> Result<bool> {
        let (busy, _, _): (i64, i64, i64) =
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(self.write()).await?;
        Ok(busy == 0)
    }

    /// Counts what there is.
    pub async fn census(&self, now: i64) -> Result<Census> {
        let jobs = self.rows("SELECT state, count(*) FROM jobs GROUP BY state").fetch_all(self.read()).await?;
        let job_rows = self
            .rows(
                "SELECT r.state, count(*) FROM jobs j JOIN job_rows r ON r.job = j.number
                 WHERE j.state <> 'planned' GROUP BY r.state",
            )
            .fetch_all(self.read())
            .await?;
        let sessions = self.scalar(SESSIONS).bind(now).fetch_one(self.read()).await?;
        let mirrors = self
            .rows(
                "SELECT u.fingerprint, u.account_id, u.health, u.synced_at, u.total, min(k.created_at) AS since
                 FROM upstream_keys u JOIN api_keys k ON k.fingerprint = u.fingerprint
                 JOIN people p ON p.id = k.owner_id AND p.disabled_at IS NULL
                 GROUP BY u.fingerprint ORDER BY u.fingerprint",
            )
            .fetch_all(self.read())
            .await?;
        let bytes = self
            .scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
            .fetch_one(self.read())
            .await?;
        Ok(Census { jobs, job_rows, sessions, mirrors, bytes })
    }
}

#[cfg(test)]
mod tests;
