//! Use cases: what a person can do with keys and domains.
//!
//! Each use case checks its input with the pure rules of `inbound`, writes its intent to the audit
//! log, acts through `mailchannels`, reads back what the service made of it, and brings the mirror
//! up to date. Nothing here knows of pages or HTTP servers.

mod apply;
mod audit;
mod changes;
mod entries;
mod error;
mod find;
mod health;
mod inventory;
mod jobs;
mod keymap;
mod keys;
mod lists;
mod live;
mod login;
mod mx;
mod notes;
mod people;
mod provision;
mod reach;
mod recipients;
mod reports;
mod rescue;
mod rescue_view;
mod rotation;
mod sending;
mod sessions;
mod sign_in;
mod subscriptions;
mod tamper;
mod undo;
mod watch;

pub use apply::Applied;
pub use audit::{AuditChoices, HistoryRow, audit_cells, day_start, utc};
pub use changes::{AdminsInput, Review, ServersInput, SettingsInput};
pub use entries::{
    ENTRIES_MAX, EntriesError, EntriesInput, EntriesPlan, EntryOutcome, UNTYPED, account_label, whose_of,
};
pub use error::{DeskError, FieldError};
pub use find::{Hit, Place, shown_address};
pub use health::{Check, Counted, short_fingerprint};
pub use inbound::{
    facet::{Snapshot, Whole},
    lists::{Target, Whose},
};
pub use inventory::{Freshness, Listing};
pub use jobs::{Counts, JobLineView, JobView, LinkRow, PlanInput, Rows, Selection};
pub use keymap::{AccountMap, KeyMap, MapKey, OthersKeys};
pub use keys::{FirstSync, Health, KeyView};
pub use lists::{Age, ListRead, Listed, Scope, Tiers};
pub use live::{DomainView, Lookup, Source};
pub use login::{LINKS_MAX, LinkOutcome, MintedLink};
pub use mx::{MxNow, MxView, MxWatch};
pub use people::{DEMO_PEOPLE, DemoPerson, Person, Role};
pub use provision::{OneInput, OneOutcome};
pub use reach::{Asker, KeyRef, OwnKeys};
pub use recipients::{RecipientInput, RecipientReport};
pub use reports::{ReportInput, ReportPlan};
pub use rescue::{Heir, Pulse, SINCE_DAYS, Verified};
pub use rescue_view::{Names, RescueView, Standing};
pub use rotation::{KekStatus, Rotated};
pub use sign_in::{Circumstances, Mode, NotAdmitted, SignedIn, Token};
pub use store::{ListedPerson, OrphanRow, SessionRow, ShareRow};
pub use subscriptions::SubscriptionView;
pub use tamper::{Changed, ChangedEntry, Tampering};

use mailchannels::Client;
use std::sync::{Arc, OnceLock};
use store::Store;
use tokio::sync::Semaphore;
use vault::{KeyRing, MasterKeys};

/// A clock: unix milliseconds. Injected, so that tests decide the time.
pub type Clock = fn() -> i64;

/// Whoever uses the command line, as the audit log calls them.
pub fn command_line() -> Asker {
    no_person("command line")
}

/// What happens by itself, as the audit log calls it.
pub fn the_schedule() -> Asker {
    no_person("schedule")
}

fn no_person(name: &str) -> Asker {
    let person = Person { id: String::new(), name: name.into(), role: Role::Admin, epoch: 0, disabled: false };
    Asker::new(person, name)
}

/// The system's clock.
pub fn system_clock() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// All use cases; cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    store: Store,
    ring: KeyRing,
    master: MasterKeys,
    client: Client,
    clock: Clock,
    mx: OnceLock<MxWatch>,
    jobs: jobs::Hub,
    refusals: sign_in::Refusals,
    refused: Arc<Semaphore>,
    notes: notes::Notes,
}

impl Desk {
    /// Puts the use cases together.
    pub fn new(store: Store, ring: KeyRing, master: MasterKeys, client: Client, clock: Clock) -> Self {
        let jobs = jobs::Hub::new(store::new_id(clock()));
        let refused = Arc::new(Semaphore::new(audit::REFUSALS_AT_ONCE as usize));
        Self(Arc::new(Inner {
            store,
            ring,
            master,
            client,
            clock,
            mx: OnceLock::new(),
            jobs,
            refusals: sign_in::Refusals::default(),
            refused,
            notes: notes::Notes::default(),
        }))
    }

    /// The current time, unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        (self.0.clock)()
    }

    /// The store, for sessions, drafts and tests.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    fn new_id(&self) -> String {
        let now = jiff::Timestamp::from_millisecond(self.now_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
    }
}
