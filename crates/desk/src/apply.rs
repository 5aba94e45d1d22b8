//! The one path of every change to a domain: read, compare, note the intent, send, note the outcome,
//! read back, mend the mirror.

use crate::{
    Asker, Desk, DeskError, Snapshot,
    audit::Intent,
    error::{Result, is_lost, unread_after},
    live::{self, Live, mirror_of, servers_snapshot},
    reach::Opened,
};
use inbound::{downstream, name::DomainName};
use mailchannels::{CompleteSettings, DomainSettings, DownstreamAddress, Error as Upstream};

/// What became of a change.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Audit id, for undo; none when there was nothing to change.
    pub change: Option<i64>,
    /// State before.
    pub before: Snapshot,
    /// State now.
    pub after: Snapshot,
}

impl Desk {
    /// Brings one facet of a domain to `target`. With `expected`, refuses when the state before is another.
    pub(crate) async fn apply(
        &self,
        asker: &Asker,
        domain: &str,
        target: Snapshot,
        expected: Option<Snapshot>,
    ) -> Result<Applied> {
        let (opened, row) = self.reach_domain(asker, domain).await?;
        let live = read_first(&opened, domain).await?;
        let before = facet(&live, &target, row.holder.as_ref());
        // First of all: a button that was pressed twice has nothing to do, and nobody else changed anything.
        if before == target {
            return Ok(Applied { change: None, before, after: target });
        }
        if expected.is_some_and(|expected| expected != before) {
            return Err(DeskError::Stale);
        }
        let intent = self
            .intend(
                asker,
                Intent {
                    action: target.action(),
                    object_kind: "domain",
                    object: domain,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: Some(before.base()),
                    after: Some(target.base()),
                },
            )
            .await?;
        let lost = match self.send(asker, &opened, domain, &live, &target).await {
            Ok(()) => None,
            // It may have been done all the same: what is there now decides.
            Err(DeskError::Upstream(error)) if is_lost(&error) => Some(error),
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                return Err(error);
            }
        };
        if lost.is_none() {
            self.conclude(intent, "done").await;
        }
        let read = self.read_back(asker, &opened, domain, &target).await;
        let applied = Applied { change: Some(intent), before, after: target };
        match (lost, read) {
            (None, Ok(())) => Ok(applied),
            (None, Err(DeskError::Upstream(error))) => Err(DeskError::Unconfirmed(error)),
            (None, Err(error)) => Err(error),
            (Some(_), Ok(())) => {
                self.conclude(intent, "done: confirmed by reading back").await;
                Ok(applied)
            }
            (Some(error @ Upstream::RateLimited), Err(DeskError::NotTaken)) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                Err(error.into())
            }
            (Some(error), Err(_)) => {
                let error = unread_after(error);
                self.conclude(intent, &format!("unknown: {error}")).await;
                Err(error.into())
            }
        }
    }

    /// The key to speak with for a domain of the person's, by the mirror.
    pub(crate) async fn reach_domain(&self, asker: &Asker, domain: &str) -> Result<(Opened, store::DomainRow)> {
        let rows = self.key_rows(&asker.person).await?;
        let fingerprints: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let row =
            self.0.store.domain(&fingerprints, domain).await?.ok_or_else(|| DeskError::NotFound(domain.to_owned()))?;
        let key = rows
            .iter()
            .find(|key| Some(&key.fingerprint) == row.holder.as_ref())
            .or_else(|| rows.iter().find(|key| row.seen_by_keys.contains(&key.fingerprint)))
            .ok_or_else(|| DeskError::NotFound(domain.to_owned()))?;
        let opened = self.open(key)?;
        self.used(key).await?;
        Ok((opened, row))
    }

    /// Opens one of the person's keys by its fingerprint.
    async fn open_fingerprint(&self, asker: &Asker, fingerprint: &str) -> Result<Opened> {
        let rows = self.key_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.fingerprint == fingerprint);
        self.open(row.ok_or_else(|| DeskError::Gone("such key".into()))?)
    }

    /// Another of the person's keys of the same account.
    async fn other_key(&self, asker: &Asker, than: &Opened) -> Result<Option<Opened>> {
        let rows = self.key_rows(&asker.person).await?;
        let other = rows.iter().find(|row| {
            row.fingerprint != than.key.fingerprint && row.account_id.as_deref() == Some(than.key.account.as_str())
        });
        other.map(|row| self.open(row)).transpose()
    }

    async fn send(&self, asker: &Asker, opened: &Opened, domain: &str, live: &Live, target: &Snapshot) -> Result<()> {
        let session = opened.changing();
        match target {
            Snapshot::Settings { .. } | Snapshot::Admins { .. } => {
                session.set_settings(domain, &merged(&live.wire, target)).await?;
            }
            Snapshot::Servers { servers } => {
                let wire = servers.iter().map(|line| wire_server(line)).collect::<Result<Vec<_>>>()?;
                session.set_downstreams(domain, &wire).await?;
            }
            Snapshot::Alias { alias, present: true } => {
                session.add_alias(domain, alias).await?;
            }
            Snapshot::Alias { alias, present: false } => session.remove_alias(domain, alias).await?,
            Snapshot::Holder { fingerprint } => {
                let fingerprint = fingerprint.as_deref().ok_or_else(|| DeskError::Gone("such key".into()))?;
                let new = self.open_fingerprint(asker, fingerprint).await?;
                if new.key.account != opened.key.account {
                    return Err(DeskError::field(
                        "key",
                        "That key belongs to another account. A domain moves only between keys of one account.",
                    ));
                }
                session.associate(domain, &new.secret).await?;
            }
            Snapshot::Entry { .. } | Snapshot::Provisioned { .. } | Snapshot::Domain(_) => {
                return Err(DeskError::Gone("such change".into()));
            }
        }
        Ok(())
    }

    /// Reads a domain back after a change, mends the mirror, and says when the service made something else of it.
    async fn read_back(&self, asker: &Asker, opened: &Opened, domain: &str, target: &Snapshot) -> Result<()> {
        if let Snapshot::Holder { fingerprint: Some(fingerprint) } = target {
            // The old key no longer reaches it, so the new one is asked.
            let new = self.open_fingerprint(asker, fingerprint).await?;
            let seen = live::read(new.changing(), domain).await?.ok_or(DeskError::NotTaken)?;
            if let Some(witness) = self.other_key(asker, &new).await?
                && live::read(witness.changing(), domain).await?.is_some()
            {
                // Both reach it: it is free, and bound to neither.
                return Err(DeskError::NotTaken);
            }
            self.0.store.patch_domain(fingerprint, mirror_of(&seen.wire), self.now_ms()).await?;
            self.0.store.set_holder(&opened.key.account, domain, fingerprint).await?;
            return Ok(());
        }
        let live =
            live::read(opened.changing(), domain).await?.ok_or_else(|| DeskError::NotFound(domain.to_owned()))?;
        self.0.store.patch_domain(&opened.key.fingerprint, mirror_of(&live.wire), self.now_ms()).await?;
        if facet(&live, target, None) == *target { Ok(()) } else { Err(DeskError::NotTaken) }
    }
}

