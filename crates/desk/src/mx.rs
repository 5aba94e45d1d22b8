//! Where domains' mail goes by DNS: checked in the background, on demand, and before a domain is deprovisioned.
//!
//! MailChannels is not asked. What DNS says is public, so results are kept by name, for all accounts;
//! who sees them is decided, as ever, by which domains their keys reach. A muted domain is checked like
//! any other, but its verdict is no exception: it is shown without colour.

use crate::{Asker, Desk, DeskError, Person, audit::Intent, error::Result};
use futures::{StreamExt, stream};
use mx::{LookupError, Record, Resolver, Verdict, judge};
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::{MxDue, MxResult, MxRow};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// A name is looked up again after this, milliseconds.
const AGAIN_MS: i64 = 24 * HOUR_MS;
/// A name whose last look-up failed is looked up again after this, milliseconds.
const UNKNOWN_AGAIN_MS: i64 = HOUR_MS;
/// A name that left the mirror is forgotten this long after its last look-up, milliseconds.
const FORGET_MS: i64 = 30 * 24 * HOUR_MS;
/// Look-ups at the same time.
const AT_ONCE: usize = 16;
/// Look-ups begun in a second, in the background.
const A_SECOND: usize = 50;
/// Names read at a time.
const PASS: u32 = 1_000;

/// How MX records are checked.
pub struct MxWatch {
    resolver: Resolver,
    expected: Arc<[String]>,
}

impl MxWatch {
    /// Asks this resolver; mail to the expected hosts is here.
    pub fn new(resolver: Resolver, expected: Vec<String>) -> Self {
        Self { resolver, expected: expected.into() }
    }
}

/// What is known of a domain's MX records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxView {
    /// Where its mail goes.
    pub verdict: Verdict,
    /// The records of the last answer, which is older than the verdict when that is unknown.
    pub records: Vec<Record>,
    /// When that answer came, unix milliseconds.
    pub answered_at: Option<i64>,
    /// When it was last looked up, also in vain, unix milliseconds.
    pub checked_at: Option<i64>,
    /// Who muted it, and when, unix milliseconds.
    pub muted: Option<(String, i64)>,
}

/// Where the mail of a domain goes right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxNow {
    /// The verdict.
    pub verdict: Verdict,
    /// The records that were found.
    pub records: Vec<Record>,
}

/// Times up to which a look-up is too old to do.
fn due(now: i64) -> MxDue {
    MxDue { answered_before: now - AGAIN_MS, unknown_before: now - UNKNOWN_AGAIN_MS }
}

impl Desk {
    /// Checks MX records from here on; without this no name is ever looked up.
    #[must_use]
    pub fn with_mx(self, watch: MxWatch) -> Self {
        // Set once, before anything runs; a second watch would change nothing.
        let _ = self.0.mx.set(watch);
        self
    }

    /// The resolver, where there is one.
    pub(crate) fn resolver(&self) -> Option<&Resolver> {
        self.0.mx.get().map(|watch| &watch.resolver)
    }

    /// Whether MX records are checked at all.
    pub fn checks_mx(&self) -> bool {
        self.0.mx.get().is_some()
    }

    /// What is known of a domain's MX records; nothing when they are not checked.
    pub async fn mx(&self, domain: &str) -> Result<Option<MxView>> {
        if !self.checks_mx() {
            return Ok(None);
        }
        Ok(Some(self.0.store.mx_of(domain).await?.map_or_else(never, view)))
    }

    /// Looks a domain of the person's up now, keeps the result, and returns it; nothing when MX records are
    /// not checked.
    pub async fn check_mx(&self, asker: &Asker, domain: &str) -> Result<Option<MxView>> {
        self.within_reach(&asker.person, domain).await?;
        let Some(watch) = self.0.mx.get() else { return Ok(None) };
        let found = watch.resolver.mx_afresh(domain).await;
        self.0.store.save_mx(&[watch.result(domain, found)], self.now_ms()).await?;
        self.mx(domain).await
    }

