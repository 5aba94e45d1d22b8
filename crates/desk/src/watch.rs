//! Watching in the background: the account-tier lists, which any key of the account can edit `[infer]`, so
//! that what appeared or vanished can be told later.

use crate::{Desk, DeskError, error::Result, lists::wire, reach::Opened};
use inbound::lists::List;
use mailchannels::Session;

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// An account's lists are read at most this often, milliseconds.
const LISTS_EVERY_MS: i64 = 5 * MINUTE_MS;
/// Changes of domains are kept this long, milliseconds.
pub(crate) const CHANGES_KEPT_MS: i64 = 30 * DAY_MS;
/// Entries that went are kept this long, milliseconds.
const ENTRIES_KEPT_MS: i64 = 90 * DAY_MS;

impl Desk {
    /// Reads the lists of each account that are due, two calls an account, and forgets evidence that is too
    /// old. Returns how many accounts were read.
    pub async fn watch(&self) -> Result<usize> {
        let now = self.now_ms();
        let mut read = 0;
        for due in self.0.store.lists_due(now - LISTS_EVERY_MS).await? {
            let Some(row) = self.0.store.key_for_fingerprint(&due.fingerprint).await? else {
                continue;
            };
            let outcome = match self.open(&row) {
                Ok(opened) => self.read_account_lists(&opened, opened.background(), &due.account_id).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => read += 1,
                // One account's trouble is not another's.
                Err(error) => {
                    tracing::warn!(account = %due.account_id, %error, "the account's lists could not be read");
                }
            }
        }
        self.0.store.forget_watched(now - CHANGES_KEPT_MS, now - ENTRIES_KEPT_MS).await?;
        Ok(read)
    }

    /// Reads both lists of an account and keeps what is on them; the first failure is returned.
    pub(crate) async fn read_account_lists(&self, opened: &Opened, session: Session<'_>, account: &str) -> Result<()> {
        for list in List::ALL {
            match session.account_list(wire(list)).await {
                Ok(items) => {
                    let items: Vec<_> = items.into_iter().map(|item| item.item).collect();
                    let (added, gone) =
                        self.0.store.apply_account_list(account, list.as_str(), &items, self.now_ms()).await?;
                    tracing::debug!(key = %opened.key.id, list = list.as_str(), added, gone, "account list read");
                }
                Err(error) => {
                    self.0.store.account_list_failed(account, list.as_str(), self.now_ms()).await?;
                    return Err(DeskError::Upstream(error));
                }
            }
        }
        Ok(())
    }
}
