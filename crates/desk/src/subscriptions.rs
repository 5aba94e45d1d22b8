//! Subscriptions: plan, limits as they come, active count; read live, one key an account.

use crate::{Desk, DeskError, Person, error::Result, live::patiently, reach::KeyRef};
use futures::future::join_all;
use mailchannels::Subscription;

/// The subscriptions of one account.
#[derive(Clone, Debug)]
pub struct SubscriptionView {
    /// The key that was asked.
    pub key: KeyRef,
    /// Account name.
    pub account: String,
    /// Whether the service says that it is well, or what happened and the next step.
    pub status: std::result::Result<(), (String, String)>,
    /// Its subscriptions, or what happened and the next step.
    pub subscriptions: std::result::Result<Vec<Subscription>, (String, String)>,
}

impl Desk {
    /// The subscriptions of every account that the person has a key of.
    pub async fn subscriptions(&self, person: &Person) -> Result<Vec<SubscriptionView>> {
        let mut rows = self.key_rows(person).await?;
        // A rejected key says nothing of its account while another key of it works.
        rows.sort_by_key(|row| (row.account_id.clone(), row.health.as_deref() == Some("rejected")));
        rows.dedup_by(|a, b| a.account_id.is_some() && a.account_id == b.account_id);
        let views = rows.iter().map(|row| async move {
            let opened = self.open(row)?;
            let session = opened.session();
            let (subscriptions, status) =
                futures::join!(patiently(session.subscriptions()), patiently(session.status()));
            Ok::<_, DeskError>(SubscriptionView {
                status: status.map_err(|error| DeskError::Upstream(error).reading_words()),
                account: row.account_name.clone().unwrap_or_default(),
                subscriptions: subscriptions.map_err(|error| DeskError::Upstream(error).reading_words()),
                key: opened.key,
            })
        });
        join_all(views).await.into_iter().collect()
    }
}
