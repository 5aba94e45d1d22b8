//! Which backups there are by their names, when the next one is due, and which go.

use jiff::{Timestamp, tz::TimeZone};

/// What our backups' names begin and end with; between them is the time.
const NAME: (&str, &str) = ("sluice-", ".sqlite3");
/// What is behind the name of one that is not whole yet.
const PARTIAL: &str = ".partial";

const HOUR: i64 = 3_600_000;

/// A backup that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file's name.
    pub name: String,
    /// When it was made, unix milliseconds.
    pub at: i64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// The name of a backup made at a time. Names sort by time.
pub(super) fn name_of(now: i64) -> String {
    let at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(TimeZone::UTC);
    format!("{}{}{}", NAME.0, at.strftime("%Y%m%dT%H%M%SZ"), NAME.1)
}

/// When a backup of that name was made; `None` for a file that is none of ours, which is never touched.
pub(super) fn time_of(name: &str) -> Option<i64> {
    let text = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?.strip_suffix('Z')?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text).ok()?;
    let at = at.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    (name_of(at) == name).then_some(at)
}

/// Whether a file is what a backup that was killed left: nobody writes to one for this long.
pub(super) fn is_left_over(name: &str, written: i64, now: i64) -> bool {
    name.strip_suffix(PARTIAL).and_then(time_of).is_some() && now - written > HOUR
}

/// Whether a time is one of a clock that was ahead: such a backup says nothing of when the next one is due, and has a
/// place of its own. A little ahead is no reason.
fn is_ahead(at: i64, now: i64) -> bool {
    at - now > HOUR
}

/// When the newest backup was made, of those found.
pub fn newest(found: &[Backup], now: i64) -> Option<i64> {
    found.iter().map(|backup| backup.at).filter(|at| !is_ahead(*at, now)).max()
}

/// Whether the next backup is due.
pub(super) fn is_due(found: &[Backup], hours: u32, now: i64) -> bool {
    newest(found, now).is_none_or(|last| now - last >= i64::from(hours) * HOUR)
}

