//! The mirror: what one's keys reach, kept fresh in the background, so that lists ask MailChannels nothing.

use crate::{Desk, DeskError, KeyRef, OwnKeys, Person, error::Result, live::mirror_of, reach::Opened};
use futures::{StreamExt, stream};
use mailchannels::{Error as Upstream, Session};
use std::{collections::BTreeSet, time::Duration};
use store::{Cursor, DomainQuery, DomainRow, Staging};

/// How old the shown data is.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    /// Keys the person has.
    pub keys: usize,
    /// Keys that were mirrored at least once.
    pub synced: usize,
    /// The oldest sync among them, unix milliseconds.
    pub oldest: Option<i64>,
    /// Keys whose last look failed: label, rejected (or just unreachable), since.
    pub failing: Vec<(String, bool, Option<i64>)>,
}

/// One page of the domain list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The rows.
    pub rows: Vec<DomainRow>,
    /// Rows that match in all.
    pub matching: u64,
    /// Domains within reach in all.
    pub total: u64,
    /// Where the next page starts.
    pub next: Option<String>,
    /// Where the previous page ends.
    pub previous: Option<String>,
    /// How old it is.
    pub freshness: Freshness,
    /// The person's keys.
    pub keys: Vec<KeyRef>,
    /// Subscription handles that occur, for the filter.
    pub subscriptions: Vec<String>,
}

/// Keys mirrored at the same time. Each takes the one connection that writes now and then, and somebody who signs in or
/// changes something waits for those that are ahead: no more of them than hide the service's latency.
const SYNCS_AT_ONCE: usize = 2;

impl Desk {
    /// Mirrors what a key sees. Failures are noted on the key and returned.
    pub async fn sync_key(&self, fingerprint: &str) -> Result<()> {
        let Some(row) = self.0.store.key_for_fingerprint(fingerprint).await? else {
            return Ok(());
        };
        let opened = self.open(&row)?;
        self.mirror_each(&opened, opened.background(), |_| {}).await
    }

