//! What a message says of itself: parsed to show what it is and to fill in forms, never to judge it.
//!
//! Messages come from strangers. Only so much is looked at ([`LOOK_MAX`]), header fields are limited in
//! number and length, and everything that goes out is plain text without control characters.

mod head;
mod parts;
mod received;
mod text;

use crate::bounce::{self, Bounce};
use head::Head;
use mail_parser::{Message, MessageParser};
pub(crate) use received::public_in as ip_of;
use std::net::IpAddr;
pub(crate) use text::addresses_in;
use text::plain;

/// Most bytes looked at; a caller passes no more than the first of them.
pub const LOOK_MAX: usize = 1 << 20;
/// Most characters of the text that is shown.
pub const TEXT_MAX: usize = 20_000;
/// Most addresses of a kind.
const ADDRESSES_MAX: usize = 20;

/// Why something is not taken for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    /// Nothing.
    #[error("It is empty.")]
    Empty,
    /// Nothing like `Name: value` at the start (RFC 5322 2.2).
    #[error("It does not begin with header fields such as “Subject: …”. Save the original message with its headers.")]
    NoHeaders,
    /// The fields do not end.
    #[error("Its header fields do not end within 256 KB, so it is no message that a mail server would take.")]
    HeadTooLong,
    /// Too many fields.
    #[error("It has more than 2,000 header fields, so it is no message that a mail server would take.")]
    TooManyHeaders,
    /// A field is too long.
    #[error("One of its header fields is longer than 64 KB, so it is no message that a mail server would take.")]
    LineTooLong,
    /// Parts in parts.
    #[error(
        "Its parts are nested more than 20 deep, so no mail program made it. Paste or send the message inside by itself."
    )]
    TooDeep,
    /// Too many parts.
    #[error("It has more than 1,000 parts, so no mail program made it. Paste its header fields alone.")]
    TooManyParts,
}

/// Where a sender's address was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The envelope: Return-Path.
    Envelope,
    /// The From field, which people see.
    From,
    /// The Reply-To field.
    ReplyTo,
    /// Anywhere in a text.
    Mentioned,
}

/// A sender's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The address.
    pub address: String,
    /// Where it was found.
    pub role: Role,
}

/// What a message says of itself. All texts are plain, without control characters, and of bounded length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Date, RFC 3339 where it can be read, else as it stands.
    pub date: Option<String>,
    /// From, as people see it.
    pub from: Option<String>,
    /// The first text part as text, at most [`TEXT_MAX`] characters.
    pub text: Option<String>,
    /// Whether the text goes on.
    pub text_cut: bool,
    /// Senders, the envelope's first.
    pub senders: Vec<Sender>,
    /// Recipients, the likeliest first.
    pub recipients: Vec<String>,
    /// The host that handed it over.
    pub sending_ip: Option<IpAddr>,
    /// Its name, by its IP address.
    pub sending_host: Option<String>,
    /// The name it gave.
    pub ehlo: Option<String>,
    /// The envelope's sender; empty for a bounce.
    pub mail_from: Option<String>,
    /// The envelope's recipient.
    pub rcpt_to: Option<String>,
    /// What it says as a bounce, or of one that it quotes.
    pub bounces: Vec<Bounce>,
    /// Whether it is a bounce.
    pub is_bounce: bool,
}

/// Looks at the first bytes of a message.
pub fn look(bytes: &[u8]) -> Result<Looked, NotAMessage> {
    let bytes = &bytes[..bytes.len().min(LOOK_MAX)];
    let head = Head::read(bytes)?;
    let parts = parts::walk(bytes, head.end)?;
    // Without fields that the parser knows there is no root part, and asking it for one panics.
    let message = MessageParser::default().parse_headers(&bytes[..head.end]).filter(|m| !m.parts.is_empty());
    let message = message.as_ref();
    let mut looked = Looked {
        subject: message.and_then(Message::subject).map(|text| plain(text, 500)).filter(|text| !text.is_empty()),
        date: message
            .and_then(Message::date)
            .map(mail_parser::DateTime::to_rfc3339)
            .or_else(|| head.first("date").map(|d| plain(d, 100))),
        from: message.and_then(head_address).or_else(|| head.first("from").map(|text| plain(text, 300))),
        ..Looked::default()
    };
    if head.end < bytes.len() {
        let text = parts::text(&parts).map(|text| text::shown(&text)).unwrap_or_default();
        looked.text_cut = text.chars().count() > TEXT_MAX;
        looked.text = (!text.is_empty()).then(|| text.chars().take(TEXT_MAX).collect());
    }
    envelope(&head, message, &mut looked);
    looked.is_bounce = is_bounce(&head, &looked);
    // In a bounce the reason may stand in any part; elsewhere only what is written counts, such as a bounce that
    // somebody quotes.
    let said = if looked.is_bounce {
        String::from_utf8_lossy(bytes)
    } else {
        looked.text.as_deref().unwrap_or_default().into()
    };
    looked.bounces = bounce::decode(&said);
    Ok(looked)
}

