//! The DNS stand-in, asked in bytes (RFC 1035 section 4), so that no library hides its mistakes.

use crate::Rig;
use mailchannels_sandbox::{DnsFault, Options, Seed};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::{net::UdpSocket, time::timeout};

const MX: u16 = 15;
const A: u16 = 1;
const ID: u16 = 0x5a17;

/// Code and records of the answer; nothing when there is none for a moment.
async fn ask(rig: &Rig, name: &str, kind: u16) -> Option<(u8, Vec<(u16, String)>)> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut query = [ID, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.bytes());
    }
    query.push(0);
    query.extend([kind, 1].map(u16::to_be_bytes).concat());
    socket.send_to(&query, rig.sandbox.dns_address()).await.unwrap();
    let mut bytes = [0; 512];
    let (length, _) = timeout(Duration::from_millis(300), socket.recv_from(&mut bytes)).await.ok()?.unwrap();
    let bytes = &bytes[..length];
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    assert_eq!((word(0), word(2) & 0x8000, word(4)), (ID, 0x8000, 1), "a response to this query");
    assert_eq!(&bytes[12..query.len()], &query[12..], "the question as it was asked");
    let mut at = query.len();
    let mut records = Vec::new();
    for _ in 0..word(6) {
        at = name_at(bytes, at).1;
        assert_eq!((word(at), word(at + 2)), (MX, 1));
        let (host, end) = name_at(bytes, at + 12);
        assert_eq!(at + 10 + usize::from(word(at + 8)), end, "the length of the data");
        records.push((word(at + 10), host));
        at = end;
    }
    Some((bytes[3] & 0x0f, records))
}

/// A name that may end in a pointer, and where it ends.
fn name_at(bytes: &[u8], mut at: usize) -> (String, usize) {
    let mut name = String::new();
    loop {
        let length = usize::from(bytes[at]);
        if length >= 0xc0 {
            let target = (length & 0x3f) << 8 | usize::from(bytes[at + 1]);
            return (name + &name_at(bytes, target).0, at + 2);
        }
        at += 1;
        if length == 0 {
            return (name, at);
        }
        name += std::str::from_utf8(&bytes[at..at + length]).unwrap();
        name.push('.');
        at += length;
    }
}

fn here() -> Vec<(u16, String)> {
    vec![(10, "mx1.mailchannels.net.".into()), (20, "mx2.mailchannels.net.".into())]
}

#[tokio::test]
async fn domains_and_aliases_have_records_and_other_names_do_not_exist() {
    let rig = Rig::new().await;
    assert_eq!(ask(&rig, "bikeshop-northgate.example", MX).await, Some((0, here())));
    assert_eq!(ask(&rig, "BIKEshop-Northgate.example", MX).await, Some((0, here())));
    assert_eq!(ask(&rig, "bikes-northgate.example", MX).await.unwrap().0, 0, "an alias");
    assert_eq!(ask(&rig, "bikeshop-northgate.example", A).await, Some((0, vec![])));
    assert_eq!(ask(&rig, "nowhere.example", MX).await, Some((3, vec![])));
    // Something that is no query is passed over, and the next is answered.
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(b"hello", rig.sandbox.dns_address()).await.unwrap();
    assert_eq!(ask(&rig, "bikeshop-northgate.example", MX).await, Some((0, here())));
}

#[tokio::test]
async fn most_are_here_and_some_of_each_other_kind() {
    let rig = Rig::with(Options { seed: Seed::Demo, domains: 1_000, ..Options::default() }).await;
    let (_, all) = rig.control(Method::GET, "domains", Value::Null).await;
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for domain in all.as_array().unwrap() {
        let name = domain["domain"].as_str().expect("a name");
        let name = idna::domain_to_ascii(name).unwrap();
        let (_, records) = ask(&rig, &name, MX).await.unwrap();
        let known = records.iter().filter(|(_, host)| host.ends_with("mailchannels.net.")).count();
        let kind = match (known, records.len()) {
            (_, 0) => "none",
            (0, _) if records[0].1.is_empty() => "null",
            (0, _) => "elsewhere",
            (known, all) if known < all => "mixed",
            _ => "here",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert!(kinds["here"] > 800, "{kinds:?}");
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

#[tokio::test]
async fn records_and_failures_can_be_set_also_over_http() {
    let rig = Rig::new().await;
    let name = "bikeshop-northgate.example";
    let moved = vec![(5, "mx.elsewhere.example.".to_owned())];
    assert_eq!(
        rig.control(Method::PUT, &format!("mx/{name}"), json!([[5, "mx.elsewhere.example"]])).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(ask(&rig, name, MX).await, Some((0, moved)));
    rig.control(Method::PUT, &format!("mx/{name}"), Value::Null).await;
    assert_eq!(ask(&rig, name, MX).await, Some((0, here())));
    rig.control(Method::PUT, "dns", json!("serv_fail")).await;
    assert_eq!(ask(&rig, name, MX).await, Some((2, vec![])));
    rig.control(Method::PUT, "dns", json!("silent")).await;
    assert_eq!(ask(&rig, name, MX).await, None);
    rig.control(Method::PUT, "dns", Value::Null).await;
    let control = rig.sandbox.control();
    control.set_mx_fault(name, Some(DnsFault::ServFail));
    assert_eq!(ask(&rig, name, MX).await.unwrap().0, 2);
    assert_eq!(ask(&rig, "northgatebikes.example", MX).await.unwrap().0, 0, "only that one");
    control.set_mx_fault(name, None);
    control.set_mx("new.example", Some(vec![(0, ".".into())]));
    assert_eq!(ask(&rig, "new.example", MX).await, Some((0, vec![(0, String::new())])));
    control.reset();
    assert_eq!(ask(&rig, "new.example", MX).await, Some((3, vec![])));
}
