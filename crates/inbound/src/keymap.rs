//! What a key holds, counted, and what is lost with it. Two acts that sound alike and are not: deleting a
//! key at `MailChannels` frees what is locked to it to every key of the account `[spec]`; removing it from
//! Sluice changes nothing there and takes what is locked to it out of reach here.

use crate::association::Association;

/// Where a domain that is seen belongs, as its holders see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Locked to one of their keys.
    Locked,
    /// Every key of the account reaches it.
    Free,
    /// It cannot be told.
    Unknown,
    /// Locked to somebody else's key: seen by a key that was not read since.
    Elsewhere,
}

/// The part that a domain belongs to, for whoever holds the keys that `own` says yes to.
pub fn part<K>(association: &Association<K>, own: impl Fn(&K) -> bool) -> Part {
    match association {
        Association::Locked(holder) if own(holder) => Part::Locked,
        Association::Locked(_) => Part::Elsewhere,
        Association::Free => Part::Free,
        Association::Unknown => Part::Unknown,
    }
}

/// Domains that are seen, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Locked to the key, or to one of the keys.
    pub locked: u64,
    /// Free.
    pub free: u64,
    /// Not decided.
    pub unknown: u64,
    /// Locked to another key since it was seen.
    pub elsewhere: u64,
}

impl Counts {
    /// Counts of which the undecided are the rest of the total.
    #[must_use]
    pub fn of_total(total: u64, locked: u64, free: u64, elsewhere: u64) -> Self {
        let decided = locked.saturating_add(free).saturating_add(elsewhere);
        Self { locked, free, unknown: total.saturating_sub(decided), elsewhere }
    }

    /// Counts some domains of a part.
    pub fn add(&mut self, part: Part, domains: u64) {
        *match part {
            Part::Locked => &mut self.locked,
            Part::Free => &mut self.free,
            Part::Unknown => &mut self.unknown,
            Part::Elsewhere => &mut self.elsewhere,
        } += domains;
    }

    /// All that is seen.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.locked + self.free + self.unknown + self.elsewhere
    }
}

/// What deleting a key in the Host Console does to the domains that it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleting {
    /// This many become free to any key of the account, and perhaps some of those not decided.
    Frees {
        /// Locked to it.
        locked: u64,
        /// Perhaps locked to it.
        perhaps: u64,
    },
    /// Nothing is locked to it.
    Nothing,
    /// `MailChannels` rejects it already: what was locked to it may be free by now.
    Rejected,
}

impl Deleting {
    /// By what the key sees.
    #[must_use]
    pub fn of(counts: &Counts, rejected: bool) -> Self {
        if rejected {
            Self::Rejected
        } else if counts.locked + counts.unknown == 0 {
            Self::Nothing
        } else {
            Self::Frees { locked: counts.locked, perhaps: counts.unknown }
        }
    }
}

/// What removing a key from Sluice takes out of its person's reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removing {
    /// Domains that no other key of theirs reaches.
    pub certain: u64,
    /// Domains of which that cannot be told.
    pub perhaps: u64,
}

impl Removing {
    /// By what the key sees, and whether its person has another working key of the account.
    #[must_use]
    pub fn of(counts: &Counts, another: bool) -> Self {
        if another {
            Self { certain: counts.locked, perhaps: counts.unknown }
        } else {
            Self { certain: counts.locked + counts.free + counts.unknown, perhaps: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::association::decide;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        /// Every domain that a key sees is in exactly one part, whatever the others see.
        #[test]
        fn the_parts_of_what_a_key_sees_are_its_total(
            keys in 1_usize..6,
            domains in vec(vec(any::<bool>(), 6), 0..40),
        ) {
            let names: Vec<usize> = (0..keys).collect();
            for key in &names {
                let mut counts = Counts::default();
                let mut total = 0;
                for sees in &domains {
                    let seen_by: Vec<_> = names.iter().copied().filter(|key| sees[*key]).collect();
                    if seen_by.contains(key) {
                        total += 1;
                        let association = decide(&names, &seen_by);
                        let found = part(&association, |holder| holder == key);
                        // All keys are asked here, so nobody else can hold what this one sees.
                        prop_assert_ne!(found, Part::Elsewhere);
                        counts.add(found, 1);
                    }
                }
                prop_assert_eq!(counts.seen(), total);
                prop_assert_eq!(Counts::of_total(total, counts.locked, counts.free, counts.elsewhere), counts);
            }
        }

        #[test]
        fn nothing_is_lost_that_was_not_seen(locked in 0_u64..9, free in 0_u64..9, unknown in 0_u64..9, elsewhere in 0_u64..9, another: bool) {
            let counts = Counts { locked, free, unknown, elsewhere };
            let Removing { certain, perhaps } = Removing::of(&counts, another);
            prop_assert!(certain + perhaps <= counts.seen());
            prop_assert!(certain >= locked, "what is locked to it goes in any case");
            prop_assert_eq!(certain + perhaps, locked + unknown + if another { 0 } else { free });
            match Deleting::of(&counts, false) {
                Deleting::Frees { locked: frees, perhaps } => prop_assert!(frees == locked && perhaps == unknown),
                other => prop_assert!(other == Deleting::Nothing && locked + unknown == 0),
            }
            prop_assert_eq!(Deleting::of(&counts, true), Deleting::Rejected);
        }

        /// Counters that were read at different moments give no absurd numbers.
        #[test]
        fn a_total_that_is_behind_does_not_wrap(total: u64, locked: u64, free: u64, elsewhere: u64) {
            let counts = Counts::of_total(total, locked, free, elsewhere);
            prop_assert!(counts.unknown <= total);
        }
    }

    #[test]
    fn a_domain_locked_to_another_key_is_elsewhere() {
        assert_eq!(part(&Association::Locked(2), |key| *key == 1), Part::Elsewhere);
        assert_eq!(part(&Association::Locked(2), |key| *key == 2), Part::Locked);
        assert_eq!(part(&Association::<u8>::Free, |_| true), Part::Free);
    }
}
