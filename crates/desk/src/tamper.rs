//! What changed since a time and was not done through Sluice: what somebody with a leaked key may have done.

use crate::{Desk, DeskError, Person, Snapshot, Whose, error::Result};
use inbound::{
    lists::{Entry, List},
    name::EmailAddress,
    tamper::{Change, Foreign, Kind, Own, SLACK_MS, Wanted, entry_is_own, foreign},
};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use store::{ChangeRow, EntryChange, ListReading, WantedRow};

/// A change of a domain that nobody made through Sluice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The domain, A-label.
    pub domain: String,
    /// The value before, line by line.
    pub before: BTreeSet<String>,
    /// The value found.
    pub after: BTreeSet<String>,
    /// The lines of it that nobody here wanted.
    pub foreign: Foreign,
    /// When the value before was last seen, unix milliseconds: it happened after that.
    pub known_at: i64,
    /// When it was first seen: it happened before that.
    pub seen_at: i64,
    /// No key here saw the domain in between: it may have been deprovisioned and provisioned anew.
    pub gone: bool,
}

/// An entry of an account's own lists that nobody added or removed through Sluice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedEntry {
    /// Which list.
    pub list: List,
    /// The entry, as the service has it.
    pub item: String,
    /// Whether it appeared; else it vanished.
    pub appeared: bool,
    /// The last reading that had it the other way, unix milliseconds.
    pub known_at: i64,
    /// The first reading that had it this way.
    pub seen_at: i64,
}

/// All of it, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tampering {
    /// Downstream servers: where mail goes.
    pub servers: Vec<Changed>,
    /// Domain admins: who can sign in to the Domain Console.
    pub admins: Vec<Changed>,
    /// Aliases.
    pub aliases: Vec<Changed>,
    /// Spam handling.
    pub settings: Vec<Changed>,
    /// The account's own safelist and blocklist.
    pub entries: Vec<ChangedEntry>,
    /// When the account's lists were read; without a success nothing is known of them.
    pub lists: Vec<ListReading>,
    /// Changes in that time that were made through Sluice, and are not among these.
    pub own: usize,
    /// There were more changes than are looked through: the oldest are missing.
    pub cut: bool,
}

/// Changes looked through at most, the newest.
const CHANGES_MAX: u32 = 50_000;

impl Tampering {
    /// How many changes there are.
    pub fn total(&self) -> usize {
        self.domains().map(|(_, changes)| changes.len()).sum::<usize>() + self.entries.len()
    }

    /// The changes of domains by kind, the most dangerous kind first.
    pub fn domains(&self) -> impl Iterator<Item = (Kind, &Vec<Changed>)> {
        Kind::ALL.into_iter().zip([&self.servers, &self.admins, &self.aliases, &self.settings])
    }

    /// Since when Sluice has watched both lists of this account, unix milliseconds; none when one was never read.
    pub fn watched_from(&self) -> Option<i64> {
        let first: Option<Vec<_>> = self.lists.iter().map(|reading| reading.first_at).collect();
        first?.into_iter().max()
    }

    fn of_kind(&mut self, kind: Kind) -> &mut Vec<Changed> {
        match kind {
            Kind::Servers => &mut self.servers,
            Kind::Admins => &mut self.admins,
            Kind::Aliases => &mut self.aliases,
            Kind::Settings => &mut self.settings,
        }
    }
}

impl Desk {
    /// What changed in an account since a time, and was not done through Sluice by anybody: of the domains
    /// within the person's reach, and of the account's own lists. From what was mirrored; nobody is asked.
    pub async fn tampering(&self, person: &Person, account: &str, since: i64) -> Result<Tampering> {
        let rows = self.key_rows(person).await?;
        if !rows.iter().any(|row| row.account_id.as_deref() == Some(account)) {
            return Err(DeskError::Gone("such account".into()));
        }
        let keys: Vec<_> = rows.into_iter().map(|row| row.fingerprint).collect();
        let store = &self.0.store;
        let changes = store.changes_since(account, &keys, since, CHANGES_MAX).await?;
        let wanted = store.wanted_of_changed(account, since, SLACK_MS).await?;
        let wanted = own_of(&wanted);
        let entries = store.entry_changes_since(account, since).await?;
        let first = entries.iter().map(|entry| entry.known_at).min().unwrap_or(since) - SLACK_MS;
        let intents = store.wanted_of_account(account, first).await?;
        let mut found = Tampering {
            lists: store.list_readings(account).await?,
            cut: changes.len() >= CHANGES_MAX as usize,
            ..Tampering::default()
        };
        for row in changes {
            let Some(change) = change_of(&row) else { continue };
            let own = wanted.get(row.domain.as_str()).map(Vec::as_slice).unwrap_or_default();
            match foreign(&change, own) {
                None => found.own += 1,
                Some(foreign) => found.of_kind(change.kind).push(Changed {
                    domain: row.domain,
                    foreign,
                    before: change.before,
                    after: change.after,
                    known_at: change.known_at,
                    seen_at: change.seen_at,
                    gone: change.gone,
                }),
            }
        }
        let entry_intents = entry_intents(&intents);
        for entry in entries {
            let Some(list) = List::parse(&entry.list) else { continue };
            if entry_is_own(&times_of(&entry, list, &entry_intents), entry.known_at, entry.seen_at) {
                found.own += 1;
            } else {
                let EntryChange { item, appeared, known_at, seen_at, .. } = entry;
                found.entries.push(ChangedEntry { list, item, appeared, known_at, seen_at });
            }
        }
        Ok(found)
    }
}

