//! What can go wrong in a use case. Use:
//! - [`DeskError::Invalid`] for what the person typed; each message stands beside its field;
//! - [`DeskError::Upstream`] for what MailChannels said or didn't say; [`DeskError::words`] explains it;
//! - [`DeskError::Stale`] when the world moved between the page and the button;
//! - [`DeskError::NotFound`] when none of the person's keys reaches the thing;
//! - [`DeskError::Storage`] for our own database: the page gets fixed words, the log the rest.

use mailchannels::Error as Upstream;

/// A message that belongs beside a field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldError {
    /// The field's name in the form, such as `label` or `servers.2.port`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl FieldError {
    /// A message for a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The error of every use case.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The input is wrong; nothing was sent.
    #[error("{} field(s) need attention", .0.len())]
    Invalid(Vec<FieldError>),
    /// None of the person's keys reaches it.
    #[error("{0} is not within reach of your keys")]
    NotFound(String),
    /// Nobody can be told whether it is within reach: not all keys that were asked got an answer. What happened, and
    /// the next step.
    #[error("{0}")]
    NotAsked(String, String),
    /// It was not done, which was looked up afterwards. What happened, and the next step.
    #[error("{0}")]
    NotDone(String, String),
    /// Something of Sluice's own that is not there, or not this person's, such as "job 7".
    #[error("there is no {0} of yours")]
    Gone(String),
    /// It changed since the page was shown; nothing was sent.
    #[error("it changed since this page was opened")]
    Stale,
    /// MailChannels refused or failed.
    #[error("{0}")]
    Upstream(#[from] Upstream),
    /// MailChannels accepted a change, which could not be read back.
    #[error("accepted, but not confirmed: {0}")]
    Unconfirmed(Upstream),
    /// What is there could not be read before a change, so nothing was sent.
    #[error("{0}")]
    Unread(Upstream),
    /// The change was sent, but what was read back differs.
    #[error("MailChannels accepted the change, but reads back something else")]
    NotTaken,
    /// A stored key does not open with the configured KEKs.
    #[error("the stored key cannot be opened")]
    KeyUnreadable,
    /// Our own database failed; the reason is in the log.
    #[error("Sluice's own storage failed")]
    Storage,
    /// Our own disk is full or read-only; nothing was changed.
    #[error("Sluice's own disk is full or cannot be written to")]
    Unwritable,
}

impl DeskError {
    /// One field's error.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// Logs a storage error and hides it.
    pub fn storage(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "storage");
        Self::Storage
    }

    /// What happened and the one next step, in the person's words.
    pub fn words(&self) -> (String, String) {
        let own = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        match self {
            Self::Invalid(fields) => (
                "Nothing was changed: some fields need attention.".into(),
                fields.first().map(|field| field.message.clone()).unwrap_or_default(),
            ),
            Self::NotFound(what) => (
                format!("None of your keys reaches {what}."),
                "It isn't provisioned, or it is locked to a key you don't hold. Add that key, or provision the domain."
                    .into(),
            ),
            Self::NotAsked(what, next) | Self::NotDone(what, next) => own(what, next),
            Self::Gone(what) => (
                format!("There is no {what} that you may see."),
                "It may be somebody else's, or gone by now. Ask whoever it belongs to, or look in the audit log."
                    .into(),
            ),
            Self::Stale => own(
                "Not changed: somebody changed this since you opened the page.",
                "What is there now is shown below. Make your change again.",
            ),
            Self::NotTaken => own(
                "MailChannels accepted the change, but reads back something else.",
                "What is there now is shown below. Compare it with what you wanted.",
            ),
            Self::KeyUnreadable => own(
                "Not done: the stored key cannot be opened with the configured encryption keys.",
                "Replace the key, or ask your administrator to configure the earlier encryption key.",
            ),
            Self::Storage => own(
                "Not done: Sluice's own storage failed.",
                "Try again; if it stays, give your administrator the request id.",
            ),
            Self::Unwritable => own(
                "Not done: Sluice's own disk is full or cannot be written to.",
                "Reading goes on. Tell your administrator; it works again as soon as there is room.",
            ),
            Self::Upstream(error) => upstream_words(error),
            Self::Unread(error) => {
                let (what, next) = reading_words(error);
                (format!("Not done, nothing was sent: {what}"), next)
            }
            Self::Unconfirmed(error) => (
                format!("MailChannels accepted the change, but it could not be read back: {}", reading_words(error).0),
                "Look below what is there before you send it again.".into(),
            ),
        }
    }

    /// All of it in one text; of fields, what is wrong with each.
    pub fn said(&self) -> String {
        match self {
            Self::Invalid(fields) => fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" "),
            other => {
                let (what, next) = other.words();
                format!("{what} {next}")
            }
        }
    }

    /// The same for what was only read, where no change can have been made.
    pub fn reading_words(&self) -> (String, String) {
        match self {
            Self::Upstream(error) | Self::Unread(error) => reading_words(error),
            other => other.words(),
        }
    }

    /// A failure of the look before a change. Where the answer was lost it leaves no doubt: nothing was sent.
    pub(crate) fn before(error: Upstream) -> Self {
        match error {
            Upstream::Unavailable { .. } | Upstream::Timeout | Upstream::Ambiguous => Self::Unread(error),
            other => Self::Upstream(other),
        }
    }
}

