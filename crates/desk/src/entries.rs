//! Changing lists: one entry is the unit; each is read first, written, and read back.

use crate::{
    Asker, Desk, DeskError, Snapshot, Whose,
    audit::Intent,
    error::{Result, is_lost, unread_after},
    lists::{moved, read_list, wire},
};
use futures::{StreamExt, stream};
use inbound::{
    lists::{Batch, LineError, List, Target, Tier, parse_batch},
    name::{DomainName, EmailAddress},
};
use mailchannels::{Error as Upstream, Session};
use serde::{Deserialize, Serialize};

/// Most entries of one form; more is bulk work.
pub const ENTRIES_MAX: usize = 1_000;
/// Entries sent at the same time.
const AT_ONCE: usize = 16;
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

impl EntryOutcome {
    /// What [`Desk::change_entry`] came to.
    pub fn of(target: Target, present: bool, changed: std::result::Result<&Option<i64>, &DeskError>) -> Self {
        let (change, state, detail) = match changed {
            Ok(Some(change)) => (Some(*change), "done", String::new()),
            Ok(None) if present => (None, "same", "It was on the list already.".to_owned()),
            Ok(None) => (None, "same", "It was not on the list.".to_owned()),
            Err(error) => (None, if is_unsure(error) { "unknown" } else { "failed" }, error.said()),
        };
        Self { target, change, state: state.into(), detail }
    }
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

/// How a CSV names an account: by its name, or by its id where others of the person's have the same name.
pub fn account_label<'a>(id: &'a str, accounts: &'a [(String, String)]) -> &'a str {
    let name = accounts.iter().find(|(known, _)| known == id).map_or(id, |(_, name)| name);
    if accounts.iter().filter(|(_, other)| other == name).count() > 1 { id } else { name }
}

/// The account that a CSV names: none where it names none.
fn account_named<'a>(text: &str, accounts: &'a [(String, String)]) -> std::result::Result<Option<&'a str>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let found = accounts.iter().find(|(id, _)| id == text || account_label(id, accounts) == text);
    found
        .map(|(id, _)| Some(id.as_str()))
        .ok_or_else(|| format!("For which account: none of your keys is of “{text}”."))
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
    /// Checks everything that can be checked here; nothing is sent. `accounts` are the person's, each with its name.
    pub fn plan(&self, accounts: &[(String, String)]) -> std::result::Result<EntriesPlan, EntriesError> {
        let Batch { rows, repeated, mut errors } = parse_batch(&self.text);
        // Also wrong ones are counted: each is said by its line.
        let count = rows.len() + errors.len();
        if count > ENTRIES_MAX {
            return Err(DeskError::field(
                "text",
                format!("{count} entries; at most {ENTRIES_MAX} at a time. Split them, or start a bulk job."),
            )
            .into());
        }
        let wide = rows.iter().filter(|row| matches!(row.place, Some((Tier::Account, _))));
        errors.extend(wide.filter_map(|row| {
            let message = account_named(&row.whose, accounts).err()?;
            Some(LineError { line: row.line, text: row.item.clone(), message })
        }));
        if !errors.is_empty() {
            return Err(EntriesError::Lines(errors));
        }
        if rows.is_empty() {
            return Err(DeskError::field("text", "Enter at least one address, domain or IP address.").into());
        }
        let mut targets = Vec::with_capacity(rows.len());
        for row in rows {
            let (whose, list) = match row.place {
                Some((Tier::Account, list)) => {
                    let named = account_named(&row.whose, accounts).ok().flatten();
                    (whose_of("account", named.unwrap_or(&self.account))?, list)
                }
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
                let changed = self.change_entry(asker, &target, present, None).await;
                EntryOutcome::of(target, present, changed.as_ref())
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
        let (mut scope, mut opened) = self.reach_scope(&asker.person, &target.whose).await?;
        let mut target = Target { whose: scope.whose.clone(), ..target.clone() };
        let mut before = find(&opened.changing(), &target).await;
        if let Err(error) = &before
            && moved(error)
            && let Ok(found) = self.reach_afresh(&asker.person, &target.whose).await
        {
            // It moved to another of the person's keys since it was mirrored.
            (scope, opened) = found;
            target.whose = scope.whose.clone();
            before = find(&opened.changing(), &target).await;
        }
        let before = before.map_err(DeskError::before)?;
        if before.is_some() == present {
            return Ok(None);
        }
        if expected.is_some_and(|expected| expected != before.is_some()) {
            return Err(DeskError::Stale);
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
        let sent = send(&opened.changing(), &target, &item, present).await;
        if matches!(sent, Err(Upstream::Conflict { .. })) && find(&opened.changing(), &target).await?.is_some() {
            // Somebody else put it there in between: nothing of ours that could be taken back.
            self.conclude(intent, "done: it was there by then, nothing was changed").await;
            return Ok(None);
        }
        if let Err(error) = &sent
            && !is_lost(error)
            && !matches!(error, Upstream::Conflict { .. })
        {
            self.conclude(intent, &format!("failed: {error}")).await;
            return Err(unknown_recipient(&target, error.clone()));
        }
        // What is there now decides, above all when the answer was lost.
        let (outcome, error) = match (sent, find(&opened.changing(), &target).await) {
            (sent, Ok(now)) if now.is_some() == present => {
                self.conclude(intent, if sent.is_ok() { "done" } else { "done: confirmed by reading back" }).await;
                return Ok(Some(intent));
            }
            (Err(error @ Upstream::RateLimited), Ok(_)) => ("failed", error.into()),
            (Err(error), Ok(_)) => ("unknown", error.into()),
            (Err(error), Err(_)) => ("unknown", unread_after(error).into()),
            (Ok(()), Err(error)) => ("unknown", DeskError::Unconfirmed(error)),
            (Ok(()), Ok(_)) => ("unknown", DeskError::NotTaken),
        };
        self.conclude(intent, &format!("{outcome}: {error}")).await;
        Err(error)
    }

    /// Takes back the addition or removal of an entry, unless the list moved on.
    pub async fn undo_entry(&self, asker: &Asker, change: i64) -> Result<(Target, bool)> {
        let gone = || DeskError::Gone("such change".into());
        let row = self.0.store.intent(change).await?.ok_or_else(gone)?;
        let after = row.after.as_deref().and_then(Snapshot::from_base).ok_or_else(gone)?;
        let Snapshot::Entry { target, present } = after else {
            return Err(gone());
        };
        self.change_entry(asker, &target, !present, Some(present)).await?;
        Ok((target, !present))
    }
}

/// The entry as the service has it, if it has it.
pub(crate) async fn find(session: &Session<'_>, target: &Target) -> std::result::Result<Option<String>, Upstream> {
    let items = match read_list(session, &target.whose, target.list).await {
        // A recipient without mail so far has no lists.
        Err(Upstream::NotFound { .. }) if target.whose.tier() == Tier::User => Vec::new(),
        other => other?,
    };
    Ok(items.into_iter().map(|item| item.item).find(|item| target.is(item)))
}

/// Whether the change may have been made all the same.
fn is_unsure(error: &DeskError) -> bool {
    matches!(
        error,
        DeskError::NotTaken
            | DeskError::Unconfirmed(_)
            | DeskError::Upstream(Upstream::Ambiguous | Upstream::Timeout | Upstream::Unavailable { .. })
    )
}

/// Adds or removes an entry; `item` is how the service writes it.
pub(crate) async fn send(
    session: &Session<'_>,
    target: &Target,
    item: &str,
    present: bool,
) -> std::result::Result<(), Upstream> {
    let list = wire(target.list);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(names: &[(&str, &str)]) -> Vec<(String, String)> {
        names.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn accounts_go_out_and_come_back_by_name_or_where_that_is_not_enough_by_id() {
        for names in [[("i1", "one"), ("i2", "two")], [("i1", "same"), ("i2", "same")]] {
            let accounts = accounts(&names);
            let labels: Vec<_> = accounts.iter().map(|(id, _)| account_label(id, &accounts)).collect();
            assert_ne!(labels[0], labels[1]);
            for ((id, _), label) in accounts.iter().zip(labels) {
                assert_eq!(account_named(label, &accounts), Ok(Some(id.as_str())));
            }
        }
        assert_eq!(account_named("", &[]), Ok(None));
        assert!(account_named("same", &accounts(&[("i1", "same"), ("i2", "same")])).is_err(), "it could be either");
    }

    #[test]
    fn a_thousand_fit_and_each_wrong_account_is_told_by_its_line() {
        let of = |count: usize| EntriesInput {
            tier: "domain".into(),
            whose: "shop.example".into(),
            list: "safelist".into(),
            text: (0..count).map(|n| format!("s{n}@b.example\n")).collect::<Vec<_>>().concat(),
            ..EntriesInput::default()
        };
        assert!(of(ENTRIES_MAX).plan(&[]).is_ok_and(|plan| plan.targets.len() == ENTRIES_MAX));
        assert!(matches!(of(ENTRIES_MAX + 1).plan(&[]), Err(EntriesError::Other(_))));
        let text =
            "tier,for,list,type,entry\naccount,one,safelist,domain,a.example\naccount,two,safelist,domain,b.example";
        let input = EntriesInput { text: text.into(), ..EntriesInput::default() };
        match input.plan(&accounts(&[("i1", "one")])) {
            Err(EntriesError::Lines(errors)) => assert_eq!((errors.len(), errors[0].line), (1, 3)),
            other => assert!(other.is_err(), "{other:?}"),
        }
    }
}
