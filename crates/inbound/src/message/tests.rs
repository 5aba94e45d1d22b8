use super::*;
use crate::complaint;
use proptest::prelude::*;
use std::{fmt::Write, fs, path::PathBuf};

fn corpus() -> Vec<(String, Vec<u8>)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn file(name: &str) -> Vec<u8> {
    corpus().into_iter().find(|(known, _)| known == name).unwrap().1
}

/// What holds for every message that is shown.
fn check(bytes: &[u8]) {
    if let Ok(looked) = look(bytes) {
        let one_line =
            [&looked.subject, &looked.date, &looked.from, &looked.sending_host, &looked.ehlo, &looked.rcpt_to];
        for text in one_line.into_iter().flatten() {
            assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
        }
        let text = looked.text.unwrap_or_default();
        assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control() && c != '\u{202e}'), "{text:?}");
        assert!(text.chars().count() <= TEXT_MAX);
        assert!(looked.senders.len() <= ADDRESSES_MAX && looked.recipients.len() <= ADDRESSES_MAX);
    }
    if let Ok(complaint) = complaint::read(&String::from_utf8_lossy(bytes)) {
        assert!(complaint.senders.len() <= 20 && complaint.ips.len() <= 20 && complaint.recipients.len() <= 20);
    }
}

#[test]
fn every_file_of_the_corpus_is_read_or_refused() {
    let files = corpus();
    assert!(files.len() >= 20);
    for (name, bytes) in files {
        println!("{name}");
        check(&bytes);
    }
}

#[test]
fn a_message_says_who_sent_it_from_where_to_whom() {
    let looked = look(&file("plain.eml")).unwrap();
    assert_eq!(looked.subject.as_deref(), Some("Your invoice 4711"));
    assert_eq!(looked.from.as_deref(), Some("Parcels, Billing <billing@parcels.example>"));
    assert_eq!(looked.date.as_deref(), Some("2026-11-24T10:00:00+01:00"));
    assert_eq!(looked.mail_from.as_deref(), Some("bounce+4f2a91cc.8812@mail.parcels.example"));
    assert_eq!(looked.rcpt_to.as_deref(), Some("ann@shop.example"));
    assert_eq!(looked.recipients, ["ann@shop.example", "bob@shop.example"]);
    let roles: Vec<_> = looked.senders.iter().map(|sender| (sender.role, sender.address.as_str())).collect();
    assert_eq!(
        roles,
        [
            (Role::Envelope, "bounce+4f2a91cc.8812@mail.parcels.example"),
            (Role::From, "billing@parcels.example"),
            (Role::ReplyTo, "help@parcels.example"),
        ]
    );
    // Not the filter above it, and not the laptop behind it.
    assert_eq!(looked.sending_ip, Some("203.0.113.7".parse().unwrap()));
    assert_eq!(looked.sending_host.as_deref(), Some("out7.parcels.example"));
    assert_eq!(looked.ehlo.as_deref(), Some("mail.parcels.example"));
    assert!(!looked.is_bounce && looked.bounces.is_empty());
    assert!(looked.text.unwrap().starts_with("Hello Ann,\n\nthe invoice"));
}

#[test]
fn texts_are_decoded_and_html_is_only_ever_text() {
    let looked = look(&file("alternative.eml")).unwrap();
    assert_eq!(looked.subject.as_deref(), Some("Grüße aus Kölnété"));
    assert_eq!(looked.text.as_deref(), Some("Grüße, nur Text."));
    let text = look(&file("html-only.eml")).unwrap().text.unwrap();
    assert!(text.contains("Hello <b> there") && text.contains("link text"), "{text}");
    for code in ["stolen", "color:red", "onerror", "javascript"] {
        assert!(!text.contains(code), "{code}: {text}");
    }
    let looked = look(&file("smtputf8.eml")).unwrap();
    assert_eq!(looked.subject.as_deref(), Some("Grüße ohne Kodierung"));
    assert_eq!(look(&file("folded.eml")).unwrap().subject.as_deref(), Some("one two three"));
}

