//! The audit log: append-only, intents before the wire, outcomes after it, each row chained to the one before.

use std::collections::HashMap;

use sqlx::FromRow;
use vault::AuditKey;

use crate::{Result, Store, StoreError, pool::Tx};

mod chain;
mod keep;
mod page;

pub use chain::{Adopted, AuditHead, BadHead, Broken, ChainedRow, Verified, Verifier, encode};
pub use keep::Checked;
pub use page::{AuditCursor, AuditEntry, AuditFilter, AuditPage, OPEN};

/// What is about to be done, by whom.
#[derive(Clone, Copy, Debug)]
pub struct NewIntent<'a> {
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person_id: &'a str,
    /// Their name at the time.
    pub person_name: &'a str,
    /// What, such as `domain.settings`.
    pub action: &'a str,
    /// Kind of thing it is done to, such as `domain`.
    pub object_kind: &'a str,
    /// The thing's name or id.
    pub object: &'a str,
    /// Account it concerns.
    pub account_id: Option<&'a str>,
    /// Fingerprint of the key used.
    pub fingerprint: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a str,
    /// State before.
    pub before: Option<&'a str>,
    /// State wanted.
    pub after: Option<&'a str>,
    /// Why, or a ticket.
    pub reason: Option<&'a str>,
    /// Number of the job it is part of.
    pub job: Option<i64>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Id; goes up with time.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub person_id: String,
    /// Their name at the time.
    pub person_name: String,
    /// What.
    pub action: String,
    /// Kind of thing it is done to.
    pub object_kind: String,
    /// The thing's name or id.
    pub object: String,
    /// Account it concerns.
    pub account_id: Option<String>,
    /// Fingerprint of the key used.
    pub fingerprint: Option<String>,
    /// What that key was called at the time.
    pub key_label: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// On an outcome: the intent it concludes.
    pub intent_id: Option<i64>,
    /// On an outcome, or an event complete in itself: how it ended.
    pub outcome: Option<String>,
    /// State before.
    pub before: Option<String>,
    /// State wanted.
    pub after: Option<String>,
    /// Why, or a ticket.
    pub reason: Option<String>,
    /// Number of the job it is part of.
    pub job: Option<i64>,
}

/// The end of the chain within one transaction: rows are appended to it, one after the other.
pub(crate) struct Chain {
    key: AuditKey,
    id: i64,
    mac: Vec<u8>,
    /// Labels of keys, by owner, fingerprint and id: a bulk change uses the same for all its rows.
    labels: HashMap<(String, Option<String>, String), Option<String>>,
}

impl Store {
    /// Writes what is about to be done. If this fails, it must not be done.
    pub async fn record_intent(&self, intent: &NewIntent<'_>) -> Result<i64> {
        self.record(intent, None).await
    }

    /// Writes something that is over already, such as a sign-in, as one row.
    pub async fn record_event(&self, event: &NewIntent<'_>, outcome: &str) -> Result<i64> {
        self.record(event, Some(outcome)).await
    }

    async fn record(&self, intent: &NewIntent<'_>, outcome: Option<&str>) -> Result<i64> {
        let mut tx = self.begin().await?;
        let mut chain = self.chain(&mut tx).await?;
        let id = self.insert_audit(&mut tx, &mut chain, intent, outcome).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The key of the chain, from [`Store::unlock`].
    pub(crate) fn audit_key(&self) -> Result<&AuditKey> {
        self.audit_key_cell().get().ok_or(StoreError::Locked)
    }

    /// The end of the chain, for the length of a transaction that has the write lock.
    pub(crate) async fn chain(&self, tx: &mut Tx) -> Result<Chain> {
        let key = self.audit_key()?.clone();
        // Ids are never given out twice, not even when the newest rows were cut off: the hole then shows it.
        let (id, mac): (i64, Option<Vec<u8>>) = self
            .rows(
                "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0),
                        (SELECT mac FROM audit ORDER BY id DESC LIMIT 1)",
            )
            .fetch_one(&mut **tx)
            .await?;
        Ok(Chain { key, id, mac: mac.unwrap_or_default(), labels: HashMap::new() })
    }

    /// Writes a row, in the transaction whose end of the chain this is.
    pub(crate) async fn insert_audit(
        &self,
        tx: &mut Tx,
        chain: &mut Chain,
        intent: &NewIntent<'_>,
        outcome: Option<&str>,
    ) -> Result<i64> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let row = AuditRow {
            id: chain.id + 1,
            at: intent.at,
            person_id: intent.person_id.to_owned(),
            person_name: intent.person_name.to_owned(),
            action: intent.action.to_owned(),
            object_kind: intent.object_kind.to_owned(),
            object: intent.object.to_owned(),
            account_id: owned(intent.account_id),
            fingerprint: owned(intent.fingerprint),
            key_label: self.key_label(tx, chain, intent).await?,
            request_id: intent.request_id.to_owned(),
            intent_id: None,
            outcome: owned(outcome),
            before: owned(intent.before),
            after: owned(intent.after),
            reason: owned(intent.reason),
            job: intent.job,
        };
        self.append(tx, chain, &row).await
    }

