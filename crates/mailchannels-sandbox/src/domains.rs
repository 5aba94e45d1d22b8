//! One domain: listing, settings, downstream addresses, aliases, association, login links, removal.

use crate::{
    input::{self, Query, downstreams, object, settings, string, strings},
    switches::Switches,
    world::{Domain, Downstream, Key, Outcome, Reply, World, bad, missing, name_of},
};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// A name as answers have it: the service stores U-labels `[infer]`.
pub(crate) fn shown(name: &str, switches: &Switches) -> String {
    if switches.is("names", "unicode") { idna::domain_to_unicode(name).0 } else { name.to_owned() }
}

pub(crate) fn downstream_json(server: &Downstream, switches: &Switches) -> Value {
    let target = if switches.is("targets", "dotted") { format!("{}.", server.target) } else { server.target.clone() };
    json!({ "priority": server.priority, "weight": server.weight, "port": server.port, "target": target })
}

/// A domain as answers have it. How empty sections look is a switch.
pub(crate) fn domain_json(name: &str, domain: &Domain, switches: &Switches) -> Value {
    let sections = &domain.sections;
    let mut map = Map::new();
    map.insert("domain".into(), shown(name, switches).into());
    map.insert("subscriptionHandle".into(), domain.subscription.clone().into());
    let servers: Vec<_> = sections.downstreams.iter().map(|server| downstream_json(server, switches)).collect();
    let aliases: Vec<_> = sections.aliases.iter().map(|alias| shown(alias, switches)).collect();
    for (field, value, empty) in [
        ("settings", json!(sections.settings), sections.settings.is_empty()),
        ("admins", json!(sections.admins), sections.admins.is_empty()),
        ("downstreamAddresses", json!(servers), servers.is_empty()),
        ("aliases", json!(aliases), aliases.is_empty()),
    ] {
        match (empty, switches.get("empty_as")) {
            (true, "missing") => {}
            (true, "null") => {
                map.insert(field.into(), Value::Null);
            }
            _ => {
                map.insert(field.into(), value);
            }
        }
    }
    Value::Object(map)
}

impl World {
    /// `GET /domains`
    pub(crate) fn list_domains(&self, key: &Key, query: &Query, switches: &Switches) -> Outcome {
        let limit = query.integer("limit")?.unwrap_or(10);
        if limit > 5000 {
            return Err(bad("limit is at most 5000"));
        }
        let limit = usize::try_from(limit).unwrap_or(0);
        let offset = usize::try_from(query.integer("offset")?.unwrap_or(0)).unwrap_or(0);
        let given = query.all("domains");
        let mut wanted = Vec::new();
        // How several names are written is not said `[?]`.
        if !given.is_empty() && !switches.is("domains_query", "ignored") {
            for value in &given {
                if switches.is("domains_query", "multi") {
                    wanted.push(name_of(value)?);
                } else {
                    for part in value.split(',') {
                        wanted.push(name_of(part)?);
                    }
                }
            }
            if given.len() > 1 && switches.is("domains_query", "csv") {
                wanted.truncate(1);
            }
        }
        let filtered = !wanted.is_empty();
        let visible: Vec<_> = if filtered {
            wanted.sort();
            wanted.dedup();
            wanted
                .iter()
                .filter_map(|name| self.domains.get_key_value(name))
                .filter(|(_, domain)| Self::reaches(key, domain))
                .collect()
        } else {
            self.domains.iter().filter(|(_, domain)| Self::reaches(key, domain)).collect()
        };
        let total = visible.len();
        let page: Vec<_> = visible
            .into_iter()
            .skip(offset)
            .take(limit)
            .map(|(name, domain)| domain_json(name, domain, switches))
            .collect();
        Ok(Reply::read(json!({ "domains": page, "total": total })))
    }

    /// `DELETE /domains/{domain}`
    pub(crate) fn deprovision(&mut self, key: &Key, name: &str) -> Outcome {
        let name = self.reach(key, name)?;
        if let Some(domain) = self.domains.remove(&name) {
            for alias in domain.sections.aliases {
                self.aliases.remove(&alias);
            }
        }
        // Recipients live in domains.
        self.recipients.retain(|address, _| address.rsplit('@').next() != Some(name.as_str()));
        Ok(Reply::wrote(StatusCode::NO_CONTENT, None))
    }

    /// `POST /domains/{domain}/alias/{alias}`
    pub(crate) fn add_alias(&mut self, key: &Key, name: &str, alias: &str, switches: &Switches) -> Outcome {
        let name = self.reach(key, name)?;
        let alias = alias_of(alias)?;
        if self.taken(&alias) {
            return Err(Reply::error(StatusCode::CONFLICT, "the alias already exists", &[]));
        }
        self.aliases.insert(alias.clone(), name.clone());
        let domain = self.domains.get_mut(&name).ok_or_else(|| missing("the domain does not exist"))?;
        domain.sections.aliases.push(alias.clone());
        let body = json!({ "domain": domain_json(&name, domain, switches), "alias": shown(&alias, switches) });
        Ok(Reply::wrote(StatusCode::OK, Some(body)))
    }

    /// `DELETE /domains/{domain}/alias/{alias}`
    pub(crate) fn remove_alias(&mut self, key: &Key, name: &str, alias: &str) -> Outcome {
        let name = self.reach(key, name)?;
        let alias = alias_of(alias)?;
        if self.aliases.get(&alias) != Some(&name) {
            return Err(missing("the alias does not exist"));
        }
        self.aliases.remove(&alias);
        if let Some(domain) = self.domains.get_mut(&name) {
            domain.sections.aliases.retain(|known| *known != alias);
        }
        Ok(Reply::wrote(StatusCode::NO_CONTENT, None))
    }

