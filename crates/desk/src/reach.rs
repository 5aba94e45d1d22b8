//! Which key to speak with: opening stored keys and the sessions they give.

use crate::{Desk, DeskError, Person, error::Result};
use mailchannels::{Account, AccountId, ApiKey, Lane};
use store::{KeyBrief, KeyRow};
use vault::Context;

/// Who asks, and under which request: goes into the audit log with everything they do.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The person.
    pub person: Person,
    /// The request's id.
    pub request_id: String,
    /// Ticket or reason typed with the change, checked by [`inbound::audit::parse_reason`].
    pub reason: Option<String>,
}

impl Asker {
    /// Somebody who gives no reason.
    pub fn new(person: Person, request_id: impl Into<String>) -> Self {
        Self { person, request_id: request_id.into(), reason: None }
    }

    /// With what was typed as ticket or reason; an error is for the field `reason`.
    pub fn because(mut self, typed: &str) -> Result<Self> {
        self.reason = inbound::audit::parse_reason(typed).map_err(|error| DeskError::field("reason", error))?;
        Ok(self)
    }
}

/// A key of the person's, as pages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Id of the person's key.
    pub id: String,
    /// The person's label for it.
    pub label: String,
    /// Its fingerprint, full form.
    pub fingerprint: String,
    /// The account (customer) it belongs to.
    pub account: String,
}

/// All keys of a person, read once for a page that needs them in several places.
#[derive(Clone, Debug)]
pub struct OwnKeys(pub(crate) Vec<KeyBrief>);

impl OwnKeys {
    /// As pages name them.
    pub fn refs(&self) -> Vec<KeyRef> {
        let named = |key: &KeyBrief| KeyRef {
            id: key.id.clone(),
            label: key.label.clone(),
            fingerprint: key.fingerprint.clone(),
            account: key.account_id.clone().unwrap_or_default(),
        };
        self.0.iter().map(named).collect()
    }

    /// What to see domains through.
    pub(crate) fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(|row| row.fingerprint.clone()).collect()
    }
}

/// A key opened for the length of one use case; the secret goes when this does.
pub(crate) struct Opened {
    pub(crate) secret: ApiKey,
    pub(crate) account: Account,
    pub(crate) key: KeyRef,
    /// The lane of [`Self::background`]: that of people only for what somebody waits for all the same.
    pub(crate) lane: Lane,
}

impl Opened {
    /// A session in the interactive lane.
    pub(crate) fn session(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.secret, Lane::Interactive)
    }

    /// A session for the calls of a change, which don't wait for pages.
    pub(crate) fn changing(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.secret, Lane::Change)
    }

    /// A session that lets people go first, unless somebody waits for this too.
    pub(crate) fn background(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.secret, self.lane)
    }
}

/// See [`Desk::used`], milliseconds.
const USED_EVERY_MS: i64 = 60_000;

pub(crate) const SEALED: (&str, &str) = ("api_keys", "sealed");

/// Binds a sealed key to its row and owner.
pub(crate) fn seal_context<'a>(row: &'a str, owner: &'a str) -> Context<'a> {
    Context { table: SEALED.0, column: SEALED.1, row, owner }
}

pub(crate) fn key_ref(row: &KeyRow) -> KeyRef {
    KeyRef {
        id: row.id.clone(),
        label: row.label.clone(),
        fingerprint: row.fingerprint.clone(),
        account: row.account_id.clone().unwrap_or_default(),
    }
}

impl Desk {
    /// The keys that the person may use, in label order.
    pub(crate) async fn key_rows(&self, person: &Person) -> Result<Vec<KeyRow>> {
        Ok(self.0.store.keys_of(&person.id).await?)
    }

    /// The person's keys, to be asked with more than once.
    pub async fn own_keys(&self, person: &Person) -> Result<OwnKeys> {
        Ok(OwnKeys(self.0.store.key_briefs(&person.id).await?))
    }

    /// The person's keys as pages name them.
    pub async fn key_refs(&self, person: &Person) -> Result<Vec<KeyRef>> {
        Ok(self.own_keys(person).await?.refs())
    }

    /// Opens a stored key.
    pub(crate) fn open(&self, row: &KeyRow) -> Result<Opened> {
        let plain = self.0.ring.open(&seal_context(&row.id, &row.owner_id), &row.sealed).map_err(|error| {
            tracing::error!(%error, key = %row.id, "a stored key does not open");
            DeskError::KeyUnreadable
        })?;
        let secret = ApiKey::new(plain).map_err(|_| DeskError::KeyUnreadable)?;
        Ok(Opened { secret, account: self.account_of(row), key: key_ref(row), lane: Lane::Bulk })
    }

    /// The account that a key spends the budget of. One whose account isn't known yet has a budget of its own; the
    /// first check finds it.
    pub(crate) fn account_of(&self, row: &KeyRow) -> Account {
        let known = row.account_id.clone().filter(|id| !id.is_empty());
        self.0.client.account(&AccountId(known.unwrap_or_else(|| format!("key:{}", row.fingerprint))))
    }

    /// Notes that a key was used for a person; at most once a minute, so that reading doesn't write.
    pub(crate) async fn used(&self, row: &KeyRow) -> Result<()> {
        let now = self.now_ms();
        if row.last_used_at.is_none_or(|last| now - last >= USED_EVERY_MS) {
            match self.0.store.touch_key(&row.fingerprint, now).await {
                // With a full disk one can still read through a key; the note of it is not worth more.
                Err(error @ store::StoreError::Unwritable(_)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the use of a key could not be noted");
                }
                noted => noted?,
            }
        }
        Ok(())
    }

    /// Opens one of the person's keys by its id.
    pub(crate) async fn open_own(&self, person: &Person, id: &str) -> Result<Opened> {
        let row = self.key_rows(person).await?.into_iter().find(|row| row.id == id);
        self.open(&row.ok_or_else(|| DeskError::Gone("such key".into()))?)
    }
}
