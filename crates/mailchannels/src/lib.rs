//! Typed client of the MailChannels Inbound API, all 25 operations `[spec]`.
//!
//! The types are always built and need no network; the client itself is the feature `client`.
//!
//! What it takes care of, because the service does not:
//! - every path segment and query value is percent-encoded; names travel in A-label form;
//! - null, missing and empty read alike; error bodies may be anything;
//! - a 401 means a bad key, but on login links and reports it means "not yours";
//! - one budget of requests a second for each customer, shared by the whole process;
//! - GET, PUT and DELETE are retried, and a repeat is not mistaken for the first try: what a lost DELETE
//!   left is gone, not missing;
//! - a POST whose answer is lost is `Error::Ambiguous`, never repeated;
//! - what the service says never carries a key on.

mod people;
mod types;
pub use people::*;
pub use types::*;

#[cfg(feature = "client")]
mod budget;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod encode;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod key;
#[cfg(feature = "client")]
mod limiter;
#[cfg(feature = "client")]
mod lists;
#[cfg(feature = "client")]
mod observe;
#[cfg(feature = "client")]
mod ops;
#[cfg(feature = "client")]
mod provision;
#[cfg(feature = "client")]
mod repeat;
#[cfg(feature = "client")]
mod shared;
#[cfg(feature = "client")]
mod stream;
#[cfg(feature = "client")]
mod wire;

#[cfg(feature = "client")]
pub use budget::Lane;
#[cfg(feature = "client")]
pub use client::{Account, AccountId, BuildError, Client, Config, Session};
#[cfg(feature = "client")]
pub use error::Error;
#[cfg(feature = "client")]
pub use key::{ApiKey, InvalidKey};
#[cfg(feature = "client")]
pub use limiter::LimiterStats;
#[cfg(feature = "client")]
pub use observe::Observer;
#[cfg(feature = "client")]
pub use ops::LoginLink;
#[cfg(feature = "client")]
pub use provision::DomainPages;
#[cfg(feature = "client")]
pub use stream::{EscapedMessage, escape, escaped_len};

/// Most items of a batch call `[spec]`.
pub const BATCH_MAX: usize = 1000;
/// Most domains of one answer `[spec]`.
pub const PAGE_MAX: u32 = 5000;
/// Most downstream addresses of a domain `[spec]`.
pub const DOWNSTREAMS_MAX: usize = 10;

/// The operations of the description, by this crate's name for each.
pub const OPERATIONS: [&str; 25] = [
    "account_list",
    "add_to_account_list",
    "remove_from_account_list",
    "domains_page",
    "provision",
    "provision_batch",
    "login_links",
    "deprovision",
    "add_alias",
    "remove_alias",
    "login_link",
    "domain_list",
    "add_to_domain_list",
    "remove_from_domain_list",
    "downstreams",
    "set_downstreams",
    "associate",
    "set_settings",
    "user_list",
    "add_to_user_list",
    "remove_from_user_list",
    "subscriptions",
    "status",
    "put_recipient",
    "report",
];
