//! Which key holds a domain. The service has no call that tells, so it follows from what several
//! keys of one customer see `[infer]`.

/// What is known of a domain's association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Association<K> {
    /// Only this key reaches it.
    Locked(K),
    /// Every key of the customer reaches it.
    Free,
    /// It cannot be decided.
    Unknown,
}

impl<K> Association<K> {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Locked(_) => "Locked",
            Self::Free => "Free",
            Self::Unknown => "Unknown",
        }
    }

    /// What it means for whoever holds a key.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Locked(_) => "Only this key can read or change the domain.",
            Self::Free => "Every key of the account can read and change it.",
            Self::Unknown => {
                "Not decided: it takes two or more keys of the account that all see it, or one of them alone."
            }
        }
    }
}

/// Decides from all keys of a customer that were asked, and those of them that see the domain.
///
/// With fewer than two different keys nothing can be told apart. Seen by some but not all, or by
/// none, is a moment between two states: unknown, never a guess. Keys in `seen_by` that were not
/// asked do not count.
#[must_use]
pub fn decide<K: Clone + PartialEq>(keys: &[K], seen_by: &[K]) -> Association<K> {
    let mut asked: Vec<&K> = Vec::with_capacity(keys.len());
    for key in keys {
        if !asked.contains(&key) {
            asked.push(key);
        }
    }
    let all = asked.len();
    asked.retain(|key| seen_by.contains(key));
    match (all, asked.as_slice()) {
        (0 | 1, _) => Association::Unknown,
        (all, seeing) if seeing.len() == all => Association::Free,
        (_, [only]) => Association::Locked((*only).clone()),
        _ => Association::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::subsequence};

    /// Rule 4 by counting over bits, without lists.
    fn counted(keys: &[u8], seen_by: &[u8]) -> Association<u8> {
        let bits = |of: &[u8]| of.iter().fold(0_u8, |bits, key| bits | 1 << key);
        let (all, seen) = (bits(keys), bits(keys) & bits(seen_by));
        if all.count_ones() >= 2 && seen == all {
            Association::Free
        } else if all.count_ones() >= 2 && seen.is_power_of_two() {
            Association::Locked(u8::try_from(seen.trailing_zeros()).unwrap())
        } else {
            Association::Unknown
        }
    }

    proptest! {
        /// Against a service that is the rule itself: a lock or none, and what each key sees of it.
        #[test]
        fn recovers_what_the_service_holds(n in 2_u32..12, lock in proptest::option::of(0_u32..12)) {
            let keys: Vec<_> = (0..n).collect();
            let lock = lock.filter(|lock| *lock < n);
            let seen: Vec<_> = keys.iter().copied().filter(|key| lock.is_none_or(|lock| lock == *key)).collect();
            prop_assert_eq!(decide(&keys, &seen), lock.map_or(Association::Free, Association::Locked));
        }

        #[test]
        fn agrees_with_counting(keys in vec(0_u8..5, 0..7), seen in vec(0_u8..7, 0..7)) {
            prop_assert_eq!(decide(&keys, &seen), counted(&keys, &seen));
        }

        #[test]
        fn never_names_a_key_that_does_not_see_it(seen in subsequence((0..6).collect::<Vec<_>>(), 0..=6)) {
            let keys: Vec<_> = (0..6).collect();
            if let Association::Locked(key) = decide(&keys, &seen) {
                prop_assert_eq!(seen, vec![key]);
            } else {
                prop_assert_ne!(seen.len(), 1);
            }
        }
    }

    #[test]
    fn one_key_tells_nothing() {
        assert_eq!(decide(&[1], &[1]), Association::Unknown);
        assert_eq!(decide(&[1, 1], &[1]), Association::Unknown, "the same key twice is one key");
        assert_eq!(decide::<u8>(&[], &[]), Association::Unknown);
    }

    #[test]
    fn each_state_says_what_it_means() {
        let (locked, free) = (decide(&[1, 2], &[1]), decide(&[1, 2], &[2, 1]));
        assert_eq!((locked.word(), free.word()), ("Locked", "Free"));
        assert!(locked.meaning().contains("Only this key") && free.meaning().contains("Every key"));
        assert!(decide(&[1, 2, 3], &[1, 2]).meaning().starts_with("Not decided"));
    }
}
