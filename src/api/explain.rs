//! Reading what was pasted into the explainer.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act},
    },
    server::{
        actor::{Need, query_value},
        flash,
    },
};
use desk::DeskError;
use inbound::complaint::{self, Complaint, Role};
use leptos::server;
use serde::{Deserialize, Serialize};

/// Kind of the draft that keeps what was found: addresses and reasons, never the text.
pub const FOUND: &str = "found";
/// Most senders, addresses and recipients kept.
const FOUND_MAX: usize = 10;

/// A reason that a bounce names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Its code.
    pub code: String,
    /// What it means.
    pub meaning: String,
    /// The next step.
    pub next: String,
    /// Whether a false-positive report helps.
    pub report: bool,
    /// Whether a list entry can help.
    pub lists: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// Role (`from`, `envelope`, `reply-to`, `mentioned`) and address.
    pub senders: Vec<(String, String)>,
    /// Sending hosts.
    pub ips: Vec<String>,
    /// Recipients, the likeliest first.
    pub recipients: Vec<String>,
    /// Reasons that a bounce names.
    pub bounces: Vec<Reason>,
}

impl Found {
    fn of(complaint: Complaint) -> Self {
        let word = |role: Role| match role {
            Role::From => "from",
            Role::Envelope => "envelope",
            Role::ReplyTo => "reply-to",
            Role::Mentioned => "mentioned",
        };
        let senders = complaint.senders.into_iter().filter(|sender| !sender.address.is_empty());
        Self {
            senders: senders.map(|sender| (word(sender.role).to_owned(), sender.address)).take(FOUND_MAX).collect(),
            ips: complaint.ips.iter().map(ToString::to_string).take(FOUND_MAX).collect(),
            recipients: complaint.recipients.into_iter().take(FOUND_MAX).collect(),
            bounces: complaint
                .bounces
                .into_iter()
                .map(|bounce| Reason {
                    code: bounce.code.to_owned(),
                    meaning: bounce.meaning.to_owned(),
                    next: bounce.next.to_owned(),
                    report: bounce.report,
                    lists: bounce.lists,
                })
                .collect(),
        }
    }

    /// The sender that people see comes first, then the envelope's.
    fn sender(&self) -> &str {
        ["from", "envelope", "reply-to", "mentioned"]
            .into_iter()
            .find_map(|role| self.senders.iter().find(|(of, _)| of == role))
            .map_or("", |(_, address)| address)
    }
}

/// Finds sender, sending IP and recipient in what was pasted, and asks about them.
#[server(prefix = "/do", endpoint = "explain/read")]
pub async fn read_complaint(#[server(default)] text: String) -> Result<(), AppError> {
    // What was pasted is a customer's mail: it is not kept, not even to show it again.
    act(Need::Read, Form::new("paste", "/explain"), async move |desk, asker| {
        if text.trim().is_empty() {
            return Err(DeskError::field("text", "Paste a bounce, headers or a message first."));
        }
        let found = complaint::read(&text).map_err(|error| DeskError::field("text", error.to_string()))?;
        let found = Found::of(found);
        if found.senders.is_empty() && found.recipients.is_empty() && found.ips.is_empty() && found.bounces.is_empty() {
            return Err(DeskError::field(
                "text",
                "No address, IP address or known bounce was found in it. Paste the whole bounce, or the message with its headers.",
            ));
        }
        let id = flash::keep_as(&desk, &asker.person, FOUND, &found).await?;
        let first = |values: &[String]| values.first().cloned().unwrap_or_default();
        let pairs = [
            ("from", found.sender().to_owned()),
            ("ip", first(&found.ips)),
            ("to", first(&found.recipients)),
            ("read", id),
        ];
        let query: Vec<_> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", query_value(&value)))
            .collect();
        Ok(Next::to(format!("/explain?{}", query.join("&"))))
    })
    .await
}
