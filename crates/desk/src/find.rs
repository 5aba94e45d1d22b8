//! Finding anything: domains by name or alias, recipients seen, one's keys and jobs, and places to go.
//!
//! Everything comes from our own database; MailChannels is not asked.

use crate::{Desk, Person, Tiers, Whose, error::Result};
use inbound::{
    find::{Candidate, Kind, Near, Sought, near, near_title, rank},
    lists::Tier,
    name::{DomainName, EmailAddress},
};

/// A recipient is noted as seen at most once in this time, milliseconds, so that reading hardly writes.
const SEEN_EVERY_MS: i64 = 60_000;
/// Recipients are found for so long after they were last seen, then forgotten, milliseconds.
const SEEN_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// A place to go: a page or an action, by the words that lead there. Who may go is for whoever has the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub path: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Other words for it.
    pub also: &'static str,
    /// Something to do, rather than a page to read.
    pub action: bool,
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A domain within reach.
    Domain {
        /// A-label.
        name: String,
        /// U-label.
        display: String,
    },
    /// A domain within reach, by one of its aliases.
    Alias {
        /// The alias, U-label.
        alias: String,
        /// The domain, A-label.
        name: String,
        /// The domain, U-label.
        display: String,
    },
    /// A recipient that was opened, created or explained here, or whose address was typed whole.
    Recipient {
        /// The address; its domain an A-label and no alias.
        address: String,
    },
    /// One of the person's keys.
    Key {
        /// Its id.
        id: String,
        /// The person's label.
        label: String,
    },
    /// A job of the person's.
    Job {
        /// Its number.
        number: i64,
        /// What it does.
        title: String,
    },
    /// Explaining a mail to somebody.
    Explain {
        /// A domain or an address.
        to: String,
    },
    /// A page or an action.
    Place(Place),
}

impl Hit {
    /// Whether a list of domains would not show it: it was found by something else than a domain's name.
    pub fn is_elsewhere(&self, text: &str) -> bool {
        match self {
            Self::Domain { .. } | Self::Alias { .. } | Self::Explain { .. } => false,
            Self::Recipient { address } => {
                let local = address.rsplit_once('@').map_or(address.as_str(), |(local, _)| local);
                text.contains('@') || near(text, local).is_some()
            }
            Self::Key { .. } | Self::Job { .. } | Self::Place(_) => true,
        }
    }
}

type Found = Vec<Candidate<Hit>>;

/// The latest jobs, among which one is found.
const JOBS_LOOKED_AT: u32 = 100;

/// Jobs by their number, with or without a `#`, or their title.
fn jobs_found(text: &str, jobs: impl IntoIterator<Item = (i64, String)>) -> Found {
    let text = text.strip_prefix('#').unwrap_or(text);
    jobs.into_iter()
        .filter_map(|(number, title)| {
            let names = [number.to_string(), title.clone()];
            Candidate::by_names(Kind::Job, text, &[&names[0], &names[1]], Hit::Job { number, title })
        })
        .collect()
}

fn places_found(text: &str, places: &[Place]) -> Found {
    let found = places.iter().filter_map(|place| {
        Some(Candidate {
            kind: if place.action { Kind::Action } else { Kind::Page },
            near: near_title(text, place.title, place.also)?,
            name: place.title.to_owned(),
            item: Hit::Place(*place),
        })
    });
    found.collect()
}

fn names_found(text: &str, found: Vec<store::NameFound>) -> Found {
    let candidates = found.into_iter().filter_map(|store::NameFound { name, display, alias }| {
        let domain = Hit::Domain { name: name.clone(), display: display.clone() };
        let by_name = Candidate::by_names(Kind::Domain, text, &[&display, &name], domain);
        let by_alias = alias.and_then(|(a_label, alias)| {
            let hit = Hit::Alias { alias: alias.clone(), name: name.clone(), display: display.clone() };
            Candidate::by_names(Kind::Alias, text, &[&alias, &a_label], hit)
        });
        match (by_name, by_alias) {
            // A domain goes by its own name unless that hardly has the text.
            (Some(domain), Some(alias))
                if alias.near < domain.near && (alias.near == Near::Exact || domain.near == Near::Within) =>
            {
                Some(alias)
            }
            (Some(found), _) | (None, Some(found)) => Some(found),
            (None, None) => None,
        }
    });
    let mut candidates: Found = candidates.collect();
    // Two accounts may have the same domain; it has one page.
    let mut pages = std::collections::HashSet::new();
    candidates.retain(|candidate| match &candidate.item {
        Hit::Domain { name, .. } | Hit::Alias { name, .. } => pages.insert(name.clone()),
        _ => true,
    });
    candidates
}