#[test]
fn a_bounce_gives_its_recipient_its_reason_and_the_original_sender() {
    let complaint = complaint::read(&String::from_utf8(file("dsn.eml")).unwrap()).unwrap();
    assert_eq!(complaint.recipients, ["ann@shop.example"]);
    let senders: Vec<_> = complaint.senders.iter().map(|sender| sender.address.as_str()).collect();
    assert_eq!(senders, ["bounces@parcels.example", "billing@parcels.example"]);
    assert_eq!(complaint.ips, ["203.0.113.7".parse::<IpAddr>().unwrap()]);
    assert_eq!(complaint.bounces[0].code, "550 5.7.1 Message rejected");
    assert_eq!(complaint.subject.as_deref(), Some("Your invoice 4711"));
}

#[test]
fn words_give_what_they_hold() {
    let complaint = complaint::read(&String::from_utf8(file("bounce-text.txt")).unwrap()).unwrap();
    assert_eq!(complaint.recipients, ["reception@bikeshop-northgate.example"]);
    assert_eq!(complaint.senders[0].address, "billing@parcelhub.example");
    assert_eq!(complaint.ips, ["203.0.113.7".parse::<IpAddr>().unwrap()]);
    assert_eq!(complaint.bounces[0].code, "550 [S10] Blocked");
    let complaint = complaint::read(&String::from_utf8(file("not-a-message.txt")).unwrap()).unwrap();
    assert_eq!(
        (complaint.senders[0].address.as_str(), complaint.recipients[0].as_str()),
        ("billing@parcels.example", "ann@shop.example")
    );
    assert_eq!(complaint::read("nothing of use here"), Ok(complaint::Complaint::default()));
    assert_eq!(complaint::read(""), Ok(complaint::Complaint::default()));
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    assert_eq!(look(b""), Err(NotAMessage::Empty));
    assert_eq!(look(b" \r\n\r\n"), Err(NotAMessage::Empty));
    assert_eq!(look(b"Hello there\r\n\r\nx"), Err(NotAMessage::NoHeaders));
    assert_eq!(look(b"\xff\xfe\0\0"), Err(NotAMessage::NoHeaders));
    let many = "X-A: 1\r\n".repeat(10_000) + "\r\nbody";
    assert_eq!(look(many.as_bytes()), Err(NotAMessage::TooManyHeaders));
    let long = format!("Subject: {}\r\n\r\nbody", "x".repeat(1 << 20));
    assert_eq!(look(long.as_bytes()), Err(NotAMessage::LineTooLong));
    let folded = format!("Subject: x\r\n{}\r\nbody", " y\r\n".repeat(100_000));
    assert!(matches!(look(folded.as_bytes()), Err(NotAMessage::LineTooLong | NotAMessage::HeadTooLong)));
    let wide = format!("X-A: {}\r\n", "x".repeat(60_000)).repeat(10) + "\r\nbody";
    assert_eq!(look(wide.as_bytes()), Err(NotAMessage::HeadTooLong));
}

/// Messages that are made to harm: built here, for they are large.
fn hostile() -> Vec<(String, NotAMessage)> {
    let mut all = Vec::new();
    for depth in [50, 500, 12_000, 30_000] {
        for start in ["From: a@b.example\n", "Return-Path: <>\nFrom: m@b.example\n"] {
            all.push((start.to_owned() + &"Content-Type:message/rfc822\n\n".repeat(depth), NotAMessage::TooDeep));
        }
        let mut text = String::from("From: a@b.example\r\nSubject: deep\r\n");
        for level in 0..depth.min(5_000) {
            write!(text, "content-type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n").unwrap();
        }
        all.push((text, NotAMessage::TooDeep));
        let mut digest = String::from("From: a@b.example\r\n");
        for level in 0..depth.min(5_000) {
            write!(digest, "Content-Type:\r\n multipart/digest; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n\r\n")
                .unwrap();
        }
        all.push((digest, NotAMessage::TooDeep));
    }
    for part in ["--b\n\n", "--b\n", "--b\nContent-Type: text/html\n\nx\n"] {
        let head = "From: a@b.example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n";
        all.push((head.to_owned() + &part.repeat(200_000), NotAMessage::TooManyParts));
    }
    all
}

