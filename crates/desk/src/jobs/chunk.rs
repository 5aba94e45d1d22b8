//! Rows that share a call: provisioning, up to 1,000 at once. Each row is judged by what the service said of it and by
//! what reads back; servers that the call dropped (the name of their field is in doubt, see the API notes) are set
//! again, one by one.

use super::{
    journal::Unwritten,
    read::whole_of,
    run::{CLOSED_MS, Run},
    step::{reason_of, words_of},
};
use crate::{
    Snapshot, Whole,
    apply::wire_server,
    live::{Live, mirror_of, servers_of, servers_snapshot},
    reach::Opened,
};
use futures::{StreamExt, stream};
use inbound::plan::{Act, Reason};
use mailchannels::{BatchDomain, BatchOutcome, Domain, DomainSettings, Error as Upstream, Provision};
use std::collections::HashMap;
use store::{JobLine, Mark};

/// Servers set again at the same time.
const REPAIRS_AT_ONCE: usize = 16;
/// The pause before what was not done is sent again.
const AGAIN_MS: i64 = 2_000;

pub(super) struct Chunk<'a> {
    pub(super) run: &'a Run,
    pub(super) lines: Vec<JobLine>,
}

/// What the answer says of a row.
enum Said {
    Created,
    Existed,
    Error(i64, String),
}

type There = HashMap<String, Domain>;