    /// The same with a key that is open, in the lane of this session; returns the names.
    pub(crate) async fn mirror(&self, opened: &Opened, session: Session<'_>) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        self.mirror_each(opened, session, |name| {
            names.insert(name.to_owned());
        })
        .await?;
        Ok(names)
    }

    /// Reads all that a key sees and makes the mirror that. Failures are noted on the key and returned.
    async fn mirror_each(&self, opened: &Opened, session: Session<'_>, seen: impl FnMut(&str)) -> Result<()> {
        let (key, begun) = (&opened.key, self.now_ms());
        let staging = self.0.store.stage(&key.fingerprint).await?;
        match gather(session, &staging, seen).await {
            Ok(()) => {
                let stats = staging.apply(&key.account, begun, self.now_ms()).await?;
                tracing::debug!(key = %key.id, added = stats.added, changed = stats.changed, removed = stats.removed, total = stats.total, "synced");
                Ok(())
            }
            Err(DeskError::Upstream(error)) => {
                tracing::warn!(key = %key.id, %error, "sync failed");
                self.note_failure(&key.fingerprint, &error).await?;
                Err(error.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Notes on a key that reading its domains failed, and whether the key is to blame. Never for login links
    /// and reports, whose 401 says nothing of the key.
    pub(crate) async fn note_failure(&self, fingerprint: &str, error: &Upstream) -> Result<()> {
        let health = if matches!(error, Upstream::BadKey) { "rejected" } else { "unreachable" };
        let (detail, _) = DeskError::Upstream(error.clone()).reading_words();
        Ok(self.0.store.sync_failed(fingerprint, health, &detail, self.now_ms()).await?)
    }

    /// Mirrors all of a person's keys now.
    pub async fn sync_own(&self, person: &Person) -> Result<()> {
        let keys: Vec<_> = self.key_rows(person).await?.into_iter().map(|row| row.fingerprint).collect();
        self.sync_each(keys).await;
        Ok(())
    }

    /// Mirrors every stored key, and the lists of each account, then again after each interval, for as long as
    /// it is polled.
    pub async fn keep_synced(&self, every: Duration) {
        loop {
            match self.0.store.distinct_fingerprints().await {
                Ok(keys) => self.sync_each(keys).await,
                Err(error) => tracing::error!(%error, "the keys to sync could not be read"),
            }
            if let Err(error) = self.watch().await {
                tracing::error!(%error, "the account lists could not be watched");
            }
            tokio::time::sleep(every).await;
        }
    }

    pub(crate) async fn sync_each(&self, fingerprints: Vec<String>) {
        stream::iter(fingerprints)
            .for_each_concurrent(SYNCS_AT_ONCE, |fingerprint| async move {
                // The failure is on the key already, where its owner sees it.
                let _ = self.sync_key(&fingerprint).await;
            })
            .await;
    }

    /// One page of the domains within reach of somebody's keys; `query.keys` is filled in here.
    pub async fn list(&self, keys: &OwnKeys, mut query: DomainQuery) -> Result<Listing> {
        query.keys = keys.fingerprints();
        let store = &self.0.store;
        let page = store.list_domains(&query).await?;
        let everything = DomainQuery { keys: query.keys.clone(), ..DomainQuery::default() };
        let total = store.count_domains(&everything).await?;
        let matching = if query.is_filtered() { store.count_domains(&query).await? } else { total };
        let at = |row: &DomainRow| Cursor::of(row, query.sort).to_string();
        let (more_after, more_before) = if query.backwards {
            (query.cursor.is_some(), page.has_more)
        } else {
            (page.has_more, query.cursor.is_some())
        };
        Ok(Listing {
            next: page.rows.last().filter(|_| more_after).map(at),
            previous: page.rows.first().filter(|_| more_before).map(at),
            rows: page.rows,
            matching,
            total,
            freshness: freshness(&keys.0),
            subscriptions: store.subscriptions_of(&query.keys).await?,
            keys: keys.refs(),
        })
    }

    /// Numbers of domains within reach of somebody's keys, and of those, for the navigation.
    pub async fn reach_count(&self, keys: &OwnKeys) -> Result<(u64, usize)> {
        let query = DomainQuery { keys: keys.fingerprints(), ..DomainQuery::default() };
        Ok((self.0.store.count_domains(&query).await?, keys.0.len()))
    }
}

/// Puts all domains that a key sees aside, a page at a time: there may be more than fit into memory.
async fn gather(session: Session<'_>, staging: &Staging, mut seen: impl FnMut(&str)) -> Result<()> {
    let mut pages = session.domain_pages();
    while let Some(page) = pages.next().await? {
        // The page goes as it is turned into rows, so that there is never more than one of either.
        let domains: Vec<_> = page.into_iter().map(|domain| mirror_of(&domain)).collect();
        for domain in &domains {
            seen(&domain.name);
        }
        staging.add(domains).await?;
    }
    Ok(())
}

pub(crate) fn freshness(keys: &[store::KeyBrief]) -> Freshness {
    Freshness {
        keys: keys.len(),
        synced: keys.iter().filter(|key| key.synced_at.is_some()).count(),
        oldest: keys.iter().filter_map(|key| key.synced_at).min(),
        failing: keys
            .iter()
            .filter(|key| matches!(key.health.as_deref(), Some("rejected" | "unreachable")))
            .map(|key| (key.label.clone(), key.health.as_deref() == Some("rejected"), key.health_at))
            .collect(),
    }
}

impl Desk {
    /// Whether a person's keys reach this very name, as a domain or an alias.
    pub async fn knows(&self, person: &Person, name: &str) -> Result<bool> {
        let keys: Vec<_> = self.key_rows(person).await?.into_iter().map(|row| row.fingerprint).collect();
        Ok(self.0.store.find_domain(&keys, name).await?.is_some())
    }

    /// Whether any name within a person's reach contains this text.
    pub async fn matches(&self, person: &Person, text: &str) -> Result<bool> {
        let keys = self.key_rows(person).await?.into_iter().map(|row| row.fingerprint).collect();
        let query = DomainQuery { keys, text: Some(text.to_owned()), limit: 1, ..DomainQuery::default() };
        Ok(!self.0.store.list_domains(&query).await?.rows.is_empty())
    }
}
