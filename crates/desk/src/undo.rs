//! Taking back one change of a domain.

use crate::{Applied, Asker, Desk, DeskError, Snapshot, error::Result};

impl Desk {
    /// Takes back a change by its audit id: restores the state before it, unless the world moved on.
    pub async fn undo(&self, asker: &Asker, domain: &str, change: i64) -> Result<Applied> {
        let gone = || DeskError::Gone("such change".into());
        let row = self
            .0
            .store
            .history("domain", domain, 200)
            .await?
            .into_iter()
            .find(|row| row.id == change && row.intent_id.is_none())
            .ok_or_else(gone)?;
        let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base).ok_or_else(gone);
        let (before, after) = (snapshot(&row.before)?, snapshot(&row.after)?);
        if matches!(
            before,
            Snapshot::Provisioned { .. }
                | Snapshot::Domain(_)
                | Snapshot::Entry { .. }
                | Snapshot::Holder { fingerprint: None }
        ) {
            return Err(gone());
        }
        self.apply(asker, domain, before, Some(after)).await
    }
}
