//! The customer's own lists, shared for a second among all who look: every page about a domain or a mail shows them.

use crate::{ListItem, ListName};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How old what is shown may be. A change made elsewhere is seen that much later at most; one made through this client
/// at once.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct State {
    /// Rises with each change that begins or ends, so that no reading that it may have missed is shared.
    version: u64,
    lists: HashMap<ListName, (Instant, Vec<ListItem>)>,
}

/// The lists of one customer, as read last.
#[derive(Debug, Default)]
pub(crate) struct SharedLists(Mutex<State>);

/// A reading that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    version: u64,
    begun: Instant,
}

/// A change on its way; until it has ended, and however it ends, nothing that was read is shared.
pub(crate) struct Changing<'a>(&'a SharedLists);

impl SharedLists {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was read of a list within the last second, if nothing was changed since.
    pub(crate) fn fresh(&self, list: ListName, now: Instant) -> Option<Vec<ListItem>> {
        self.with(|state| {
            let (begun, items) = state.lists.get(&list)?;
            (now.duration_since(*begun) < FRESH).then(|| items.clone())
        })
    }

    /// To be called before a list is read.
    pub(crate) fn read(&self, now: Instant) -> Reading {
        Reading { version: self.with(|state| state.version), begun: now }
    }

    /// Keeps what was read, unless something was changed meanwhile.
    pub(crate) fn keep(&self, list: ListName, reading: Reading, items: Vec<ListItem>) {
        self.with(|state| {
            if state.version == reading.version {
                state.lists.insert(list, (reading.begun, items));
            }
        });
    }

    /// To be called before a list is changed, and held until that has ended.
    pub(crate) fn changing(&self) -> Changing<'_> {
        self.forget();
        Changing(self)
    }

    fn forget(&self) {
        self.with(|state| {
            state.version += 1;
            state.lists.clear();
        });
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ListName::{Blocklist, Safelist};

    fn items(item: &str) -> Vec<ListItem> {
        vec![ListItem { item: item.into(), ..ListItem::default() }]
    }

    #[test]
    fn what_was_read_is_shared_for_a_second_from_when_it_was_asked_for() {
        let (lists, start) = (SharedLists::default(), Instant::now());
        assert_eq!(lists.fresh(Safelist, start), None);
        let reading = lists.read(start);
        lists.keep(Safelist, reading, items("a.example"));
        assert_eq!(lists.fresh(Safelist, start + Duration::from_millis(999)), Some(items("a.example")));
        assert_eq!(lists.fresh(Safelist, start + Duration::from_secs(1)), None);
        assert_eq!(lists.fresh(Blocklist, start), None);
    }

    #[test]
    fn a_change_ends_it_and_a_reading_beside_a_change_is_nobodys() {
        let (lists, now) = (SharedLists::default(), Instant::now());
        lists.keep(Safelist, lists.read(now), items("old.example"));
        let before = lists.read(now);
        let change = lists.changing();
        assert_eq!(lists.fresh(Safelist, now), None, "from the moment that it begins");
        lists.keep(Safelist, before, items("old.example"));
        assert_eq!(lists.fresh(Safelist, now), None, "read before it");
        let beside = lists.read(now);
        drop(change);
        lists.keep(Safelist, beside, items("old.example"));
        assert_eq!(lists.fresh(Safelist, now), None, "read beside it");
        lists.keep(Safelist, lists.read(now), items("new.example"));
        assert_eq!(lists.fresh(Safelist, now), Some(items("new.example")));
    }

    #[test]
    fn what_is_read_while_a_change_is_under_way_goes_when_it_ends() {
        let (lists, now) = (SharedLists::default(), Instant::now());
        let change = lists.changing();
        lists.keep(Blocklist, lists.read(now), items("old.example"));
        drop(change);
        assert_eq!(lists.fresh(Blocklist, now), None);
    }
}
