//! Changing lists: one entry is the unit; each is read first, written, and read back.

use crate::{
    Asker, Desk, DeskError, Snapshot, Whose,
    audit::Intent,
    error::Result,
    lists::{listed, read_list, wire},
    reach::Opened,
};
use futures::{StreamExt, stream};
use inbound::{
    lists::{Batch, LineError, List, Target, Tier, parse_batch},
    name::{DomainName, EmailAddress},
};
use mailchannels::Error as Upstream;
use serde::{Deserialize, Serialize};

/// Most entries of one form; more is bulk work.
pub const ENTRIES_MAX: usize = 200;
/// Entries sent at the same time.
const AT_ONCE: usize = 8;
/// Up to this many entries need no typed count.
pub const UNTYPED: usize = 10;

/// The form that adds entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EntriesInput {
    /// `user`, `domain` or `account`.
    pub tier: String,
    /// The recipient or domain; at the account tier not looked at.
    pub whose: String,
    /// Id of the account that entries of the account tier go to, also those that a CSV brings.
    pub account: String,
    /// `safelist` or `blocklist`.
    pub list: String,
    /// Entries: one a line, with commas, or CSV.
    pub text: String,
}

/// What a form of entries comes to.
#[derive(Clone, Debug)]
pub struct EntriesPlan {
    /// What would be added.
    pub targets: Vec<Target>,
    /// Lines that stood twice.
    pub repeated: Vec<usize>,
}

impl EntriesPlan {
    /// Whether it must be looked at before it is sent: account-wide, or many.
    pub fn needs_review(&self) -> bool {
        self.targets.len() > UNTYPED || self.targets.iter().any(|target| target.whose.tier() == Tier::Account)
    }
}

/// What became of one entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntryOutcome {
    /// Which.
    pub target: Target,
    /// Audit id, for undo; none when there was nothing to do or nothing was sent.
    pub change: Option<i64>,
    /// `done`, `same`, `failed`, `unknown`.
    pub state: String,
    /// What happened and the next step.
    pub detail: String,
}

/// The errors of a form of entries: beside fields, or by line.
#[derive(Debug)]
pub enum EntriesError {
    /// Lines that can't be entries; nothing was sent.
    Lines(Vec<LineError>),
    /// Anything else.
    Other(Box<DeskError>),
}

