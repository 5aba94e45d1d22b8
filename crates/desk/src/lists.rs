//! Reading the lists of a recipient, a domain or an account: up to six, in one round trip.

use crate::{
    Desk, DeskError, KeyRef, Lookup, Person,
    error::Result,
    live::patiently,
    reach::{Opened, key_ref},
};
use inbound::{
    lists::{Entry, List, Place, Tier, Whose},
    name::{DomainName, EmailAddress},
};
use mailchannels::{Error as Upstream, ListItem, ListName, Session};
use store::DomainRow;

/// An entry as the service has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its value, as it came.
    pub item: String,
    /// The same, read.
    pub entry: Entry,
}

impl Listed {
    /// As people read it; a network as it stands on the list, where it may have host bits.
    pub fn shown(&self) -> String {
        if matches!(self.entry, Entry::Net(..)) { self.item.clone() } else { self.entry.shown() }
    }
}

/// One list: not asked, read, or what went wrong and the next step.
pub type ListRead = Option<std::result::Result<Vec<Listed>, (String, String)>>;

/// Who is meant, by the mirror, and with which key to ask.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose lists, with an alias resolved to its domain.
    pub whose: Whose,
    /// The alias that was asked for.
    pub alias: Option<DomainName>,
    /// The domain's row of the mirror; none for an account.
    pub row: Option<DomainRow>,
    /// The key that speaks.
    pub key: KeyRef,
    /// The account's id.
    pub account: String,
    /// Its name.
    pub account_name: String,
    /// Domains of the account that Sluice knows, through whomever's keys. There may be more: nothing tells which
    /// keys an account has.
    pub domains: u64,
}

impl Scope {
    /// Whom a tier reaches: the recipient, its domain, the account.
    pub fn at(&self, tier: Tier) -> Option<Whose> {
        match (tier, &self.whose) {
            (Tier::User, Whose::User(_)) | (Tier::Domain, Whose::Domain(_)) => Some(self.whose.clone()),
            (Tier::Domain, Whose::User(address)) => Some(Whose::Domain(address.domain().clone())),
            (Tier::Account, _) => Some(Whose::Account(self.account.clone())),
            _ => None,
        }
    }

    /// The name that a tier's rows show.
    pub fn name_at(&self, tier: Tier) -> String {
        match self.at(tier) {
            Some(Whose::User(address)) => format!("{}@{}", address.local(), address.domain().to_unicode()),
            Some(Whose::Domain(name)) => name.to_unicode(),
            _ => self.account_name.clone(),
        }
    }
}

/// The lists of somebody, and of the tiers above.
#[derive(Clone, Debug)]
pub struct Tiers {
    /// Who is meant.
    pub scope: Scope,
    /// In the order of [`Place::WALK`].
    pub lists: [ListRead; 6],
    /// The service does not know the recipient yet, so its lists are empty.
    pub unknown_recipient: bool,
    /// The service does not let this key at the domain, against what the mirror says.
    pub(crate) refused: bool,
}

impl Tiers {
    /// The entries of the six, those that could not be read as none.
    pub fn entries(&self) -> [Vec<Entry>; 6] {
        Place::WALK.map(|place| self.at(place).iter().map(|listed| listed.entry.clone()).collect())
    }

    /// The entries of one list.
    pub fn at(&self, place: Place) -> &[Listed] {
        match &self.lists[place.order()] {
            Some(Ok(entries)) => entries,
            _ => &[],
        }
    }

    /// Lists that should have been read and were not.
    pub fn failed(&self) -> Vec<(Place, &(String, String))> {
        Place::WALK
            .into_iter()
            .filter_map(|place| match &self.lists[place.order()] {
                Some(Err(words)) => Some((place, words)),
                _ => None,
            })
            .collect()
    }
}

/// The domain of a domain's or recipient's lists.
fn domain_of(whose: &Whose) -> Option<&DomainName> {
    match whose {
        Whose::User(address) => Some(address.domain()),
        Whose::Domain(name) => Some(name),
        Whose::Account(_) => None,
    }
}

/// The service's name of a list.
pub(crate) fn wire(list: List) -> ListName {
    match list {
        List::Safelist => ListName::Safelist,
        List::Blocklist => ListName::Blocklist,
    }
}

