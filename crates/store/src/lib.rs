//! All SQL, over one `SQLite` file.
//!
//! Times are unix milliseconds and passed in; nothing here reads a clock. Writes go through one
//! connection in `BEGIN IMMEDIATE` transactions, reads through a small pool that cannot write.
//! A transaction that is dropped leaves nothing behind. Errors are [`StoreError`]; what `SQLite` said
//! is kept as their source for the log and is not in their text.

mod accounts;
mod associate;
mod audit;
mod boot;
mod cursor;
mod domains;
mod drafts;
mod error;
mod ingest;
mod keys;
mod mirror;
mod mx;
mod people;
mod pool;
mod reports;
mod sessions;
#[cfg(test)]
mod testing;

pub use audit::{AuditRow, NewIntent};
pub use boot::UnlockError;
pub use cursor::{BadCursor, Cursor, Sort};
pub use domains::{DomainPage, DomainQuery, DomainRow, Found};
pub use error::{Result, StoreError};
pub use keys::{KeyBrief, KeyRow, NewKey, ReplaceKey, SealedRow};
pub use mirror::{MirrorDetail, MirrorDomain, SyncStats};
pub use mx::{MxDue, MxResult, MxRow, MxState};
pub use people::{NewPerson, PersonRow};
pub use pool::{Store, new_id};
pub use reports::ReportRow;
pub use sessions::Sessions;
