//! Who is asking: the mode of sign-in, cookies, where a request came from, and how often somebody may try.

pub mod device;
pub mod identify;
pub mod routes;

use axum::extract::ConnectInfo;
use desk::{Circumstances, Mode, Token};
use governor::{Quota, RateLimiter, clock::DefaultClock, state::keyed::HashMapStateStore};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use identity::{
    Algorithm, RoleMap,
    claims::Expected,
    jwks::KeySet,
    oidc::Provider,
    proxy::{self, Rules},
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
};
use url::Url;

/// Cookie of the session.
pub const SESSION: &str = "__Host-sluice";
/// Cookie of a sign-in that was begun at the provider.
pub const BEGUN: &str = "__Host-sluice-sign-in";
/// A fresh sign-in counts for this long, in milliseconds.
pub const FRESH_MS: i64 = 10 * 60 * 1_000;
/// Sign-ins that one address may try in a minute.
const TRIES: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Whom the server asks.
pub enum Gate {
    /// Nobody: four made-up people.
    Demo,
    /// A provider.
    Oidc(Box<Provider>),
    /// The token of an access proxy, on every request.
    Signed {
        /// Header that carries it.
        header: HeaderName,
        /// Keys that it may be signed with.
        keys: Box<KeySet>,
        /// What it must say.
        expected: Expected,
        /// Algorithms that it may be signed with.
        algorithms: Vec<Algorithm>,
    },
    /// The headers of a proxy, on every request.
    Trusted(Rules),
}

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// How people sign in.
pub struct Auth {
    /// Whom the server asks.
    pub gate: Gate,
    /// Who gets which role.
    pub map: RoleMap,
    /// The proxy's word is enough where a fresh sign-in is asked for.
    pub by_proxy: bool,
    /// The proxy's page for signing out.
    pub sign_out: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub peers: Vec<IpNet>,
    tries: Limiter,
}

impl Auth {
    /// Demo mode behind these proxies; the other modes set the rest.
    pub fn new(peers: Vec<IpNet>) -> Self {
        Self {
            gate: Gate::Demo,
            map: RoleMap::default(),
            by_proxy: false,
            sign_out: None,
            peers,
            tries: RateLimiter::hashmap(Quota::per_minute(TRIES)),
        }
    }

    /// The mode's name in sessions and in the audit log.
    pub fn mode(&self) -> Mode {
        match self.gate {
            Gate::Demo => Mode::Demo,
            Gate::Oidc(_) => Mode::Oidc,
            Gate::Signed { .. } => Mode::SignedHeader,
            Gate::Trusted(_) => Mode::TrustedHeader,
        }
    }

    /// Whether a proxy vouches for every request.
    pub fn is_header(&self) -> bool {
        matches!(self.gate, Gate::Signed { .. } | Gate::Trusted(_))
    }

    /// Whether this address may try to sign in once more. In demo mode there is nothing to guess.
    pub fn may_try(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        if self.tries.len() > 10_000 {
            self.tries.retain_recent();
        }
        matches!(self.gate, Gate::Demo) || self.tries.check_key(&network(address)).is_ok()
    }

    /// Origins besides ours that a form of ours may lead to.
    pub fn form_origins(&self) -> Vec<String> {
        match &self.gate {
            Gate::Oidc(provider) => provider.known_origins(),
            _ => self.sign_out.iter().map(|url| url.origin().ascii_serialization()).collect(),
        }
    }

    /// From where a request came.
    pub fn circumstances(&self, headers: &HeaderMap, peer: IpAddr) -> Circumstances {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("unknown").to_owned();
        Circumstances { device: device::of(agent), address: self.address(headers, peer).to_string(), request_id }
    }

    /// The client's address: what the nearest of our proxies saw. Entries further left are anybody's word.
    fn address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut address = peer.to_canonical();
        let entries: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("?").split(','))
            .map(|entry| entry.trim().parse::<IpAddr>().ok())
            .collect();
        for entry in entries.into_iter().rev() {
            if !proxy::is_among(&self.peers, address) {
                break;
            }
            let Some(entry) = entry else { break };
            address = entry.to_canonical();
        }
        address
    }

    /// Asks the provider what it says of itself now and then, so that no page has to wait for it.
    pub async fn keep_known(&self, clock: fn() -> i64) {
        let Gate::Oidc(provider) = &self.gate else { return std::future::pending().await };
        loop {
            let wait = match provider.look(clock()).await {
                Ok(()) => 10 * 60,
                Err(error) => {
                    tracing::warn!(%error, "the sign-in service does not answer");
                    15
                }
            };
            tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
        }
    }

    /// Asks the provider what it says of itself if that isn't known, for the page whose form leads there; not for long.
    pub async fn look(&self, now: i64) {
        if let Gate::Oidc(provider) = &self.gate {
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), provider.look(now)).await;
        }
    }

    /// What each setting of this mode does, for `sluice check-config`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![match &self.gate {
            Gate::Demo => "demo: anybody on this machine can be any of four made-up people".to_owned(),
            Gate::Oidc(provider) => format!("oidc: people sign in at {}", provider.name()),
            Gate::Signed { header, expected, keys, .. } => format!(
                "signed-header: every request must carry a token of {} in {header}, signed with a key of {}",
                expected.issuer,
                identity::fetch::host(keys.url())
            ),
            Gate::Trusted(rules) => format!(
                "trusted-header: {} says who is asking, from {}{}",
                rules.user,
                self.peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                if rules.secret.is_some() { ", with a shared secret" } else { ", without a shared secret" }
            ),
        }];
        lines.extend(self.map.lines());
        if !matches!(self.gate, Gate::Demo) {
            lines.push(if self.by_proxy && self.is_header() {
                "dangerous actions: the proxy's word is enough".to_owned()
            } else if self.by_proxy {
                "dangerous actions: after signing in again, also where the provider sends no auth_time".to_owned()
            } else {
                "dangerous actions: only with an auth_time of the last ten minutes".to_owned()
            });
        }
        lines
    }
}

/// The address at the other end of the connection.
pub fn peer(extensions: &Extensions) -> IpAddr {
    let connection = extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// What counts as one address: a household has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// A cookie's token. The same name twice is nobody's.
pub fn token(headers: &HeaderMap, name: &str) -> Option<Token> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(other, value)| *other == name && !value.is_empty() && value.len() <= 64);
    let (_, value) = found.next()?;
    if found.next().is_some() { None } else { Some(Token::new(value)) }
}

/// Sets a cookie of ours; without a token, takes it away.
pub fn cookie(name: &str, token: Option<&Token>) -> HeaderValue {
    let text = match token {
        Some(token) => format!("{name}={}; Path=/; Secure; HttpOnly; SameSite=Lax", token.expose()),
        None => format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"),
    };
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests;
