//! What the stand-in's ledger of requests says, in exact counts.

use serde::Deserialize;

/// A second, in the ledger's microseconds.
pub(crate) const SECOND_US: u64 = 1_000_000;

/// A request that the stand-in received.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Entry {
    /// Microseconds since the stand-in started.
    pub(crate) at_us: u64,
    /// The operation.
    pub(crate) operation: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The path.
    pub(crate) path: String,
    /// Whether it changed something.
    pub(crate) changed: bool,
    /// Microseconds until it was answered.
    #[serde(default)]
    pub(crate) took_us: u64,
}

/// The times of some requests, in order: the ledger is in the order of the answers.
pub(crate) fn times(entries: &[Entry]) -> Vec<u64> {
    let mut times: Vec<_> = entries.iter().map(|entry| entry.at_us).collect();
    times.sort_unstable();
    times
}

/// The most requests in any window of this width, beginning included and end not. Times are in order.
pub(crate) fn window_max(times: &[u64], width: u64) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (last, at) in times.iter().enumerate() {
        while at - times[first] >= width {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// How often requests had to wait for others: groups in which each began before the answer to the first
/// could come, `trip` later. Times are in order.
pub(crate) fn waves(times: &[u64], trip: u64) -> usize {
    let mut count = 0;
    let mut answered = 0;
    for at in times {
        if count == 0 || *at >= answered {
            count += 1;
            answered = at + trip;
        }
    }
    count
}

/// Requests answered with 503: more than the service takes.
pub(crate) fn refused(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| entry.status == 503).count()
}

/// Changes made more than once: the same path of the same operation.
pub(crate) fn doubled(entries: &[Entry]) -> usize {
    let mut changes: Vec<_> =
        entries.iter().filter(|entry| entry.changed).map(|entry| (&entry.operation, &entry.path)).collect();
    changes.sort_unstable();
    let all = changes.len();
    changes.dedup();
    all - changes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn entry(at_us: u64, path: &str, status: u16) -> Entry {
        Entry { at_us, operation: "deprovision".into(), status, path: path.into(), changed: status == 204, took_us: 0 }
    }

    proptest! {
        #[test]
        fn the_window_is_the_one_that_looking_at_each_finds(mut times in vec(0_u64..5_000, 0..200), width in 1_u64..2_000) {
            times.sort_unstable();
            let plain = times.iter().map(|from| times.iter().filter(|at| (*from..*from + width).contains(at)).count());
            prop_assert_eq!(window_max(&times, width), plain.max().unwrap_or(0));
        }

        #[test]
        fn a_wave_lasts_as_long_as_a_trip(mut times in vec(0_u64..5_000, 1..50), trip in 1_u64..2_000) {
            times.sort_unstable();
            let count = waves(&times, trip);
            let span = times[times.len() - 1] - times[0];
            prop_assert!((1..=times.len()).contains(&count));
            prop_assert!((count as u64 - 1) * trip <= span, "the first of each wave is a trip after the last wave's");
            prop_assert!(span < trip || count > 1);
        }
    }

    #[test]
    fn a_window_ends_before_its_end() {
        assert_eq!(window_max(&[0, 1_000_000], SECOND_US), 1);
        assert_eq!(window_max(&[0, 999_999], SECOND_US), 2);
        assert_eq!(window_max(&[], SECOND_US), 0);
    }

    #[test]
    fn counts() {
        let entries = [entry(5, "/a", 204), entry(3, "/b", 503), entry(4, "/b", 204), entry(9, "/a", 204)];
        assert_eq!(times(&entries), [3, 4, 5, 9]);
        assert_eq!((refused(&entries), doubled(&entries)), (1, 1));
        assert_eq!(waves(&[0, 10, 99, 100, 150], 100), 2);
        assert_eq!(waves(&[], 100), 0);
    }
}
