//! Control over HTTP, below `/_sandbox`, for loopback peers only.

use crate::{Control, DnsFault, Fault, domains::domain_json, world::Reply};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::IpAddr};

#[derive(Deserialize)]
struct NewKey {
    label: String,
    secret: String,
    #[serde(default)]
    customer: Option<String>,
}

#[derive(Deserialize)]
struct Seen {
    domain: String,
    content: String,
}

/// Whether a peer may control.
pub(crate) fn allowed(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

fn done() -> Reply {
    Reply { status: StatusCode::NO_CONTENT, body: None, changed: false }
}

fn wrong(why: &str) -> Reply {
    Reply { status: StatusCode::BAD_REQUEST, body: Some(json!({ "error": why })), changed: false }
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Reply> {
    serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))
}

/// Answers a control request; `path` is what follows `/_sandbox/`.
pub(crate) fn answer(control: &Control, method: &Method, path: &str, body: &[u8]) -> Reply {
    act(control, method, path, body).unwrap_or_else(|refusal| refusal)
}

fn act(control: &Control, method: &Method, path: &str, body: &[u8]) -> Result<Reply, Reply> {
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    Ok(match (method.as_str(), parts.as_slice()) {
        ("GET", ["health"]) => Reply::read(json!({ "status": "ok" })),
        ("GET", ["keys"]) => Reply::read(
            control
                .keys()
                .into_iter()
                .map(|(label, customer)| json!({ "label": label, "customer": customer }))
                .collect(),
        ),
        ("POST", ["keys"]) => {
            let key: NewKey = read(body)?;
            control.add_key_for(&key.label, &key.secret, key.customer.as_deref().unwrap_or(crate::seed::DEMO));
            done()
        }
        ("DELETE", ["keys", label]) => {
            if !control.delete_key(label) {
                return Err(Reply { status: StatusCode::NOT_FOUND, ..wrong("no such key") });
            }
            done()
        }
        ("GET", ["faults"]) => Reply::read(json!(control.lock().faults)),
        ("POST", ["faults"]) => {
            control.add_fault(read::<Fault>(body)?);
            done()
        }
        ("DELETE", ["faults"]) => {
            control.clear_faults();
            done()
        }
        ("GET", ["switches"]) => Reply::read(json!(control.lock().switches)),
        ("PUT", ["switches"]) => {
            for (name, value) in read::<BTreeMap<String, String>>(body)? {
                control.set_switch(&name, &value).map_err(|why| wrong(&why))?;
            }
            done()
        }
        ("GET", ["ledger"]) => Reply::read(json!(control.ledger())),
        ("DELETE", ["ledger"]) => {
            control.clear_ledger();
            done()
        }
        ("POST", ["messages"]) => {
            let seen: Seen = read(body)?;
            control.saw_message(&seen.domain, &seen.content);
            done()
        }
        ("PUT", ["protected", customer]) => {
            control.set_protected(customer, read::<usize>(body)?);
            done()
        }
        ("PUT", ["mx", name]) => {
            control.set_mx(name, read::<Option<Vec<(u16, String)>>>(body)?);
            done()
        }
        ("PUT", ["dns"]) => {
            control.set_dns_fault(read::<Option<DnsFault>>(body)?);
            done()
        }
        ("POST", ["reset"]) => {
            control.reset();
            done()
        }
        ("GET", ["lists", tier, whose, list]) => Reply::read(json!(control.list(tier, whose, list))),
        ("PUT", ["lists", tier, whose, list]) => {
            let items: Vec<String> = read(body)?;
            control.set_list(tier, whose, list, &items.iter().map(String::as_str).collect::<Vec<_>>());
            done()
        }
        ("GET", ["domains"]) => {
            let inner = control.lock();
            let all: Vec<Value> =
                inner.world.domains.iter().map(|(name, domain)| domain_json(name, domain, &inner.switches)).collect();
            Reply::read(Value::Array(all))
        }
        ("GET", ["domains", name]) => match control.domain(name) {
            Some(domain) => Reply::read(domain),
            None => Reply { status: StatusCode::NOT_FOUND, body: Some(Value::Null), changed: false },
        },
        _ => Reply { status: StatusCode::NOT_FOUND, ..wrong("no such control") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_controls() {
        for (peer, may) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(allowed(peer.parse().unwrap()), may, "{peer}");
        }
    }
}
