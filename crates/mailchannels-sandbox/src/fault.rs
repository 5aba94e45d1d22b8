//! Faults: what an operation does instead of, or after, its work.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers with a status, doing nothing.
    Status {
        /// The status.
        code: u16,
        /// The body; the documented shape without.
        #[serde(default)]
        body: Option<String>,
    },
    /// Takes longer.
    LatencyMs(u64),
    /// Somebody else does the very same a moment earlier.
    SomebodyFirst,
    /// Ends the connection before doing anything.
    Reset,
    /// Does its work, then ends the connection without an answer.
    ResetAfterChange,
    /// Does its work, then never answers.
    HangAfterChange,
    /// Does its work and ends the answer in the middle of its body.
    CutBody,
    /// Does its work and sends the body in pieces, each this late.
    SlowBodyMs(u64),
}

/// A fault of an operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// The operation's name, or `*`.
    pub operation: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often, from 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many times; without end when absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// How many times it passes by first.
    #[serde(default)]
    pub after: u64,
}

fn always() -> f64 {
    1.0
}

impl Fault {
    /// A fault that happens each time.
    #[must_use]
    pub fn new(operation: &str, kind: FaultKind) -> Self {
        Self { operation: operation.to_owned(), kind, probability: 1.0, count: None, after: 0 }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Not the first so many times.
    #[must_use]
    pub fn after(mut self, after: u64) -> Self {
        self.after = after;
        self
    }

    /// Only so often.
    #[must_use]
    pub fn often(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// Picks the first fault that applies now, and counts it down.
pub(crate) fn pick(faults: &mut Vec<Fault>, operation: &str) -> Option<FaultKind> {
    let index = faults.iter().position(|fault| {
        (fault.operation == "*" || fault.operation == operation) && rand::rng().random::<f64>() < fault.probability
    })?;
    if faults[index].after > 0 {
        faults[index].after -= 1;
        return None;
    }
    let kind = faults[index].kind.clone();
    if let Some(count) = &mut faults[index].count {
        *count -= 1;
        if *count == 0 {
            faults.remove(index);
        }
    }
    Some(kind)
}
