//! A faithful stand-in for the MailChannels Inbound API: stateful, all 25 operations, with the
//! rules of the vendor's description. What the vendor leaves open is a named switch.
//!
//! It also answers for the MX records of its domains, over UDP, at an address of its own.
//!
//! It shares no code with the client, so that a mistake in one cannot hide in the other.

mod control;
mod dns;
mod domains;
mod fault;
mod input;
mod ledger;
mod lists;
mod people;
mod provision;
mod remote;
mod route;
mod seed;
mod server;
mod switches;
mod world;

pub use control::Control;
pub use dns::DnsFault;
pub use fault::{Fault, FaultKind};
pub use ledger::Entry;
pub use server::Sandbox;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What the stand-in starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// Two customers, 12 keys, domains, lists, recipients.
    Demo,
    /// The same keys and subscriptions, nothing else.
    Empty,
}

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of the DNS stand-in, over UDP; port 0 takes a free one.
    pub dns: SocketAddr,
    /// What to start with.
    pub seed: Seed,
    /// Domains of the demo customer.
    pub domains: usize,
    /// Time that every answer takes.
    pub latency: Duration,
    /// Requests a second for one customer, all its keys together `[doc]`.
    pub rate: u32,
    /// Where to keep the state between runs; nowhere without.
    pub state: Option<PathBuf>,
    /// Seed of the made-up data.
    pub rng_seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dns: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed::Empty,
            domains: 0,
            latency: Duration::ZERO,
            rate: 100,
            state: None,
            rng_seed: 1,
        }
    }
}
