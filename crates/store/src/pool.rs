//! The database file: opening it, one writer, a few readers.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use sqlx::{
    FromRow, SqlSafeStr, Sqlite, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    query::{Query, QueryAs, QueryScalar},
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

use vault::AuditKey;

use crate::{Held, Result, StoreError, staging::UnderWay};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

const READERS: u32 = 4;
/// What a reader keeps of the file, in KiB, as `SQLite` has it.
const READER_CACHE: &str = "-512";
/// How long `SQLite` waits for a lock held by another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection of ours. Nothing holds the writer for longer than its own statements take, so
/// this is a disk that stands still, or a mistake of ours.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Finds whether a database was ever migrated.
const MIGRATED: &str = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'";
/// Answers of one kind remembered at most; see [`Store::remembered`].
const REMEMBERED_MAX: usize = 256;

pub(crate) type Tx = Transaction<'static, Sqlite>;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    statements: AtomicU64,
    waited: AtomicU64, // nanoseconds
    mirror_version: AtomicU64,
    counts: Memory<u64>,
    handles: Memory<Vec<String>>,
    held: Memory<Vec<Held>>,
    audit: OnceLock<AuditKey>,
    under_way: UnderWay,
}

/// Answers that hold until the mirror changes, by what was asked.
pub(crate) struct Memory<T>(Mutex<(u64, HashMap<String, T>)>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl Store {
    /// Opens the database, creating it (readable by its owner only) and migrating it as needed.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a database of a newer Sluice, which is left untouched;
    /// [`StoreError::Corrupt`] for a file that is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        create_private(path).map_err(StoreError::Io)?;
        let writer = writer(path).await?;
        migrate(&writer).await?;
        Ok(Self::of(path, writer, readers(path).await?))
    }

    /// Opens a database that is there and of this program's schema, to read and to write: what commands do, which must
    /// neither make one where a path is mistyped nor upgrade one under an older server's feet.
    ///
    /// # Errors
    /// As [`Store::open_to_read`].
    pub async fn open_present(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // Looked at by a connection that writes nothing, not even the way its log is kept.
        Self::open_to_read(path).await?.close().await;
        Ok(Self::of(path, writer(path).await?, readers(path).await?))
    }

    fn of(path: &Path, writer: SqlitePool, readers: SqlitePool) -> Self {
        Self(Arc::new(Inner {
            path: path.to_owned(),
            writer,
            readers,
            statements: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            mirror_version: AtomicU64::new(1),
            counts: Memory::default(),
            handles: Memory::default(),
            held: Memory::default(),
            audit: OnceLock::new(),
            under_way: UnderWay::default(),
        }))
    }

    /// Opens a database that is there, of this program's schema, and never writes to it: not even to create or migrate
    /// it. A server may go on using it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::OlderSchema`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub async fn open_to_read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).pragma("query_only", "ON");
        let readers = pool(READERS).connect_with(options.clone()).await?;
        let known = newest_schema();
        let found: i64 = if sqlx::query(MIGRATED).fetch_optional(&readers).await?.is_some() {
            sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(&readers).await?
        } else {
            0
        };
        match found.cmp(&known) {
            std::cmp::Ordering::Less => return Err(StoreError::OlderSchema { found, known }),
            std::cmp::Ordering::Greater => return Err(StoreError::NewerSchema { found, known }),
            std::cmp::Ordering::Equal => {}
        }
        let writer = pool(1).connect_lazy_with(options);
        Ok(Self::of(path, writer, readers))
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Closes all connections, after what is running has ended.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// Statements executed since the database was opened; transaction borders don't count.
    pub fn statements(&self) -> u64 {
        self.0.statements.load(Ordering::Relaxed)
    }

    /// Goes up with every change of what the mirror shows, and not when a sync finds nothing new.
    pub fn mirror_version(&self) -> u64 {
        self.0.mirror_version.load(Ordering::SeqCst)
    }

    /// To be called after the commit: a count taken in between is then thrown away.
    pub(crate) fn mirror_changed(&self) {
        self.0.mirror_version.fetch_add(1, Ordering::SeqCst);
    }

    /// Syncs on their way.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.0.under_way
    }

    /// Counts of domains.
    pub(crate) fn counts(&self) -> &Memory<u64> {
        &self.0.counts
    }

    /// Subscription handles.
    pub(crate) fn handles(&self) -> &Memory<Vec<String>> {
        &self.0.handles
    }

    /// What the keys of a map hold.
    pub(crate) fn held_counts(&self) -> &Memory<Vec<Held>> {
        &self.0.held
    }

    /// Remembers an answer until the mirror changes, so that a page over 10,000 rows counts them once.
    pub(crate) async fn remembered<T: Clone>(
        &self,
        memory: &Memory<T>,
        what: String,
        find: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let version = self.mirror_version();
        {
            let mut memory = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
            if memory.0 != version {
                *memory = (version, HashMap::new());
            }
            if let Some(known) = memory.1.get(&what) {
                return Ok(known.clone());
            }
        }
        let found = find.await?;
        let mut memory = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.0 == version {
            if memory.1.len() >= REMEMBERED_MAX {
                memory.1.clear();
            }
            memory.1.insert(what, found.clone());
        }
        Ok(found)
    }

    /// Where the key of the audit chain is kept from [`Store::unlock`] on.
    pub(crate) fn audit_key_cell(&self) -> &OnceLock<AuditKey> {
        &self.0.audit
    }

    /// The readers.
    pub(crate) fn read(&self) -> &SqlitePool {
        &self.0.readers
    }

    /// The writer, for a single statement.
    pub(crate) fn write(&self) -> &SqlitePool {
        &self.0.writer
    }

    /// A write transaction that has its lock from the start. Dropped without commit, it leaves nothing.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let asked = Instant::now();
        let mut begun = self.0.writer.begin_with("BEGIN IMMEDIATE").await;
        if let Err(sqlx::Error::InvalidSavePointStatement) = begun {
            // A full disk makes SQLite end a transaction by itself, and the library goes on believing in it: only
            // another connection helps.
            self.0.writer.acquire().await?.close().await?;
            begun = self.0.writer.begin_with("BEGIN IMMEDIATE").await;
        }
        let waited = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.waited.fetch_add(waited, Ordering::Relaxed);
        Ok(begun?)
    }

    /// How long transactions waited for the writer, since the database was opened.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.0.waited.load(Ordering::Relaxed))
    }

    /// A counted statement.
    pub(crate) fn sql<'q>(&self, sql: impl SqlSafeStr) -> Query<'q, Sqlite, SqliteArguments> {
        self.count();
        sqlx::query(sql)
    }

    /// A counted statement that gives rows.
    pub(crate) fn rows<'q, T>(&self, sql: impl SqlSafeStr) -> QueryAs<'q, Sqlite, T, SqliteArguments>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        self.count();
        sqlx::query_as(sql)
    }

    /// A counted statement that gives one column.
    pub(crate) fn scalar<'q, T>(&self, sql: impl SqlSafeStr) -> QueryScalar<'q, Sqlite, T, SqliteArguments>
    where
        (T,): for<'r> FromRow<'r, SqliteRow>,
    {
        self.count();
        sqlx::query_scalar(sql)
    }

    fn count(&self) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// Reads a JSON array that a statement gave as its only row. Every row that the database library hands over
