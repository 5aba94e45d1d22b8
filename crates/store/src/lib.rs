//! All SQL, over one `SQLite` file.
//!
//! Times are unix milliseconds and passed in; nothing here reads a clock. Writes go through one
//! connection in `BEGIN IMMEDIATE` transactions, reads through a small pool that cannot write.
//! A transaction that is dropped leaves nothing behind. Errors are [`StoreError`]; what `SQLite` said
//! is kept as their source for the log and is not in their text.

mod account_lists;
mod accounts;
mod associate;
mod audit;
mod backup;
mod boot;
mod cursor;
mod domains;
mod drafts;
mod error;
mod find;
mod health;
mod ingest;
mod job_rows;
mod jobs;
mod keymap;
mod keys;
mod mirror;
mod mx;
mod names;
mod people;
mod pool;
mod reports;
mod rescues;
mod rotate;
mod sessions;
mod shares;
mod staging;
#[cfg(test)]
mod testing;
mod watch;

pub use account_lists::{EntryChange, ListReading, ListsDue};
pub use audit::{
    Adopted, AuditCursor, AuditEntry, AuditFilter, AuditHead, AuditPage, AuditRow, BadHead, Broken, ChainedRow,
    Checked, NewIntent, OPEN, Verified, Verifier, encode,
};
pub use backup::{Copied, NotRestorable};
pub use boot::UnlockError;
pub use cursor::{BadCursor, Cursor, Sort};
pub use domains::{DomainPage, DomainQuery, DomainRow, Found};
pub use error::{Result, StoreError};
pub use find::NameFound;
pub use health::{Census, MirrorAge};
pub use job_rows::{JobLine, LineFilter, Mark, NewRow};
pub use jobs::{JobRow, NewJob};
pub use keymap::{AccountKey, Held};
pub use keys::{KeyBrief, KeyRow, NewKey, ReplaceKey};
pub use mirror::{MirrorDetail, MirrorDomain, SyncStats};
pub use mx::{MxDue, MxResult, MxRow, MxState};
pub use people::{ListedPerson, NewPerson, OrphanRow, PersonRow};
pub use pool::{Store, new_id};
pub use reports::ReportRow;
pub use rescues::{NewRescue, RescueRow, StandingRow};
pub use rotate::{KekRow, SealedBlob};
pub use sessions::{ABSOLUTE_MS, BEGUN_MS, BegunRow, Ended, IDLE_MS, NewSession, SessionRow, SignedIn, TokenHash};
pub use shares::{ShareRow, ShareWith};
pub use staging::Staging;
pub use watch::{ChangeRow, WantedRow};
