//! The steps after a key has leaked, in the one order that is safe: nothing is deleted before its domains
//! have another key, and nothing is called finished before the old key is dead.

use std::collections::BTreeSet;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A new key takes over.
    NewKey,
    /// The domains are locked to it.
    Move,
    /// Both keys are asked what they see.
    Verify,
    /// What changed meanwhile is looked through.
    Compare,
    /// The old key is deleted in the Host Console.
    Delete,
    /// The old key is asked once more, and rejected.
    Check,
}

impl Step {
    /// In order.
    pub const ALL: [Self; 6] = [Self::NewKey, Self::Move, Self::Verify, Self::Compare, Self::Delete, Self::Check];
}

/// How far it is: the steps that are done. They are always the first ones; see [`Self::after`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress(usize);

impl Progress {
    /// By what is on record for each step, in order: a step counts only when all before it are done.
    #[must_use]
    pub fn of(done: [bool; 6]) -> Self {
        Self(done.iter().take_while(|done| **done).count())
    }

    /// The one next step; none when all are done.
    #[must_use]
    pub fn next(self) -> Option<Step> {
        Step::ALL.get(self.0).copied()
    }

    /// Whether a step is done.
    #[must_use]
    pub fn has(self, step: Step) -> bool {
        (step as usize) < self.0
    }

    /// Whether a step may be taken: the next one, or again one that is done. Nothing is skipped.
    #[must_use]
    pub fn may(self, step: Step) -> bool {
        step as usize <= self.0
    }

    /// How far it is once a step was done; as before when it was done already, or may not be taken.
    #[must_use]
    pub fn after(self, step: Step) -> Self {
        if self.0 == step as usize { Self(self.0 + 1) } else { self }
    }

    /// How far it is once a step turned out not to be done: everything after it is open again, too.
    #[must_use]
    pub fn back_to(self, step: Step) -> Self {
        Self(self.0.min(step as usize))
    }
}

/// What two keys see of the domains that were to be moved from one to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Expected ones that only the new key sees.
    pub moved: BTreeSet<String>,
    /// All that both see: free, or no longer what they were a moment ago.
    pub open: BTreeSet<String>,
    /// All that the old key sees and the new one does not: locked to the old one.
    pub left: BTreeSet<String>,
    /// Expected ones that neither sees: deprovisioned, or locked to a third key.
    pub missing: BTreeSet<String>,
}

impl Moved {
    /// Sorts names by who sees them. What the old key sees counts whether it was expected or not.
    #[must_use]
    pub fn of(expected: &BTreeSet<String>, new: &BTreeSet<String>, old: &BTreeSet<String>) -> Self {
        Self {
            moved: expected.intersection(new).filter(|name| !old.contains(*name)).cloned().collect(),
            open: old.intersection(new).cloned().collect(),
            left: old.difference(new).cloned().collect(),
            missing: expected.iter().filter(|name| !new.contains(*name) && !old.contains(*name)).cloned().collect(),
        }
    }

    /// Whether the old key sees nothing any more.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.open.is_empty() && self.left.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, collection::vec, prelude::*};

    fn step() -> impl Strategy<Value = Step> {
        (0_usize..6).prop_map(|index| Step::ALL[index])
    }

    proptest! {
        /// However often and in whatever order buttons are pressed, no step is done before all before it.
        #[test]
        fn no_step_is_skipped(presses in vec((step(), any::<bool>()), 0..60)) {
            let mut progress = Progress::default();
            for (step, works) in presses {
                let before = progress;
                if progress.may(step) {
                    progress = if works { progress.after(step) } else { progress.back_to(step) };
                } else {
                    prop_assert_eq!(progress.after(step), progress, "a later step changes nothing");
                }
                let done: Vec<_> = Step::ALL.into_iter().filter(|step| progress.has(*step)).collect();
                prop_assert_eq!(&done[..], &Step::ALL[..done.len()], "the steps done are the first ones");
                prop_assert_eq!(progress.next(), Step::ALL.get(done.len()).copied());
                prop_assert!(progress.0 <= before.0 + 1, "one step at a time");
                for later in Step::ALL.into_iter().skip(done.len() + 1) {
                    prop_assert!(!progress.may(later));
                }
            }
        }

        /// A record with a gap, such as of a step that was taken back, counts up to the gap only.
        #[test]
        fn a_record_counts_up_to_its_first_gap(done: [bool; 6]) {
            let progress = Progress::of(done);
            let first = progress.next().map_or(6, |next| next as usize);
            prop_assert!(done[..first].iter().all(|done| *done));
            prop_assert!(!done.get(first).copied().unwrap_or_default());
        }

        /// Every expected domain, and every one that the old key sees, is in exactly one of the four.
        #[test]
        fn every_domain_is_accounted_for(expected in btree_set("[a-h]", 0..8), new in btree_set("[a-h]", 0..8), old in btree_set("[a-h]", 0..8)) {
            let Moved { moved, open, left, missing } = Moved::of(&expected, &new, &old);
            let all: Vec<_> = [&moved, &open, &left, &missing].into_iter().flatten().cloned().collect();
            let distinct: BTreeSet<_> = all.iter().cloned().collect();
            prop_assert_eq!(all.len(), distinct.len(), "in one only");
            prop_assert_eq!(&distinct, &expected.union(&old).cloned().collect());
            prop_assert!(moved.is_disjoint(&old) && moved.is_subset(&new));
            prop_assert_eq!(&open.union(&left).cloned().collect::<BTreeSet<_>>(), &old);
            prop_assert!(missing.is_disjoint(&new) && missing.is_disjoint(&old));
        }
    }

    #[test]
    fn from_start_to_end() {
        let mut progress = Progress::default();
        for step in Step::ALL {
            assert_eq!(progress.next(), Some(step));
            progress = progress.after(step);
        }
        assert_eq!(progress.next(), None);
        // A key that turns out to be alive is deleted again; what was moved stays moved.
        let progress = progress.back_to(Step::Delete);
        assert!(progress.has(Step::Compare) && !progress.has(Step::Delete) && !progress.has(Step::Check));
    }
}
