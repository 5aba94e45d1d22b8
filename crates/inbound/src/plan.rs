//! Changes of many domains or recipients as pure rules, without I/O:
//! - [`Act`] is what is to be done to every row, [`Wish`] what a row of the input says;
//! - [`decide`] tells what a row comes to, from what is known of its domain;
//! - [`settle`] decides from what is there now whether a change whose answer was lost was made;
//! - [`undo`] is the row that takes another back, unless the world has moved on;
//! - [`Reason`] is why a row failed, and the one next step.

mod act;
mod csv;
mod decide;
mod input;
mod reason;
mod settle;
mod undo;

pub use act::{Act, How, Kind, SettingsChange};
pub(crate) use csv::write as write_csv;
pub use csv::{Outcome, failed_csv, links_csv, results_csv};
pub use decide::{Decision, Known, Verdict, decide};
pub use input::{Input, Wish, from_names, read, template};
pub use reason::Reason;
pub use settle::{Settled, settle};
pub use undo::undo;

/// Most rows of a plan.
pub const ROWS_MAX: usize = 100_000;
/// Up to this many rows need no typed count, deprovisioning apart.
pub const UNTYPED: usize = 10;
/// Up to this many rows are run while the person waits.
pub const SMALL: usize = 20;

#[cfg(test)]
mod tests;