/// The names of those that go, of those found, newest first. Time is cut in slots of so many hours, as the schedule has it:
/// of `keep` slots that have any, the newest backup stays; of the newest slot so many more, so that what is made on demand
/// is there for a while and pushes no older one out. Without a schedule the newest stay.
pub(super) fn superfluous(found: &[Backup], keep: usize, hours: u32, now: i64) -> Vec<&str> {
    let keep = keep.max(1);
    let slot_of = |backup: &Backup| match hours {
        0 => 0,
        hours => backup.at.div_euclid(i64::from(hours) * HOUR),
    };
    let (mut slots, mut in_slot, mut last) = (0, 0, None);
    let mut go = Vec::new();
    for backup in found.iter().filter(|backup| !is_ahead(backup.at, now)) {
        let slot = Some(slot_of(backup));
        if slot != last {
            (slots, in_slot, last) = (slots + 1, 0, slot);
        }
        in_slot += 1;
        let most = if slots == 1 { keep } else { 1 };
        if slots > keep || in_slot > most {
            go.push(backup.name.as_str());
        }
    }
    go
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Of these times, as they are found: newest first.
    fn found(times: &[i64]) -> Vec<Backup> {
        let mut times = times.to_vec();
        times.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
        times.into_iter().map(|at| Backup { name: name_of(at), at, bytes: 1 }).collect()
    }

    fn left(found: &[Backup], keep: usize, hours: u32, now: i64) -> Vec<i64> {
        let gone: BTreeSet<_> = superfluous(found, keep, hours, now).into_iter().collect();
        found.iter().filter(|backup| !gone.contains(backup.name.as_str())).map(|backup| backup.at).collect()
    }

    #[test]
    fn names_say_when_and_sort_so() {
        let (one, two) = (name_of(1_790_000_000_000), name_of(1_790_000_001_000));
        assert_eq!(one, "sluice-20260921T141320Z.sqlite3");
        assert!(one < two);
        assert_eq!(time_of(&one), Some(1_790_000_000_000));
        for other in [
            "sluice.sqlite3",
            "sluice-x.sqlite3",
            "sluice-20260921T141320Z.sqlite3.partial",
            "sluice-20269921T141320Z.sqlite3",
            "",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_kill_left_is_known_by_its_name_and_age() {
        let partial = "sluice-20260921T141320Z.sqlite3.partial";
        assert!(is_left_over(partial, 0, HOUR + 1));
        assert!(!is_left_over(partial, 0, HOUR), "it may still be written to");
        for other in ["sluice-20260921T141320Z.sqlite3", "notes.partial", ".partial"] {
            assert!(!is_left_over(other, 0, 99 * HOUR), "{other}");
        }
    }

    #[test]
    fn a_backup_is_due_after_so_many_hours() {
        assert!(is_due(&[], 24, 0));
        assert!(!is_due(&found(&[0]), 24, 24 * HOUR - 1));
        assert!(is_due(&found(&[0]), 24, 24 * HOUR));
        // The clock was set back: one from the time ahead is none, and the next ones are as far apart as ever.
        assert!(is_due(&found(&[100 * HOUR]), 24, 0));
        assert!(!is_due(&found(&[100 * HOUR, 0]), 24, HOUR));
        assert!(is_due(&found(&[100 * HOUR, 0]), 24, 24 * HOUR));
        assert!(!is_due(&found(&[HOUR]), 24, 0), "a little ahead is now");
    }

    #[test]
    fn what_is_made_on_demand_pushes_no_history_out() {
        let day = 24 * HOUR;
        let daily: Vec<_> = (1..=5).map(|number| number * day).collect();
        // Ten more on the last day, an hour apart.
        let mut times = daily.clone();
        times.extend((1..=10).map(|number| 5 * day + number * HOUR));
        let now = 5 * day + 11 * HOUR;
        let stay = left(&found(&times), 3, 24, now);
        assert_eq!(
            stay,
            [10, 9, 8].map(|hour| 5 * day + hour * HOUR).into_iter().chain([4 * day, 3 * day]).collect::<Vec<_>>()
        );
        // On the next day, one of them is left.
        times.push(6 * day);
        assert_eq!(left(&found(&times), 3, 24, 6 * day), [6 * day, 5 * day + 10 * HOUR, 4 * day]);
        // Without a schedule there are no slots.
        assert_eq!(left(&found(&daily), 2, 0, now), [5 * day, 4 * day]);
    }

    proptest! {
        #[test]
        fn what_goes_is_what_may(
            seconds in prop::collection::btree_set(0_i64..40 * 86_400, 0..80),
            keep in 1_usize..8,
            hours in 0_u32..60,
            now in 0_i64..40 * 86_400,
        ) {
            let times: Vec<_> = seconds.into_iter().map(|second| second * 1_000).collect();
            let (found, now) = (found(&times), now * 1_000);
            let stay: BTreeSet<_> = left(&found, keep, hours, now).into_iter().collect();
            let (ahead, past): (Vec<i64>, Vec<i64>) = times.iter().copied().partition(|at| *at > now + HOUR);
            prop_assert!(ahead.iter().all(|at| stay.contains(at)), "none from a time ahead goes");
            prop_assert!(past.iter().max().is_none_or(|at| stay.contains(at)), "the newest stays");
            // The newest of each slot that has any.
            let mut slots: BTreeMap<i64, i64> = BTreeMap::new();
            for at in &past {
                let slot = if hours == 0 { *at } else { at / (i64::from(hours) * HOUR) };
                slots.entry(slot).and_modify(|newest| *newest = (*newest).max(*at)).or_insert(*at);
            }
            for newest in slots.values().rev().take(keep) {
                prop_assert!(stay.contains(newest), "a slot keeps its newest");
            }
            prop_assert!(stay.len() - ahead.len() <= if hours == 0 { keep } else { 2 * keep - 1 }, "it is bounded");
            // And it comes to rest.
            let rest: Vec<_> = found.into_iter().filter(|backup| stay.contains(&backup.at)).collect();
            prop_assert!(superfluous(&rest, keep, hours, now).is_empty());
        }
    }
}
