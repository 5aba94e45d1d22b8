//! Connections: from a request on the wire to an operation and back, with faults in between.

use crate::{
    Control, Entry, FaultKind, Options,
    control::Inner,
    dns, fault,
    input::Query,
    remote,
    route::{NoRoute, Op, route},
    world::{Key, Outcome, Reply},
};
use futures::{StreamExt, stream};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
    time::sleep,
};

/// Path below which the API lives `[doc]`.
const BASE: &str = "/inbound/v1";

type Body = BoxBody<Bytes, io::Error>;

/// A running stand-in; it ends when dropped.
pub struct Sandbox {
    addr: SocketAddr,
    dns_addr: SocketAddr,
    control: Control,
    accepting: tokio::task::JoinHandle<()>,
    answering: tokio::task::JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let socket = UdpSocket::bind(options.dns).await?;
        let dns_addr = socket.local_addr()?;
        let control = Control::new(options);
        let accepting = tokio::spawn(accept(listener, control.clone()));
        let answering = tokio::spawn(dns::answer(socket, control.clone()));
        Ok(Self { addr, dns_addr, control, accepting, answering })
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address at which it answers for MX records, over UDP.
    #[must_use]
    pub fn dns_address(&self) -> SocketAddr {
        self.dns_addr
    }

    /// The base URL of the API.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.addr)
    }

    /// Its control.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops listening and ends every connection.
    pub async fn stop(mut self) {
        for task in [&mut self.accepting, &mut self.answering] {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.accepting.abort();
        self.answering.abort();
        self.control.save();
    }
}

