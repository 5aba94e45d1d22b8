//! What a row of a plan comes to.

use super::{Act, How, SettingsChange, Wish};
use crate::{
    facet::{Snapshot, Whole},
    lists::{Entry, List, Target, Whose},
    name::{DomainName, EmailAddress},
    sender::{Warning, advise},
};
use serde::{Deserialize, Serialize};

/// What is known of a row's domain, within the person's reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its own name, A-label.
    pub name: String,
    /// Its account.
    pub account: String,
    /// What it has.
    pub whole: Whole,
    /// Fingerprint of the key it is locked to, when that is known.
    pub holder: Option<String>,
    /// The row names an alias of it, not itself.
    pub via_alias: bool,
}

/// What will happen to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is made.
    New,
    /// It is changed.
    Change,
    /// It is provisioned already and left alone.
    Exists,
    /// It is like that already.
    Same,
    /// It can't be understood.
    Invalid,
    /// It can't be done with this person's keys.
    Forbidden,
}

impl Verdict {
    /// All, in the order of pages.
    pub const ALL: [Self; 6] = [Self::New, Self::Change, Self::Exists, Self::Same, Self::Invalid, Self::Forbidden];

    /// The word in URLs and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Change => "change",
            Self::Exists => "exists",
            Self::Same => "same",
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
        }
    }

    /// The opposite of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }

    /// Whether something is sent for it.
    #[must_use]
    pub fn acts(self) -> bool {
        matches!(self, Self::New | Self::Change)
    }
}

/// What a row comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// In one word.
    pub verdict: Verdict,
    /// The domain's own name or the recipient, A-label.
    pub object: String,
    /// State before, as far as known.
    pub before: Option<Snapshot>,
    /// State wanted.
    pub after: Option<Snapshot>,
    /// Why, or what to know about it; empty when there is nothing to say.
    pub note: String,
}

impl Decision {
    fn stays(verdict: Verdict, object: &str, note: impl Into<String>) -> Self {
        Self { verdict, object: object.to_owned(), before: None, after: None, note: note.into() }
    }

    pub(super) fn forbidden(object: &str, note: impl Into<String>) -> Self {
        Self::stays(Verdict::Forbidden, object, note)
    }

    pub(super) fn same(object: &str, note: impl Into<String>) -> Self {
        Self::stays(Verdict::Same, object, note)
    }

    /// From one state to another; nothing, when they are the same.
    pub(super) fn change(object: &str, before: Snapshot, after: Snapshot) -> Self {
        if before == after {
            return Self::same(object, "");
        }
        Self {
            verdict: Verdict::Change,
            object: object.to_owned(),
            before: Some(before),
            after: Some(after),
            note: String::new(),
        }
    }
}

/// What a row comes to, from what is known of its domain. A row with several aliases comes to several.
#[must_use]
pub fn decide(act: &Act, wish: &Wish, known: Option<&Known>) -> Vec<Decision> {
    let object = wish.object.as_str();
    if let Act::Entries { present } = act {
        return vec![entry(*present, wish, known)];
    }
    if let (Act::Provision { subscription, lock, .. }, None) = (act, known) {
        return vec![new(subscription, *lock, wish)];
    }
    let Some(known) = known else {
        return vec![Decision::forbidden(object, "None of your keys reaches it.")];
    };
    if known.via_alias {
        // The name may be a slip; what it stands for is named, never changed in its stead.
        let note = format!("An alias of {}. Name the domain itself.", known.name);
        return vec![Decision::stays(Verdict::Invalid, object, note)];
    }
    vec![match act {
        Act::Provision { account, update, .. } => existing(account, *update, wish, known),
        Act::Deprovision => {
            let before = Snapshot::Domain(known.whole.clone());
            Decision::change(object, before, Snapshot::Provisioned { present: false })
        }
        Act::Settings(change) => {
            let own =
                SettingsChange { policy: wish.policy.clone().or_else(|| change.policy.clone()), ..change.clone() };
            if own.is_empty() {
                return vec![Decision::stays(Verdict::Invalid, object, "Nothing to change: the row has no policy.")];
            }
            Decision::change(object, known.whole.settings(), changed(&known.whole, &own).settings())
        }
        Act::Servers { servers } => {
            let servers = wish.servers.as_ref().unwrap_or(servers);
            if servers.is_empty() {
                let note = "No servers given. All servers of a domain are cleared on its own page only.";
                return vec![Decision::stays(Verdict::Invalid, object, note)];
            }
            let before = Snapshot::Servers { servers: known.whole.servers.clone() };
            Decision::change(object, before, Snapshot::Servers { servers: sorted(servers.clone()) })
        }
        Act::Admins { how, admins } => {
            let own = if wish.admins.is_empty() { admins } else { &wish.admins };
            if own.is_empty() && *how != How::Replace {
                return vec![Decision::stays(Verdict::Invalid, object, "No admin given.")];
            }
            let before = &known.whole.admins;
            let after = match how {
                How::Add => union(before, own),
                How::Remove => before.iter().filter(|admin| !own.contains(admin)).cloned().collect(),
                How::Replace => sorted(own.clone()),
            };
            Decision::change(object, Snapshot::Admins { admins: before.clone() }, Snapshot::Admins { admins: after })
        }
        Act::Aliases { present } => return aliases(*present, wish, known),
        Act::Associate { fingerprint, account } => {
            if known.account != *account {
                let note =
                    "It belongs to another account than the key. A domain moves only between keys of one account.";
                return vec![Decision::forbidden(object, note)];
            }
            let holder = |fingerprint: Option<&String>| Snapshot::Holder { fingerprint: fingerprint.cloned() };
            Decision::change(object, holder(known.holder.as_ref()), holder(Some(fingerprint)))
        }
        Act::LoginLinks => Decision {
            verdict: Verdict::New,
            object: object.to_owned(),
            before: None,
            after: None,
            note: String::new(),
        },
        Act::Entries { .. } | Act::Undo { .. } => Decision::forbidden(object, "Not a change of a domain."),
    }]
}

