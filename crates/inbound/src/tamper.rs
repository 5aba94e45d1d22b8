//! Was a change that the mirror found made through Sluice? The audit trail decides: an intent for the same
//! facet of the same domain, written between the last time the old value was seen and the time the new
//! one was, that wanted what was found. What no intent explains is somebody else's.

use std::collections::BTreeSet;

/// An intent counts this long before the old value was last seen, milliseconds: a reading that was under way
/// when the change was sent still had the old value, and was noted after the intent.
pub const SLACK_MS: i64 = 5 * 60 * 1000;

/// A facet of a domain. A value is a set of lines, whatever the facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Downstream servers.
    Servers,
    /// Domain admins.
    Admins,
    /// Aliases.
    Aliases,
    /// Spam handling.
    Settings,
}

impl Kind {
    /// All of them, the most dangerous first.
    pub const ALL: [Self; 4] = [Self::Servers, Self::Admins, Self::Aliases, Self::Settings];

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Servers => "servers",
            Self::Admins => "admins",
            Self::Aliases => "aliases",
            Self::Settings => "settings",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A change that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of what.
    pub kind: Kind,
    /// The value before.
    pub before: BTreeSet<String>,
    /// The value found.
    pub after: BTreeSet<String>,
    /// When the value before was last seen, unix milliseconds.
    pub known_at: i64,
    /// When the change was found, unix milliseconds.
    pub seen_at: i64,
    /// No key saw the domain in between: it was not there, or nobody here could see it.
    pub gone: bool,
}

/// What an intent of Sluice wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A whole facet.
    Whole(Kind, BTreeSet<String>),
    /// One alias, there or not.
    Alias(String, bool),
    /// A domain that is new, or was gone; it is given its servers right after.
    Provisioned,
}

/// An intent of Sluice for the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// When it was written, unix milliseconds.
    pub at: i64,
    /// What it wanted.
    pub wanted: Wanted,
}

/// What of a change nobody here wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Lines that turned up.
    pub added: BTreeSet<String>,
    /// Lines that went.
    pub removed: BTreeSet<String>,
}

/// The part of a change that these intents do not explain; none when they explain it all.
#[must_use]
pub fn foreign(change: &Change, own: &[Own]) -> Option<Foreign> {
    let mut own: Vec<&Own> = own.iter().filter(|own| within(own.at, change.known_at, change.seen_at)).collect();
    own.sort_by_key(|own| own.at);
    let explained = |own: &&Own| match &own.wanted {
        Wanted::Whole(kind, lines) => *kind == change.kind && *lines == change.after,
        Wanted::Provisioned => change.gone || change.before.is_empty(),
        Wanted::Alias(..) => false,
    };
    if own.iter().any(explained) {
        return None;
    }
    let mut rest = Foreign {
        added: change.after.difference(&change.before).cloned().collect(),
        removed: change.before.difference(&change.after).cloned().collect(),
    };
    if change.kind == Kind::Aliases {
        for own in own {
            if let Wanted::Alias(alias, present) = &own.wanted {
                if *present {
                    rest.added.remove(alias)
                } else {
                    rest.removed.remove(alias)
                };
            }
        }
    }
    (rest != Foreign::default()).then_some(rest)
}

/// Whether an entry that turned up on a list, or went, was wanted by an intent of these times.
#[must_use]
pub fn entry_is_own(intents: &[i64], known_at: i64, seen_at: i64) -> bool {
    intents.iter().any(|at| within(*at, known_at, seen_at))
}

