//! A domain as the service has it now.

use crate::{
    Desk, DeskError, Person, Snapshot,
    error::Result,
    reach::{KeyRef, Opened, key_ref},
};
use futures::future::join_all;
use inbound::{
    association::Association,
    downstream::Server,
    name::{DomainName, HostName},
};
use mailchannels::{DownstreamAddress, Error as Upstream, Session};
use std::time::Duration;
use store::{DomainRow, MirrorDetail, MirrorDomain};

/// Where the shown values come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Read from MailChannels for this page.
    Live,
    /// From the mirror, because the live read failed.
    Mirror {
        /// Unix milliseconds of the sync the values come from.
        synced_at: i64,
        /// What happened and the next step.
        why: (String, String),
    },
}

/// Everything the domain page shows.
#[derive(Clone, Debug)]
pub struct DomainView {
    /// Canonical name, A-label.
    pub name: DomainName,
    /// Subscription handle.
    pub subscription: String,
    /// Spam handling.
    pub settings: Snapshot,
    /// Downstream servers.
    pub servers: Vec<Server>,
    /// Server lines the service reports that our rules cannot read; shown, never dropped silently.
    pub odd_servers: Vec<String>,
    /// Domain admins.
    pub admins: Vec<String>,
    /// Aliases, A-label.
    pub aliases: Vec<String>,
    /// Which key holds it, among all keys Sluice knows of this account.
    pub association: Association<String>,
    /// The person's keys that reach it.
    pub reached_by: Vec<KeyRef>,
    /// The person's other keys of the same account, which it can be moved to.
    pub other_keys: Vec<KeyRef>,
    /// Where the values come from.
    pub source: Source,
}

impl DomainView {
    /// The servers as a snapshot.
    pub fn servers_snapshot(&self) -> Snapshot {
        servers_snapshot(&self.servers)
    }

    /// The admins as a snapshot.
    pub fn admins_snapshot(&self) -> Snapshot {
        Snapshot::Admins { admins: self.admins.clone() }
    }

    /// The person's key that holds it, when it is locked to one of theirs.
    pub fn holder(&self) -> Option<&KeyRef> {
        match &self.association {
            Association::Locked(fingerprint) => self.reached_by.iter().find(|key| key.fingerprint == *fingerprint),
            Association::Free | Association::Unknown => None,
        }
    }
}

/// The answer to "show me this domain".
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It is provisioned and within reach.
    Found(Box<DomainView>),
    /// It is an alias; changes happen on its canonical domain.
    AliasOf {
        /// The name asked for.
        alias: DomainName,
        /// The domain it stands for.
        canonical: DomainName,
    },
    /// None of the person's keys reaches it.
    Unreached {
        /// The name asked for.
        name: DomainName,
        /// Keys that were asked and did answer.
        asked: usize,
        /// Keys that could not be asked, with why.
        failed: Vec<(KeyRef, (String, String))>,
    },
}

/// What the service says of a domain, in our types.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) subscription: String,
    pub(crate) settings: Snapshot,
    pub(crate) servers: Vec<Server>,
    pub(crate) odd_servers: Vec<String>,
    pub(crate) admins: Vec<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) wire: mailchannels::Domain,
}

pub(crate) fn servers_snapshot(servers: &[Server]) -> Snapshot {
    let mut servers: Vec<_> = servers.iter().map(Server::to_compact).collect();
    servers.sort();
    Snapshot::Servers { servers }
}

pub(crate) fn settings_snapshot(settings: &mailchannels::DomainSettings) -> Snapshot {
    let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    Snapshot::Settings {
        policy: settings.abuse_policy.as_ref().map(|policy| policy.as_str().to_owned()),
        override_recipient: settings.abuse_policy_override,
        header_name: text(&settings.spam_header_name),
        header_value: text(&settings.spam_header_value),
    }
}

/// Reads servers from the wire; what our rules cannot read is kept as text.
pub(crate) fn servers_of(wire: &[DownstreamAddress]) -> (Vec<Server>, Vec<String>) {
    let mut servers = Vec::new();
    let mut odd = Vec::new();
    for address in wire {
        let whole = HostName::parse(&address.target).ok().and_then(|target| {
            Some(Server {
                priority: u32::try_from(address.priority).ok()?,
                weight: u32::try_from(address.weight).ok()?,
                port: u16::try_from(address.port).ok()?,
                target,
            })
        });
        match whole {
            Some(server) => servers.push(server),
            None => odd.push(format!("{} {} {} {}", address.priority, address.weight, address.port, address.target)),
        }
    }
    servers.sort_by_key(|server| (server.priority, std::cmp::Reverse(server.weight), server.to_compact()));
    (servers, odd)
}

fn a_label(name: &str) -> String {
    DomainName::parse(name).map_or_else(|_| name.to_lowercase(), |name| name.as_str().to_owned())
}