    /// What the key that is used was called at the time; another's key with whose it is.
    async fn key_label(&self, tx: &mut Tx, chain: &mut Chain, intent: &NewIntent<'_>) -> Result<Option<String>> {
        let fingerprint = intent.fingerprint;
        let id = if intent.object_kind == "key" { intent.object } else { "" };
        if fingerprint.is_none() && id.is_empty() {
            return Ok(None);
        }
        let which = (intent.person_id.to_owned(), fingerprint.map(str::to_owned), id.to_owned());
        if let Some(known) = chain.labels.get(&which) {
            return Ok(known.clone());
        }
        let label: Option<String> = self
            .scalar(
                "SELECT k.label || CASE WHEN k.owner_id = ?3 OR ?3 = '' THEN '' ELSE ' (' || p.name || ')' END
                 FROM api_keys k JOIN people p ON p.id = k.owner_id WHERE k.fingerprint = ?1 OR k.id = ?2
                 ORDER BY k.id = ?2 DESC, k.owner_id = ?3 DESC,
                     EXISTS (SELECT 1 FROM usable_keys u WHERE u.person_id = ?3 AND u.key_id = k.id) DESC, k.id
                 LIMIT 1",
            )
            .bind(fingerprint)
            .bind(id)
            .bind(intent.person_id)
            .fetch_optional(&mut **tx)
            .await?;
        chain.labels.insert(which, label.clone());
        Ok(label)
    }

    async fn append(&self, tx: &mut Tx, chain: &mut Chain, row: &AuditRow) -> Result<i64> {
        let mac = chain.key.mac(&chain.mac, &encode(row));
        self.sql(
            "INSERT INTO audit (id, at, person_id, person_name, action, object_kind, object, account_id, fingerprint,
                                key_label, request_id, intent_id, outcome, before, after, reason, job, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )
        .bind(row.id)
        .bind(row.at)
        .bind(&row.person_id)
        .bind(&row.person_name)
        .bind(&row.action)
        .bind(&row.object_kind)
        .bind(&row.object)
        .bind(&row.account_id)
        .bind(&row.fingerprint)
        .bind(&row.key_label)
        .bind(&row.request_id)
        .bind(row.intent_id)
        .bind(&row.outcome)
        .bind(&row.before)
        .bind(&row.after)
        .bind(&row.reason)
        .bind(row.job)
        .bind(&mac[..])
        .execute(&mut **tx)
        .await?;
        chain.id = row.id;
        chain.mac = mac.to_vec();
        Ok(row.id)
    }

    /// Writes how an intent ended, as a row of its own.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `audit.intent` when there is no such intent or it was concluded already.
    pub async fn record_outcome(&self, intent: i64, outcome: &str, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        let mut chain = self.chain(&mut tx).await?;
        self.insert_outcome(&mut tx, &mut chain, intent, outcome, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes how an intent ended, in the transaction whose end of the chain this is.
    pub(crate) async fn insert_outcome(
        &self,
        tx: &mut Tx,
        chain: &mut Chain,
        intent: i64,
        outcome: &str,
        now: i64,
    ) -> Result<()> {
        let row: Option<AuditRow> = self
            .rows(
                "SELECT * FROM audit WHERE id = ?1 AND intent_id IS NULL AND outcome IS NULL
                 AND NOT EXISTS (SELECT 1 FROM audit WHERE intent_id = ?1)",
            )
            .bind(intent)
            .fetch_optional(&mut **tx)
            .await?;
        let row = row.ok_or(StoreError::Conflict("audit.intent"))?;
        let row = AuditRow {
            id: chain.id + 1,
            at: now,
            intent_id: Some(row.id),
            outcome: Some(outcome.to_owned()),
            before: None,
            after: None,
            ..row
        };
        self.append(tx, chain, &row).await.map(drop)
    }

    /// Intents without an outcome, oldest first: what was under way when the program last stopped. Those of the rows
    /// of jobs are not among them: a job reads back what it left open.
    pub async fn unfinished_intents(&self) -> Result<Vec<AuditRow>> {
        Ok(self
            .rows(
                "SELECT a.* FROM audit a
                 WHERE a.intent_id IS NULL AND a.outcome IS NULL AND (a.job IS NULL OR a.object_kind = 'job')
                   AND NOT EXISTS (SELECT 1 FROM audit o WHERE o.intent_id = a.id)
                 ORDER BY a.id",
            )
            .fetch_all(self.read())
            .await?)
    }

    /// One intent.
    pub async fn intent(&self, id: i64) -> Result<Option<AuditRow>> {
        Ok(self
            .rows("SELECT * FROM audit WHERE id = ?1 AND intent_id IS NULL")
            .bind(id)
            .fetch_optional(self.read())
            .await?)
    }

    /// The last rows about one thing, newest first, intents and outcomes alike.
    pub async fn history(&self, object_kind: &str, object: &str, limit: u32) -> Result<Vec<AuditRow>> {
        Ok(self
            .rows("SELECT * FROM audit WHERE object_kind = ?1 AND object = ?2 ORDER BY at DESC, id DESC LIMIT ?3")
            .bind(object_kind)
            .bind(object)
            .bind(limit)
            .fetch_all(self.read())
            .await?)
    }
}

#[cfg(test)]
mod tests;
