//! What an entry counts for beside the others, whatever mail comes.

use super::{Entry, Place, Rules, first_of};
use std::collections::{BTreeSet, HashMap};

/// What an entry counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It decides for the mail it matches, as far as this can be told.
    Counts,
    /// An entry that is asked earlier matches all its mail and says the opposite.
    Shadowed {
        /// The list of that entry.
        by: Place,
        /// The entry.
        entry: Entry,
    },
    /// An entry that is asked earlier, or stands in the same list, matches all its mail and says the same.
    Duplicate {
        /// The list of that entry.
        of: Place,
        /// The entry.
        entry: Entry,
    },
    /// This program can't read it.
    Unknown,
}

/// The six lists, indexed so that each entry's standing is found without comparing all with all.
pub struct Standings<'a> {
    lists: &'a [Vec<Entry>; 6],
    rules: Rules,
    /// Where each entry stands, in the order in which they are asked.
    exact: HashMap<&'a Entry, Vec<(Place, usize)>>,
    /// The lengths of the networks there are, of IPv4 and IPv6.
    lengths: [BTreeSet<u8>; 2],
}

impl<'a> Standings<'a> {
    /// Indexes six lists, given in the order of [`Place::WALK`].
    #[must_use]
    pub fn new(lists: &'a [Vec<Entry>; 6], rules: Rules) -> Self {
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut lengths: [BTreeSet<u8>; 2] = Default::default();
        for place in Place::WALK {
            for (index, entry) in lists[place.order()].iter().enumerate() {
                exact.entry(entry).or_default().push((place, index));
                if let Entry::Net(ip, bits) = entry {
                    lengths[usize::from(ip.is_ipv6())].insert(*bits);
                }
            }
        }
        Self { lists, rules, exact, lengths }
    }

    /// What the entry at an index of a list counts for.
    #[must_use]
    pub fn of(&self, place: Place, index: usize) -> Standing {
        let entry = &self.lists[place.order()][index];
        if matches!(entry, Entry::Odd(_)) {
            return Standing::Unknown;
        }
        // Each candidate stands in places that are in order: its first one that is asked earlier is enough.
        let first = self
            .wider(entry)
            .filter_map(|wide| self.exact.get_key_value(&wide))
            .filter(|(wide, _)| wide.covers(entry, self.rules))
            .filter_map(|(wide, found)| {
                // In the same list a wider entry makes the narrower one a duplicate; of twins the later one is.
                let twin = entry.covers(wide, self.rules);
                let earlier = |(at, other): &&(Place, usize)| {
                    *at < place || *at == place && *other != index && (!twin || *other < index)
                };
                found.iter().take_while(|(at, _)| *at <= place).find(earlier)
            })
            .min();
        let Some((by, other)) = first.copied() else {
            return Standing::Counts;
        };
        let entry = self.lists[by.order()][other].clone();
        if by.list == place.list { Standing::Duplicate { of: by, entry } } else { Standing::Shadowed { by, entry } }
    }

    /// Entries that might cover this one: itself, its domain, the domains above, as domains and wildcards; of an
    /// address or network the networks around it.
    fn wider(&self, entry: &Entry) -> impl Iterator<Item = Entry> + use<> {
        let domain = match entry {
            Entry::Address(address) => Some(address.domain().as_str()),
            Entry::Domain(domain) | Entry::Wildcard(domain) => Some(domain.as_str()),
            _ => None,
        };
        let mut found = vec![entry.clone()];
        let mut rest = domain;
        while let Some(name) = rest {
            if let Ok(name) = crate::name::DomainName::parse(name) {
                found.push(Entry::Domain(name.clone()));
                found.push(Entry::Wildcard(name));
            }
            rest = name.split_once('.').map(|(_, rest)| rest);
        }
        if let Entry::Ip(ip) | Entry::Net(ip, _) = entry {
            let lengths = &self.lengths[usize::from(ip.is_ipv6())];
            found.extend(lengths.iter().map(|bits| Entry::Net(first_of(*ip, *bits), *bits)));
        }
        // The entry itself came first, perhaps twice.
        let own = entry.clone();
        let mut once = true;
        found.into_iter().filter(move |wide| *wide != own || std::mem::take(&mut once))
    }
}
