//! The verdict: six lists, one mail.

use super::{Entry, List, Place, Rules, beneath, reaches, within};
use crate::name::EmailAddress;
use std::net::IpAddr;

/// What lists look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The sender, its local part in lower case; see [`super::lower`].
    pub sender: EmailAddress,
    /// The host that hands it over, if known; not an IPv4-mapped one.
    pub ip: Option<IpAddr>,
}

/// What the lists say of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A safelist lets it through.
    Allowed,
    /// A blocklist stops it.
    Blocked,
    /// No list decides; the filter judges it.
    Undecided,
}

impl Outcome {
    fn of(list: List) -> Self {
        match list {
            List::Safelist => Self::Allowed,
            List::Blocklist => Self::Blocked,
        }
    }
}

/// An entry that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its index in its list.
    pub index: usize,
    /// What of the mail it matches, in words.
    pub why: &'static str,
}

/// One list, asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub place: Place,
    /// Its number of entries.
    pub entries: usize,
    /// Those that match, in the list's order.
    pub hits: Vec<Hit>,
    /// Indexes of those that can't be read, so that they may match as well as not.
    pub odd: Vec<usize>,
}

/// All six, asked in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// In the order of [`Place::WALK`].
    pub steps: [Step; 6],
}

impl Walk {
    /// The list that decides: the first with a hit.
    #[must_use]
    pub fn decides(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.hits.is_empty())
    }

    /// What the lists say.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.decides().map_or(Outcome::Undecided, |step| Outcome::of(step.place.list))
    }

    /// A list with entries that can't be read, which would decide otherwise if one of them matched.
    #[must_use]
    pub fn unsure(&self) -> Option<&Step> {
        let decides = self.decides().map(|step| step.place);
        self.steps.iter().find(|step| {
            let earlier = decides.is_none_or(|place| step.place < place);
            earlier && !step.odd.is_empty() && Outcome::of(step.place.list) != self.outcome()
        })
    }

    /// What the lists would say without the hits of one list, such as its one deciding entry.
    #[must_use]
    pub fn without(&self, place: Place) -> Outcome {
        self.steps
            .iter()
            .find(|step| step.place != place && !step.hits.is_empty())
            .map_or(Outcome::Undecided, |step| Outcome::of(step.place.list))
    }
}

impl Entry {
    /// What of a mail this entry matches, in words.
    #[must_use]
    pub fn matches(&self, mail: &Mail, rules: Rules) -> Option<&'static str> {
        let sender = mail.sender.domain();
        let (hit, why) = match self {
            Self::Address(address) => (*address == mail.sender, "Matches the sender"),
            Self::Domain(domain) if domain == sender => (true, "Matches the sender’s domain"),
            Self::Domain(domain) => {
                (reaches(domain, sender, rules), "Matches the sender’s domain, which is a sub-domain of it")
            }
            Self::Wildcard(domain) => (beneath(domain, sender), "Matches the sender’s domain, as a wildcard"),
            Self::Ip(ip) => (mail.ip == Some(*ip), "Matches the sending IP"),
            Self::Net(net, bits) => {
                (mail.ip.is_some_and(|ip| within(ip, *net, *bits)), "Matches the sending IP, as a network")
            }
            Self::Odd(_) => (false, ""),
        };
        hit.then_some(why)
    }
}

/// Asks six lists, given in the order of [`Place::WALK`].
#[must_use]
pub fn walk(lists: &[Vec<Entry>; 6], mail: &Mail, rules: Rules) -> Walk {
    let steps = Place::WALK.map(|place| {
        let entries = &lists[place.order()];
        let hit = |(index, entry): (usize, &Entry)| entry.matches(mail, rules).map(|why| Hit { index, why });
        let odd = |(index, entry): (usize, &Entry)| matches!(entry, Entry::Odd(_)).then_some(index);
        Step {
            place,
            entries: entries.len(),
            hits: entries.iter().enumerate().filter_map(hit).collect(),
            odd: entries.iter().enumerate().filter_map(odd).collect(),
        }
    });
    Walk { steps }
}

/// What the lists would say with one more entry.
#[must_use]
pub fn becomes(walk: &Walk, place: Place, entry: &Entry, mail: &Mail, rules: Rules) -> Outcome {
    let first = walk.decides().map(|step| step.place);
    if entry.matches(mail, rules).is_some() && first.is_none_or(|first| place < first) {
        Outcome::of(place.list)
    } else {
        walk.outcome()
    }
}
