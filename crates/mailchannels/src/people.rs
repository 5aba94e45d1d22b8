//! Types of subscriptions, recipients and reports.

use crate::{ListItem, types::nullable};
use serde::{Deserialize, Serialize};

/// A subscription `[spec: Subscription]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subscription {
    /// What other calls name it by.
    #[serde(deserialize_with = "nullable")]
    pub handle: String,
    /// Whether it is enabled.
    #[serde(deserialize_with = "nullable")]
    pub active: bool,
    /// Its plan.
    #[serde(deserialize_with = "nullable")]
    pub plan: Plan,
    /// Its limits, as they come.
    #[serde(deserialize_with = "nullable")]
    pub limits: Vec<Limit>,
    /// Domains provisioned against it.
    #[serde(deserialize_with = "nullable")]
    pub active_accounts_count: i64,
}

/// A plan `[spec: Plan]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Identifier.
    #[serde(deserialize_with = "nullable")]
    pub handle: String,
    /// Friendly name.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
}

/// A limit `[spec: Limit]`; its handles are not published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limit {
    /// Which.
    #[serde(deserialize_with = "nullable")]
    pub feature_handle: String,
    /// How much, as text.
    #[serde(deserialize_with = "nullable")]
    pub value: String,
}

/// How a new recipient is filtered `[spec]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Filtered; an error when the limit is reached.
    True,
    /// Not filtered.
    False,
    /// Filtered while the limit allows, else silently not.
    #[default]
    Compute,
}

/// A recipient to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutRecipient {
    /// The address.
    pub email: String,
    /// A domain admin.
    pub admin: bool,
    /// How to filter.
    pub filter: Filter,
    /// First safelist entries.
    pub safelist: Vec<String>,
    /// First blocklist entries.
    pub blocklist: Vec<String>,
}

/// A recipient `[spec: Recipient]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Recipient {
    /// The address.
    #[serde(deserialize_with = "nullable")]
    pub email_address: String,
    /// Roles.
    #[serde(deserialize_with = "nullable")]
    pub roles: Vec<String>,
    /// Whether mail to it is filtered; none when not said.
    pub filter: Option<bool>,
}

/// What became of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// 201.
    Created {
        /// As the service has it.
        recipient: Recipient,
        /// Its first entries.
        entries: Vec<ListItem>,
    },
    /// 200: it existed; its lists were not touched.
    Existed,
}

/// What was wrong with a verdict `[spec]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportType {
    /// Spam that was let through.
    FalseNegative,
    /// Good mail that was held.
    FalsePositive,
}

/// A misclassified message `[spec: Report]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The whole message, unaltered (RFC 5322), without dot stuffing.
    pub message_content: String,
    /// Its envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_envelope_information: Option<Envelope>,
    /// The host that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_host_information: Option<SendingHost>,
}

/// An SMTP envelope `[spec: EnvelopeInformation]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// EHLO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<String>,
    /// MAIL FROM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// RCPT TO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcpt_to: Option<String>,
}

/// A sending host `[spec: HostInformation]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SendingHost {
    /// Its name.
    pub name: String,
}
