//! The state: customers, keys, domains, recipients, lists, messages that were seen.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) customers: BTreeMap<String, Customer>,
    pub(crate) keys: Vec<Key>,
    /// By A-label.
    pub(crate) domains: BTreeMap<String, Domain>,
    /// Alias to canonical, both A-label.
    pub(crate) aliases: HashMap<String, String>,
    /// By address, domain in A-label form.
    pub(crate) recipients: BTreeMap<String, Recipient>,
    pub(crate) messages: Vec<Message>,
    pub(crate) links: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) lists: Lists,
    /// Recipients that may be filtered; beyond it mail is delivered unfiltered `[doc]`.
    pub(crate) protected: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) handle: String,
    pub(crate) plan: (String, String),
    pub(crate) limit: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) label: String,
    pub(crate) secret: String,
    pub(crate) customer: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Domain {
    pub(crate) customer: String,
    /// Label of the key it is associated with.
    pub(crate) key: Option<String>,
    pub(crate) subscription: String,
    pub(crate) sections: Sections,
    pub(crate) lists: Lists,
}

/// What provisioning and settings set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sections {
    pub(crate) settings: BTreeMap<String, Value>,
    pub(crate) admins: Vec<String>,
    pub(crate) downstreams: Vec<Downstream>,
    /// A-labels.
    pub(crate) aliases: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Downstream {
    pub(crate) priority: u64,
    pub(crate) weight: u64,
    pub(crate) port: u64,
    /// Without the trailing dot.
    pub(crate) target: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lists {
    pub(crate) safelist: Vec<Item>,
    pub(crate) blocklist: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) item: String,
    pub(crate) kind: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recipient {
    pub(crate) admin: bool,
    pub(crate) filter: bool,
    pub(crate) lists: Lists,
}

/// A message that the service filtered; a report is matched against these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) domain: String,
    pub(crate) content: String,
}

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    /// Whether something was changed.
    pub(crate) changed: bool,
}

impl Reply {
    pub(crate) fn read(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), changed: false }
    }

    pub(crate) fn wrote(status: StatusCode, body: Option<Value>) -> Self {
        Self { status, body, changed: true }
    }

    pub(crate) fn error(status: StatusCode, message: &str, errors: &[String]) -> Self {
        let body = json!({ "code": status.as_u16(), "message": message, "errors": errors });
        Self { status, body: Some(body), changed: false }
    }
}

/// A refusal, for `?`.
pub(crate) type Outcome = Result<Reply, Reply>;

pub(crate) fn bad(message: &str) -> Reply {
    Reply::error(StatusCode::BAD_REQUEST, message, &[message.to_owned()])
}

pub(crate) fn forbidden(message: &str) -> Reply {
    Reply::error(StatusCode::FORBIDDEN, message, &[])
}

pub(crate) fn missing(message: &str) -> Reply {
    Reply::error(StatusCode::NOT_FOUND, message, &[])
}

impl World {
    /// Whether a key reaches a domain: its own customer's, and associated with it or with none `[spec]`.
    pub(crate) fn reaches(key: &Key, domain: &Domain) -> bool {
        domain.customer == key.customer && domain.key.as_ref().is_none_or(|label| *label == key.label)
    }

    /// The domain of a path, if this key may touch it; else the refusal the description names.
    pub(crate) fn reach(&self, key: &Key, name: &str) -> Result<String, Reply> {
        let name = name_of(name)?;
        if let Some(canonical) = self.aliases.get(&name) {
            let own = self.domains.get(canonical).is_some_and(|domain| domain.customer == key.customer);
            return Err(forbidden(if own {
                "the domain is an alias domain"
            } else {
                "the domain is associated with a different customer"
            }));
        }
        let domain = self.domains.get(&name).ok_or_else(|| missing("the domain does not exist"))?;
        if domain.customer != key.customer {
            return Err(forbidden("the domain is associated with a different customer"));
        }
        if !Self::reaches(key, domain) {
            return Err(forbidden("the domain is associated with a different api key"));
        }
        Ok(name)
    }

    pub(crate) fn key_with(&self, secret: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.secret == secret)
    }

    pub(crate) fn count(&self, subscription: &str) -> usize {
        self.domains.values().filter(|domain| domain.subscription == subscription).count()
    }

    /// Whether a name is taken, as a domain or an alias.
    pub(crate) fn taken(&self, name: &str) -> bool {
        self.domains.contains_key(name) || self.aliases.contains_key(name)
    }
}

/// A host name in A-label form, or the 400 that the description names for conversions.
pub(crate) fn name_of(text: &str) -> Result<String, Reply> {
    let refused = || bad("error converting A-label domain to U-label");
    let text = text.strip_suffix('.').unwrap_or(text);
    let ascii = idna::domain_to_ascii(text).map_err(|_| refused())?;
    if ascii.split('.').any(|label| label.starts_with("xn--")) && idna::domain_to_unicode(&ascii).1.is_err() {
        return Err(refused());
    }
    if legal(&ascii) { Ok(ascii) } else { Err(refused()) }
}

/// A host name by its letters (RFC 1123 2.1).
fn legal(ascii: &str) -> bool {
    !ascii.is_empty()
        && ascii.len() <= 253
        && ascii.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// Refuses what is no host name at all. An A-label that does not convert is another matter: in a batch
/// it fails alone, while this fails the whole.
pub(crate) fn hostname(text: &str) -> Result<(), Reply> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let fits = match idna::domain_to_ascii(text) {
        Ok(ascii) => legal(&ascii),
        Err(_) => text.split('.').any(|label| label.to_ascii_lowercase().starts_with("xn--")),
    };
    if fits { Ok(()) } else { Err(bad("a domain name fails RFC 5891 validation")) }
}

/// An address with its domain in A-label form.
pub(crate) fn address_of(text: &str) -> Result<(String, String), Reply> {
    let refused = || bad("the email address is invalid");
    let (local, domain) = text.rsplit_once('@').ok_or_else(refused)?;
    if local.is_empty() || local.len() > 64 || local.chars().any(|c| c.is_control() || c.is_whitespace() || c == '@') {
        return Err(refused());
    }
    let domain = name_of(domain).map_err(|_| refused())?;
    Ok((format!("{local}@{domain}"), domain))
}
