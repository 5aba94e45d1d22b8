//! The types of the wire. Reading is tolerant: null, missing and empty are one, unknown fields are
//! passed over, unknown words are kept.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads null like a missing value.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What happens to spam. An open set: a word we don't know is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbusePolicy {
    /// The sender gets a bounce `[doc]`.
    Block,
    /// A header is added and it is delivered `[doc]`.
    Flag,
    /// Held up to 7 days `[doc]`.
    Quarantine,
    /// Another word.
    Other(String),
}

impl AbusePolicy {
    /// The service's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Block => "block",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for AbusePolicy {
    fn from(word: &str) -> Self {
        match word {
            "block" => Self::Block,
            "flag" => Self::Flag,
            "quarantine" => Self::Quarantine,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Serialize for AbusePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AbusePolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(deserializer)?.as_str().into())
    }
}

/// Spam handling of a domain `[spec: DomainSettings]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainSettings {
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abuse_policy: Option<AbusePolicy>,
    /// Whether it overrides recipients' own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abuse_policy_override: Option<bool>,
    /// Header added under `flag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spam_header_name: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spam_header_value: Option<String>,
}

/// Where mail goes after filtering `[spec: DownstreamAddress]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownstreamAddress {
    /// Lowest is tried first.
    #[serde(default, deserialize_with = "nullable")]
    pub priority: i64,
    /// Share within a priority.
    #[serde(default, deserialize_with = "nullable")]
    pub weight: i64,
    /// TCP port.
    #[serde(default, deserialize_with = "nullable")]
    pub port: i64,
    /// Host name; sent with its trailing dot, read without.
    #[serde(default, serialize_with = "with_dot", deserialize_with = "without_dot")]
    pub target: String,
}

fn with_dot<S: Serializer>(target: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}.", target.trim_end_matches('.')))
}

fn without_dot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(nullable::<D, String>(deserializer)?.trim_end_matches('.').to_owned())
}

/// A domain `[spec: Domain]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Its name; the service answers with U-labels `[infer]`.
    pub domain: String,
    /// The subscription it counts towards.
    #[serde(default, deserialize_with = "nullable")]
    pub subscription_handle: String,
    /// Spam handling.
    #[serde(default, deserialize_with = "nullable")]
    pub settings: DomainSettings,
    /// Domain admins.
    #[serde(default, deserialize_with = "nullable")]
    pub admins: Vec<String>,
    /// Downstream servers.
    #[serde(default, deserialize_with = "nullable")]
    pub downstream_addresses: Vec<DownstreamAddress>,
    /// Aliases.
    #[serde(default, deserialize_with = "nullable")]
    pub aliases: Vec<String>,
}

/// One answer of `GET /domains` `[spec: GetDomainsResponse]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct DomainsPage {
    /// The domains.
    #[serde(default, deserialize_with = "nullable")]
    pub domains: Vec<Domain>,
    /// All that the key reaches and that match.
    #[serde(default, deserialize_with = "nullable")]
    pub total: u64,
}

/// The body of `PUT settings` `[spec: CompleteDomainSettings]`: every section, so that none is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteSettings {
    /// Spam handling.
    #[serde(flatten)]
    pub settings: DomainSettings,
    /// Domain admins.
    pub admins: Vec<String>,
    /// Downstream servers.
    pub downstream_addresses: Vec<DownstreamAddress>,
    /// Aliases.
    pub aliases: Vec<String>,
}

/// How to provision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Provision {
    /// Lock the domain to the key that provisions it.
    pub associate_key: bool,
    /// Overwrite the given sections of a domain that exists.
    pub overwrite: bool,
}

/// What became of a provisioned domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioned {
    /// 201: it is new.
    Created(Domain),
    /// 200: it existed; without `overwrite` nothing was changed.
    Existed(Domain),
}

/// An item of a batch. The field for servers is `downstreamAddress` here `[spec]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDomain {
    /// Its name.
    pub domain: String,
    /// Downstream servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downstream_address: Vec<DownstreamAddress>,
    /// Spam handling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<DomainSettings>,
    /// Aliases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Domain admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
}

/// An outcome of a batch `[spec: CommentedDomain]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommentedDomain {
    /// The domain.
    pub domain: Domain,
    /// Like a status; not only those of the description `[client]`.
    #[serde(default, deserialize_with = "nullable")]
    pub code: i64,
    /// More words.
    #[serde(default)]
    pub comment: Option<String>,
}

/// The answer to a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct BatchOutcome {
    /// What worked.
    #[serde(default, deserialize_with = "nullable")]
    pub successes: Vec<CommentedDomain>,
    /// What did not.
    #[serde(default, deserialize_with = "nullable")]
    pub errors: Vec<CommentedDomain>,
}

/// An alias as it was made `[spec: Alias]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Alias {
    /// The canonical domain.
    pub domain: Domain,
    /// The alias.
    pub alias: String,
}

/// One of the two lists. The deprecated names cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListName {
    /// Never filtered.
    Safelist,
    /// Never delivered.
    Blocklist,
}

impl ListName {
    /// The service's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safelist => "safelist",
            Self::Blocklist => "blocklist",
        }
    }
}

/// An entry of a list `[spec: ListItem]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListItem {
    /// The value.
    #[serde(deserialize_with = "nullable")]
    pub item: String,
    /// Seen: `domain`, `email_address`, `ip_address` `[client]`.
    #[serde(deserialize_with = "nullable")]
    pub item_type: String,
    /// The list it is on.
    #[serde(deserialize_with = "nullable")]
    pub action: String,
}

/// An outcome of a batch of login links `[spec: CommentedLoginLink]`. The link itself is a secret.
#[derive(Clone, Deserialize)]
pub struct CommentedLoginLink {
    /// The domain.
    #[serde(default, deserialize_with = "nullable")]
    pub domain: String,
    /// Like a status.
    #[serde(default, deserialize_with = "nullable")]
    pub code: i64,
    /// More words.
    #[serde(default)]
    pub comment: Option<String>,
    /// The link; failed items have none.
    #[serde(default, rename = "loginLink")]
    pub login_link: Option<String>,
}

impl std::fmt::Debug for CommentedLoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommentedLoginLink")
            .field("domain", &self.domain)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// The answer to a batch of login links.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct LoginLinks {
    /// What worked.
    #[serde(default, deserialize_with = "nullable")]
    pub successes: Vec<CommentedLoginLink>,
    /// What did not.
    #[serde(default, deserialize_with = "nullable")]
    pub errors: Vec<CommentedLoginLink>,
}