/// wakes two threads and copies each of its values, so a page of rows comes as one.
pub(crate) fn listed<T: DeserializeOwned>(json: &str) -> Result<Vec<T>> {
    serde_json::from_str(json).map_err(|error| StoreError::Db(sqlx::Error::Decode(error.into())))
}

/// A new row id: `UUIDv7`, so that ids sort by the time given (unix milliseconds).
pub fn new_id(now: i64) -> String {
    let now = u64::try_from(now).unwrap_or_default();
    let nanos = u32::try_from(now % 1_000 * 1_000_000).unwrap_or_default();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, now / 1_000, nanos)).to_string()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // The file is ours and local: a connection that worked when it was put back needs no second look.
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
}

async fn writer(path: &Path) -> Result<SqlitePool> {
    // Recursive triggers, so that REPLACE cannot get past the ones that guard the audit log.
    let options = options(path).journal_mode(SqliteJournalMode::Wal).pragma("recursive_triggers", "ON");
    // The one connection stays: it has temporary tables and a warm cache.
    Ok(pool(1).max_lifetime(None).idle_timeout(None).connect_with(options).await?)
}

async fn readers(path: &Path) -> Result<SqlitePool> {
    // The kernel has the file's pages already; four copies of them would be a tenth of the program's memory.
    let options = options(path).pragma("query_only", "ON").pragma("cache_size", READER_CACHE);
    Ok(pool(READERS).connect_with(options).await?)
}

/// The newest schema that this program knows.
pub(crate) fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

async fn migrate(writer: &SqlitePool) -> Result<()> {
    MIGRATIONS.run(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema { found, known: newest_schema() },
        other => other.into(),
    })
}

/// `SQLite` gives the files beside the database the database's own mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
mod steps;
#[cfg(test)]
mod tests;