/// Whether the service refuses what the mirror says this key reaches.
pub(crate) fn moved(error: &Upstream) -> bool {
    matches!(error, Upstream::Forbidden { .. } | Upstream::NotFound { .. } | Upstream::NotYours { .. })
}

/// Reads one list.
pub(crate) async fn read_list(
    session: &Session<'_>,
    whose: &Whose,
    list: List,
) -> std::result::Result<Vec<ListItem>, Upstream> {
    let list = wire(list);
    match whose {
        Whose::User(address) => session.user_list(&address.to_string(), list).await,
        Whose::Domain(name) => session.domain_list(name.as_str(), list).await,
        Whose::Account(_) => session.account_list(list).await,
    }
}

/// How old a customer's own lists may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As they are now: something is decided by them.
    Now,
    /// A second: they are shown beside something else, on pages that everybody looks at all the time.
    ASecond,
}

async fn list_of(
    session: &Session<'_>,
    whose: &Whose,
    list: List,
    age: Age,
) -> std::result::Result<Vec<ListItem>, Upstream> {
    match (whose, age) {
        (Whose::Account(_), Age::ASecond) => session.shared_account_list(wire(list)).await,
        _ => read_list(session, whose, list).await,
    }
}

/// The service's items, read.
pub(crate) fn listed(items: Vec<ListItem>) -> Vec<Listed> {
    items.into_iter().map(|item| Listed { entry: Entry::read(&item.item), item: item.item }).collect()
}

impl Desk {
    /// Finds out who is meant and which key speaks: by the mirror; of a domain that it does not have, every key is
    /// asked, for it may be new.
    pub(crate) async fn reach_scope(&self, person: &Person, whose: &Whose) -> Result<(Scope, Opened)> {
        match (self.reach_by_mirror(person, whose).await, domain_of(whose)) {
            (Err(DeskError::NotFound(_)), Some(_)) => self.reach_afresh(person, whose).await,
            (found, _) => found,
        }
    }

    /// The same, after every key was asked: for a domain that moved to another key since it was mirrored.
    pub(crate) async fn reach_afresh(&self, person: &Person, whose: &Whose) -> Result<(Scope, Opened)> {
        let failed = match domain_of(whose) {
            Some(domain) => match self.ask_everyone(person, domain).await? {
                Lookup::Unreached { failed, .. } => failed,
                Lookup::Found(_) | Lookup::AliasOf { .. } => Vec::new(),
            },
            None => Vec::new(),
        };
        match (self.reach_by_mirror(person, whose).await, failed.into_iter().next()) {
            // Nobody knows: it may well be within reach of a key that got no answer.
            (Err(DeskError::NotFound(_)), Some((key, (what, next)))) => Err(DeskError::NotAsked(
                format!("{whose} could not be looked up, because {} could not be asked. {what}", key.label),
                next,
            )),
            (found, _) => found,
        }
    }

    async fn reach_by_mirror(&self, person: &Person, whose: &Whose) -> Result<(Scope, Opened)> {
        let rows = self.key_rows(person).await?;
        let fingerprints: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let unreached = || DeskError::NotFound(whose.to_string());
        let (whose, alias, row) = match whose {
            Whose::Account(_) => (whose.clone(), None, None),
            Whose::Domain(name) => {
                let found = self.0.store.find_domain(&fingerprints, name.as_str()).await?.ok_or_else(unreached)?;
                let canonical = DomainName::parse(&found.row.name).map_err(|_| DeskError::Storage)?;
                (Whose::Domain(canonical), found.via_alias.then(|| name.clone()), Some(found.row))
            }
            Whose::User(address) => {
                let domain = address.domain();
                let found = self.0.store.find_domain(&fingerprints, domain.as_str()).await?.ok_or_else(unreached)?;
                let canonical = EmailAddress::parse(&format!("{}@{}", address.local(), found.row.name))
                    .map_err(|_| DeskError::Storage)?;
                (Whose::User(canonical), found.via_alias.then(|| domain.clone()), Some(found.row))
            }
        };
        let usable = |key: &&store::KeyRow| key.health.as_deref() != Some("rejected");
        let of_account = |key: &&store::KeyRow| match (&row, &whose) {
            (Some(row), _) => row.seen_by_keys.contains(&key.fingerprint),
            (None, Whose::Account(id)) => key.account_id.as_ref() == Some(id),
            _ => false,
        };
        let holder = row.as_ref().and_then(|row| row.holder.as_ref());
        let key = rows
            .iter()
            .filter(of_account)
            .find(|key| Some(&key.fingerprint) == holder)
            .or_else(|| rows.iter().filter(of_account).find(usable))
            .or_else(|| rows.iter().find(of_account))
            .ok_or_else(unreached)?;
        let opened = self.open(key)?;
        self.used(key).await?;
        let account = key.account_id.clone().unwrap_or_default();
        let domains = self.0.store.count_account_domains(&account).await?;
        let account_name = key.account_name.clone().unwrap_or_default();
        Ok((Scope { whose, alias, row, key: key_ref(key), account, account_name, domains }, opened))
    }

