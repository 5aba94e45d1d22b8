//! Provisioning, one or many, and login links for many.

use crate::{
    domains::domain_json,
    input::{Given, Query, object, objects, string},
    switches::Switches,
    world::{Domain, Key, Outcome, Reply, World, bad, forbidden, hostname, name_of},
};
use http::StatusCode;
use serde_json::{Value, json};

/// What became of one domain.
enum Made {
    Created,
    Existed,
}

impl World {
    /// `POST /domains`
    pub(crate) fn provision(&mut self, key: &Key, query: &Query, body: &[u8], switches: &Switches) -> Outcome {
        let (associate, overwrite) =
            (query.flag("associate-key")?.unwrap_or(false), query.flag("overwrite")?.unwrap_or(false));
        let body = object(body)?;
        let name = name_of(string(&body, "domain")?)?;
        let subscription = string(&body, "subscriptionHandle")?.to_owned();
        let given = Given::read(&body, "downstreamAddresses")?;
        self.own_subscription(key, &subscription)?;
        let room = self.room(key, &subscription);
        let made = self.make(key, &name, &subscription, &given, associate, overwrite, room)?;
        let answer = self.domains.get(&name).map(|domain| domain_json(&name, domain, switches));
        Ok(match made {
            Made::Created => Reply::wrote(StatusCode::CREATED, answer),
            Made::Existed => Reply { status: StatusCode::OK, body: answer, changed: overwrite },
        })
    }

    fn own_subscription(&self, key: &Key, handle: &str) -> Result<(), Reply> {
        let own = self
            .customers
            .get(&key.customer)
            .is_some_and(|customer| customer.subscriptions.iter().any(|subscription| subscription.handle == handle));
        if own { Ok(()) } else { Err(forbidden("the subscription is not your own")) }
    }