async fn accept(listener: TcpListener, control: Control) {
    // Connections end with this task, for they are its children.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let control = control.clone();
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| handle(control.clone(), peer.ip(), request));
                    // An error here is a fault that was asked for, or a client that went away.
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(control: Control, peer: IpAddr, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path();
    if let Some(path) = path.strip_prefix("/_sandbox/") {
        let reply = if remote::allowed(peer) {
            remote::answer(&control, &parts.method, path, &body)
        } else {
            Reply::error(StatusCode::FORBIDDEN, "loopback only", &[])
        };
        return Ok(respond(reply.status, reply.body.as_ref().map(json_bytes)));
    }
    let at = control.started.elapsed();
    let routed = match path.strip_prefix(BASE) {
        Some(rest) if rest.starts_with('/') => route(&parts.method, rest),
        _ => Err(NoRoute::Path),
    };
    let operation = routed.as_ref().map_or("", Op::name);
    let secret = parts.headers.get("x-api-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut entry = Entry {
        at_us: micros(at),
        key: String::new(),
        method: parts.method.to_string(),
        path: path.to_owned(),
        operation,
        status: 0,
        changed: false,
        took_us: 0,
    };
    let log = |entry: Entry| note(&control, entry, at);
    let (key, limited, fault) = admit(&control, secret, &mut entry);
    sleep(control.options.latency).await;
    if limited {
        // As a proxy in front of the service says it.
        entry.status = 503;
        log(entry);
        return Ok(html(StatusCode::SERVICE_UNAVAILABLE));
    }
    match &fault {
        Some(FaultKind::Status { code, body }) => {
            entry.status = *code;
            log(entry);
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let bytes = body.as_ref().map_or_else(
                || json_bytes(&Reply::error(status, "fault", &[]).body.unwrap_or_default()),
                |text| Bytes::from(text.clone()),
            );
            return Ok(respond(status, Some(bytes)));
        }
        Some(FaultKind::Reset) => {
            log(entry);
            return Err(io::Error::other("reset"));
        }
        Some(FaultKind::LatencyMs(ms)) => sleep(Duration::from_millis(*ms)).await,
        _ => {}
    }
    let query = parts.uri.query().unwrap_or_default();
    let work = |routed| perform(&control, key.as_ref(), routed, &parts.method, query, &parts.headers, &body);
    if let (Some(FaultKind::SomebodyFirst), Ok(op)) = (&fault, &routed) {
        // Not in the ledger: it is not this client's.
        let _ = work(Ok(op.clone()));
    }
    let (reply, allow) = work(routed);
    entry.status = reply.status.as_u16();
    entry.changed = reply.changed;
    log(entry);
    let error_body = control.lock().switches.get("error_body");
    if reply.changed {
        control.save();
    }
    let bytes = written(&reply, error_body);
    match fault {
        Some(FaultKind::ResetAfterChange) => Err(io::Error::other("reset")),
        Some(FaultKind::HangAfterChange) => std::future::pending().await,
        Some(FaultKind::CutBody) => Ok(cut(reply.status, &bytes.unwrap_or_else(|| Bytes::from_static(b"{}")))),
        Some(FaultKind::SlowBodyMs(ms)) => {
            Ok(slow(reply.status, &bytes.unwrap_or_default(), Duration::from_millis(ms)))
        }
        _ => {
            let mut response = respond(reply.status, bytes);
            if let Some(allow) = allow {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Ok(response)
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Writes a request that came at a time into the ledger.
fn note(control: &Control, mut entry: Entry, came: Duration) {
    entry.took_us = micros(control.started.elapsed().saturating_sub(came));
    control.lock().ledger.push(entry);
}

/// Finds the key, takes a place in its customer's second, and picks a fault. Says whether there was no place.
fn admit(control: &Control, secret: &str, entry: &mut Entry) -> (Option<Key>, bool, Option<FaultKind>) {
    let mut inner = control.lock();
    let key = inner.world.key_with(secret).cloned();
    let mut limited = false;
    if let Some(key) = &key {
        entry.key.clone_from(&key.label);
        limited = !inner.admit(&key.customer, control.options.rate, Instant::now());
    }
    let fault =
        if entry.operation.is_empty() || limited { None } else { fault::pick(&mut inner.faults, entry.operation) };
    (key, limited, fault)
}

/// Does an operation; also says which methods a path has, when this is not one of them.
fn perform(
    control: &Control,
    key: Option<&Key>,
    routed: Result<Op, NoRoute>,
    method: &Method,
    query: &str,
    headers: &http::HeaderMap,
    body: &[u8],
) -> (Reply, Option<&'static str>) {
    let op = match routed {
        Ok(op) => op,
        Err(NoRoute::Method(allow)) => {
            return (Reply::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", &[]), Some(allow));
        }
        Err(NoRoute::Path) => {
            return (Reply::error(StatusCode::NOT_FOUND, "no such path", &[]), None);
        }
        Err(NoRoute::Malformed) => {
            return (Reply::error(StatusCode::BAD_REQUEST, "the path is not valid", &[]), None);
        }
    };
    let Some(key) = key else {
        return (Reply::error(StatusCode::UNAUTHORIZED, "invalid authentication credentials", &[]), None);
    };
    let carries = matches!(*method, Method::POST | Method::PUT) && !body.is_empty();
    let json = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if carries && !json {
        return (Reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json", &[]), None);
    }
    let reply = Query::parse(query).and_then(|query| dispatch(&mut control.lock(), key, op, &query, body));
    (reply.unwrap_or_else(|refusal| refusal), None)
}

fn dispatch(inner: &mut Inner, key: &Key, op: Op, query: &Query, body: &[u8]) -> Outcome {
    let Inner { world, switches, .. } = inner;
    match op {
        Op::AccountList(act, list) => world.account_list(key, act, list, query, body, switches),
        Op::DomainList(act, domain, list) => world.domain_list(key, act, &domain, list, query, body, switches),
        Op::UserList(act, email, list) => world.user_list(key, act, &email, list, query, body, switches),
        Op::ListDomains => world.list_domains(key, query, switches),
        Op::Provision => world.provision(key, query, body, switches),
        Op::ProvisionBatch => world.provision_batch(key, query, body, switches),
        Op::LoginLinkBatch => world.login_links(key, body),
        Op::Deprovision(domain) => world.deprovision(key, &domain),
        Op::AddAlias(domain, alias) => world.add_alias(key, &domain, &alias, switches),
        Op::RemoveAlias(domain, alias) => world.remove_alias(key, &domain, &alias),
        Op::LoginLink(domain) => world.login_link(key, &domain),
        Op::GetDownstreams(domain) => world.get_downstreams(key, &domain, query, switches),
        Op::PutDownstreams(domain) => world.put_downstreams(key, &domain, body, switches),
        Op::PutApiKey(domain) => world.put_api_key(key, &domain, body),
        Op::PutSettings(domain) => world.put_settings(key, &domain, body, switches),
        Op::Subscriptions => world.subscriptions(key),
        Op::Status => Ok(Reply { status: StatusCode::OK, body: None, changed: false }),
        Op::PutUser => world.put_user(key, query, body, switches),
        Op::Report => world.report(key, query, body),
    }
}

/// The body as it goes out; that of an error in the shape of the switch.
fn written(reply: &Reply, error_body: &str) -> Option<Bytes> {
    if reply.status.is_success() {
        return reply.body.as_ref().map(json_bytes);
    }
    match error_body {
        "string" => reply.body.as_ref().map(|body| json_bytes(&body["message"])),
        "null" => Some(Bytes::from_static(b"null")),
        "html" => Some(Bytes::from_static(b"<html><body><h1>Error</h1></body></html>")),
        "empty" => None,
        _ => reply.body.as_ref().map(json_bytes),
    }
}

fn json_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn respond(status: StatusCode, body: Option<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body.unwrap_or_default()));
    *response.status_mut() = status;
    // Also where the body is empty: the description produces nothing else.
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn html(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::from_static(
        b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>",
    )));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn whole(bytes: Bytes) -> Body {
    http_body_util::Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// Promises the whole body and breaks off in the middle.
fn cut(status: StatusCode, bytes: &Bytes) -> Response<Body> {
    let half = bytes.slice(..bytes.len() / 2);
    let pieces = stream::iter([Ok(Frame::data(half)), Err(io::Error::other("cut"))]);
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(pieces)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len().max(2)));
    response
}

fn slow(status: StatusCode, bytes: &Bytes, pause: Duration) -> Response<Body> {
    let pieces: Vec<_> = bytes.chunks(64).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).then(move |piece| async move {
        sleep(pause).await;
        Ok(Frame::data(piece))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(pieces)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