/// The settings of a change, as the mirror keeps them.
#[derive(Deserialize)]
struct Settings {
    policy: Option<String>,
    #[serde(rename = "override")]
    override_recipient: Option<bool>,
    header_name: Option<String>,
    header_value: Option<String>,
}

/// Spam handling as lines.
fn settings_lines(
    policy: Option<&str>,
    override_recipient: Option<bool>,
    name: Option<&str>,
    value: Option<&str>,
) -> BTreeSet<String> {
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let chosen = override_recipient.map(|on| if on { "overrides recipients" } else { "recipients may choose" });
    [
        some(policy).map(|policy| format!("policy {policy}")),
        chosen.map(str::to_owned),
        some(name).map(|name| format!("header name {name}")),
        some(value).map(|value| format!("header value {value}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Admins in one form, whoever wrote them.
fn admin_lines<'a>(admins: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let one = |admin: &String| EmailAddress::parse(admin).map_or_else(|_| admin.clone(), |admin| admin.to_string());
    admins.into_iter().map(|admin| one(admin).to_lowercase()).collect()
}

fn lines_of(kind: Kind, json: &str) -> Option<BTreeSet<String>> {
    if kind == Kind::Settings {
        let Settings { policy, override_recipient, header_name, header_value } = serde_json::from_str(json).ok()?;
        return Some(settings_lines(
            policy.as_deref(),
            override_recipient,
            header_name.as_deref(),
            header_value.as_deref(),
        ));
    }
    let lines: Vec<String> = serde_json::from_str(json).ok()?;
    Some(if kind == Kind::Admins { admin_lines(&lines) } else { lines.into_iter().collect() })
}

fn change_of(row: &ChangeRow) -> Option<Change> {
    let kind = Kind::parse(&row.kind)?;
    Some(Change {
        kind,
        before: lines_of(kind, &row.before)?,
        after: lines_of(kind, &row.after)?,
        known_at: row.known_at,
        seen_at: row.seen_at,
        gone: row.gone,
    })
}

/// What Sluice wanted, by domain.
fn own_of(rows: &[WantedRow]) -> HashMap<&str, Vec<Own>> {
    let mut own: HashMap<&str, Vec<Own>> = HashMap::new();
    for row in rows {
        let wanted = match Snapshot::from_base(&row.after) {
            Some(Snapshot::Servers { servers }) => Wanted::Whole(Kind::Servers, servers.into_iter().collect()),
            Some(Snapshot::Admins { admins }) => Wanted::Whole(Kind::Admins, admin_lines(&admins)),
            Some(Snapshot::Settings { policy, override_recipient, header_name, header_value }) => Wanted::Whole(
                Kind::Settings,
                settings_lines(policy.as_deref(), override_recipient, header_name.as_deref(), header_value.as_deref()),
            ),
            Some(Snapshot::Alias { alias, present }) => Wanted::Alias(alias, present),
            Some(Snapshot::Provisioned { present: true }) => Wanted::Provisioned,
            _ => continue,
        };
        own.entry(&row.object).or_default().push(Own { at: row.at, wanted });
    }
    own
}

/// When Sluice wanted which entry on an account's list, or off it.
fn entry_intents(rows: &[WantedRow]) -> Vec<(i64, List, Entry, bool)> {
    rows.iter()
        .filter_map(|row| match Snapshot::from_base(&row.after)? {
            Snapshot::Entry { target, present } if matches!(target.whose, Whose::Account(_)) => {
                Some((row.at, target.list, Entry::read(&target.item), present))
            }
            _ => None,
        })
        .collect()
}

fn times_of(entry: &EntryChange, list: List, intents: &[(i64, List, Entry, bool)]) -> Vec<i64> {
    let item = Entry::read(&entry.item);
    intents
        .iter()
        .filter(|(_, on, wanted, present)| *on == list && *present == entry.appeared && *wanted == item)
        .map(|(at, ..)| *at)
        .collect()
}