impl From<DeskError> for EntriesError {
    fn from(error: DeskError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Whose list a form means.
pub fn whose_of(tier: &str, whose: &str) -> Result<Whose> {
    let field = |message: String| DeskError::field("whose", message);
    match Tier::parse(tier) {
        Some(Tier::User) => EmailAddress::parse(whose)
            .map(|address| Whose::User(inbound::lists::lower(&address)))
            .map_err(|error| field(error.to_string())),
        Some(Tier::Domain) => DomainName::parse(whose).map(Whose::Domain).map_err(|error| field(error.to_string())),
        Some(Tier::Account) if !whose.trim().is_empty() => Ok(Whose::Account(whose.trim().to_owned())),
        Some(Tier::Account) => Err(field("Choose the account.".into())),
        None => Err(DeskError::field("tier", "Choose a tier: user, domain or account.")),
    }
}

impl EntriesInput {
    /// Checks everything that can be checked here; nothing is sent.
    pub fn plan(&self) -> std::result::Result<EntriesPlan, EntriesError> {
        let Batch { rows, repeated, errors } = parse_batch(&self.text);
        if !errors.is_empty() {
            return Err(EntriesError::Lines(errors));
        }
        if rows.is_empty() {
            return Err(DeskError::field("text", "Enter at least one address, domain or IP address.").into());
        }
        if rows.len() > ENTRIES_MAX {
            return Err(DeskError::field(
                "text",
                format!("{} entries; at most {ENTRIES_MAX} at a time. Split them.", rows.len()),
            )
            .into());
        }
        let mut targets = Vec::with_capacity(rows.len());
        for row in rows {
            let (whose, list) = match row.place {
                Some((Tier::Account, list)) => (whose_of("account", &self.account)?, list),
                Some((tier, list)) => (whose_of(tier.as_str(), &row.whose)?, list),
                None => {
                    let list = List::parse(&self.list)
                        .ok_or_else(|| DeskError::field("list", "Choose a list: safelist or blocklist."))?;
                    let wide = Tier::parse(&self.tier) == Some(Tier::Account);
                    (whose_of(&self.tier, if wide { &self.account } else { &self.whose })?, list)
                }
            };
            targets.push(Target { whose, list, item: row.item });
        }
        Ok(EntriesPlan { targets, repeated })
    }
}

impl Desk {
    /// Adds entries, a few at a time; each ends with an outcome of its own.
    pub async fn add_entries(&self, asker: &Asker, targets: Vec<Target>) -> Vec<EntryOutcome> {
        self.change_entries(asker, targets, true).await
    }

    /// Adds or removes entries; none may stop the others.
    pub async fn change_entries(&self, asker: &Asker, targets: Vec<Target>, present: bool) -> Vec<EntryOutcome> {
        stream::iter(targets)
            .map(|target| async move {
                let (change, state, detail) = match self.change_entry(asker, &target, present, None).await {
                    Ok(Some(change)) => (Some(change), "done", String::new()),
                    Ok(None) if present => (None, "same", "It was on the list already.".to_owned()),
                    Ok(None) => (None, "same", "It was not on the list.".to_owned()),
                    Err(error) => {
                        let lost = matches!(
                            error,
                            DeskError::NotTaken | DeskError::Upstream(Upstream::Ambiguous | Upstream::Timeout)
                        );
                        let (what, next) = error.words();
                        (None, if lost { "unknown" } else { "failed" }, format!("{what} {next}"))
                    }
                };
                EntryOutcome { target, change, state: state.into(), detail }
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// Brings one entry to be on its list, or not. Returns the audit id, or none when it was so already.
    /// With `expected`, refuses when its state before is another.
    pub async fn change_entry(
        &self,
        asker: &Asker,
        target: &Target,
        present: bool,
        expected: Option<bool>,
    ) -> Result<Option<i64>> {
        let (scope, opened) = self.reach_scope(&asker.person, &target.whose).await?;
        let target = Target { whose: scope.whose.clone(), ..target.clone() };
        let before = self.find(&opened, &target).await?;
        if expected.is_some_and(|expected| expected != before.is_some()) {
            return Err(DeskError::Stale);
        }
        if before.is_some() == present {
            return Ok(None);
        }
        let state = |present| Snapshot::Entry { target: target.clone(), present };
        let object = target.whose.to_string();
        let intent = self
            .intend(
                asker,
                Intent {
                    action: if present { "list.add" } else { "list.remove" },
                    object_kind: target.whose.kind(),
                    object: &object,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: Some(state(!present).base()),
                    after: Some(state(present).base()),
                },
            )
            .await?;
        // As the service has it, where it has it: it may write an entry in its own way.
        let item = before.unwrap_or_else(|| target.item.clone());
        let sent = send(&opened, &target, &item, present).await;
        if let Err(error) = &sent
            && !matches!(
                error,
                Upstream::Ambiguous | Upstream::Timeout | Upstream::Unavailable { .. } | Upstream::Conflict { .. }
            )
        {
            self.conclude(intent, &format!("failed: {error}")).await;
            return Err(unknown_recipient(&target, error.clone()));
        }
        // What is there now decides, above all when the answer was lost.
        match self.find(&opened, &target).await {
            Ok(now) if now.is_some() == present => {
                self.conclude(intent, if sent.is_ok() { "done" } else { "done: confirmed by reading back" }).await;
                Ok(Some(intent))
            }
            read => {
                let error = match (sent, read) {
                    (Err(error), _) => error.into(),
                    (Ok(()), Ok(_)) => DeskError::NotTaken,
                    (Ok(()), Err(error)) => error,
                };
                self.conclude(intent, &format!("unknown: {error}")).await;
                Err(error)
            }
        }
    }

    /// Takes back the addition or removal of an entry, unless the list moved on.
    pub async fn undo_entry(&self, asker: &Asker, change: i64) -> Result<(Target, bool)> {
        let gone = || DeskError::NotFound("that change".into());
        let row = self.0.store.intent(change).await?.ok_or_else(gone)?;
        let after = row.after.as_deref().and_then(Snapshot::from_base).ok_or_else(gone)?;
        let Snapshot::Entry { target, present } = after else {
            return Err(gone());
        };
        self.change_entry(asker, &target, !present, Some(present)).await?;
        Ok((target, !present))
    }

    /// The entry as the service has it, if it has it.
    async fn find(&self, opened: &Opened, target: &Target) -> Result<Option<String>> {
        let items = match read_list(opened, &target.whose, target.list).await {
            // A recipient without mail so far has no lists.
            Err(Upstream::NotFound { .. }) if target.whose.tier() == Tier::User => Vec::new(),
            other => other?,
        };
        Ok(listed(items).into_iter().find(|listed| target.is(&listed.item)).map(|listed| listed.item))
    }
}

async fn send(opened: &Opened, target: &Target, item: &str, present: bool) -> std::result::Result<(), Upstream> {
    let (session, list) = (opened.session(), wire(target.list));
    match (&target.whose, present) {
        (Whose::User(address), true) => session.add_to_user_list(&address.to_string(), list, item).await.map(drop),
        (Whose::Domain(name), true) => session.add_to_domain_list(name.as_str(), list, item).await.map(drop),
        (Whose::Account(_), true) => session.add_to_account_list(list, item).await.map(drop),
        // 204 and 404 alike: what was read a moment ago was the domain's or recipient's own.
        (whose, false) => {
            let removed = match whose {
                Whose::User(address) => session.remove_from_user_list(&address.to_string(), list, item).await,
                Whose::Domain(name) => session.remove_from_domain_list(name.as_str(), list, item).await,
                Whose::Account(_) => session.remove_from_account_list(list, item).await,
            };
            match removed {
                Err(Upstream::NotFound { .. }) => Ok(()),
                other => other,
            }
        }
    }
}

/// An addition for a recipient that the service does not know gets words of its own.
fn unknown_recipient(target: &Target, error: Upstream) -> DeskError {
    match (&target.whose, &error) {
        (Whose::User(address), Upstream::NotFound { .. }) => DeskError::field(
            "whose",
            format!(
                "MailChannels does not know {address} yet: recipients appear with their first mail. Create it under Recipients, then add the entry."
            ),
        ),
        (_, Upstream::Invalid { .. }) => {
            let (what, _) = DeskError::Upstream(error.clone()).words();
            DeskError::field("text", format!("{what} It may not take this kind of entry."))
        }
        _ => error.into(),
    }
}
