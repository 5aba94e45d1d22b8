//! The one error of this crate.

use sqlx::migrate::MigrateError;

/// A shorthand.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the database for too long; trying again may help.
    #[error("the database is busy")]
    Busy,
    /// The disk is full, or may not be written to; nothing was changed. Reading goes on.
    #[error("the disk is full or cannot be written to")]
    Unwritable(#[source] sqlx::Error),
    /// The file is no database or is damaged.
    #[error("the database is damaged or is not a database")]
    Corrupt,
    /// A newer Sluice has been here; this one would not understand what it wrote.
    #[error(
        "the database has schema {found}, which is newer than {known}, the newest this Sluice knows; use the newer Sluice"
    )]
    NewerSchema {
        /// Schema found.
        found: i64,
        /// Newest known.
        known: i64,
    },
    /// The database was last opened by an older Sluice, and is not to be upgraded now.
    #[error(
        "the database has schema {found}, and this Sluice works with {known}: start the server once, which brings it up to date"
    )]
    OlderSchema {
        /// Schema found.
        found: i64,
        /// The one this program has.
        known: i64,
    },
    /// The audit log has no key yet: see [`crate::Store::unlock`].
    #[error("the database is not unlocked")]
    Locked,
    /// A rule of uniqueness (or existence) refused the row; names the rule, such as `api_keys.label`.
    #[error("refused by the rule {0}")]
    Conflict(&'static str),
    /// The file cannot be read or written.
    #[error("the database file cannot be used")]
    Io(#[source] std::io::Error),
    /// Anything else the database says.
    #[error("the database failed")]
    Db(#[source] sqlx::Error),
}

/// Rules that callers tell apart: what `SQLite` says, and our name.
const RULES: [(&str, &str); 6] = [
    ("api_keys.owner_id, api_keys.label", "api_keys.label"),
    ("api_keys.owner_id, api_keys.fingerprint", "api_keys.fingerprint"),
    ("audit.intent_id", "audit.intent"),
    ("people.issuer, people.subject", "people.subject"),
    ("FOREIGN KEY", "foreign key"),
    ("UNIQUE", "unique"),
];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(source) => Self::Io(source),
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(ref database) => {
                // The low byte of an extended result code is the primary one.
                let code = database.code().and_then(|code| code.parse::<i32>().ok());
                // Full, read-only, and a write, sync, truncation or growth that the system refused (a quota, say).
                if let Some(13 | 778 | 1034 | 1290 | 1546 | 4874) = code {
                    return Self::Unwritable(error);
                }
                match code.map(|code| code & 0xff) {
                    Some(8) => Self::Unwritable(error),
                    Some(5 | 6) => Self::Busy,
                    Some(11 | 26) => Self::Corrupt,
                    Some(10 | 14) => Self::Io(std::io::Error::other(database.to_string())),
                    _ => RULES
                        .iter()
                        .find(|(said, _)| !database.is_check_violation() && database.message().contains(said))
                        .map_or_else(|| Self::Db(error), |(_, rule)| Self::Conflict(rule)),
                }
            }
            other => Self::Db(other),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Db(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}