fn head_address(message: &Message) -> Option<String> {
    let from = message.from()?.first()?;
    let address = from.address().unwrap_or_default();
    let shown = match from.name() {
        Some(name) if !name.trim().is_empty() => format!("{} <{address}>", name.trim()),
        _ => address.to_owned(),
    };
    Some(plain(&shown, 300)).filter(|shown| !shown.is_empty())
}

fn envelope(head: &Head, message: Option<&Message>, looked: &mut Looked) {
    let add = |list: &mut Vec<String>, address: String| {
        if !list.contains(&address) && list.len() < ADDRESSES_MAX {
            list.push(address);
        }
    };
    let mut senders = Vec::new();
    let mut sender = |role: Role, address: &str| {
        if let Some(address) = addresses_in(address).into_iter().next() {
            senders.push(Sender { address, role });
        }
    };
    if let Some(path) = head.first("return-path") {
        let path = path.trim();
        let address = addresses_in(path).into_iter().next();
        looked.mail_from = if path == "<>" { Some(String::new()) } else { address };
        sender(Role::Envelope, path);
    }
    for (role, addresses) in
        [(Role::From, message.and_then(Message::from)), (Role::ReplyTo, message.and_then(Message::reply_to))]
    {
        for address in addresses.into_iter().flat_map(mail_parser::Address::iter).filter_map(|found| found.address()) {
            sender(role, address);
        }
    }
    senders.truncate(ADDRESSES_MAX);
    looked.senders = senders;
    for name in ["delivered-to", "x-original-to", "envelope-to"] {
        for address in head.all(name).flat_map(addresses_in) {
            add(&mut looked.recipients, address);
        }
    }
    let received: Vec<_> = head.all("received").map(received::Received::read).collect();
    for hop in &received {
        if let Some(to) = &hop.to {
            add(&mut looked.recipients, to.clone());
        }
    }
    looked.rcpt_to = looked.recipients.first().cloned();
    for addresses in [message.and_then(Message::to), message.and_then(Message::cc)] {
        for address in addresses.into_iter().flat_map(mail_parser::Address::iter).filter_map(|found| found.address()) {
            for address in addresses_in(address) {
                add(&mut looked.recipients, address);
            }
        }
    }
    // The topmost hop from outside: above it the filter hands over to the customer's own servers.
    if let Some(hop) = received.into_iter().find(received::Received::is_from_outside) {
        looked.sending_ip = hop.ip;
        looked.sending_host = hop.host;
        looked.ehlo = hop.ehlo;
    }
}

fn is_bounce(head: &Head, looked: &Looked) -> bool {
    let kind = head.first("content-type").unwrap_or_default().to_lowercase();
    let from = looked.from.clone().unwrap_or_default().to_lowercase();
    let subject = looked.subject.clone().unwrap_or_default().to_lowercase();
    kind.contains("multipart/report") && kind.contains("delivery-status")
        || looked.mail_from.as_deref() == Some("")
        || from.contains("mailer-daemon")
        || from.contains("postmaster@")
        || ["undeliver", "delivery status", "delivery fail", "returned mail", "mail delivery"]
            .iter()
            .any(|word| subject.contains(word))
}

/// The message inside a bounce, looked at and as it stands, and the recipients that the bounce names.
pub(crate) fn inside(bytes: &[u8]) -> (Option<(Looked, &[u8])>, Vec<String>) {
    let bytes = &bytes[..bytes.len().min(LOOK_MAX)];
    let parts = Head::read(bytes).and_then(|head| parts::walk(bytes, head.end)).unwrap_or_default();
    let mut original = None;
    let mut recipients: Vec<String> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.inner) {
        match part.kind.as_str() {
            "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/rfc822-headers" => {
                original = original.or_else(|| look(part.body).ok().map(|looked| (looked, part.body)));
            }
            "message/delivery-status" => {
                let text = String::from_utf8_lossy(part.body);
                let lines = text
                    .lines()
                    .filter(|line| line.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("final-recipient")));
                recipients.extend(lines.flat_map(addresses_in).take(ADDRESSES_MAX));
            }
            _ => {}
        }
    }
    recipients.truncate(ADDRESSES_MAX);
    (original, recipients)
}

#[cfg(test)]
mod tests;
