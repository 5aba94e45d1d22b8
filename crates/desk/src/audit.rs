//! History: what was changed through Sluice, by whom, and how it ended.

use crate::{Asker, Desk, Snapshot, error::Result};

/// One change of a domain, newest first.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    /// Audit id of the intent.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person: String,
    /// The action's name.
    pub action: String,
    /// State before.
    pub before: Option<Snapshot>,
    /// State wanted.
    pub after: Option<Snapshot>,
    /// `done`, `failed: …`, `unknown`; none while it runs.
    pub outcome: Option<String>,
    /// Number of the job it was part of.
    pub job: Option<i64>,
}

/// What an intent says.
pub(crate) struct Intent<'a> {
    pub(crate) action: &'a str,
    pub(crate) object_kind: &'a str,
    pub(crate) object: &'a str,
    pub(crate) account: Option<&'a str>,
    pub(crate) fingerprint: Option<&'a str>,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

impl Desk {
    /// Writes what is about to be done; if this fails, it must not be done.
    pub(crate) async fn intend(&self, asker: &Asker, intent: Intent<'_>) -> Result<i64> {
        Ok(self
            .0
            .store
            .record_intent(&store::NewIntent {
                at: self.now_ms(),
                person_id: &asker.person.id,
                person_name: &asker.person.name,
                action: intent.action,
                object_kind: intent.object_kind,
                object: intent.object,
                account_id: intent.account,
                fingerprint: intent.fingerprint,
                request_id: &asker.request_id,
                before: intent.before.as_deref(),
                after: intent.after.as_deref(),
                reason: None,
                job: None,
            })
            .await?)
    }

    /// Writes how an intent ended. A failure to write is logged, not raised: the act itself is past.
    pub(crate) async fn conclude(&self, intent: i64, outcome: &str) {
        if let Err(error) = self.0.store.record_outcome(intent, outcome, self.now_ms()).await {
            tracing::error!(%error, intent, outcome, "an outcome could not be recorded");
        }
    }

    /// At start: what was begun and never concluded (a crash) is marked unknown; the next sync shows the truth.
    pub async fn settle_unfinished(&self) -> Result<usize> {
        let open = self.0.store.unfinished_intents().await?;
        for row in &open {
            tracing::warn!(intent = row.id, action = %row.action, object = %row.object, "was under way when Sluice stopped");
            self.conclude(row.id, "unknown: Sluice stopped while it was under way").await;
        }
        Ok(open.len())
    }

    /// The last changes of a domain made through Sluice.
    pub async fn history(&self, domain: &str, limit: u32) -> Result<Vec<HistoryRow>> {
        let rows = self.0.store.history("domain", domain, limit.saturating_mul(2)).await?;
        let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base);
        let outcome_of =
            |id: i64| rows.iter().find(|row| row.intent_id == Some(id)).and_then(|row| row.outcome.clone());
        Ok(rows
            .iter()
            .filter(|row| row.intent_id.is_none())
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|row| HistoryRow {
                id: row.id,
                at: row.at,
                person: row.person_name.clone(),
                action: row.action.clone(),
                before: snapshot(&row.before),
                after: snapshot(&row.after),
                outcome: outcome_of(row.id),
                job: row.job,
            })
            .collect())
    }
}
