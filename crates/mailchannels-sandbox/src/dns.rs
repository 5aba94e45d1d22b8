//! A stand-in for the public DNS, over UDP: answers for the MX records of the domains there are.
//!
//! Most domains point at the service's hosts; some point elsewhere, at both, or at nothing, by a fixed
//! rule on the name. What a test sets goes before the rule. Names that are no domain do not exist.

use crate::{
    Control,
    world::{World, name_of},
};
use hickory_proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{MX, PTR},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, net::IpAddr};
use tokio::net::UdpSocket;

/// The service's hosts `[doc]`.
const HERE: [(u16, &str); 2] = [(10, "mx1.mailchannels.net."), (20, "mx2.mailchannels.net.")];
/// Seconds that an answer may be kept.
const TTL: u32 = 300;
/// Longest query that is read, in bytes (RFC 1035 section 4.2.1).
const QUERY_MAX: usize = 512;

/// What goes wrong with every query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsFault {
    /// Answers SERVFAIL.
    ServFail,
    /// Does not answer.
    Silent,
}

/// What the rule does not say.
#[derive(Default)]
pub(crate) struct Zone {
    set: HashMap<String, Vec<(u16, String)>>,
    fault: Option<DnsFault>,
    faults: HashMap<String, DnsFault>,
    addresses: HashMap<String, Vec<IpAddr>>,
    names: HashMap<String, String>,
    queries: u64,
}

impl Control {
    /// Sets the MX records of a name, whether or not it is a domain; none go back to the rule. An empty
    /// list is a name without MX records, the host `.` a null MX (RFC 7505).
    pub fn set_mx(&self, domain: &str, records: Option<Vec<(u16, String)>>) {
        let Ok(name) = name_of(domain) else { return };
        let zone = &mut self.lock().zone;
        match records {
            Some(records) => zone.set.insert(name, records),
            None => zone.set.remove(&name),
        };
    }

    /// Sets the IP addresses of a host.
    pub fn set_addresses(&self, host: &str, addresses: &[IpAddr]) {
        self.lock().zone.addresses.insert(host.to_owned(), addresses.to_vec());
    }

    /// Sets the name of an IP address (PTR).
    pub fn set_name(&self, ip: IpAddr, host: &str) {
        let reverse = Name::from(ip).to_ascii().trim_end_matches('.').to_owned();
        self.lock().zone.names.insert(reverse, host.to_owned());
    }

    /// Makes every query fail, or none.
    pub fn set_dns_fault(&self, fault: Option<DnsFault>) {
        self.lock().zone.fault = fault;
    }

    /// Makes the queries for one name fail, or not; without effect while all fail.
    pub fn set_mx_fault(&self, domain: &str, fault: Option<DnsFault>) {
        let Ok(name) = name_of(domain) else { return };
        let faults = &mut self.lock().zone.faults;
        match fault {
            Some(fault) => faults.insert(name, fault),
            None => faults.remove(&name),
        };
    }

    /// Queries so far.
    #[must_use]
    pub fn dns_queries(&self) -> u64 {
        self.lock().zone.queries
    }
}

/// Answers queries for as long as it is polled.
pub(crate) async fn answer(socket: UdpSocket, control: Control) {
    let mut buffer = [0_u8; QUERY_MAX];
    loop {
        // An error here is about an earlier peer that went away.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        if let Some(bytes) = reply(&control, query).and_then(|reply| reply.to_vec().ok()) {
            let _ = socket.send_to(&bytes, peer).await;
        }
    }
}

fn reply(control: &Control, query: Message) -> Option<Message> {
    let mut inner = control.lock();
    inner.zone.queries += 1;
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    let asked = query.queries.first()?.clone();
    let (name, kind) = (asked.name().clone(), asked.query_type());
    reply.add_query(asked);
    let text = name.to_ascii().to_ascii_lowercase();
    let text = text.trim_end_matches('.');
    match inner.zone.fault.or_else(|| inner.zone.faults.get(text).copied()) {
        Some(DnsFault::Silent) => return None,
        Some(DnsFault::ServFail) => {
            reply.metadata.response_code = ResponseCode::ServFail;
            return Some(reply);
        }
        None => {}
    }
    if let Some(found) = other(&inner.zone, text, kind) {
        reply.add_answers(found.into_iter().map(|data| Record::from_rdata(name.clone(), TTL, data)));
        return Some(reply);
    }
    let records = inner.zone.set.get(text).cloned().or_else(|| by_rule(&inner.world, text));
    match records {
        None => reply.metadata.response_code = ResponseCode::NXDomain,
        Some(records) if kind == RecordType::MX => {
            reply.add_answers(records.into_iter().filter_map(|(priority, host)| {
                let host = Name::from_ascii(if host.ends_with('.') { host } else { format!("{host}.") }).ok()?;
                Some(Record::from_rdata(name.clone(), TTL, RData::MX(MX::new(priority, host))))
            }));
        }
        Some(_) => {}
    }
    Some(reply)
}

/// Addresses and names that a test set; none for everything else.
fn other(zone: &Zone, text: &str, kind: RecordType) -> Option<Vec<RData>> {
    if kind == RecordType::PTR {
        let host = Name::from_ascii(format!("{}.", zone.names.get(text)?)).ok()?;
        return Some(vec![RData::PTR(PTR(host))]);
    }
    let found = zone.addresses.get(text)?.iter().filter_map(|ip| match ip {
        IpAddr::V4(ip) if kind == RecordType::A => Some(RData::A((*ip).into())),
        IpAddr::V6(ip) if kind == RecordType::AAAA => Some(RData::AAAA((*ip).into())),
        _ => None,
    });
    Some(found.collect())
}

/// The records of a domain or alias, by its name alone: of a hundred names about five point
/// elsewhere, two at both and two at nothing. The known ones that documents speak of are here.
fn by_rule(world: &World, name: &str) -> Option<Vec<(u16, String)>> {
    if !world.taken(name) {
        return None;
    }
    let here = HERE.map(|(priority, host)| (priority, host.to_owned()));
    let elsewhere = (10, format!("mx.{name}."));
    Some(match hash(name) % 100 {
        _ if name.ends_with("northgate.example") => here.to_vec(),
        0..=4 => vec![elsewhere],
        5..=6 => vec![here[0].clone(), (30, elsewhere.1)],
        7 => Vec::new(),
        8 => vec![(0, ".".to_owned())],
        _ => here.to_vec(),
    })
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