    /// Where a domain's mail goes right now, for a decision that waits for it: unknown when DNS takes longer
    /// than `within`. Nothing when MX records are not checked.
    pub async fn mx_now(&self, person: &Person, domain: &str, within: Duration) -> Result<Option<MxNow>> {
        self.within_reach(person, domain).await?;
        let Some(watch) = self.0.mx.get() else { return Ok(None) };
        let found = timeout(within, watch.resolver.mx_afresh(domain)).await.unwrap_or(Err(LookupError::NoAnswer));
        let Ok(records) = found else {
            // Our own haste is no finding, so what is kept stays.
            return Ok(Some(MxNow { verdict: Verdict::Unknown, records: Vec::new() }));
        };
        let verdict = judge(&records, &watch.expected);
        self.0.store.save_mx(&[watch.result(domain, Ok(records.clone()))], self.now_ms()).await?;
        Ok(Some(MxNow { verdict, records }))
    }

    /// Which of a domain's aliases have mail here right now, wholly or in part; and how many could not be looked up
    /// within `within`.
    pub async fn aliases_here(&self, aliases: &[String], within: Duration) -> (Vec<String>, usize) {
        let Some(watch) = self.0.mx.get() else { return (Vec::new(), 0) };
        let until = Instant::now() + within;
        let asked = stream::iter(aliases.to_vec()).map(|alias| async move {
            let found = timeout_at(until, watch.resolver.mx_afresh(&alias)).await.unwrap_or(Err(LookupError::NoAnswer));
            (alias, found.map(|records| judge(&records, &watch.expected)))
        });
        let found: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        let unknown = found.iter().filter(|(_, verdict)| verdict.is_err()).count();
        let here = |verdict: Verdict| matches!(verdict, Verdict::Here | Verdict::Mixed);
        (
            found
                .into_iter()
                .filter(|(_, verdict)| verdict.as_ref().is_ok_and(|v| here(*v)))
                .map(|(alias, _)| alias)
                .collect(),
            unknown,
        )
    }

    /// Mutes a domain's verdict. Says whether it wasn't before.
    pub async fn mute_mx(&self, asker: &Asker, domain: &str) -> Result<bool> {
        self.set_mute(asker, domain, true).await
    }

    /// Ends a mute. Says whether there was one.
    pub async fn unmute_mx(&self, asker: &Asker, domain: &str) -> Result<bool> {
        self.set_mute(asker, domain, false).await
    }

    async fn set_mute(&self, asker: &Asker, domain: &str, mute: bool) -> Result<bool> {
        let row = self.within_reach(&asker.person, domain).await?;
        if row.mx.muted == mute {
            return Ok(false);
        }
        let intent = self
            .intend(
                asker,
                Intent {
                    action: if mute { "domain.mx-mute" } else { "domain.mx-unmute" },
                    object_kind: "domain",
                    object: domain,
                    account: Some(&row.account_id),
                    fingerprint: None,
                    before: None,
                    after: None,
                },
            )
            .await?;
        let done = if mute {
            self.0.store.mute_mx(domain, &asker.person.name, self.now_ms()).await
        } else {
            self.0.store.unmute_mx(domain).await
        };
        match &done {
            Ok(()) => self.conclude(intent, "done").await,
            Err(error) => self.conclude(intent, &format!("failed: {error}")).await,
        }
        done?;
        Ok(true)
    }

    async fn within_reach(&self, person: &Person, domain: &str) -> Result<store::DomainRow> {
        let keys: Vec<_> = self.key_rows(person).await?.into_iter().map(|row| row.fingerprint).collect();
        self.0.store.domain(&keys, domain).await?.ok_or_else(|| DeskError::NotFound(domain.to_owned()))
    }

