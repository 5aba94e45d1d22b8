//! What the URL of the list of domains asks for.

use crate::{components::Cx, pages::domain_mx, server::actor::query_value};
use desk::KeyRef;
use store::{Cursor, DomainQuery, Sort};

/// Rows a page.
const PAGE: u32 = 50;

/// What the URL asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// `q`: part of a name or alias.
    pub q: String,
    /// `key`: id of one of the person's keys, `free` or `unknown`.
    pub key: String,
    /// `policy`
    pub policy: String,
    /// `subscription`
    pub subscription: String,
    /// `servers=none`
    pub servers: String,
    /// `mx`: a verdict, or `muted`.
    pub mx: String,
    /// `sort`: `name`, `servers`, `aliases`, `policy`, `subscription`; a leading `-` turns it round.
    pub sort: String,
    /// `after`: keyset cursor.
    pub after: String,
    /// `before`: keyset cursor, backwards.
    pub before: String,
}

impl View {
    /// Reads the URL; unknown values count as absent.
    pub fn of(cx: &Cx) -> Self {
        Self::read(|name| cx.query(name).unwrap_or_default().trim().to_owned())
    }

    /// Reads a query string.
    pub fn of_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self::read(|name| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        })
    }

    fn read(get: impl Fn(&str) -> String) -> Self {
        Self {
            q: get("q"),
            key: get("key"),
            policy: get("policy"),
            subscription: get("subscription"),
            servers: get("servers"),
            mx: Some(get("mx")).filter(|mx| domain_mx::is_filter(mx)).unwrap_or_default(),
            sort: get("sort"),
            after: get("after"),
            before: get("before"),
        }
    }

    /// The URL of this view; page cursors only when given.
    pub fn url(&self, cursor: Option<(&str, &str)>) -> String {
        let mut pairs = vec![
            ("q", self.q.as_str()),
            ("key", &self.key),
            ("policy", &self.policy),
            ("subscription", &self.subscription),
            ("servers", &self.servers),
            ("mx", &self.mx),
            ("sort", &self.sort),
        ];
        pairs.extend(cursor);
        let query: Vec<_> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", query_value(value)))
            .collect();
        if query.is_empty() { "/domains".into() } else { format!("/domains?{}", query.join("&")) }
    }

    /// The filters in words, for whoever looks at a selection made under them.
    pub fn words(&self, keys: &[KeyRef]) -> String {
        let mut parts = Vec::new();
        if !self.q.is_empty() {
            parts.push(format!("name contains “{}”", self.q));
        }
        match self.key.as_str() {
            "" => {}
            "free" => parts.push("free".into()),
            "unknown" => parts.push("key unknown".into()),
            id => parts.extend(keys.iter().find(|key| key.id == id).map(|key| format!("locked to {}", key.label))),
        }
        for (value, name) in [(&self.policy, "policy"), (&self.subscription, "subscription"), (&self.mx, "MX")] {
            if !value.is_empty() {
                parts.push(format!("{name} {value}"));
            }
        }
        if self.servers == "none" {
            parts.push("no servers".into());
        }
        if parts.is_empty() {
            "all domains within reach".into()
        } else {
            format!("all that match: {}", parts.join(", "))
        }
    }

    /// Whether any filter is on.
    pub fn is_filtered(&self) -> bool {
        [&self.q, &self.key, &self.policy, &self.subscription, &self.servers, &self.mx]
            .iter()
            .any(|value| !value.is_empty())
    }

    /// The order, and whether it is turned round.
    pub fn sort(&self) -> (Sort, bool) {
        let (name, descending) = self.sort.strip_prefix('-').map_or((self.sort.as_str(), false), |name| (name, true));
        let sort = match name {
            "servers" => Sort::Servers,
            "aliases" => Sort::Aliases,
            "policy" => Sort::Policy,
            "subscription" => Sort::Subscription,
            _ => Sort::Name,
        };
        (sort, descending)
    }

    /// As the mirror is asked.
    pub fn query(&self, keys: &[KeyRef]) -> DomainQuery {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (sort, descending) = self.sort();
        let before = Cursor::parse(&self.before).ok();
        DomainQuery {
            text: some(&self.q),
            association: matches!(self.key.as_str(), "free" | "unknown").then(|| self.key.clone()),
            holder: keys.iter().find(|key| key.id == self.key).map(|key| key.fingerprint.clone()),
            policy: some(&self.policy),
            subscription: some(&self.subscription),
            no_servers: self.servers == "none",
            mx: some(&self.mx),
            sort,
            descending,
            backwards: before.is_some(),
            cursor: before.or_else(|| Cursor::parse(&self.after).ok()),
            limit: PAGE,
            ..DomainQuery::default()
        }
    }
}
