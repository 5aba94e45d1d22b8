//! Anything that a customer pastes: a bounce, headers, a whole message, or words.

pub use crate::message::{Role, Sender};
use crate::{
    bounce::{self, Bounce},
    message::{self, Looked, addresses_in},
};
use std::net::IpAddr;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// Senders, in the order in which they are told.
    pub senders: Vec<Sender>,
    /// Sending hosts.
    pub ips: Vec<IpAddr>,
    /// Recipients, the likeliest first.
    pub recipients: Vec<String>,
    /// Reasons that a bounce names.
    pub bounces: Vec<Bounce>,
    /// Subject.
    pub subject: Option<String>,
}

/// Reads what was pasted. It never fails: what holds nothing of use gives nothing.
#[must_use]
pub fn read(text: &str) -> Complaint {
    let text = text.trim_start_matches(['\u{feff}', '\r', '\n', ' ', '\t']);
    match message::look(text.as_bytes()) {
        Ok(looked) if looked.is_bounce => bounced(text, looked),
        Ok(looked) if !looked.senders.is_empty() || !looked.recipients.is_empty() => of(looked),
        _ => words(text),
    }
}

fn of(looked: Looked) -> Complaint {
    Complaint {
        senders: looked.senders,
        ips: looked.sending_ip.into_iter().collect(),
        recipients: looked.recipients,
        bounces: looked.bounces,
        subject: looked.subject,
    }
}

/// A bounce went back to the sender, about the recipients it names.
fn bounced(text: &str, looked: Looked) -> Complaint {
    let (original, named) = message::inside(text.as_bytes());
    let mut complaint = words(looked.text.as_deref().unwrap_or(text));
    complaint.bounces = looked.bounces;
    if !named.is_empty() {
        complaint.recipients = named;
    }
    match original {
        Some(original) => {
            complaint.senders = original.senders;
            complaint.ips = original.sending_ip.into_iter().collect();
            complaint.subject = original.subject;
            if complaint.recipients.is_empty() {
                complaint.recipients = original.recipients;
            }
        }
        // Without the message itself: a bounce is addressed to whoever sent it.
        None => {
            complaint.senders = looked
                .recipients
                .into_iter()
                .filter(|address| !complaint.recipients.contains(address))
                .map(|address| Sender { address, role: Role::Envelope })
                .collect();
        }
    }
    complaint
}

/// Words that stand before a recipient, or before a sender.
const TO: [&str; 9] = ["for", "to", "recipient", "final-recipient", "rcpt", "rfc822", "delivered-to", "an", "user"];
const FROM: [&str; 6] = ["from", "sender", "mail", "von", "return-path", "reply-to"];

/// Reads text that is no message.
fn words(text: &str) -> Complaint {
    let text: String = text.chars().take(200_000).collect();
    let mut complaint = Complaint { bounces: bounce::decode(&text), ..Complaint::default() };
    let mut before = String::new();
    for word in text.split_whitespace() {
        for address in addresses_in(word) {
            let role = before.as_str();
            // "<ann@shop.example>: host mx.example said" is how a server tells whose mail it is.
            let said = word.starts_with('<') && word.ends_with(">:");
            let to = said || TO.contains(&role) || word.to_lowercase().starts_with("to=");
            let known = complaint.recipients.contains(&address)
                || complaint.senders.iter().any(|sender| sender.address == address);
            if known || address.starts_with("mailer-daemon@") {
                continue;
            }
            if to {
                complaint.recipients.push(address);
            } else {
                let role = if FROM.contains(&role) { Role::From } else { Role::Mentioned };
                complaint.senders.push(Sender { address, role });
            }
        }
        if let Some(ip) = message::ip_of(word)
            && !complaint.ips.contains(&ip)
        {
            complaint.ips.push(ip);
        }
        before = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-').to_lowercase();
    }
    // Somebody whose role is not said beside a sender that is told is more likely the recipient.
    complaint.senders.sort_by_key(|sender| sender.role == Role::Mentioned);
    complaint.senders.truncate(20);
    complaint.recipients.truncate(20);
    complaint.ips.truncate(20);
    complaint
}