fn new(subscription: &str, lock: bool, wish: &Wish) -> Decision {
    let whole = Whole {
        subscription: subscription.to_owned(),
        policy: wish.policy.clone(),
        servers: sorted(wish.servers.clone().unwrap_or_default()),
        admins: sorted(wish.admins.clone()),
        aliases: sorted(wish.aliases.clone()),
        locked: lock,
        ..Whole::default()
    };
    let note = if whole.servers.is_empty() { "Without servers no mail is delivered." } else { "" };
    Decision {
        verdict: Verdict::New,
        object: wish.object.clone(),
        before: None,
        after: Some(Snapshot::Domain(whole)),
        note: note.to_owned(),
    }
}

/// A domain to provision that is there already: left alone, or brought to what its row says.
fn existing(account: &str, update: bool, wish: &Wish, known: &Known) -> Decision {
    let object = wish.object.as_str();
    let wanted = Whole {
        policy: wish.policy.clone().or_else(|| known.whole.policy.clone()),
        servers: wish.servers.clone().map_or_else(|| known.whole.servers.clone(), sorted),
        admins: if wish.admins.is_empty() { known.whole.admins.clone() } else { sorted(wish.admins.clone()) },
        aliases: union(&known.whole.aliases, &wish.aliases),
        ..known.whole.clone()
    };
    if wanted == known.whole {
        return Decision::stays(Verdict::Exists, object, "Exists, with the same values.");
    }
    if !update {
        return Decision::stays(Verdict::Exists, object, "Exists, with other values. Nothing will be changed.");
    }
    if known.account != account {
        return Decision::forbidden(object, "Exists, in another account than the key's.");
    }
    Decision::change(object, Snapshot::Domain(known.whole.clone()), Snapshot::Domain(wanted))
}

fn changed(whole: &Whole, change: &SettingsChange) -> Whole {
    let mut after = whole.clone();
    if let Some(policy) = &change.policy {
        after.policy = Some(policy.clone());
    }
    if let Some(over) = change.override_recipient {
        after.override_recipient = Some(over);
    }
    if let Some((name, value)) = &change.header {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        (after.header_name, after.header_value) = (some(name), some(value));
    }
    after
}

fn aliases(present: bool, wish: &Wish, known: &Known) -> Vec<Decision> {
    if wish.aliases.is_empty() {
        return vec![Decision::stays(Verdict::Invalid, &wish.object, "The row has no alias.")];
    }
    let one = |alias: &String| {
        let state = |present| Snapshot::Alias { alias: alias.clone(), present };
        Decision::change(&wish.object, state(known.whole.aliases.contains(alias)), state(present))
    };
    wish.aliases.iter().map(one).collect()
}

/// An entry of a domain or recipient. What is on the list is not mirrored; it is read right before.
fn entry(present: bool, wish: &Wish, known: Option<&Known>) -> Decision {
    let Some((list, item)) = wish.entry.clone() else {
        return Decision::stays(Verdict::Invalid, &wish.object, "The row has no entry.");
    };
    let Some(known) = known else {
        return Decision::forbidden(&wish.object, "None of your keys reaches it.");
    };
    let whose = match wish.object.rsplit_once('@') {
        // `b@alias` is an alias of `b@canonical`, and only that one has lists [doc].
        Some((local, _)) => EmailAddress::parse(&format!("{local}@{}", known.name)).map(Whose::User).ok(),
        None => DomainName::parse(&known.name).map(Whose::Domain).ok(),
    };
    let Some(whose) = whose else {
        return Decision::stays(Verdict::Invalid, &wish.object, "That is no domain and no address.");
    };
    let own = |domain: &str| domain == known.name || known.whole.aliases.iter().any(|alias| alias == domain);
    let careful = if present && list == List::Safelist { warnings(&item, own) } else { String::new() };
    let note = if known.via_alias {
        format!("{} goes by an alias; its lists are those of {whose}. {careful}", wish.object)
    } else {
        careful
    };
    let object = whose.to_string();
    Decision {
        verdict: Verdict::Change,
        before: None,
        after: Some(Snapshot::Entry { target: Target { whose, list, item }, present }),
        object,
        note,
    }
}

/// Reasons to be careful with an entry of a safelist. A freemail address is as narrow as it should be.
fn warnings(item: &str, own: impl Fn(&str) -> bool) -> String {
    let (sender, whole) = match Entry::read(item) {
        Entry::Address(address) => (address.to_string(), false),
        Entry::Domain(domain) | Entry::Wildcard(domain) => (format!("any@{domain}"), true),
        _ => return String::new(),
    };
    let advice = advise(&sender, own);
    let counts = |warning: &&Warning| whole || **warning == Warning::OwnDomain;
    advice.warnings.iter().filter(counts).map(|warning| warning.words()).collect::<Vec<_>>().join(" ")
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list.dedup();
    list
}

fn union(one: &[String], other: &[String]) -> Vec<String> {
    sorted(one.iter().chain(other).cloned().collect())
}
