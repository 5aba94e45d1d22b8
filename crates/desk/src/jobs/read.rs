//! What is there now of a row's facet: before something is sent, and after its answer was lost.

use crate::{
    Snapshot, Whole, entries,
    live::{self, Live, servers_of, servers_snapshot},
    reach::Opened,
};
use mailchannels::Error as Upstream;
use store::DomainRow;

/// Everything a domain has, as it was read.
pub(super) fn whole_of(live: &Live) -> Whole {
    let Snapshot::Settings { policy, override_recipient, header_name, header_value } = live.settings.clone() else {
        return Whole::default();
    };
    let Snapshot::Servers { servers } = servers_snapshot(&live.servers) else {
        return Whole::default();
    };
    Whole {
        subscription: live.subscription.clone(),
        policy,
        override_recipient,
        header_name,
        header_value,
        servers,
        admins: live.admins.clone(),
        aliases: live.aliases.clone(),
        locked: false,
    }
}

/// Everything a domain has, as the mirror has it.
pub(crate) fn known_whole(row: &DomainRow, locked: bool) -> Whole {
    let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list.dedup();
        list
    };
    // Lines that our rules can't read are no servers to compare with, as in a live read.
    let readable = |line: &&String| inbound::downstream::parse_compact(line).is_ok();
    let servers: Vec<_> = row.detail.downstreams.iter().filter(readable).cloned().collect();
    Whole {
        subscription: row.subscription.clone(),
        policy: row.policy.clone(),
        override_recipient: row.policy_override,
        header_name: text(&row.header_name),
        header_value: text(&row.header_value),
        servers: sorted(&servers),
        admins: sorted(&row.detail.admins),
        aliases: sorted(&row.detail.aliases),
        locked,
    }
}

/// What is there now of the facet that `of` speaks of; gone domains read as not provisioned. `target` is the key that
/// a domain moves to.
pub(super) async fn now(
    opened: &Opened,
    object: &str,
    of: &Snapshot,
    target: Option<&Opened>,
) -> Result<Snapshot, Upstream> {
    let session = opened.background();
    let gone = Snapshot::Provisioned { present: false };
    Ok(match of {
        Snapshot::Servers { .. } => match session.downstreams(object).await {
            Ok(wire) => servers_snapshot(&servers_of(&wire).0),
            Err(Upstream::NotFound { .. }) => gone,
            Err(error) => return Err(error),
        },
        Snapshot::Domain(_) => match live::read(session, object).await? {
            Some(live) => Snapshot::Domain(whole_of(&live)),
            None => gone,
        },
        Snapshot::Provisioned { .. } => match session.domain(object).await? {
            Some(_) => Snapshot::Provisioned { present: true },
            None => gone,
        },
        Snapshot::Settings { .. } | Snapshot::Admins { .. } | Snapshot::Alias { .. } => {
            match session.domain(object).await? {
                // Its servers are not asked for: they are no part of these.
                Some(wire) => whole_of(&Live::of(wire, Vec::new())).facet(of).unwrap_or(gone),
                None => gone,
            }
        }
        Snapshot::Holder { fingerprint } => {
            let Some(target) = target else { return Ok(Snapshot::Holder { fingerprint: None }) };
            let moved = target.background().domain(object).await?.is_some()
                && (target.key.fingerprint == opened.key.fingerprint || !reaches(opened, object).await?);
            // Seen by both it is locked to neither.
            Snapshot::Holder { fingerprint: fingerprint.clone().filter(|_| moved) }
        }
        Snapshot::Entry { target, .. } => {
            Snapshot::Entry { target: target.clone(), present: entries::find(&session, target).await?.is_some() }
        }
    })
}

async fn reaches(opened: &Opened, object: &str) -> Result<bool, Upstream> {
    Ok(opened.background().domain(object).await?.is_some())
}
