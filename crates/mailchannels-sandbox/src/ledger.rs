//! Every request received, for tests and benchmarks.

use serde::Serialize;

/// One request. The key is named by its label; its secret is nowhere.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Microseconds since the stand-in started.
    pub at_us: u64,
    /// Label of the key; empty when there was no valid one.
    pub key: String,
    /// Method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Operation; empty when the path is none.
    pub operation: &'static str,
    /// Status; 0 when the connection was ended instead.
    pub status: u16,
    /// Whether something was changed.
    pub changed: bool,
    /// Microseconds from then until it was answered; what a body takes that comes in pieces is not among them.
    pub took_us: u64,
}