/// Whether a call that was sent may have been carried out all the same. A 503 may be a proxy's word on work that was done
/// behind it, and may follow a first try that was lost.
pub(crate) fn is_lost(error: &Upstream) -> bool {
    matches!(error, Upstream::Ambiguous | Upstream::Timeout | Upstream::Unavailable { .. } | Upstream::RateLimited)
}

/// Whether a POST that ended so may have been done all the same. It is not repeated, so without a status no connection
/// was made, and nothing was sent.
pub(crate) fn may_be_done(error: &Upstream) -> bool {
    is_lost(error) && !matches!(error, Upstream::Unavailable { status: None })
}

/// The error of a call that was sent and lost, when what is there could not be read either: whatever the answer was, it
/// says nothing.
pub(crate) fn unread_after(error: Upstream) -> Upstream {
    if matches!(error, Upstream::RateLimited) { Upstream::Ambiguous } else { error }
}

fn reading_words(error: &Upstream) -> (String, String) {
    let later = "Try again in a minute; mail already filtered is not affected.".to_owned();
    match error {
        Upstream::BreakerOpen => {
            ("MailChannels has not answered properly for a while, so it is asked only now and then.".into(), later)
        }
        Upstream::Unavailable { .. } | Upstream::Ambiguous => ("MailChannels did not answer properly.".into(), later),
        Upstream::Timeout => ("MailChannels did not answer in time.".into(), later),
        other => {
            let (what, next) = upstream_words(other);
            let what = what.strip_prefix("Not done: ").unwrap_or(&what);
            let mut letters = what.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            (first + letters.as_str(), next)
        }
    }
}

fn upstream_words(error: &Upstream) -> (String, String) {
    let said = |message: &str| {
        if message.is_empty() { String::new() } else { format!(" It said: “{message}”.") }
    };
    match error {
        Upstream::BadKey => {
            ("Not done: MailChannels rejected the key.".into(), "Replace the key under API keys.".into())
        }
        Upstream::NotYours { message } => (
            format!("Not done: MailChannels says this domain belongs to another customer.{}", said(message)),
            "Check the spelling; if it is right, ask MailChannels support who holds it.".into(),
        ),
        Upstream::NotFound { message } => (
            format!("Not done: MailChannels does not know it.{}", said(message)),
            "Sync your keys, then look it up again.".into(),
        ),
        Upstream::Conflict { message } => (
            format!("Not done: it is already in use, by another customer or another domain.{}", said(message)),
            "Check the spelling; if it is right, ask MailChannels support who holds it.".into(),
        ),
        Upstream::LimitReached { message } => (
            format!("Not done: the subscription's limit is reached.{}", said(message)),
            "Deprovision a domain that is no longer needed, or ask MailChannels sales to raise the limit.".into(),
        ),
        Upstream::NotYourSubscription { message } => (
            format!("Not done: the subscription is not this key's.{}", said(message)),
            "Choose a subscription of this key's account.".into(),
        ),
        Upstream::Forbidden { message } => (
            format!(
                "Not done: the key may not do this: the domain is locked to another key, or is an alias.{}",
                said(message)
            ),
            "Sync your keys to see which key holds it now.".into(),
        ),
        Upstream::Invalid { messages } => (
            format!("Not done: MailChannels refused the values.{}", said(&messages.join(" "))),
            "Correct them and send again.".into(),
        ),
        Upstream::RateLimited => {
            ("Not done: MailChannels is limiting requests just now.".into(), "Try again in a few seconds.".into())
        }
        Upstream::BreakerOpen => (
            "Not done, not even sent: MailChannels has not answered properly for a while.".into(),
            "Try again in a minute; mail already filtered is not affected.".into(),
        ),
        Upstream::Unavailable { .. } => (
            "MailChannels did not answer properly.".into(),
            "Check below whether the change was made; try again in a minute. Mail already filtered is not affected."
                .into(),
        ),
        Upstream::Timeout => (
            "MailChannels did not answer in time.".into(),
            "Check below whether the change was made before trying again.".into(),
        ),
        Upstream::Ambiguous => (
            "The answer was lost, so the change may or may not have been made.".into(),
            "Check below what is there now before trying again.".into(),
        ),
        Upstream::Unexpected { status } => (
            format!("Not done: MailChannels answered {status}, which its description does not mention."),
            "Try again; if it stays, give your administrator the request id.".into(),
        ),
    }
}

impl From<store::StoreError> for DeskError {
    fn from(error: store::StoreError) -> Self {
        match Self::storage(&error) {
            Self::Storage if matches!(error, store::StoreError::Unwritable(_)) => Self::Unwritable,
            other => other,
        }
    }
}

/// A shorthand.
pub(crate) type Result<T> = std::result::Result<T, DeskError>;
