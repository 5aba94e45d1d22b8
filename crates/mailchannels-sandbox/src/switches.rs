//! What the vendor leaves open `[?]`: each a switch, so that the product is tried both ways.

use serde::Serialize;
use std::collections::BTreeMap;

/// Name, values (the first is the default).
///
/// How lists match mail is none: no call of the API tells what became of a mail, so it could not be observed.
pub(crate) const ALL: [(&str, &[&str]); 12] = [
    ("duplicate_entry", &["201", "409"]),
    ("missing_delete", &["204", "404"]),
    ("cidr", &["rejected", "accepted"]),
    ("ipv6", &["accepted", "rejected"]),
    ("wildcard", &["rejected", "accepted"]),
    ("domains_query", &["both", "csv", "multi", "ignored"]),
    ("batch_downstream_field", &["spec", "client", "both"]),
    ("batch_exists_code", &["200", "201", "409"]),
    ("empty_as", &["empty", "null", "missing"]),
    ("targets", &["bare", "dotted"]),
    ("names", &["unicode", "ascii"]),
    ("settings_omitted", &["carried", "cleared"]),
];

/// The shape of error bodies is a switch too, but of the server, not of the rules.
pub(crate) const ERROR_BODY: (&str, &[&str]) = ("error_body", &["documented", "string", "null", "html", "empty"]);

/// The switches as they stand.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Switches(BTreeMap<&'static str, &'static str>);

impl Default for Switches {
    fn default() -> Self {
        Self(ALL.into_iter().chain([ERROR_BODY]).map(|(name, values)| (name, values[0])).collect())
    }
}

impl Switches {
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        debug_assert!(self.0.contains_key(name), "no switch {name}");
        self.0.get(name) == Some(&value)
    }

    pub(crate) fn get(&self, name: &str) -> &'static str {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, values) = ALL
            .into_iter()
            .chain([ERROR_BODY])
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("no switch {name}"))?;
        let value =
            values.iter().find(|known| **known == value).ok_or_else(|| format!("{name} is one of {values:?}"))?;
        self.0.insert(name, value);
        Ok(())
    }
}