/// The domain that was named whole, by its name or an alias.
fn named(names: &Found) -> Option<&str> {
    names.iter().find(|candidate| candidate.near == Near::Exact).and_then(|candidate| match &candidate.item {
        Hit::Domain { name, .. } | Hit::Alias { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

impl Desk {
    /// Finds at most `limit` things by what was typed or pasted, the nearest first, among what the person's keys
    /// reach and the places they may go. Without a text it finds the places.
    pub async fn look_for(&self, person: &Person, typed: &str, places: &[Place], limit: u32) -> Result<Found> {
        let Sought { text, address } = Sought::read(typed);
        let mut found = places_found(&text, places);
        if text.is_empty() {
            // All are equally near: they stay in the order in which they are listed.
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            return Ok(found);
        }
        let rows = self.key_rows(person).await?;
        let keys: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let names = names_found(&text, self.0.store.find_names(&keys, &text, limit).await?);
        let whole = address.as_ref().map_or(text.clone(), ToString::to_string);
        let after = self.now_ms() - SEEN_MS;
        let mut seen = self.0.store.find_recipients(&keys, &whole, after, limit).await?;
        if let Some(domain) = named(&names) {
            let to = address.map_or(domain.to_owned(), |address| format!("{}@{domain}", address.local()));
            if to.contains('@') {
                seen.retain(|seen| *seen != to);
                let hit = Hit::Recipient { address: to.clone() };
                found.push(Candidate { kind: Kind::Recipient, near: Near::Exact, name: to.clone(), item: hit });
            }
            let hit = Hit::Explain { to: to.clone() };
            found.push(Candidate { kind: Kind::Action, near: Near::Part, name: to, item: hit });
        }
        found.extend(names);
        found.extend(seen.into_iter().filter_map(|address| {
            let names = [address.clone()];
            Candidate::by_names(Kind::Recipient, &whole, &[&names[0]], Hit::Recipient { address })
        }));
        found.extend(rows.into_iter().filter_map(|row| {
            let names = [row.label.clone()];
            Candidate::by_names(Kind::Key, &text, &[&names[0]], Hit::Key { id: row.id, label: row.label })
        }));
        found.extend(jobs_found(&text, self.jobs_to_find(person).await?));
        Ok(rank(found, usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// Number and title of the person's latest jobs, with where their rows came from. How many rows there are is not
    /// counted for a search.
    async fn jobs_to_find(&self, person: &Person) -> Result<Vec<(i64, String)>> {
        let jobs = self.0.store.jobs_of(&person.id, None, JOBS_LOOKED_AT).await?;
        let titled = jobs.into_iter().filter_map(|job| {
            let kind = inbound::plan::Kind::parse(&job.kind)?;
            Some((job.number, format!("{}, {}", kind.heading(), job.source)))
        });
        Ok(titled.collect())
    }

    /// Notes the recipient whose lists were just read, where the service knows it.
    pub(crate) async fn note_seen(&self, tiers: &Tiers) {
        let known = !tiers.unknown_recipient
            && inbound::lists::Place::WALK
                .into_iter()
                .filter(|place| place.tier == Tier::User)
                .any(|place| matches!(tiers.lists[place.order()], Some(Ok(_))));
        if let (Whose::User(address), true) = (&tiers.scope.whose, known) {
            self.note_recipient(address).await;
        }
    }

    /// Notes a recipient as seen. That it could not be noted is no reason to show nothing.
    pub(crate) async fn note_recipient(&self, address: &EmailAddress) {
        let (whole, domain) = (address.to_string(), address.domain().as_str());
        let noted = self.0.store.see_recipient(&whole, domain, self.now_ms(), SEEN_EVERY_MS).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a recipient could not be noted as seen");
        }
    }

    /// Forgets recipients that were not seen for long.
    pub async fn forget_seen(&self) -> Result<u64> {
        Ok(self.0.store.forget_recipients(self.now_ms() - SEEN_MS).await?)
    }
}

/// The address as people read it.
pub fn shown_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let domain = DomainName::parse(domain).map_or_else(|_| domain.to_owned(), |name| name.to_unicode());
            format!("{local}@{domain}")
        }
        None => DomainName::parse(address).map_or_else(|_| address.to_owned(), |name| name.to_unicode()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_found_by_number_or_title() {
        let jobs = || [(12, "Deprovision 300 domains".to_owned()), (120, "Move 12 domains to web07".to_owned())];
        let found = |text: &str| rank(jobs_found(text, jobs()), 9).into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(found("#12"), ["12", "120"]);
        assert_eq!(found("move"), ["Move 12 domains to web07"]);
        assert_eq!(found("deprov"), ["Deprovision 300 domains"]);
        assert!(found("zzz").is_empty());
    }

    #[test]
    fn a_domain_is_found_once_by_what_is_nearest() {
        let name = |name: &str, alias: Option<&str>| store::NameFound {
            name: name.into(),
            display: name.into(),
            alias: alias.map(|alias| (alias.to_owned(), alias.to_owned())),
        };
        let found = names_found(
            "shop",
            vec![name("workshop.example", Some("shop.example")), name("shop.example", Some("a-shop.example"))],
        );
        assert_eq!(
            found.iter().map(|one| (one.kind, one.name.as_str())).collect::<Vec<_>>(),
            [(Kind::Alias, "shop.example"), (Kind::Domain, "shop.example"),]
        );
        assert_eq!(names_found("shop", vec![name("shop.example", None), name("shop.example", None)]).len(), 1);
    }

    #[test]
    fn recipients_lead_elsewhere_by_their_own_name_only() {
        let hit = Hit::Recipient { address: "reception@northgate.example".into() };
        assert!(!hit.is_elsewhere("northgate"));
        assert!(hit.is_elsewhere("recep"));
        assert!(hit.is_elsewhere("reception@north"));
    }
}
