//! Why a row failed, and the one next step.

use serde::{Deserialize, Serialize};

/// Why a row failed. Rows are grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The subscription is full.
    LimitReached,
    /// The subscription is not this customer's.
    NotYourSubscription,
    /// Another customer's, or in use by another domain.
    InUse,
    /// The key may not.
    Forbidden,
    /// The service does not know it.
    NotFound,
    /// The service refused the values.
    Refused,
    /// It is not as it was when the plan was made.
    Moved,
    /// Accepted, but something else reads back.
    NotTaken,
    /// Made, but not all of it.
    Incomplete,
    /// The service did not answer properly, many times over.
    Unavailable,
    /// The recipient has had no mail yet.
    UnknownRecipient,
    /// The key's sealed form does not open, or its owner removed it.
    NoKey,
    /// No link came.
    NoLink,
    /// A status that nobody documented.
    Unexpected,
}

impl Reason {
    /// All.
    pub const ALL: [Self; 14] = [
        Self::LimitReached,
        Self::NotYourSubscription,
        Self::InUse,
        Self::Forbidden,
        Self::NotFound,
        Self::Refused,
        Self::Moved,
        Self::NotTaken,
        Self::Incomplete,
        Self::Unavailable,
        Self::UnknownRecipient,
        Self::NoKey,
        Self::NoLink,
        Self::Unexpected,
    ];

    /// The word in the database and in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LimitReached => "limit-reached",
            Self::NotYourSubscription => "not-your-subscription",
            Self::InUse => "in-use",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::Moved => "moved",
            Self::NotTaken => "not-taken",
            Self::Incomplete => "incomplete",
            Self::Unavailable => "unavailable",
            Self::UnknownRecipient => "unknown-recipient",
            Self::NoKey => "no-key",
            Self::NoLink => "no-link",
            Self::Unexpected => "unexpected",
        }
    }

    /// The opposite of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// What happened.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::LimitReached => "The subscription's limit is reached",
            Self::NotYourSubscription => "The subscription is not this key's",
            Self::InUse => "In use already, by another customer or another domain",
            Self::Forbidden => "The key may not do this: locked to another key, or an alias",
            Self::NotFound => "MailChannels does not know it",
            Self::Refused => "MailChannels refused the values",
            Self::Moved => "Not as it was when the plan was made; nothing was sent",
            Self::NotTaken => "Accepted, but something else reads back",
            Self::Incomplete => "Provisioned, but its servers were not set",
            Self::Unavailable => "MailChannels did not answer properly, several times over",
            Self::UnknownRecipient => "The recipient has had no mail yet, so it has no lists",
            Self::NoKey => "The key is not in Sluice any more, or can't be opened",
            Self::NoLink => "MailChannels gave no link",
            Self::Unexpected => "MailChannels answered something that its description does not mention",
        }
    }

    /// The one next step.
    #[must_use]
    pub fn next(self) -> &'static str {
        match self {
            Self::LimitReached => "Deprovision what is no longer needed or have the limit raised, then retry.",
            Self::NotYourSubscription => "Make the plan again with a subscription of this key's account.",
            Self::InUse => "The other holder must release it first. Retrying now will not help.",
            Self::Forbidden => "Sync your keys to see which one holds it, then make the plan again.",
            Self::NotFound => "Sync your keys; it was probably deprovisioned meanwhile.",
            Self::Refused => "Correct these rows, then import them again.",
            Self::Moved => "Look at the domain, then retry: the new plan starts from what is there now.",
            Self::NotTaken => "Open the domain and compare it with what you wanted.",
            Self::Incomplete => "Retry: only its servers are set.",
            Self::Unavailable => "Retry in a few minutes. Mail already filtered is not affected.",
            Self::UnknownRecipient => "Create the recipient under Recipients, then retry.",
            Self::NoKey => "Add the key again, then retry.",
            Self::NoLink => "Open the domain and try it there.",
            Self::Unexpected => "Retry; if it stays, give your administrator the job's number.",
        }
    }

    /// Whether trying again can work without changing something else first.
    #[must_use]
    pub fn can_retry(self) -> bool {
        !matches!(self, Self::NotYourSubscription | Self::InUse | Self::Refused)
    }
}