    fn room(&self, key: &Key, handle: &str) -> usize {
        let limit = self
            .customers
            .get(&key.customer)
            .and_then(|customer| customer.subscriptions.iter().find(|subscription| subscription.handle == handle))
            .map_or(0, |subscription| subscription.limit);
        limit.saturating_sub(self.count(handle))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parameters of the call")]
    fn make(
        &mut self,
        key: &Key,
        name: &str,
        subscription: &str,
        given: &Given,
        associate: bool,
        overwrite: bool,
        room: usize,
    ) -> Result<Made, Reply> {
        let conflict = || {
            Reply::error(
                StatusCode::CONFLICT,
                "the domain is already provisioned, and is associated with a different customer",
                &[],
            )
        };
        if let Some(owner) = self.aliases.get(name) {
            let own = self.domains.get(owner).is_some_and(|domain| domain.customer == key.customer);
            return Err(if own {
                Reply::error(StatusCode::CONFLICT, "the domain is an alias of another domain", &[])
            } else {
                conflict()
            });
        }
        if let Some(domain) = self.domains.get(name) {
            if domain.customer != key.customer {
                return Err(conflict());
            }
            if overwrite && Self::reaches(key, domain) {
                // What cannot be set is carried forward, says the description.
                let aliases = given.aliases.as_ref().and_then(|aliases| self.free_aliases(name, aliases).ok());
                if let Some(domain) = self.domains.get_mut(name) {
                    given.apply(&mut domain.sections);
                    if associate {
                        domain.key = Some(key.label.clone());
                    }
                }
                if let Some(aliases) = aliases {
                    self.set_aliases(name, aliases);
                }
            }
            return Ok(Made::Existed);
        }
        if room == 0 {
            return Err(forbidden("the limit on associated domains is reached"));
        }
        let aliases = match &given.aliases {
            Some(aliases) => self.free_aliases(name, aliases)?.into_iter().filter(|alias| alias != name).collect(),
            None => Vec::new(),
        };
        let mut domain = Domain {
            customer: key.customer.clone(),
            key: associate.then(|| key.label.clone()),
            subscription: subscription.to_owned(),
            ..Domain::default()
        };
        given.apply(&mut domain.sections);
        self.domains.insert(name.to_owned(), domain);
        self.set_aliases(name, aliases);
        Ok(Made::Created)
    }

    /// `POST /domains/batch`
    pub(crate) fn provision_batch(&mut self, key: &Key, query: &Query, body: &[u8], switches: &Switches) -> Outcome {
        let subscription = query.required("subscriptionHandle")?.to_owned();
        let (associate, overwrite) =
            (query.flag("associate-key")?.unwrap_or(false), query.flag("overwrite")?.unwrap_or(false));
        let body = object(body)?;
        let items = objects(&body, "domains")?.unwrap_or_default();
        if items.len() > 1000 {
            return Err(bad("at most 1000 domains"));
        }
        // The description and a client disagree about the field's name `[?]`.
        let field = |item: &serde_json::Map<String, Value>| match switches.get("batch_downstream_field") {
            "client" => "downstreamAddresses",
            "both" if item.contains_key("downstreamAddresses") => "downstreamAddresses",
            _ => "downstreamAddress",
        };
        let mut rows = Vec::new();
        for item in items {
            let name = string(item, "domain")?.to_owned();
            hostname(&name)?;
            rows.push((name, Given::read(item, field(item))?));
        }
        self.own_subscription(key, &subscription)?;
        let room = self.room(key, &subscription);
        let mut new: Vec<_> =
            rows.iter().filter_map(|(name, _)| name_of(name).ok()).filter(|name| !self.taken(name)).collect();
        new.sort();
        new.dedup();
        if new.len() > room {
            return Err(forbidden(
                "creating the domains will exceed the limit of the subscription; none was provisioned",
            ));
        }
        let (mut successes, mut errors) = (Vec::new(), Vec::new());
        let mut changed = false;
        for (text, given) in rows {
            let fail = |code: u16, comment: &str| json!({ "domain": { "domain": text, "subscriptionHandle": subscription }, "code": code, "comment": comment });
            let Ok(name) = name_of(&text) else {
                errors.push(fail(400, "the domain name is not valid"));
                continue;
            };
            let made = self.make(key, &name, &subscription, &given, associate, overwrite, 1);
            let answer = self.domains.get(&name).map(|domain| domain_json(&name, domain, switches));
            match made {
                Ok(Made::Created) => {
                    changed = true;
                    successes.push(json!({ "domain": answer, "code": 201 }));
                }
                Ok(Made::Existed) => {
                    changed |= overwrite;
                    // Its code is not in the enum `[?]`.
                    let code = switches.get("batch_exists_code").parse::<u16>().unwrap_or(200);
                    let item =
                        json!({ "domain": answer, "code": code, "comment": "the domain was already provisioned" });
                    if code == 409 { errors.push(item) } else { successes.push(item) }
                }
                Err(refusal) => {
                    let comment =
                        refusal.body.as_ref().and_then(|body| body["message"].as_str()).unwrap_or_default().to_owned();
                    let code = if refusal.status == StatusCode::FORBIDDEN { 500 } else { refusal.status.as_u16() };
                    errors.push(fail(code, &comment));
                }
            }
        }
        Ok(Reply { changed, ..Reply::read(json!({ "successes": successes, "errors": errors })) })
    }

    /// `POST /domains/batch/login-link`. Failed items have no link.
    pub(crate) fn login_links(&mut self, key: &Key, body: &[u8]) -> Outcome {
        let body = object(body)?;
        let items = objects(&body, "domains")?.unwrap_or_default();
        if body.contains_key("domains") && items.is_empty() || items.len() > 1000 {
            return Err(bad("from 1 to 1000 domains"));
        }
        let names =
            items.into_iter().map(|item| string(item, "domain").map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        names.iter().try_for_each(|name| hostname(name))?;
        let (mut successes, mut errors) = (Vec::new(), Vec::new());
        for text in names {
            match self.linkable(key, &text) {
                Ok(name) => {
                    let link = self.mint(&name);
                    successes.push(json!({ "domain": text, "code": 200, "loginLink": link }));
                }
                Err(refusal) => {
                    let comment = refusal.body.as_ref().map(|body| body["message"].clone()).unwrap_or_default();
                    errors.push(json!({ "domain": text, "code": refusal.status.as_u16(), "comment": comment }));
                }
            }
        }
        Ok(Reply { changed: !successes.is_empty(), ..Reply::read(json!({ "successes": successes, "errors": errors })) })
    }
}
