//! Copies of the database, made while it is used, and putting one back.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use vault::{KeyRing, MasterSecret, OpenError};

use crate::{Result, Store, StoreError, pool};

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Why a copy is not put back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotRestorable {
    /// It is no database, or it is damaged.
    #[error("{path} is damaged or no database: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check says.
        why: String,
    },
    /// A newer Sluice made it.
    #[error("{path} has schema {found}, and the newest that this Sluice knows is {known}: use the newer Sluice")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// The key-encryption key that it needs is not configured.
    #[error(
        "{path} needs key-encryption key {id}, which is not configured: set it as SLUICE_KEK_FILE or among SLUICE_KEK_PREVIOUS_FILES"
    )]
    Kek {
        /// The file.
        path: PathBuf,
        /// Id of the key.
        id: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy could not be used.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotRestorable {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// An empty file that only its owner reads; refuses one that is there.
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Beside a path: the same name with more behind it.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

async fn integrity(connection: &mut SqliteConnection) -> Result<Option<String>> {
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut *connection).await?;
    Ok((said != ["ok"]).then(|| said.join("; ")))
}

impl Store {
    /// Makes a consistent copy while the database is used: one file, readable by its owner only, checked, and under its
    /// name only when it is whole and on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a file of that name is there or the disk is full; no half copy stays.
    pub async fn copy_to(&self, path: &Path) -> Result<Copied> {
        if path.exists() {
            return Err(StoreError::Io(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists")));
        }
        let partial = beside(path, ".partial");
        let _ = fs::remove_file(&partial);
        let done = self.copy(&partial, path).await;
        if done.is_err() {
            let _ = fs::remove_file(&partial);
        }
        done
    }

    async fn copy(&self, partial: &Path, path: &Path) -> Result<Copied> {
        drop(create_private(partial).map_err(StoreError::Io)?);
        let name = partial.to_str().ok_or(StoreError::Io(io::Error::other("the name of the file is no text")))?;
        // A connection of its own: readers may not write, not even elsewhere, and the writer has to go on.
        let mut connection = SqliteConnectOptions::new().filename(self.path()).read_only(true).connect().await?;
        let copied = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut connection).await;
        let _ = connection.close().await;
        copied?;
        let mut copy = SqliteConnectOptions::new().filename(partial).read_only(true).connect().await?;
        let wrong = integrity(&mut copy).await?;
        let _ = copy.close().await;
        if wrong.is_some() {
            return Err(StoreError::Corrupt);
        }
        let place = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let finish = || -> io::Result<u64> {
            sync(partial)?;
            fs::rename(partial, path)?;
            sync(place)?;
            Ok(fs::metadata(path)?.len())
        };
        Ok(Copied { path: path.to_owned(), bytes: finish().map_err(StoreError::Io)? })
    }

    /// Puts a copy in the place of a database that nobody uses (the caller holds its lock). What was there is kept beside
    /// it, under the name that is returned. Everybody is signed out: a session that was ended since must not come back.
    pub async fn restore(
        copy: &Path,
        database: &Path,
        ring: &KeyRing,
        now: i64,
    ) -> Result<Option<PathBuf>, NotRestorable> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| NotRestorable::File { path, source }
        };
        let staged = beside(database, ".restoring");
        let _ = fs::remove_file(&staged);
        let mut from = File::open(copy).map_err(file(copy))?;
        let mut to = create_private(&staged).map_err(file(&staged))?;
        io::copy(&mut from, &mut to).map_err(file(&staged))?;
        drop(to);
        let checked = check(copy, &staged, ring).await;
        if let Err(why) = checked {
            let _ = fs::remove_file(&staged);
            return Err(why);
        }
        sync(&staged).map_err(file(&staged))?;
        let kept = database.exists().then(|| beside(database, &format!(".before-restore-{now}")));
        if let Some(kept) = &kept {
            fs::rename(database, kept).map_err(file(database))?;
            for more in ["-wal", "-shm"] {
                let side = beside(database, more);
                if side.exists() {
                    fs::rename(&side, beside(kept, more)).map_err(file(&side))?;
                }
            }
        }
        fs::rename(&staged, database).map_err(file(&staged))?;
        let place = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync(place).map_err(file(place))?;
        Ok(kept)
    }
}

/// Whether a staged copy can be used, and takes the sessions out of it.
async fn check(copy: &Path, staged: &Path, ring: &KeyRing) -> Result<(), NotRestorable> {
    let damaged = |why: String| NotRestorable::Damaged { path: copy.to_owned(), why };
    let options = SqliteConnectOptions::new().filename(staged).foreign_keys(true);
    let mut connection = options.connect().await.map_err(|_| damaged("it can't be opened".into()))?;
    let found: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(|_| damaged("it is no database of Sluice".into()))?;
    let known = pool::newest_schema();
    if found > known {
        return Err(NotRestorable::Newer { path: copy.to_owned(), found, known });
    }
    if let Some(why) = integrity(&mut connection).await? {
        return Err(damaged(why));
    }
    let master: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(&mut connection).await?;
    let master = master.ok_or_else(|| damaged("it has no master secret".into()))?;
    MasterSecret::open(ring, &master).map_err(|error| match error {
        OpenError::UnknownKek(id) => NotRestorable::Kek { path: copy.to_owned(), id: id.to_string() },
        other => damaged(format!("its master secret does not open: {other}")),
    })?;
    for table in ["DELETE FROM sessions", "DELETE FROM sign_ins", "DELETE FROM sign_in_links"] {
        // A copy of an older schema may lack one of them.
        match sqlx::query(table).execute(&mut connection).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.message().contains("no such table") => {}
            Err(error) => return Err(error.into()),
        }
    }
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests;