impl Live {
    pub(crate) fn of(mut wire: mailchannels::Domain, downstreams: Vec<DownstreamAddress>) -> Self {
        wire.downstream_addresses = downstreams;
        let (servers, odd_servers) = servers_of(&wire.downstream_addresses);
        let mut admins = wire.admins.clone();
        admins.sort();
        let mut aliases: Vec<_> = wire.aliases.iter().map(|alias| a_label(alias)).collect();
        aliases.sort();
        Self {
            subscription: wire.subscription_handle.clone(),
            settings: settings_snapshot(&wire.settings),
            servers,
            odd_servers,
            admins,
            aliases,
            wire,
        }
    }
}

/// A domain of the wire as the mirror keeps it.
pub(crate) fn mirror_of(wire: &mailchannels::Domain) -> MirrorDomain {
    let name = a_label(&wire.domain);
    let display = DomainName::parse(&name).map_or_else(|_| wire.domain.clone(), |name| name.to_unicode());
    let (servers, odd) = servers_of(&wire.downstream_addresses);
    let settings = &wire.settings;
    MirrorDomain {
        name,
        display,
        subscription: wire.subscription_handle.clone(),
        policy: settings.abuse_policy.as_ref().map(|policy| policy.as_str().to_owned()),
        policy_override: settings.abuse_policy_override,
        header_name: settings.spam_header_name.clone(),
        header_value: settings.spam_header_value.clone(),
        detail: MirrorDetail {
            admins: wire.admins.clone(),
            downstreams: servers.iter().map(Server::to_compact).chain(odd).collect(),
            aliases: wire.aliases.iter().map(|alias| a_label(alias)).collect(),
        },
    }
}

/// How long a page waits for the service before it shows what the mirror has: somebody is on the phone.
/// Changes wait longer, for they must know.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// Waits for a read that a page wants, but not for ever.
pub(crate) async fn patiently<T>(
    read: impl Future<Output = std::result::Result<T, Upstream>>,
) -> std::result::Result<T, Upstream> {
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(Upstream::Timeout))
}

/// Reads a domain with one key: its record and its servers, in parallel.
pub(crate) async fn read(session: Session<'_>, name: &str) -> std::result::Result<Option<Live>, Upstream> {
    let (domain, downstreams) = futures::join!(session.domain(name), session.downstreams(name));
    let Some(domain) = domain? else {
        return Ok(None);
    };
    Ok(Some(Live::of(domain, downstreams?)))
}

impl Desk {
    /// Looks a domain up: live, with the mirror as guide and as fallback.
    pub async fn domain(&self, person: &Person, name: &DomainName) -> Result<Lookup> {
        let rows = self.key_rows(person).await?;
        let fingerprints: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let Some(found) = self.0.store.find_domain(&fingerprints, name.as_str()).await? else {
            return self.ask_everyone(person, name).await;
        };
        if found.via_alias {
            let canonical = DomainName::parse(&found.row.name).map_err(|_| DeskError::Storage)?;
            return Ok(Lookup::AliasOf { alias: name.clone(), canonical });
        }
        let row = found.row;
        let refs: Vec<_> = rows.iter().map(key_ref).collect();
        let (sees, others): (Vec<_>, Vec<_>) = refs
            .into_iter()
            .filter(|key| key.account == row.account_id)
            .partition(|key| row.seen_by_keys.contains(&key.fingerprint));
        // The key that reads, and one that by the mirror should not see it: two answers decide the association.
        let reader = self.opened_of(&rows, row.holder.as_ref(), &sees).await?;
        let witness = match others.first() {
            Some(other) => rows.iter().find(|row| row.id == other.id).map(|row| self.open(row)).transpose()?,
            None => None,
        };
        let begun = self.now_ms();
        let asked = async {
            futures::join!(read(reader.session(), name.as_str()), async {
                match &witness {
                    Some(witness) => witness.session().domain(name.as_str()).await.ok().map(|seen| seen.is_some()),
                    None => Some(false),
                }
            })
        };
        let (live, witness_sees) =
            tokio::time::timeout(PATIENCE, asked).await.unwrap_or((Err(Upstream::Timeout), Some(false)));
        match live {
            Ok(Some(live)) => {
                let (key, now) = (&reader.key.fingerprint, self.now_ms());
                match self.0.store.patch_reading(key, mirror_of(&live.wire), begun, now).await {
                    // With a full disk what was read is still shown; the next sync mends the mirror.
                    Err(error @ store::StoreError::Unwritable(_)) => tracing::warn!(%error, "not mirrored"),
                    mirrored => mirrored?,
                }
                if witness_sees == Some(true) {
                    // The mirror is behind: ask every key before saying who holds it.
                    return self.ask_everyone(person, name).await;
                }
                Ok(Lookup::Found(Box::new(view(name, live, &row, sees, others))))
            }
            Ok(None) | Err(Upstream::NotFound { .. } | Upstream::Forbidden { .. }) => {
                self.ask_everyone(person, name).await
            }
            Err(error) => Ok(Lookup::Found(Box::new(mirror_view(name, &row, sees, others, error)))),
        }
    }