    /// `GET /domains/{domain}/login-link`. Not this customer's is a 401 here `[spec]`.
    pub(crate) fn login_link(&mut self, key: &Key, name: &str) -> Outcome {
        let name = self.linkable(key, name)?;
        let link = self.mint(&name);
        Ok(Reply { changed: true, ..Reply::read(json!({ "loginLink": link })) })
    }

    pub(crate) fn linkable(&self, key: &Key, name: &str) -> Result<String, Reply> {
        let name = name_of(name)?;
        let owner = self.domains.get(self.aliases.get(&name).unwrap_or(&name)).map(|domain| &domain.customer);
        if owner.is_some_and(|owner| *owner != key.customer) {
            return Err(Reply::error(StatusCode::UNAUTHORIZED, "the domain does not belong to this customer", &[]));
        }
        self.reach(key, &name)
    }

    pub(crate) fn mint(&mut self, name: &str) -> String {
        self.links += 1;
        let token: u128 = rand::random();
        format!("https://console.filter.example/login/{name}?token={token:032x}{:x}", self.links)
    }

    /// `GET /domains/{domain}/downstream-address`
    pub(crate) fn get_downstreams(&self, key: &Key, name: &str, query: &Query, switches: &Switches) -> Outcome {
        let name = self.reach(key, name)?;
        let limit = query.integer("limit")?.unwrap_or(10);
        let offset = query.integer("offset")?.unwrap_or(0);
        if limit < 1 || offset < 0 {
            return Err(bad("limit is at least 1, offset at least 0"));
        }
        let (limit, offset) = (usize::try_from(limit).unwrap_or(0), usize::try_from(offset).unwrap_or(0));
        let servers = self.domains.get(&name).map(|domain| domain.sections.downstreams.as_slice()).unwrap_or_default();
        let records: Vec<_> =
            servers.iter().skip(offset).take(limit).map(|server| downstream_json(server, switches)).collect();
        Ok(Reply::read(json!({ "records": records })))
    }

    /// `PUT /domains/{domain}/downstream-address`: deletes all, then creates `[spec]`.
    pub(crate) fn put_downstreams(&mut self, key: &Key, name: &str, body: &[u8], switches: &Switches) -> Outcome {
        let servers = downstreams(&object(body)?, "records", true)?.unwrap_or_default();
        let name = self.reach(key, name)?;
        let records: Vec<_> = servers.iter().map(|server| downstream_json(server, switches)).collect();
        if let Some(domain) = self.domains.get_mut(&name) {
            domain.sections.downstreams = servers;
        }
        Ok(Reply::wrote(StatusCode::CREATED, Some(json!({ "records": records }))))
    }

    /// `PUT /domains/{domain}/api-key`
    pub(crate) fn put_api_key(&mut self, key: &Key, name: &str, body: &[u8]) -> Outcome {
        let body = object(body)?;
        let secret = string(&body, "apiKey")?;
        let name = self.reach(key, name)?;
        let new = self.key_with(secret).filter(|new| new.customer == key.customer).map(|new| new.label.clone());
        let Some(label) = new else {
            return Err(bad("the new api key is not valid"));
        };
        if let Some(domain) = self.domains.get_mut(&name) {
            domain.key = Some(label);
        }
        Ok(Reply::wrote(StatusCode::NO_CONTENT, None))
    }

    /// `PUT /domains/{domain}/settings`
    pub(crate) fn put_settings(&mut self, key: &Key, name: &str, body: &[u8], switches: &Switches) -> Outcome {
        let body = object(body)?;
        let given = input::Given {
            settings: Some(settings(&body)?),
            admins: strings(&body, "admins")?,
            downstreams: downstreams(&body, "downstreamAddresses", false)?,
            aliases: strings(&body, "aliases")?,
        };
        let name = self.reach(key, name)?;
        let aliases = match &given.aliases {
            Some(aliases) => Some(self.free_aliases(&name, aliases)?),
            None => None,
        };
        let cleared = switches.is("settings_omitted", "cleared");
        let Some(domain) = self.domains.get_mut(&name) else {
            return Err(missing("the domain does not exist"));
        };
        if cleared {
            let old = std::mem::take(&mut domain.sections);
            domain.sections.aliases = old.aliases;
        }
        given.apply(&mut domain.sections);
        if let Some(aliases) = aliases.or_else(|| cleared.then(Vec::new)) {
            self.set_aliases(&name, aliases);
        }
        Ok(Reply::wrote(StatusCode::OK, None))
    }

    /// Aliases that a domain may have: in A-label form, and nobody else's.
    pub(crate) fn free_aliases(&self, name: &str, aliases: &[String]) -> Result<Vec<String>, Reply> {
        let names = input::alias_names(aliases)?;
        match names.iter().find(|alias| {
            self.domains.contains_key(*alias) || self.aliases.get(*alias).is_some_and(|owner| owner != name)
        }) {
            Some(alias) => Err(bad(&format!("the alias {alias} already exists"))),
            None => Ok(names),
        }
    }

    pub(crate) fn set_aliases(&mut self, name: &str, aliases: Vec<String>) {
        self.aliases.retain(|_, owner| owner != name);
        for alias in &aliases {
            self.aliases.insert(alias.clone(), name.to_owned());
        }
        if let Some(domain) = self.domains.get_mut(name) {
            domain.sections.aliases = aliases;
        }
    }
}

fn alias_of(alias: &str) -> Result<String, Reply> {
    if alias.chars().count() > 255 {
        return Err(bad("the alias is longer than 255"));
    }
    name_of(alias).map_err(|_| bad("the alias is not a legal domain name"))
}
