//! History: what was changed through Sluice, by whom, and how it ended.

use crate::{Asker, Desk, Role, Snapshot, error::Result};
use std::time::Duration;
use store::{AuditCursor, AuditFilter, AuditPage};

/// Refusals that wait to be written, at most.
pub(crate) const REFUSALS_AT_ONCE: u32 = 256;
/// How often it is asked whether a day has begun.
const HEAD_LOOK: Duration = Duration::from_mins(1);

/// What the filters of the audit log offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditChoices {
    /// People by id, with their newest name.
    pub people: Vec<(String, String)>,
    /// What was done.
    pub actions: Vec<String>,
    /// Kinds of things it was done to.
    pub kinds: Vec<String>,
    /// How it ended, in a word.
    pub outcomes: Vec<String>,
}

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

/// A time in UTC, to the second: `2026-11-25 19:56:06`.
pub fn utc(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// Where a day of UTC begins, `2026-11-25`, so many days later; none when that is no day.
pub fn day_start(day: &str, later: i64) -> Option<i64> {
    let date: jiff::civil::Date = day.trim().parse().ok()?;
    let date = date.checked_add(jiff::Span::new().try_days(later).ok()?).ok()?;
    Some(format!("{date}T00:00:00Z").parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

/// The columns of [`inbound::audit::COLUMNS`].
pub fn audit_cells(row: &store::AuditRow, outcome: Option<&str>) -> [String; inbound::audit::COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        row.id.to_string(),
        utc(row.at),
        row.person_name.clone(),
        row.person_id.clone(),
        row.action.clone(),
        row.object_kind.clone(),
        row.object.clone(),
        text(&row.account_id),
        text(&row.fingerprint),
        text(&row.key_label),
        outcome.unwrap_or_default().to_owned(),
        text(&row.before),
        text(&row.after),
        text(&row.reason),
        row.job.map(|job| job.to_string()).unwrap_or_default(),
        row.request_id.clone(),
    ]
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

impl<'a> Intent<'a> {
    /// Something done to a thing, without a key, and without anything to be compared.
    pub(crate) fn to(action: &'a str, object_kind: &'a str, object: &'a str) -> Self {
        Self { action, object_kind, object, account: None, fingerprint: None, before: None, after: None }
    }

    /// As the store writes it, when this person does it now.
    pub(crate) fn by(&'a self, asker: &'a Asker, at: i64) -> store::NewIntent<'a> {
        store::NewIntent {
            at,
            person_id: &asker.person.id,
            person_name: &asker.person.name,
            action: self.action,
            object_kind: self.object_kind,
            object: self.object,
            account_id: self.account,
            fingerprint: self.fingerprint,
            request_id: &asker.request_id,
            before: self.before.as_deref(),
            after: self.after.as_deref(),
            reason: asker.reason.as_deref(),
            job: None,
        }
    }
}

impl Desk {
    /// Writes what is about to be done; if this fails, it must not be done.
    pub(crate) async fn intend(&self, asker: &Asker, intent: Intent<'_>) -> Result<i64> {
        Ok(self.0.store.record_intent(&intent.by(asker, self.now_ms())).await?)
    }

    /// Writes something that is complete in itself.
    pub(crate) async fn note(&self, asker: &Asker, event: Intent<'_>) -> Result<()> {
        self.0.store.record_event(&event.by(asker, self.now_ms()), "done").await?;
        Ok(())
    }

    /// Writes how an intent ended. A failure to write is logged, not raised: the act itself is past.
    pub(crate) async fn conclude(&self, intent: i64, outcome: &str) {
        if let Err(error) = self.0.store.record_outcome(intent, outcome, self.now_ms()).await {
            tracing::error!(%error, intent, outcome, "an outcome could not be recorded");
        }
    }

    /// Notes that somebody was refused. To be called where nothing can be waited for: the row is written beside, and
    /// who floods the log with refusals fills the program's own log instead.
    pub fn refuse(&self, asker: &Asker, action: &str, needs: Role) {
        let Ok(permit) = self.0.refused.clone().try_acquire_owned() else {
            tracing::error!(person = %asker.person.id, action, %needs, "refused, and too many refusals to record");
            return;
        };
        let (desk, asker, action) = (self.clone(), asker.clone(), action.to_owned());
        tokio::spawn(async move {
            let event = Intent::to("refused", "action", &action);
            let outcome = format!("refused: it needs {needs}, not {}", asker.person.role);
            if let Err(error) = desk.0.store.record_event(&event.by(&asker, desk.now_ms()), &outcome).await {
                tracing::error!(%error, person = %asker.person.id, action, "a refusal could not be recorded");
            }
            drop(permit);
        });
    }

    /// Waits until the refusals so far are written.
    pub async fn refusals_written(&self) {
        // All permits are free only when nothing is being written.
        let _ = self.0.refused.acquire_many(REFUSALS_AT_ONCE).await;
    }

    /// A page of the audit log. Whoever calls this has asked whether the person may read it.
    pub async fn audit_page(&self, filter: &AuditFilter, before: Option<AuditCursor>, limit: u32) -> Result<AuditPage> {
        Ok(self.0.store.audit_page(filter, before, limit).await?)
    }

    /// What there is to choose from: people, and actions, kinds and outcomes.
    pub async fn audit_choices(&self) -> Result<AuditChoices> {
        let [actions, kinds, outcomes] = self.0.store.audit_words().await?;
        Ok(AuditChoices { people: self.0.store.audit_people().await?, actions, kinds, outcomes })
    }

    /// Notes that somebody takes rows of the audit log away; if this fails, they must not get them.
    pub async fn audit_export(&self, asker: &Asker, filter: &str) -> Result<()> {
        let what = if filter.is_empty() { "everything" } else { filter };
        self.note(asker, Intent::to("audit.export", "audit", what)).await
    }

    /// Prints the head of the chain to the log, from where it is kept outside the database.
    pub async fn tell_audit_head(&self) {
        match self.0.store.audit_head().await {
            Ok(Some(head)) => tracing::info!("{}", head.line()),
            Ok(None) => tracing::info!("audit head: the log is empty"),
            Err(error) => tracing::error!(%error, "the audit head could not be read"),
        }
    }

    /// Prints the head at once, and then once a day, for as long as it is polled.
    pub async fn keep_audit_head_told(&self) {
        let mut told = None;
        loop {
            let now = self.now_ms();
            if inbound::audit::head_is_due(told, now) {
                self.tell_audit_head().await;
                told = Some(now);
            }
            tokio::time::sleep(HEAD_LOOK).await;
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
