//! The chain over the database: its end, its verification, and the adoption of rows from before it.

use vault::AuditKey;

use super::{
    AuditRow,
    chain::{Adopted, AuditHead, Broken, ChainedRow, MAC, Verified, Verifier, encode, hex},
};
use crate::{Result, Store, StoreError};

/// Rows of one transaction or one read.
const BATCH: i64 = 5_000;
/// Where the note on adopted rows is kept.
const NOTE: &str = "audit-adopted";

/// What a verification found.
pub type Checked = std::result::Result<Verified, Broken>;

impl Store {
    /// The end of the chain; none of an empty log, or when the newest row is not ours.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>> {
        let head: Option<(i64, Option<Vec<u8>>)> =
            self.rows("SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1").fetch_optional(self.read()).await?;
        Ok(head.and_then(|(id, mac)| Some(AuditHead { id, mac: mac?.try_into().ok()? })))
    }

    /// Rows after one, in the order of the chain.
    pub async fn audit_rows(&self, after: i64) -> Result<Vec<ChainedRow>> {
        Ok(self
            .rows("SELECT * FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2")
            .bind(after)
            .bind(BATCH)
            .fetch_all(self.read())
            .await?)
    }

    /// Checks every row. What is appended meanwhile is checked too, or not.
    pub async fn verify_audit(&self, key: &AuditKey, heads: &[AuditHead]) -> Result<Checked> {
        let given_out: i64 = self
            .scalar("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)")
            .fetch_one(self.read())
            .await?;
        let note: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = ?1").bind(NOTE).fetch_optional(self.read()).await?;
        let mut verifier = match Verifier::new(key, note.as_deref(), heads) {
            Ok(verifier) => verifier,
            Err(broken) => return Ok(Err(broken)),
        };
        let mut after = i64::MIN;
        loop {
            let rows = self.audit_rows(after).await?;
            let Some(last) = rows.last() else { return Ok(verifier.end(given_out)) };
            after = last.row.id;
            for row in &rows {
                if let Err(broken) = verifier.next(row) {
                    return Ok(Err(broken));
                }
            }
        }
    }

    /// Chains the rows that were written before there was a chain, once: from the first start on, the note says up to
    /// where. Rows without a MAC that turn up later are not ours and stay as they are, for the verification to find.
    pub(crate) async fn adopt_audit(&self, key: &AuditKey, now: i64) -> Result<()> {
        let Some(note) = self.adoption(key, now).await? else { return Ok(()) };
        if note.up_to == 0 || note.end.is_some() {
            return Ok(());
        }
        let last: Option<(i64, Vec<u8>)> = self
            .rows("SELECT id, mac FROM audit WHERE mac IS NOT NULL AND id <= ?1 ORDER BY id DESC LIMIT 1")
            .bind(note.up_to)
            .fetch_optional(self.read())
            .await?;
        let (mut after, mut mac) = last.unwrap_or((i64::MIN, Vec::new()));
        let mut adopted = 0;
        loop {
            let mut tx = self.begin().await?;
            let rows: Vec<AuditRow> = self
                .rows("SELECT * FROM audit WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3")
                .bind(after)
                .bind(note.up_to)
                .bind(BATCH)
                .fetch_all(&mut *tx)
                .await?;
            let mut macs = Vec::with_capacity(rows.len());
            for row in &rows {
                let link: [u8; MAC] = key.mac(&mac, &encode(row));
                macs.push((row.id, hex(&link)));
                mac = link.to_vec();
                after = row.id;
            }
            if macs.is_empty() {
                let note = Adopted { end: mac.as_slice().try_into().ok(), ..note };
                self.sql("UPDATE meta SET value = ?2 WHERE key = ?1")
                    .bind(NOTE)
                    .bind(note.seal(key))
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                tracing::warn!(rows = adopted, up_to = note.up_to, "rows from before the audit chain were adopted");
                return Ok(());
            }
            adopted += macs.len();
            let json =
                serde_json::to_string(&macs).map_err(|error| StoreError::Db(sqlx::Error::Encode(error.into())))?;
            self.sql("UPDATE audit SET mac = unhex(j.value ->> 1) FROM json_each(?1) j WHERE audit.id = j.value ->> 0")
                .bind(json)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
    }

    /// The note on adopted rows, made at the first start. None when it was tampered with: nothing is adopted then.
    pub(super) async fn adoption(&self, key: &AuditKey, now: i64) -> Result<Option<Adopted>> {
        let mut tx = self.begin().await?;
        let note: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = ?1").bind(NOTE).fetch_optional(&mut *tx).await?;
        if let Some(sealed) = note {
            let note = Adopted::open(key, &sealed);
            if note.is_none() {
                tracing::error!("the note on adopted audit rows was changed: run `sluice audit verify`");
            }
            return Ok(note);
        }
        // The newest row has a MAC as soon as there is a chain, so this looks at one row, or at an old log once.
        let chained: bool = self
            .scalar("SELECT EXISTS (SELECT 1 FROM audit WHERE mac IS NOT NULL ORDER BY id DESC)")
            .fetch_one(&mut *tx)
            .await?;
        if chained {
            tracing::error!("the note on adopted audit rows is missing: run `sluice audit verify`");
            return Ok(None);
        }
        let up_to: i64 = self.scalar("SELECT coalesce(max(id), 0) FROM audit").fetch_one(&mut *tx).await?;
        let note = Adopted { up_to, at: now, end: None };
        self.sql("INSERT INTO meta (key, value) VALUES (?1, ?2)")
            .bind(NOTE)
            .bind(note.seal(key))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(note))
    }
}