    /// Picks the person's key to speak with: the holder's when theirs, else any that sees the domain.
    async fn opened_of(&self, rows: &[store::KeyRow], holder: Option<&String>, sees: &[KeyRef]) -> Result<Opened> {
        let chosen = sees
            .iter()
            .find(|key| Some(&key.fingerprint) == holder)
            .or_else(|| sees.first())
            .and_then(|key| rows.iter().find(|row| row.id == key.id))
            .ok_or(DeskError::Storage)?;
        self.used(chosen).await?;
        self.open(chosen)
    }

    /// Asks every key of the person's whether it sees the domain, and mends the mirror by the answers.
    pub(crate) async fn ask_everyone(&self, person: &Person, name: &DomainName) -> Result<Lookup> {
        let rows = self.key_rows(person).await?;
        let opened = rows.iter().filter_map(|row| self.open(row).ok()).collect::<Vec<_>>();
        let begun = self.now_ms();
        let answers = join_all(
            opened.iter().map(|key| async move { (key, patiently(key.session().domain(name.as_str())).await) }),
        )
        .await;
        let now = self.now_ms();
        let mut sees = Vec::new();
        let mut blind = Vec::new();
        let mut failed = Vec::new();
        for (key, answer) in answers {
            match answer {
                Ok(Some(wire)) => {
                    self.0.store.patch_reading(&key.key.fingerprint, mirror_of(&wire), begun, now).await?;
                    sees.push(key);
                }
                Ok(None) | Err(Upstream::NotFound { .. } | Upstream::Forbidden { .. }) => {
                    self.0.store.unsee_domain(&key.key.fingerprint, name.as_str()).await?;
                    blind.push(key);
                }
                Err(error) => failed.push((key.key.clone(), DeskError::Upstream(error).reading_words())),
            }
        }
        let fingerprints: Vec<_> = rows.iter().map(|row| row.fingerprint.clone()).collect();
        let Some(found) = self.0.store.find_domain(&fingerprints, name.as_str()).await? else {
            return Ok(Lookup::Unreached { name: name.clone(), asked: sees.len() + blind.len(), failed });
        };
        let row = found.row;
        let Some(reader) = sees.first() else {
            return Ok(Lookup::Unreached { name: name.clone(), asked: blind.len(), failed });
        };
        let others =
            blind.iter().filter(|key| key.key.account == reader.key.account).map(|key| key.key.clone()).collect();
        let seeing: Vec<_> = sees.iter().map(|key| key.key.clone()).collect();
        match patiently(read(reader.session(), name.as_str())).await {
            Ok(Some(live)) => Ok(Lookup::Found(Box::new(view(name, live, &row, seeing, others)))),
            Ok(None) => Ok(Lookup::Unreached { name: name.clone(), asked: sees.len() + blind.len(), failed }),
            Err(error) => Ok(Lookup::Found(Box::new(mirror_view(name, &row, seeing, others, error)))),
        }
    }
}

fn association_of(row: &DomainRow) -> Association<String> {
    match (row.association.as_str(), &row.holder) {
        ("locked", Some(holder)) => Association::Locked(holder.clone()),
        ("free", _) => Association::Free,
        _ => Association::Unknown,
    }
}

fn view(name: &DomainName, live: Live, row: &DomainRow, sees: Vec<KeyRef>, others: Vec<KeyRef>) -> DomainView {
    DomainView {
        name: name.clone(),
        subscription: live.subscription,
        settings: live.settings,
        servers: live.servers,
        odd_servers: live.odd_servers,
        admins: live.admins,
        aliases: live.aliases,
        association: association_of(row),
        reached_by: sees,
        other_keys: others,
        source: Source::Live,
    }
}

fn mirror_view(
    name: &DomainName,
    row: &DomainRow,
    sees: Vec<KeyRef>,
    others: Vec<KeyRef>,
    error: Upstream,
) -> DomainView {
    let mut servers = Vec::new();
    let mut odd_servers = Vec::new();
    for line in &row.detail.downstreams {
        match inbound::downstream::parse_compact(line) {
            Ok(server) => servers.push(server),
            Err(_) => odd_servers.push(line.clone()),
        }
    }
    DomainView {
        name: name.clone(),
        subscription: row.subscription.clone(),
        settings: Snapshot::Settings {
            policy: row.policy.clone(),
            override_recipient: row.policy_override,
            header_name: row.header_name.clone(),
            header_value: row.header_value.clone(),
        },
        servers,
        odd_servers,
        admins: row.detail.admins.clone(),
        aliases: row.detail.aliases.clone(),
        association: association_of(row),
        reached_by: sees,
        other_keys: others,
        source: Source::Mirror { synced_at: row.synced_at, why: DeskError::Upstream(error).reading_words() },
    }
}
