//! The key map: which key holds how many domains, and what goes with it. From the mirror alone.

use crate::{Desk, Freshness, Health, KeyView, Person, error::Result, inventory::freshness, keys::view};
use inbound::{
    association::Association,
    keymap::{Counts, Deleting, Removing, part},
};
use std::collections::BTreeMap;
use store::{AccountKey, Held, KeyRow};

/// A key of the person's, as the map shows it.
#[derive(Clone, Debug)]
pub struct MapKey {
    /// The key.
    pub key: KeyView,
    /// What it sees, by part.
    pub counts: Counts,
    /// What deleting it in the Host Console would do.
    pub deleting: Deleting,
    /// What removing it from Sluice would take out of the person's reach.
    pub removing: Removing,
    /// Other people here who hold it too.
    pub colleagues: u64,
}

/// Keys of an account that only other people hold: counted, never named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OthersKeys {
    /// How many.
    pub keys: u64,
    /// Of those, rejected ones.
    pub rejected: u64,
    /// Domains locked to them.
    pub locked: u64,
}

/// One account of the map.
#[derive(Clone, Debug)]
pub struct AccountMap {
    /// Its id; empty for keys whose account is not known.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The person's keys, in label order.
    pub keys: Vec<MapKey>,
    /// Other people's keys.
    pub others: OthersKeys,
    /// The domains within the person's reach, by part.
    pub reach: Counts,
}

/// The whole map of a person.
#[derive(Clone, Debug)]
pub struct KeyMap {
    /// Their accounts, by name.
    pub accounts: Vec<AccountMap>,
    /// How old it is.
    pub freshness: Freshness,
}

impl KeyMap {
    /// All keys, account by account.
    pub fn keys(&self) -> impl Iterator<Item = &MapKey> {
        self.accounts.iter().flat_map(|account| &account.keys)
    }

    /// All domains within reach, by part.
    pub fn reach(&self) -> Counts {
        self.accounts.iter().fold(Counts::default(), |sum, account| Counts {
            locked: sum.locked + account.reach.locked,
            free: sum.free + account.reach.free,
            unknown: sum.unknown + account.reach.unknown,
            elsewhere: sum.elsewhere + account.reach.elsewhere,
        })
    }
}

impl Desk {
    /// Which of a person's keys holds how many domains. Three statements, however many domains there are;
    /// nobody is asked.
    pub async fn keymap(&self, person: &Person) -> Result<KeyMap> {
        let rows = self.key_rows(person).await?;
        let fingerprints: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let all = self.0.store.account_keys(&person.id).await?;
        let held = self.0.store.held(&fingerprints).await?;
        let briefs: Vec<_> = rows.iter().map(store::KeyBrief::from).collect();
        Ok(KeyMap { freshness: freshness(&briefs), accounts: accounts(rows, &all, &held) })
    }
}

fn accounts(rows: Vec<KeyRow>, all: &[AccountKey], held: &[Held]) -> Vec<AccountMap> {
    let own: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
    let mut accounts: BTreeMap<String, Vec<KeyRow>> = BTreeMap::new();
    for row in rows {
        accounts.entry(row.account_id.clone().unwrap_or_default()).or_default().push(row);
    }
    let mut accounts: Vec<_> = accounts
        .into_iter()
        .map(|(id, rows)| AccountMap {
            name: rows.iter().find_map(|row| row.account_name.clone()).unwrap_or_default(),
            others: others(all.iter().filter(|key| key.account_id == id && !own.contains(&key.fingerprint))),
            reach: reach(held.iter().filter(|held| held.account_id == id), &own),
            keys: keys(rows, all),
            id,
        })
        .collect();
    accounts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    accounts
}

fn keys(rows: Vec<KeyRow>, all: &[AccountKey]) -> Vec<MapKey> {
    let rejected = |row: &KeyRow| row.health.as_deref() == Some("rejected");
    let working = rows.iter().filter(|row| !rejected(row)).count();
    rows.into_iter()
        .map(|row| {
            let another = working > usize::from(!rejected(&row));
            let people = all.iter().find(|key| key.fingerprint == row.fingerprint).map_or(1, |key| key.people);
            let key = view(row);
            let counts = key.counts();
            MapKey {
                deleting: Deleting::of(&counts, key.health == Health::Rejected),
                removing: Removing::of(&counts, another),
                colleagues: people.saturating_sub(1),
                key,
                counts,
            }
        })
        .collect()
}

fn others<'a>(keys: impl Iterator<Item = &'a AccountKey>) -> OthersKeys {
    keys.fold(OthersKeys::default(), |sum, key| OthersKeys {
        keys: sum.keys + 1,
        rejected: sum.rejected + u64::from(key.health == "rejected"),
        locked: sum.locked + key.locked,
    })
}

fn reach<'a>(held: impl Iterator<Item = &'a Held>, own: &[String]) -> Counts {
    let mut counts = Counts::default();
    for held in held {
        let association = match (held.association.as_str(), &held.holder) {
            ("locked", Some(holder)) => Association::Locked(holder),
            ("free", _) => Association::Free,
            _ => Association::Unknown,
        };
        counts.add(part(&association, |holder| own.contains(holder)), held.domains);
    }
    counts
}