impl Chunk<'_> {
    /// Sends the rows in one call.
    pub(super) async fn send(self) -> Result<(), Unwritten> {
        let run = self.run;
        let Ok(Act::Provision { subscription, fingerprint, lock, .. }) = serde_json::from_str(&run.job.act) else {
            return self.all_failed(&self.lines, Reason::Unexpected, "").await;
        };
        let Some(opened) = run.open(&fingerprint).await else {
            return self.all_failed(&self.lines, Reason::NoKey, "").await;
        };
        let taken = run.journal.all_sent(&self.lines, "domain.provision").await?;
        let sent: Vec<_> = self.lines.iter().zip(taken).filter(|(_, taken)| *taken).map(|(line, _)| line).collect();
        if sent.is_empty() {
            return Ok(());
        }
        let batch: Vec<_> = sent.iter().map(|line| wire(line)).collect();
        let how = Provision { associate_key: lock, overwrite: false };
        let said = match opened.background().provision_batch(&subscription, &batch, how).await {
            Ok(answer) => said(&answer),
            // What is there now decides.
            Err(Upstream::Ambiguous | Upstream::Timeout | Upstream::RateLimited | Upstream::Unavailable { .. }) => {
                HashMap::new()
            }
            Err(Upstream::BadKey) => {
                self.all_again(&sent, 0, false, "failed: the key was rejected").await?;
                return run.hold(sent[0]).await;
            }
            Err(Upstream::BreakerOpen) => {
                return self.all_again(&sent, CLOSED_MS, false, "failed: not sent, the service is down").await;
            }
            Err(error) => {
                for line in &sent {
                    run.fail(line, reason_of(&error), words_of(&error)).await?;
                }
                return Ok(());
            }
        };
        let there: Option<There> = opened
            .background()
            .all_domains()
            .await
            .ok()
            .map(|domains| domains.into_iter().map(|domain| (mirror_of(&domain).name, domain)).collect());
        let judged: Vec<_> =
            sent.iter().map(|line| self.judge(&opened, lock, line, said.get(&line.object), there.as_ref())).collect();
        let ended: Vec<_> = stream::iter(judged).buffer_unordered(REPAIRS_AT_ONCE).collect().await;
        ended.into_iter().collect()
    }

    async fn judge(
        &self,
        opened: &Opened,
        lock: bool,
        line: &JobLine,
        said: Option<&Said>,
        there: Option<&There>,
    ) -> Result<(), Unwritten> {
        let run = self.run;
        let now = there.map(|there| there.get(&line.object));
        match (said, now) {
            (Some(Said::Error(code, comment)), _) => {
                let reason = match code {
                    400 => Reason::Refused,
                    403 => Reason::LimitReached,
                    409 => Reason::InUse,
                    500..=599 => Reason::Unavailable,
                    _ => Reason::Unexpected,
                };
                run.fail(line, reason, comment.clone()).await
            }
            (Some(Said::Existed), _) => {
                run.fail(line, Reason::Moved, "It is provisioned already; nothing was changed.".into()).await
            }
            (Some(Said::Created), Some(Some(domain))) => self.complete(opened, lock, line, domain, "").await,
            (None, Some(Some(domain))) => {
                self.complete(opened, lock, line, domain, "The answer was lost; reading back shows it done.").await
            }
            (None, Some(None)) => run.again(line, AGAIN_MS, true, "failed: reading back shows it not done").await,
            // Created, they say, but it does not read back; or nothing reads back at all: looked at one by one.
            (Some(Said::Created) | None, _) => {
                run.journal.mark(Mark::Later { seq: line.seq, not_before: run.desk.now_ms() }).await
            }
        }
    }

    /// A domain that is there now: its servers are compared and, where the call dropped them, set.
    async fn complete(
        &self,
        opened: &Opened,
        lock: bool,
        line: &JobLine,
        now: &Domain,
        detail: &str,
    ) -> Result<(), Unwritten> {
        let wanted = whole(line);
        let reached = |servers: Vec<mailchannels::DownstreamAddress>| {
            Some(Snapshot::Domain(Whole { locked: lock, ..whole_of(&Live::of(now.clone(), servers)) }))
        };
        let have = servers_snapshot(&servers_of(&now.downstream_addresses).0);
        if wanted.servers.is_empty() || have == (Snapshot::Servers { servers: wanted.servers.clone() }) {
            return self.run.done(line, detail, reached(now.downstream_addresses.clone())).await;
        }
        let wire: Vec<_> = wanted.servers.iter().filter_map(|line| wire_server(line).ok()).collect();
        match opened.background().set_downstreams(&line.object, &wire).await {
            Ok(stored) => self.run.done(line, detail, reached(stored)).await,
            Err(error) => self.run.fail(line, Reason::Incomplete, words_of(&error)).await,
        }
    }

    async fn all_failed(&self, lines: &[JobLine], reason: Reason, detail: &str) -> Result<(), Unwritten> {
        for line in lines {
            self.run.fail(line, reason, detail.to_owned()).await?;
        }
        Ok(())
    }

    async fn all_again(&self, lines: &[&JobLine], wait: i64, counts: bool, outcome: &str) -> Result<(), Unwritten> {
        futures::future::try_join_all(lines.iter().map(|line| self.run.again(line, wait, counts, outcome))).await?;
        Ok(())
    }
}

fn whole(line: &JobLine) -> Whole {
    match line.after.as_deref().and_then(Snapshot::from_base) {
        Some(Snapshot::Domain(whole)) => whole,
        _ => Whole::default(),
    }
}

fn wire(line: &JobLine) -> BatchDomain {
    let whole = whole(line);
    BatchDomain {
        domain: line.object.clone(),
        downstream_address: whole.servers.iter().filter_map(|line| wire_server(line).ok()).collect(),
        settings: whole
            .policy
            .map(|policy| DomainSettings { abuse_policy: Some(policy.as_str().into()), ..DomainSettings::default() }),
        aliases: whole.aliases,
        admins: whole.admins,
    }
}

/// Sorts the answer by domain: the array decides, any code is accepted.
fn said(answer: &BatchOutcome) -> HashMap<String, Said> {
    let name = |domain: &Domain| mirror_of(domain).name;
    let good = answer.successes.iter().map(|item| {
        let said = if item.code == 201 { Said::Created } else { Said::Existed };
        (name(&item.domain), said)
    });
    let bad = answer
        .errors
        .iter()
        .map(|item| (name(&item.domain), Said::Error(item.code, item.comment.clone().unwrap_or_default())));
    good.chain(bad).collect()
}
