//! Safelists and blocklists at three tiers.

use crate::{
    Error, ListItem, ListName, Session,
    encode::{a_address, a_label},
    wire::Call,
};
use http::Method;
use serde_json::json;
use tokio::time::Instant;

impl Session<'_> {
    async fn list(&self, operation: &'static str, segments: &[&str]) -> Result<Vec<ListItem>, Error> {
        let found: Option<Vec<ListItem>> = self.read(Call::new(operation, Method::GET, segments)).await?;
        Ok(found.unwrap_or_default())
    }

    async fn add(&self, operation: &'static str, segments: &[&str], item: &str) -> Result<ListItem, Error> {
        self.call_with(Call::new(operation, Method::POST, segments), Some(&json!({ "item": item }))).await?.json()
    }

    /// A missing entry is gone, as was wanted: 204 and 404 are alike where only the entry can be missing.
    async fn remove(&self, operation: &'static str, segments: &[&str], item: &str) -> Result<(), Error> {
        let query = [("item", item.to_owned())];
        self.call(Call::new(operation, Method::DELETE, segments).query(&query)).await.map(drop)
    }

    /// `GET /lists/{listname}`.
    pub async fn account_list(&self, list: ListName) -> Result<Vec<ListItem>, Error> {
        self.list("account_list", &["lists", list.as_str()]).await
    }

    /// The same, or what anybody of this customer was told within the last second, if nothing was changed through this
    /// client since. For what is shown; what a change is decided by is read with [`Self::account_list`].
    pub async fn shared_account_list(&self, list: ListName) -> Result<Vec<ListItem>, Error> {
        let lists = &self.account.limiter.lists;
        let now = Instant::now();
        if let Some(items) = lists.fresh(list, now) {
            return Ok(items);
        }
        let reading = lists.read(now);
        let items = self.account_list(list).await?;
        lists.keep(list, reading, items.clone());
        Ok(items)
    }

    /// `POST /lists/{listname}`: reaches all domains of the customer, present and future `[doc]`.
    pub async fn add_to_account_list(&self, list: ListName, item: &str) -> Result<ListItem, Error> {
        let _changing = self.account.limiter.lists.changing();
        self.add("add_to_account_list", &["lists", list.as_str()], item).await
    }

    /// `DELETE /lists/{listname}`.
    pub async fn remove_from_account_list(&self, list: ListName, item: &str) -> Result<(), Error> {
        let _changing = self.account.limiter.lists.changing();
        match self.remove("remove_from_account_list", &["lists", list.as_str()], item).await {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// `GET /domains/{domain}/lists/{listname}`.
    pub async fn domain_list(&self, domain: &str, list: ListName) -> Result<Vec<ListItem>, Error> {
        self.list("domain_list", &["domains", &a_label(domain), "lists", list.as_str()]).await
    }

    /// `POST /domains/{domain}/lists/{listname}`.
    pub async fn add_to_domain_list(&self, domain: &str, list: ListName, item: &str) -> Result<ListItem, Error> {
        self.add("add_to_domain_list", &["domains", &a_label(domain), "lists", list.as_str()], item).await
    }

    /// `DELETE /domains/{domain}/lists/{listname}`. A 404 may be the domain's or the entry's.
    pub async fn remove_from_domain_list(&self, domain: &str, list: ListName, item: &str) -> Result<(), Error> {
        self.remove("remove_from_domain_list", &["domains", &a_label(domain), "lists", list.as_str()], item).await
    }

    /// `GET /users/{email}/lists/{listname}`.
    pub async fn user_list(&self, email: &str, list: ListName) -> Result<Vec<ListItem>, Error> {
        self.list("user_list", &["users", &a_address(email), "lists", list.as_str()]).await
    }

    /// `POST /users/{email}/lists/{listname}`.
    pub async fn add_to_user_list(&self, email: &str, list: ListName, item: &str) -> Result<ListItem, Error> {
        self.add("add_to_user_list", &["users", &a_address(email), "lists", list.as_str()], item).await
    }

    /// `DELETE /users/{email}/lists/{listname}`. A 404 may be the recipient's or the entry's.
    pub async fn remove_from_user_list(&self, email: &str, list: ListName, item: &str) -> Result<(), Error> {
        self.remove("remove_from_user_list", &["users", &a_address(email), "lists", list.as_str()], item).await
    }
}
