//! Recipients, reports, subscriptions.

use crate::{
    control::Control,
    input::{Query, object, string, strings},
    lists::{entry, item_json},
    switches::Switches,
    world::{Key, Lists, Message, Outcome, Recipient, Reply, World, address_of, bad, forbidden, missing},
};
use http::StatusCode;
use serde_json::{Value, json};

impl Control {
    /// Sets how many recipients of a customer can be protected.
    pub fn set_protected(&self, customer: &str, limit: usize) {
        if let Some(customer) = self.lock().world.customers.get_mut(customer) {
            customer.protected = limit;
        }
    }
}

impl World {
    /// `PUT /users`
    pub(crate) fn put_user(&mut self, key: &Key, query: &Query, body: &[u8], switches: &Switches) -> Outcome {
        let email = query.required("email_address")?.to_owned();
        let admin = query.flag("admin")?.ok_or_else(|| bad("admin is required"))?;
        let filter = query.one("filter")?.unwrap_or("compute");
        if !["true", "false", "compute"].contains(&filter) {
            return Err(bad("filter is one of true, false, compute"));
        }
        let mut first = Lists::default();
        if !body.is_empty() {
            let body = object(body)?;
            let entries = match body.get("list_entries") {
                None => None,
                Some(Value::Object(entries)) => Some(entries),
                Some(_) => return Err(bad("list_entries must be an object")),
            };
            if let Some(entries) = entries {
                for (name, list) in [("safelist", &mut first.safelist), ("blocklist", &mut first.blocklist)] {
                    for item in strings(entries, name)?.unwrap_or_default() {
                        list.push(entry(&item, switches)?);
                    }
                }
            }
        }
        let (address, domain) = address_of(&email)?;
        // A domain that is missing, somebody else's or an alias is a 403 here; no 404 is documented `[spec]`.
        self.reach(key, &domain).map_err(|_| forbidden("you do not have the required privileges for this domain"))?;
        if self.recipients.contains_key(&address) {
            return Ok(Reply { changed: false, ..Reply::wrote(StatusCode::OK, None) });
        }
        let protected = self
            .recipients
            .iter()
            .filter(|(known, recipient)| recipient.filter && self.owner(known) == Some(&key.customer))
            .count();
        let full = protected >= self.customers.get(&key.customer).map_or(0, |customer| customer.protected);
        if filter == "true" && full {
            return Err(forbidden("there is no room in the protected-addresses limit"));
        }
        let filtered = filter != "false" && !full;
        let entries: Vec<_> = first
            .safelist
            .iter()
            .map(|item| item_json(item, "safelist"))
            .chain(first.blocklist.iter().map(|item| item_json(item, "blocklist")))
            .collect();
        let roles = if admin { json!(["admin"]) } else { json!(["user"]) };
        let answer = json!({ "recipient": { "email_address": address, "roles": roles, "filter": filtered }, "list_entries": entries });
        self.recipients.insert(address, Recipient { admin, filter: filtered, lists: first });
        Ok(Reply::wrote(StatusCode::CREATED, Some(answer)))
    }

    fn owner(&self, address: &str) -> Option<&String> {
        self.domains.get(address.rsplit('@').next()?).map(|domain| &domain.customer)
    }

    /// `POST /report`: matched against what the service saw.
    pub(crate) fn report(&mut self, key: &Key, query: &Query, body: &[u8]) -> Outcome {
        let kind = query.required("report_type")?;
        if !["false_negative", "false_positive"].contains(&kind) {
            return Err(bad("report_type is one of false_negative, false_positive"));
        }
        let body = object(body)?;
        let content = string(&body, "messageContent")?;
        for (name, fields) in [
            ("smtpEnvelopeInformation", ["ehlo", "mailFrom", "rcptTo"].as_slice()),
            ("sendingHostInformation", ["name"].as_slice()),
        ] {
            match body.get(name) {
                None => {}
                Some(Value::Object(inner))
                    if fields.iter().all(|field| inner.get(*field).is_none_or(Value::is_string)) => {}
                Some(_) => return Err(bad(&format!("{name} is not valid"))),
            }
        }
        if !is_message(content) {
            return Err(bad("the message content is not in accordance with RFC 2822"));
        }
        let seen = self
            .messages
            .iter()
            .find(|message| message.content == content)
            .ok_or_else(|| missing("message not found"))?;
        let domain = self.domains.get(&seen.domain).ok_or_else(|| missing("message not found"))?;
        if domain.customer != key.customer {
            return Err(Reply::error(StatusCode::UNAUTHORIZED, "the message does not belong to this customer", &[]));
        }
        if !Self::reaches(key, domain) {
            return Err(forbidden("the domain is associated with a different api key"));
        }
        Ok(Reply::wrote(StatusCode::NO_CONTENT, None))
    }

    pub(crate) fn saw(&mut self, domain: &str, content: &str) {
        self.messages.push(Message { domain: domain.to_owned(), content: content.to_owned() });
    }

    /// `GET /subscriptions`
    pub(crate) fn subscriptions(&self, key: &Key) -> Outcome {
        let customer = self
            .customers
            .get(&key.customer)
            .ok_or_else(|| missing("we could not find a customer that matched the customerHandle"))?;
        let list: Vec<_> = customer
            .subscriptions
            .iter()
            .map(|subscription| {
                json!({
                    "handle": subscription.handle,
                    "active": true,
                    "plan": { "handle": subscription.plan.0, "name": subscription.plan.1 },
                    "limits": [
                        { "featureHandle": "domains", "value": subscription.limit.to_string() },
                        { "featureHandle": "protected_addresses", "value": customer.protected.to_string() },
                    ],
                    "activeAccountsCount": self.count(&subscription.handle),
                })
            })
            .collect();
        Ok(Reply::read(Value::Array(list)))
    }
}

/// Header fields, then perhaps a body (RFC 2822 2.1, 2.2).
fn is_message(content: &str) -> bool {
    let head = content.split("\r\n\r\n").next().unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let mut fields = 0;
    for line in head.lines() {
        if line.starts_with([' ', '\t']) && fields > 0 {
            continue;
        }
        match line.split_once(':') {
            Some((name, _)) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => fields += 1,
            _ => return false,
        }
    }
    fields > 0
}
