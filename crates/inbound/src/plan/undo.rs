//! The row that takes another back.

use super::{Decision, Known, Verdict};
use crate::facet::Snapshot;

/// What taking back a row comes to that went from `before` to `after`: the way back, unless the world has moved on.
#[must_use]
pub fn undo(object: &str, before: Option<&Snapshot>, after: &Snapshot, known: Option<&Known>) -> Decision {
    let moved = || Decision::forbidden(object, "It was changed since. Change it on its own page.");
    let unreached = || Decision::forbidden(object, "None of your keys reaches it.");
    match (before, after) {
        // What is on the list is read right before.
        (_, Snapshot::Entry { target, present }) => match known {
            Some(_) => {
                let back = Snapshot::Entry { target: target.clone(), present: !present };
                Decision::change(object, after.clone(), back)
            }
            None => unreached(),
        },
        (None, Snapshot::Domain(made)) => match known {
            None => Decision::same(object, "It is provisioned no more."),
            Some(known) if known.whole.same_content(made) => Decision::change(
                object,
                Snapshot::Domain(known.whole.clone()),
                Snapshot::Provisioned { present: false },
            ),
            Some(_) => moved(),
        },
        (Some(Snapshot::Domain(had)), Snapshot::Provisioned { present: false }) => match known {
            None => Decision {
                verdict: Verdict::New,
                object: object.to_owned(),
                before: None,
                after: Some(Snapshot::Domain(had.clone())),
                note: "As it was. Its lists and its recipients' are not brought back.".into(),
            },
            Some(_) => Decision::same(object, "It is provisioned again."),
        },
        (Some(Snapshot::Holder { fingerprint: None }), _) => Decision::forbidden(
            object,
            "It was locked to no key that is known, and there is no call that frees a domain.",
        ),
        (Some(before), after) => {
            let Some(known) = known else { return unreached() };
            let now = match after {
                Snapshot::Holder { .. } => Some(Snapshot::Holder { fingerprint: known.holder.clone() }),
                other => known.whole.facet(other),
            };
            let is = |wanted: &Snapshot| match (wanted, &now) {
                (Snapshot::Domain(wanted), Some(Snapshot::Domain(now))) => wanted.same_content(now),
                (wanted, now) => Some(wanted) == now.as_ref(),
            };
            if is(after) {
                Decision::change(object, after.clone(), before.clone())
            } else if is(before) {
                Decision::same(object, "It is as it was already.")
            } else {
                moved()
            }
        }
        (None, _) => Decision::forbidden(object, "What was there before is not known."),
    }
}