    /// Who is meant.
    pub async fn scope(&self, person: &Person, whose: &Whose) -> Result<Scope> {
        Ok(self.reach_scope(person, whose).await?.0)
    }

    /// Reads the lists of somebody and of every tier above, in parallel.
    pub async fn tiers(&self, person: &Person, whose: &Whose, age: Age) -> Result<Tiers> {
        let (scope, opened) = self.reach_scope(person, whose).await?;
        let tiers = read_tiers(scope, &opened, age).await;
        if !tiers.refused {
            self.note_seen(&tiers).await;
            return Ok(tiers);
        }
        // Another of the person's keys may have it by now.
        match self.reach_afresh(person, &tiers.scope.whose.clone()).await {
            Ok((scope, opened)) => {
                let tiers = read_tiers(Scope { alias: tiers.scope.alias, ..scope }, &opened, age).await;
                self.note_seen(&tiers).await;
                Ok(tiers)
            }
            Err(DeskError::NotFound(_)) => Ok(tiers),
            Err(error) => Err(error),
        }
    }

    /// Reads them with one key of the person's, which must reach them.
    pub async fn tiers_with(&self, person: &Person, whose: &Whose, key: &str) -> Result<Tiers> {
        let (mut scope, _) = self.reach_scope(person, whose).await?;
        let opened = self.open_own(person, key).await?;
        let reaches = match &scope.row {
            Some(row) => row.seen_by_keys.contains(&opened.key.fingerprint),
            None => opened.key.account == scope.account,
        };
        if !reaches {
            let message = format!("The key {} does not reach {whose}. Choose another, or any key.", opened.key.label);
            return Err(DeskError::field("for", message));
        }
        scope.key = opened.key.clone();
        Ok(read_tiers(scope, &opened, Age::Now).await)
    }

    /// The accounts of a person's keys: one key of each, in label order.
    pub async fn accounts(&self, person: &Person) -> Result<Vec<(String, String, KeyRef)>> {
        let mut rows = self.key_rows(person).await?;
        rows.retain(|row| row.account_id.is_some());
        rows.sort_by_key(|row| (row.account_id.clone(), row.health.as_deref() == Some("rejected")));
        rows.dedup_by(|a, b| a.account_id == b.account_id);
        Ok(rows
            .iter()
            .map(|row| {
                let id = row.account_id.clone().unwrap_or_default();
                (id, row.account_name.clone().unwrap_or_default(), key_ref(row))
            })
            .collect())
    }
}

/// Reads the lists of a scope, in parallel.
pub(crate) async fn read_tiers(scope: Scope, opened: &Opened, age: Age) -> Tiers {
    let asked = Place::WALK.map(|place| {
        let whose = scope.at(place.tier);
        async move {
            match whose {
                Some(whose) => Some(patiently(list_of(&opened.session(), &whose, place.list, age)).await),
                None => None,
            }
        }
    });
    let answers = futures::future::join_all(asked).await;
    let (mut unknown_recipient, mut refused) = (false, false);
    let mut lists: [ListRead; 6] = Default::default();
    for (place, answer) in Place::WALK.into_iter().zip(answers) {
        lists[place.order()] = answer.map(|answer| match answer {
            Ok(items) => Ok(listed(items)),
            // A recipient appears with its first mail `[doc]`; until then nobody has lists for it.
            Err(Upstream::NotFound { .. }) if place.tier == Tier::User => {
                unknown_recipient = true;
                Ok(Vec::new())
            }
            Err(error) => {
                refused |= place.tier != Tier::Account && moved(&error);
                Err(DeskError::Upstream(error).reading_words())
            }
        });
    }
    Tiers { scope, lists, unknown_recipient, refused }
}
