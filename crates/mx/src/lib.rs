//! Where a domain's mail goes, by its MX records.
//!
//! [`judge`] decides and [`Resolver`] asks; neither knows of the other. What counts is the names of
//! the hosts, not their addresses: a domain is here when every host is one of those expected.
//!
//! A domain without MX records is [`Verdict::None`], also when it has an address record: senders then
//! fall back to the address (RFC 5321 section 5.1), which is never the filter's.

mod judge;
mod resolver;

pub use judge::{Record, Verdict, judge};
pub use resolver::{LookupError, Resolver};
