//! Anything that a customer pastes: a bounce, headers, a whole message, or words.

pub use crate::message::{Role, Sender};
use crate::{
    bounce::{self, Bounce},
    message::{self, Looked, NotAMessage, addresses_in},
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

/// Reads what was pasted. What holds nothing of use gives nothing; what is made to harm is refused.
pub fn read(text: &str) -> Result<Complaint, NotAMessage> {
    let text = text.trim_start_matches(['\u{feff}', '\r', '\n', ' ', '\t']);
    Ok(match message::look(text.as_bytes()) {
        Err(error @ (NotAMessage::TooDeep | NotAMessage::TooManyParts)) => return Err(error),
        Ok(looked) if looked.is_bounce => bounced(text, looked),
        Ok(looked) => match message::inside(text.as_bytes()) {
            // Somebody forwards the bounce as a file.
            (Some((forwarded, whole)), _) if forwarded.is_bounce => bounced(&String::from_utf8_lossy(whole), forwarded),
            _ if !looked.bounces.is_empty() => quoted(looked),
            _ if !looked.senders.is_empty() || !looked.recipients.is_empty() => of(looked),
            _ => words(text),
        },
        Err(_) => words(text),
    })
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

/// Somebody writes to support and quotes a bounce: who could not mail whom stands in the quotation, and the
/// message's own fields say only who complains.
fn quoted(looked: Looked) -> Complaint {
    let mut complaint = words(looked.text.as_deref().unwrap_or_default());
    complaint.bounces = looked.bounces;
    let known = |complaint: &Complaint, address: &String| {
        complaint.recipients.contains(address) || complaint.senders.iter().any(|sender| sender.address == *address)
    };
    if complaint.recipients.is_empty() {
        // Whoever complains that mail does not come is whom it was for.
        let own = looked.senders.iter().find(|sender| sender.role == Role::From);
        let own = own.map(|sender| sender.address.clone()).filter(|own| !known(&complaint, own));
        complaint.recipients.extend(own);
    }
    for Sender { address, .. } in looked.senders {
        if !known(&complaint, &address) {
            complaint.senders.push(Sender { address, role: Role::Mentioned });
        }
    }
    complaint.senders.truncate(20);
    complaint
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
        Some((original, _)) => {
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

/// What a quoted field such as `> To: Ann <ann@shop.example>` says of all its addresses.
fn label(line: &str) -> Option<&'static str> {
    let (name, _) = line.trim_start_matches(['>', '|', '*', ' ', '\t']).split_once(':')?;
    let name = name.trim_end_matches(['*', ' ']);
    TO.into_iter().chain(FROM).find(|known| known.eq_ignore_ascii_case(name))
}

/// Reads text that is no message.
fn words(text: &str) -> Complaint {
    let text: String = text.chars().take(200_000).collect();
    let mut complaint = Complaint { bounces: bounce::decode(&text), ..Complaint::default() };
    let mut before = String::new();
    let labelled = text.lines().flat_map(|line| line.split_whitespace().map(move |word| (label(line), word)));
    for (label, word) in labelled {
        for address in addresses_in(word) {
            let role = label.unwrap_or(before.as_str());
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
