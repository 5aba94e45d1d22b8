//! Sessions of tower-sessions in our database.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result as SessionResult},
};

use crate::{Result, Store, StoreError};

/// Entry of a session's data that holds the id of the person who is signed in.
const PERSON: &str = "person";

/// The session store. The trait passes no time, so it has a clock of its own (unix milliseconds).
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    clock: fn() -> i64,
}

impl Sessions {
    /// Sessions in `store`.
    pub fn new(store: Store, clock: fn() -> i64) -> Self {
        Self { store, clock }
    }
}

impl Store {
    /// Deletes what has expired; returns how many.
    pub async fn delete_expired(&self, now: i64) -> Result<u64> {
        let done = self.sql("DELETE FROM sessions WHERE expires_at <= ?1").bind(now).execute(self.write()).await?;
        Ok(done.rows_affected())
    }

    /// Ends all sessions of a person; returns how many.
    pub async fn delete_sessions_of(&self, person_id: &str) -> Result<u64> {
        let done = self.sql("DELETE FROM sessions WHERE person_id = ?1").bind(person_id).execute(self.write()).await?;
        Ok(done.rows_affected())
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> SessionResult<()> {
        loop {
            let done = self
                .store
                .sql(
                    "INSERT INTO sessions (id_hash, data, person_id, expires_at, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id_hash) DO NOTHING",
                )
                .bind(hash(record.id))
                .bind(encode(record)?)
                .bind(person(record))
                .bind(millis(record.expiry_date))
                .bind((self.clock)())
                .execute(self.store.write())
                .await
                .map_err(backend)?;
            if done.rows_affected() > 0 {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    /// Updates a session that is there. One that was deleted meanwhile stays deleted: a request in
    /// flight while somebody signs out (or is shut out) must not bring the session back.
    async fn save(&self, record: &Record) -> SessionResult<()> {
        self.store
            .sql("UPDATE sessions SET data = ?2, person_id = ?3, expires_at = ?4 WHERE id_hash = ?1")
            .bind(hash(record.id))
            .bind(encode(record)?)
            .bind(person(record))
            .bind(millis(record.expiry_date))
            .execute(self.store.write())
            .await
            .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> SessionResult<Option<Record>> {
        let row: Option<(String, i64)> = self
            .store
            .rows("SELECT data, expires_at FROM sessions WHERE id_hash = ?1 AND expires_at > ?2")
            .bind(hash(*id))
            .bind((self.clock)())
            .fetch_optional(self.store.read())
            .await
            .map_err(backend)?;
        let Some((data, expires_at)) = row else {
            return Ok(None);
        };
        let unreadable = |error: &dyn std::fmt::Display| Error::Decode(error.to_string());
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_str(&data).map_err(|error| unreadable(&error))?,
            expiry_date: OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1_000_000)
                .map_err(|error| unreadable(&error))?,
        }))
    }

    async fn delete(&self, id: &Id) -> SessionResult<()> {
        self.store
            .sql("DELETE FROM sessions WHERE id_hash = ?1")
            .bind(hash(*id))
            .execute(self.store.write())
            .await
            .map_err(backend)?;
        Ok(())
    }
}

/// The database holds only this, so that whoever reads it cannot sign in with it.
fn hash(id: Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

fn encode(record: &Record) -> SessionResult<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn person(record: &Record) -> Option<&str> {
    record.data.get(PERSON).and_then(|value| value.as_str())
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn backend(error: sqlx::Error) -> Error {
    let error = StoreError::from(error);
    tracing::error!(error = &error as &dyn std::error::Error, "sessions");
    Error::Backend(error.to_string())
}

#[cfg(test)]
mod tests;