fn within(at: i64, known_at: i64, seen_at: i64) -> bool {
    (known_at.saturating_sub(SLACK_MS)..=seen_at).contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, collection::vec, prelude::*};

    fn lines(of: &[&str]) -> BTreeSet<String> {
        of.iter().map(ToString::to_string).collect()
    }

    fn change(kind: Kind, before: &[&str], after: &[&str]) -> Change {
        Change {
            kind,
            before: lines(before),
            after: lines(after),
            known_at: 1_000_000,
            seen_at: 2_000_000,
            gone: false,
        }
    }

    fn whole(at: i64, kind: Kind, of: &[&str]) -> Own {
        Own { at, wanted: Wanted::Whole(kind, lines(of)) }
    }

    #[test]
    fn what_sluice_wrote_is_its_own_only_for_that_facet_value_and_time() {
        let found = change(Kind::Servers, &["old"], &["new"]);
        let own = |at, kind, of: &[&str]| foreign(&found, &[whole(at, kind, of)]);
        assert_eq!(own(1_500_000, Kind::Servers, &["new"]), None);
        assert_eq!(own(1_000_000 - SLACK_MS, Kind::Servers, &["new"]), None, "a reading was under way");
        let rest = Some(Foreign { added: lines(&["new"]), removed: lines(&["old"]) });
        assert_eq!(own(1_000_000 - SLACK_MS - 1, Kind::Servers, &["new"]), rest, "long before");
        assert_eq!(own(2_000_001, Kind::Servers, &["new"]), rest, "after it was found");
        assert_eq!(own(1_500_000, Kind::Admins, &["new"]), rest, "another facet");
        assert_eq!(own(1_500_000, Kind::Servers, &["other"]), rest, "another value");
        assert_eq!(foreign(&found, &[]), rest);
    }

    #[test]
    fn one_foreign_alias_among_our_own_is_left_over() {
        let found = change(Kind::Aliases, &["a", "b"], &["b", "c", "evil"]);
        let alias = |alias: &str, present| Own { at: 1_500_000, wanted: Wanted::Alias(alias.into(), present) };
        let own = [alias("c", true), alias("a", false)];
        assert_eq!(foreign(&found, &own), Some(Foreign { added: lines(&["evil"]), removed: lines(&[]) }));
        let own = [alias("c", true), alias("a", false), alias("evil", true)];
        assert_eq!(foreign(&found, &own), None);
    }

    #[test]
    fn a_domain_being_provisioned_is_given_its_servers() {
        let own = [Own { at: 1_000_000, wanted: Wanted::Provisioned }];
        assert_eq!(foreign(&change(Kind::Servers, &[], &["new"]), &own), None);
        let replaced = change(Kind::Servers, &["old"], &["new"]);
        assert!(foreign(&replaced, &own).is_some(), "it had some already");
        assert_eq!(foreign(&Change { gone: true, ..replaced.clone() }, &own), None, "provisioned anew, here");
        assert!(foreign(&Change { gone: true, ..replaced }, &[]).is_some(), "and not here");
    }

    #[test]
    fn entries_are_explained_by_time() {
        assert!(entry_is_own(&[15], 10, 20) && entry_is_own(&[20], 10, 20));
        assert!(!entry_is_own(&[21], 10, 20) && !entry_is_own(&[], 10, 20));
    }

    fn some_lines() -> impl Strategy<Value = BTreeSet<String>> {
        btree_set("[a-e]", 0..5)
    }

    fn some_own() -> impl Strategy<Value = Own> {
        let wanted = prop_oneof![
            (0_usize..4, some_lines()).prop_map(|(kind, lines)| Wanted::Whole(Kind::ALL[kind], lines)),
            ("[a-e]", any::<bool>()).prop_map(|(alias, present)| Wanted::Alias(alias, present)),
        ];
        (0_i64..3_000_000, wanted).prop_map(|(at, wanted)| Own { at, wanted })
    }

    proptest! {
        /// Whoever wrote it, a value that Sluice did not want in that time is never passed over.
        #[test]
        fn nothing_unexplained_is_passed_over(kind in 0_usize..4, before in some_lines(), after in some_lines(), own in vec(some_own(), 0..6)) {
            let change = Change { kind: Kind::ALL[kind], before, after, known_at: 1_000_000, seen_at: 2_000_000, gone: false };
            let counts = |own: &Own| own.at <= change.seen_at && own.at >= change.known_at - SLACK_MS;
            let wanted = |line: &String, present: bool| own.iter().any(|own| counts(own) && match &own.wanted {
                Wanted::Whole(kind, lines) => *kind == change.kind && *lines == change.after,
                Wanted::Alias(alias, is) => change.kind == Kind::Aliases && alias == line && *is == present,
                Wanted::Provisioned => false,
            });
            let rest = foreign(&change, &own).unwrap_or_default();
            for line in change.after.difference(&change.before) {
                prop_assert_eq!(rest.added.contains(line), !wanted(line, true));
            }
            for line in change.before.difference(&change.after) {
                prop_assert_eq!(rest.removed.contains(line), !wanted(line, false));
            }
            prop_assert!(rest.added.is_subset(&change.after) && rest.added.is_disjoint(&change.before));
            prop_assert!(rest.removed.is_subset(&change.before) && rest.removed.is_disjoint(&change.after));
        }

        /// Whatever Sluice wanted and found is its own, also among other intents.
        #[test]
        fn our_own_never_looks_foreign(kind in 0_usize..4, before in some_lines(), after in some_lines(), at in 1_000_000_i64..2_000_000, mut own in vec(some_own(), 0..4)) {
            let change = Change { kind: Kind::ALL[kind], before, after: after.clone(), known_at: 1_000_000, seen_at: 2_000_000, gone: false };
            own.push(Own { at, wanted: Wanted::Whole(change.kind, after) });
            prop_assert_eq!(foreign(&change, &own), None);
        }
    }
}