#[test]
fn what_is_made_to_harm_is_refused_and_the_same_in_reason_is_read() {
    for (text, why) in hostile() {
        assert_eq!(look(text.as_bytes()).unwrap_err(), why, "{}", &text[..80]);
        assert_eq!(complaint::read(&text).unwrap_err(), why, "{}", &text[..80]);
    }
    let nested = format!(
        "From: a@b.example\nSubject: x\n{}From: c@b.example\n\nx",
        "Content-Type: message/rfc822\n\n".repeat(10)
    );
    assert_eq!(look(nested.as_bytes()).unwrap().subject.as_deref(), Some("x"));
    let parts = "--b\n\none\n".repeat(900);
    let digest = format!("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n");
    assert_eq!(look(digest.as_bytes()).unwrap().text.as_deref(), Some("one"));
    // Hidden from whoever counts lines: nothing encoded is ever parsed for parts.
    let hidden = "Content-Type:message=2Frfc822=0A=0A".repeat(9_000);
    for kind in ["message/rfc822", "text/plain", "multipart/mixed"] {
        let text =
            format!("From: a@b.example\nContent-Type: {kind}\nContent-Transfer-Encoding: quoted-printable\n\n{hidden}");
        check(text.as_bytes());
    }
}

#[test]
fn a_quoted_bounce_says_more_than_the_fields_around_it() {
    let bounce = "<ann@shop.example>: host mx1.mailchannels.net said: 550 5.7.1 Message rejected\nfrom billing@parcels.example\n";
    let around = "From: Ann <ann@home.example>\nTo: support@host.example\nSubject: a supplier cannot mail us\n";
    for quoted in [bounce.to_owned(), format!("> {}", bounce.replace('\n', "\n> "))] {
        let complaint = complaint::read(&format!("{around}\nHi, they get:\n{quoted}")).unwrap();
        assert_eq!(complaint.bounces[0].code, "550 5.7.1 Message rejected");
        assert_eq!(complaint.recipients, ["ann@shop.example"]);
        let first = &complaint.senders[0];
        assert_eq!((first.address.as_str(), first.role), ("billing@parcels.example", Role::From));
    }
    let fields =
        "> From: Parcels <billing@parcels.example>\n> To: Ann Lee <ann@shop.example>\n> 550 5.7.1 Message rejected\n";
    let complaint = complaint::read(&format!("{around}\n{fields}")).unwrap();
    assert_eq!(complaint.recipients, ["ann@shop.example"]);
    assert_eq!(complaint.senders[0].address, "billing@parcels.example");
    // Nothing is quoted but the reason: whoever complains waits for the mail.
    let complaint =
        complaint::read(&format!("{around}\nbilling@parcels.example gets 550 5.7.1 Message rejected")).unwrap();
    assert_eq!(
        (complaint.recipients[0].as_str(), complaint.senders[0].address.as_str()),
        ("ann@home.example", "billing@parcels.example")
    );
    // As a file, from a mail program that forwards so.
    let dsn = String::from_utf8(file("dsn.eml")).unwrap();
    let forwarded = format!(
        "{around}Content-Type: multipart/mixed; boundary=fwd\n\n--fwd\n\nsee below\n--fwd\nContent-Type: message/rfc822\n\n{dsn}\n--fwd--\n"
    );
    let complaint = complaint::read(&forwarded).unwrap();
    assert_eq!((complaint.recipients[0].as_str(), complaint.bounces.len()), ("ann@shop.example", 1));
    assert_eq!(complaint.senders[0].address, "bounces@parcels.example");
    // Without a bounce the fields are all there is.
    let complaint = complaint::read(&format!("{around}\nMail from billing@parcels.example is missing")).unwrap();
    assert_eq!(complaint.senders[0].address, "ann@home.example");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_damaged_message_does_no_harm(
        first in 0_usize..20, second in 0_usize..20,
        cut in 0_usize..2_000, splice in 0_usize..2_000,
        flips in proptest::collection::vec((0_usize..2_000, any::<u8>()), 0..8),
    ) {
        let files = corpus();
        let mut bytes = files[first % files.len()].1.clone();
        let other = &files[second % files.len()].1;
        bytes.truncate(cut.max(1));
        bytes.extend_from_slice(&other[splice.min(other.len())..]);
        for (at, value) in flips {
            let length = bytes.len();
            if let Some(byte) = bytes.get_mut(at % length.max(1)) {
                *byte = value;
            }
        }
        check(&bytes);
    }

    #[test]
    fn anything_at_all_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }
}
