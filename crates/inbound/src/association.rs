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

/// Decides from all keys of a customer that were asked, and those of them that see the domain.
///
/// With fewer than two keys nothing can be told apart. Seen by some but not all, or by none, is a
/// moment between two states: unknown, never a guess.
#[must_use]
pub fn decide<K: Clone + PartialEq>(keys: &[K], seen_by: &[K]) -> Association<K> {
    let seeing: Vec<_> = keys.iter().filter(|key| seen_by.contains(key)).collect();
    match (keys.len(), seeing.as_slice()) {
        (0 | 1, _) => Association::Unknown,
        (all, seeing) if seeing.len() == all => Association::Free,
        (_, [only]) => Association::Locked((*only).clone()),
        _ => Association::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::subsequence};

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
        assert_eq!(decide::<u8>(&[], &[]), Association::Unknown);
    }
}
