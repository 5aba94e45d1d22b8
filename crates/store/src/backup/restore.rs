//! Putting a backup back: looked at first, then exchanged so that at every moment there is a database.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use vault::{KeyRing, MasterSecret, OpenError};

use super::{beside, create_private, folder_of, integrity, sync};
use crate::{Store, StoreError, UnlockError, boot, pool};

/// What `SQLite` keeps beside a database. Whatever of it lies there when a file of that name is opened, it takes for that
/// file's own.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What must not go on by itself in a database that was put back.
const AT_REST: [&str; 4] = [
    // A session that was ended since must not come back.
    "DELETE FROM sessions",
    "DELETE FROM sign_ins",
    "DELETE FROM sign_in_links",
    // What these jobs did since the backup is not in it; whether to do it now is for a person to say.
    "UPDATE jobs SET state = 'paused', lease_by = NULL, lease_until = 0, why_what = 'A backup was put back.',
            why_next = 'Look at its rows: some may have been done since. Then let it go on.'
     WHERE state IN ('queued', 'running')",
];

/// Why a copy is not put back. Nothing was changed, but for [`NotRestorable::Halfway`].
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
    /// A key-encryption key that it needs is not configured.
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
    /// The exchange was begun and did not come to its end.
    #[error(
        "{path}: {source}. The database is the old one or the backup, and it is not sure which: put the backup back \
         again. What was there before is {kept}, with what is named like it"
    )]
    Halfway {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// Where what was there before is.
        kept: PathBuf,
    },
    /// The copy could not be used.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl NotRestorable {
    /// Whether anything of the database was moved before it failed.
    pub fn is_halfway(&self) -> bool {
        matches!(self, Self::Halfway { .. })
    }
}

impl From<sqlx::Error> for NotRestorable {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// An error with a file, while nothing was changed.
fn file(path: &Path) -> impl FnOnce(io::Error) -> NotRestorable + use<> {
    let path = path.to_owned();
    move |source| NotRestorable::File { path, source }
}

impl Store {
    /// Puts a copy in the place of a database that nobody uses (the caller holds its lock). What was there is kept beside
    /// it, under the name that is returned. Everybody is signed out, and jobs that were under way are paused.
    pub async fn restore(
        copy: &Path,
        database: &Path,
        ring: &KeyRing,
        now: i64,
    ) -> Result<Option<PathBuf>, NotRestorable> {
        // What SQLite keeps beside it is where a link leads to.
        let database = &fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let staged = beside(database, ".restoring");
        let kept = beside(database, &format!(".before-restore-{now}"));
        let is_there = database.exists();
        let ready = async {
            stage(copy, &staged, ring).await?;
            if is_there {
                settle(database).await;
                keep(database, &kept).map_err(file(&kept))?;
            }
            Ok(())
        };
        if let Err(why) = ready.await {
            discard(&staged);
            return Err(why);
        }
        exchange(&staged, database, &kept)?;
        Ok(is_there.then_some(kept))
    }
}

/// Takes a file away with all that lies beside it.
fn discard(path: &Path) {
    let _ = fs::remove_file(path);
    for more in SIDES {
        let _ = fs::remove_file(beside(path, more));
    }
}

/// Makes of a copy what is to be the database, beside it and on the disk.
async fn stage(copy: &Path, staged: &Path, ring: &KeyRing) -> Result<(), NotRestorable> {
    // What an earlier try left must not be taken for a part of this one.
    discard(staged);
    let mut from = File::open(copy).map_err(file(copy))?;
    let mut to = create_private(staged).map_err(file(staged))?;
    io::copy(&mut from, &mut to).map_err(file(staged))?;
    drop(to);
    check(copy, staged, ring).await?;
    sync(staged).map_err(file(staged))
}

/// Brings what waits beside the old database into it, so that the file alone is whole. A damaged one is left as it is.
async fn settle(database: &Path) {
    let Ok(mut connection) = SqliteConnectOptions::new().filename(database).connect().await else { return };
    let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut connection).await;
    let _ = connection.close().await;
}

/// Gives a file a second name.
fn keep(database: &Path, kept: &Path) -> io::Result<()> {
    match fs::hard_link(database, kept) {
        // Some file systems have no links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => copy_whole(database, kept),
        linked => linked,
    }
}

/// Copies a file to a name that is free; what is there in the end is whole and on the disk.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = create_private(to)?;
    let copied =
        File::open(from).and_then(|mut source| io::copy(&mut source, &mut target)).and_then(|_| target.sync_all());
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

/// Puts the staged file in the place of the database, whose second name is `kept`.
fn exchange(staged: &Path, database: &Path, kept: &Path) -> Result<(), NotRestorable> {
    let halfway = |path: &Path| {
        let path = path.to_owned();
        move |source| NotRestorable::Halfway { path, source, kept: kept.to_owned() }
    };
    for more in SIDES {
        // Also where there is no database: what lies there would be taken for a part of the restored one.
        let side = beside(database, more);
        match fs::rename(&side, beside(kept, more)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(halfway(&side))?,
        }
    }
    // In this order on the disk, too: if the power goes in between, the old database is still there.
    let folder = folder_of(database);
    sync(folder).map_err(halfway(folder))?;
    fs::rename(staged, database).map_err(halfway(staged))?;
    sync(folder).map_err(halfway(folder))
}

/// Whether a staged copy can be used; brings to rest what is in it.
async fn check(copy: &Path, staged: &Path, ring: &KeyRing) -> Result<(), NotRestorable> {
    let damaged = |why: String| NotRestorable::Damaged { path: copy.to_owned(), why };
    // Without a log beside it: the file alone is moved.
    let options =
        SqliteConnectOptions::new().filename(staged).foreign_keys(true).journal_mode(SqliteJournalMode::Delete);
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
    opens(copy, &mut connection, ring).await?;
    for statement in AT_REST {
        // A copy of an older schema may lack one of the tables or columns.
        match sqlx::query(statement).execute(&mut connection).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error))
                if ["no such table", "no such column"].iter().any(|lack| error.message().contains(lack)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    connection.close().await?;
    Ok(())
}

/// Whether the server would start on it: every key-encryption key that something in it is under is at hand. Sessions,
/// which have sealed parts too, are taken out.
async fn opens(copy: &Path, connection: &mut SqliteConnection, ring: &KeyRing) -> Result<(), NotRestorable> {
    let damaged = |why: String| NotRestorable::Damaged { path: copy.to_owned(), why };
    let missing = |id: String| NotRestorable::Kek { path: copy.to_owned(), id };
    let registered: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT kek_id, check_value FROM keks ORDER BY created_at, kek_id")
            .fetch_all(&mut *connection)
            .await?;
    let master: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(&mut *connection).await?;
    let master = master.ok_or_else(|| damaged("it has no master secret".into()))?;
    let sealed: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed FROM api_keys ORDER BY id").fetch_all(&mut *connection).await?;
    boot::all_at_hand(ring, &registered, Some(&master), &sealed).map_err(|error| match error {
        UnlockError::MissingKek(id) => missing(id.to_string()),
        other => damaged(other.to_string()),
    })?;
    MasterSecret::open(ring, &master).map(drop).map_err(|error| match error {
        OpenError::UnknownKek(id) => missing(id.to_string()),
        other => damaged(format!("its master secret does not open: {other}")),
    })
}

#[cfg(test)]
mod tests;
