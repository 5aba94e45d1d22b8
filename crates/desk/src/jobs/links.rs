//! Login links for many domains: minted while the person waits, given out once as a file, and nowhere kept. The job
//! says for which domains; a link that was minted and did not arrive is minted again.

use crate::{Asker, Desk, DeskError, MintedLink, error::Result};
use inbound::plan::{Kind, Reason};
use mailchannels::Error as Upstream;
use std::collections::HashMap;
use store::{JobLine, Mark, NewIntent};

/// A domain and its link, or why there is none.
pub struct LinkRow {
    /// The domain, A-label.
    pub domain: String,
    /// The link, or what happened.
    pub link: std::result::Result<MintedLink, String>,
}

/// A lease for the length of the minting.
const LEASE_MS: i64 = 120_000;

impl Desk {
    /// Confirms a plan of login links and mints them. A second call finds nothing left to mint.
    pub async fn mint_links(&self, asker: &Asker, number: i64, typed: &str) -> Result<Vec<LinkRow>> {
        self.check_confirmation(asker, number, typed).await?;
        let (store, now) = (&self.0.store, self.now_ms());
        let by = format!("{}/links", self.0.jobs.by);
        let begin = store.begin_job(&asker.person.id, number, &asker.request_id, &by, now, now + LEASE_MS);
        if !self.audited(asker, "job.confirm", number, begin).await? {
            return Err(DeskError::Stale);
        }
        let minted = self.mint_rows(asker, number, &by).await;
        // What was not sent by now will not be: a link that nobody receives is worth nothing.
        store.close_links(number, self.now_ms()).await?;
        self.0.jobs.tell();
        minted
    }

    async fn mint_rows(&self, asker: &Asker, number: i64, by: &str) -> Result<Vec<LinkRow>> {
        let job = self.own_job(asker, number).await?;
        let keys = self.key_rows(&asker.person).await?;
        let mut by_key: HashMap<String, Vec<JobLine>> = HashMap::new();
        for line in self.all_lines(number, "planned").await? {
            by_key.entry(line.fingerprint.clone()).or_default().push(line);
        }
        let most = Kind::LoginLinks.shared().unwrap_or(1);
        let mut rows = Vec::new();
        for (fingerprint, lines) in by_key {
            let opened =
                keys.iter().find(|key| key.fingerprint == fingerprint).map(|key| self.open(key)).transpose()?;
            for lines in lines.chunks(most) {
                self.mark_minting(&job, lines, by).await?;
                let names: Vec<_> = lines.iter().map(|line| line.object.as_str()).collect();
                let answer = match &opened {
                    Some(opened) => opened.session().login_links(&names).await,
                    None => Err(Upstream::BadKey),
                };
                let minted: Vec<_> = lines
                    .iter()
                    .map(|line| (line, Self::link_of(&line.object, &answer).map_err(|(what, _)| what)))
                    .collect();
                let marks: Vec<_> = minted
                    .iter()
                    .map(|(line, link)| Mark::Ended {
                        seq: line.seq,
                        state: if link.is_ok() { "done" } else { "failed" },
                        reason: link.is_err().then_some(Reason::NoLink.as_str()),
                        detail: link.as_ref().err().cloned().unwrap_or_default(),
                        after: None,
                        outcome: Some(Self::link_ending(link.is_ok(), &answer)),
                    })
                    .collect();
                self.0.store.mark(number, by, &marks, self.now_ms()).await?;
                rows.extend(minted.into_iter().map(|(line, link)| LinkRow { domain: line.object.clone(), link }));
            }
        }
        rows.sort_by(|a, b| a.domain.cmp(&b.domain));
        Ok(rows)
    }

    /// Commits that links are minted for these domains, each with a row in the audit log.
    async fn mark_minting(&self, job: &store::JobRow, lines: &[JobLine], by: &str) -> Result<()> {
        let now = self.now_ms();
        let marks: Vec<_> = lines
            .iter()
            .map(|line| Mark::Sent {
                seq: line.seq,
                intent: NewIntent {
                    at: now,
                    person_id: &job.owner_id,
                    person_name: &job.owner_name,
                    action: "domain.login-link",
                    object_kind: "domain",
                    object: &line.object,
                    account_id: Some(&line.account_id),
                    fingerprint: Some(&line.fingerprint),
                    request_id: &job.request_id,
                    before: None,
                    after: None,
                    reason: job.reason.as_deref(),
                    job: Some(job.number),
                },
            })
            .collect();
        self.0.store.mark(job.number, by, &marks, now).await?;
        Ok(())
    }
}
