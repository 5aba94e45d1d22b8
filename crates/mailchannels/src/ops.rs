//! One domain's sections, login links, recipients, reports, subscriptions, status.

use crate::{
    Alias, ApiKey, BATCH_MAX, CompleteSettings, DOWNSTREAMS_MAX, DownstreamAddress, Error, Filter, ListItem,
    LoginLinks, PutRecipient, Recipient, RecipientOutcome, Session, Subscription,
    encode::{a_address, a_addresses, a_label, a_labels, a_servers, at_most},
    error::Meaning,
    repeat::Again,
    wire::Call,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A login link. Whoever holds it is that domain's admin, so it prints as nothing.
#[derive(Deserialize)]
pub struct LoginLink {
    #[serde(rename = "loginLink")]
    url: String,
}

impl LoginLink {
    /// The address.
    #[must_use]
    pub fn into_url(self) -> String {
        self.url
    }
}

impl std::fmt::Debug for LoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginLink(…)")
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Records {
    #[serde(default)]
    records: Option<Vec<DownstreamAddress>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Created {
    recipient: Option<Recipient>,
    list_entries: Option<Vec<ListItem>>,
}

/// More than a domain can have, so that one answer has all; without a limit the service gives 10 `[spec]`.
const ALL_DOWNSTREAMS: &str = "100";

impl Session<'_> {
    /// `GET /status`.
    pub async fn status(&self) -> Result<(), Error> {
        self.call(Call::new("status", Method::GET, &["status"])).await.map(drop)
    }

    /// `GET /subscriptions`.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        let found: Option<Vec<Subscription>> =
            self.read(Call::new("subscriptions", Method::GET, &["subscriptions"])).await?;
        Ok(found.unwrap_or_default())
    }

    /// `POST /domains/{domain}/alias/{alias}`.
    pub async fn add_alias(&self, domain: &str, alias: &str) -> Result<Alias, Error> {
        let segments = ["domains", &a_label(domain), "alias", &a_label(alias)];
        self.call(Call::new("add_alias", Method::POST, &segments)).await?.json()
    }

    /// `DELETE /domains/{domain}/alias/{alias}`.
    pub async fn remove_alias(&self, domain: &str, alias: &str) -> Result<(), Error> {
        let segments = ["domains", &a_label(domain), "alias", &a_label(alias)];
        self.call(Call::new("remove_alias", Method::DELETE, &segments)).await.map(drop)
    }

    /// `GET /domains/{domain}/login-link`.
    pub async fn login_link(&self, domain: &str) -> Result<LoginLink, Error> {
        let segments = ["domains", &a_label(domain), "login-link"];
        self.read(Call::new("login_link", Method::GET, &segments).meaning(Meaning::Ownership)).await
    }

    /// `POST /domains/batch/login-link`: up to 1,000. Failed items have no link.
    pub async fn login_links(&self, domains: &[&str]) -> Result<LoginLinks, Error> {
        at_most(domains.len(), BATCH_MAX, "domains")?;
        let items: Vec<_> = domains.iter().map(|domain| json!({ "domain": a_label(domain) })).collect();
        // "Not this customer's" is said of each item here; a 401 of the whole is the key's `[spec]`.
        let call = Call::new("login_links", Method::POST, &["domains", "batch", "login-link"]);
        self.call_with(call, Some(&json!({ "domains": items }))).await?.json()
    }

    /// `GET /domains/{domain}/downstream-address`: all of them.
    pub async fn downstreams(&self, domain: &str) -> Result<Vec<DownstreamAddress>, Error> {
        let query = [("limit", ALL_DOWNSTREAMS.to_owned())];
        let segments = ["domains", &a_label(domain), "downstream-address"];
        let found: Records = self.read(Call::new("downstreams", Method::GET, &segments).query(&query)).await?;
        Ok(found.records.unwrap_or_default())
    }

    /// `PUT /domains/{domain}/downstream-address`: replaces all; an empty list clears them `[spec]`.
    pub async fn set_downstreams(
        &self,
        domain: &str,
        servers: &[DownstreamAddress],
    ) -> Result<Vec<DownstreamAddress>, Error> {
        let segments = ["domains", &a_label(domain), "downstream-address"];
        at_most(servers.len(), DOWNSTREAMS_MAX, "downstream addresses")?;
        let body = Records { records: Some(a_servers(servers)) };
        let answer = self.call_with(Call::new("set_downstreams", Method::PUT, &segments), Some(&body)).await?;
        // A 201 says that the list is the one sent `[spec]`, also when its body is lost.
        let stored = answer.json().unwrap_or(body);
        Ok(stored.records.unwrap_or_default())
    }

    /// `PUT /domains/{domain}/api-key`: locks a domain to another key, whose secret travels in the body.
    /// [`Error::Ambiguous`] when an answer was lost and the repeat was refused: it may have moved already, and
    /// then only the new key reaches it.
    pub async fn associate(&self, domain: &str, new: &ApiKey) -> Result<(), Error> {
        let segments = ["domains", &a_label(domain), "api-key"];
        let body = json!({ "apiKey": new.expose_for_sealing() });
        let call = Call::new("associate", Method::PUT, &segments).again(Again::Moved).secret(new.expose_for_sealing());
        self.call_with(call, Some(&body)).await.map(drop)
    }

    /// `PUT /domains/{domain}/settings`: every section, because whether omitted ones stay is not said `[?]`.
    pub async fn set_settings(&self, domain: &str, settings: &CompleteSettings) -> Result<(), Error> {
        let segments = ["domains", &a_label(domain), "settings"];
        let settings = CompleteSettings {
            settings: settings.settings.clone(),
            admins: a_addresses(&settings.admins),
            downstream_addresses: a_servers(&settings.downstream_addresses),
            aliases: a_labels(&settings.aliases),
        };
        self.call_with(Call::new("set_settings", Method::PUT, &segments), Some(&settings)).await.map(drop)
    }

    /// `PUT /users`: creates a recipient; an existing one keeps its lists `[spec]`. [`Error::Ambiguous`] when
    /// an answer was lost and the repeat found one: whether with these entries can't be known.
    pub async fn put_recipient(&self, recipient: &PutRecipient) -> Result<RecipientOutcome, Error> {
        let email = a_address(&recipient.email);
        let filter = match recipient.filter {
            Filter::True => "true",
            Filter::False => "false",
            Filter::Compute => "compute",
        };
        let query =
            [("email_address", email.clone()), ("admin", recipient.admin.to_string()), ("filter", filter.to_owned())];
        let body = json!({ "list_entries": { "blocklist": recipient.blocklist, "safelist": recipient.safelist } });
        let call = Call::new("put_recipient", Method::PUT, &["users"])
            .query(&query)
            .meaning(Meaning::Recipient)
            .again(Again::Existing);
        let answer = self.call_with(call, Some(&body)).await?;
        if answer.status == StatusCode::CREATED {
            let created: Created = answer.json().unwrap_or_default();
            Ok(RecipientOutcome::Created {
                recipient: created
                    .recipient
                    .unwrap_or_else(|| Recipient { email_address: email, ..Recipient::default() }),
                entries: created.list_entries.unwrap_or_default(),
            })
        } else {
            Ok(RecipientOutcome::Existed)
        }
    }
}