    /// Looks up whatever is due, then again after each interval, for as long as it is polled.
    pub async fn keep_mx_checked(&self, every: Duration) {
        if let Err(error) = self.judge_again().await {
            tracing::error!(%error, "MX records could not be judged again");
        }
        loop {
            match self.check_due().await {
                Ok(0) => {}
                Ok(checked) => tracing::debug!(checked, "MX records were looked up"),
                Err(error) => tracing::error!(%error, "MX records could not be checked"),
            }
            sleep(every).await;
        }
    }

    /// Looks up every name that is due, new ones first, and says how many. Ends early when the resolver itself
    /// gives no answers: the rest is then left as it is.
    pub async fn check_due(&self) -> Result<usize> {
        let Some(watch) = self.0.mx.get() else { return Ok(0) };
        let store = &self.0.store;
        let mut checked = 0;
        loop {
            let names = store.mx_due(due(self.now_ms()), PASS).await?;
            for names in names.chunks(A_SECOND) {
                let second = Instant::now() + Duration::from_secs(1);
                let results: Vec<_> = stream::iter(names.to_vec())
                    .map(|name| async move { watch.result(&name, watch.resolver.mx(&name).await) })
                    .buffer_unordered(AT_ONCE)
                    .collect()
                    .await;
                store.save_mx(&results, self.now_ms()).await?;
                checked += results.len();
                if names.len() == A_SECOND {
                    if results.iter().all(|result| result.records.is_none()) {
                        tracing::warn!(names = results.len(), "no MX look-up was answered");
                        return Ok(checked);
                    }
                    sleep_until(second).await;
                }
            }
            if names.len() < PASS as usize {
                store.forget_mx(self.now_ms() - FORGET_MS).await?;
                return Ok(checked);
            }
        }
    }

    /// Judges the kept records again: other hosts may be expected since.
    async fn judge_again(&self) -> Result<()> {
        let Some(watch) = self.0.mx.get() else { return Ok(()) };
        let kept = self.0.store.mx_answered().await?;
        let now: HashMap<_, _> =
            kept.iter().map(|row| (row.name.as_str(), judge(&records(row), &watch.expected).as_str())).collect();
        let changed: Vec<_> = kept
            .iter()
            .filter(|row| now[row.name.as_str()] != row.verdict)
            .map(|row| (row.name.clone(), now[row.name.as_str()]))
            .collect();
        if !changed.is_empty() {
            tracing::info!(names = changed.len(), "MX records were judged by other expected hosts");
            self.0.store.set_mx_verdicts(&changed).await?;
        }
        Ok(())
    }
}

impl MxWatch {
    fn result(&self, name: &str, found: std::result::Result<Vec<Record>, LookupError>) -> MxResult {
        let verdict = match &found {
            Ok(records) => judge(records, &self.expected),
            Err(error) => {
                tracing::debug!(name, %error, "an MX look-up failed");
                Verdict::Unknown
            }
        };
        MxResult {
            name: name.to_owned(),
            verdict: verdict.as_str().to_owned(),
            records: found.ok().map(|list| list.into_iter().map(|record| (record.priority, record.host)).collect()),
        }
    }
}

fn records(row: &MxRow) -> Vec<Record> {
    row.records.iter().map(|(priority, host)| Record { priority: *priority, host: host.clone() }).collect()
}

fn view(row: MxRow) -> MxView {
    MxView {
        verdict: Verdict::parse(&row.verdict).unwrap_or(Verdict::Unknown),
        records: records(&row),
        answered_at: row.answered_at,
        checked_at: row.checked_at,
        muted: row.muted_by.zip(row.muted_at),
    }
}

/// A name that was never looked up.
fn never() -> MxView {
    MxView { verdict: Verdict::Unknown, records: Vec::new(), answered_at: None, checked_at: None, muted: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_age_for_a_day_and_failures_for_an_hour() {
        let day = 24 * 60 * 60 * 1000;
        assert_eq!(due(day), MxDue { answered_before: 0, unknown_before: day - 3_600_000 });
    }
}