/// A domain before it is changed.
pub(crate) async fn read_first(opened: &Opened, domain: &str) -> Result<Live> {
    let live = live::read(opened.changing(), domain).await.map_err(DeskError::before)?;
    live.ok_or_else(|| DeskError::NotFound(domain.to_owned()))
}

/// The facet of a live domain that a snapshot speaks of.
fn facet(live: &Live, of: &Snapshot, holder: Option<&String>) -> Snapshot {
    match of {
        Snapshot::Settings { .. } => live.settings.clone(),
        Snapshot::Servers { .. } => servers_snapshot(&live.servers),
        Snapshot::Admins { .. } => Snapshot::Admins { admins: live.admins.clone() },
        Snapshot::Alias { alias, .. } => {
            Snapshot::Alias { alias: alias.clone(), present: live.aliases.contains(alias) }
        }
        Snapshot::Holder { .. } => Snapshot::Holder { fingerprint: holder.cloned() },
        // Lists have a path of their own.
        Snapshot::Entry { .. } | Snapshot::Provisioned { .. } | Snapshot::Domain(_) => of.clone(),
    }
}

/// Everything the domain has, with the one facet replaced: whether `PUT settings` keeps omitted
/// sections is not documented `[?]`, so none is omitted.
pub(crate) fn merged(wire: &mailchannels::Domain, target: &Snapshot) -> CompleteSettings {
    let mut complete = CompleteSettings {
        settings: wire.settings.clone(),
        admins: wire.admins.clone(),
        downstream_addresses: wire.downstream_addresses.clone(),
        aliases: wire.aliases.clone(),
    };
    match target {
        Snapshot::Settings { policy, override_recipient, header_name, header_value } => {
            complete.settings = DomainSettings {
                abuse_policy: policy.as_deref().map(Into::into),
                abuse_policy_override: *override_recipient,
                spam_header_name: header_name.clone(),
                spam_header_value: header_value.clone(),
            };
        }
        Snapshot::Admins { admins } => complete.admins.clone_from(admins),
        _ => {}
    }
    complete
}

/// A server line of a snapshot as the wire has it.
pub(crate) fn wire_server(line: &str) -> Result<DownstreamAddress> {
    let server = downstream::parse_compact(line).map_err(|error| DeskError::field("servers", error.clone()))?;
    Ok(to_wire(&server))
}

/// A server as the wire has it; the client adds the trailing dot.
pub(crate) fn to_wire(server: &downstream::Server) -> DownstreamAddress {
    DownstreamAddress {
        priority: server.priority.into(),
        weight: server.weight.into(),
        port: server.port.into(),
        target: server.target.as_str().to_owned(),
    }
}

/// Parses a domain of a URL or form.
pub(crate) fn domain_name(text: &str, field: &str) -> Result<DomainName> {
    DomainName::parse(text).map_err(|error| DeskError::field(field, error.to_string()))
}
