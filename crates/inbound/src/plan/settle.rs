//! Whether a change whose answer was lost was made: what is there now decides.

use crate::facet::Snapshot;

/// What reading back says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was made.
    Done,
    /// It was not; it may be sent again.
    NotDone,
    /// It is neither as before nor as wanted: somebody else was there. Nothing is sent again.
    Moved,
}

/// Decides. Without a known state before, anything but the wanted one counts as not done.
#[must_use]
pub fn settle(before: Option<&Snapshot>, after: &Snapshot, now: &Snapshot) -> Settled {
    let is = |wanted: &Snapshot| match (wanted, now) {
        // One that was to be made is there, whatever the service filled in by itself.
        (Snapshot::Domain(_), Snapshot::Domain(_)) if before.is_none() => true,
        (Snapshot::Domain(wanted), Snapshot::Domain(now)) => wanted.same_content(now),
        (Snapshot::Domain(_), Snapshot::Provisioned { present })
        | (Snapshot::Provisioned { present }, Snapshot::Domain(_)) => *present,
        (wanted, now) => wanted == now,
    };
    if is(after) {
        Settled::Done
    } else if before.is_none_or(is) || matches!(after, Snapshot::Provisioned { present: false }) {
        Settled::NotDone
    } else {
        Settled::Moved
    }
}
