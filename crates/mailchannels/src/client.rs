//! The client: one connection pool, one limiter for each customer, sessions that carry a key.

use crate::{
    ApiKey, Lane, LimiterStats,
    limiter::Limiter,
    observe::{Observer, Watched},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use url::Url;

/// How to reach the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL, such as `https://api.mailchannels.net/inbound/v1` `[doc]`. An https one is reached through the
    /// proxy of `HTTPS_PROXY` and `NO_PROXY`, which sees no more than the host; an http one always directly,
    /// because a proxy would see the key.
    pub base_url: Url,
    /// Requests a second for one customer; the service allows 100 in all `[doc]`.
    pub rate_per_second: u32,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for one try.
    pub attempt_timeout: Duration,
    /// Time for a call with its retries, without waiting for the limiter.
    pub call_timeout: Duration,
    /// User agent.
    pub user_agent: String,
}

impl Config {
    /// The usual times and rate: 80 a second, 3 s to connect, 15 s a try, 30 s a call.
    #[must_use]
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            rate_per_second: 80,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_secs(30),
            user_agent: concat!("sluice/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why the client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The base URL is not http(s), or has a name, password, query or fragment, which would be lost or logged.
    #[error("the address of the API must be http or https, without a password, query or fragment")]
    BaseUrl,
    /// The system has no root certificates, so that no https address could be trusted.
    #[error("the system has no root certificates: install its package of CA certificates")]
    NoRoots,
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Http,
}

/// A customer of the service: what the budget of requests belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub String);

/// The client; cheap to clone, and clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    config: Config,
    limiters: Mutex<HashMap<AccountId, Arc<Limiter>>>,
    observer: OnceLock<Arc<dyn Observer>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Client {
    /// Requests a second that it allows itself for one customer.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.0.config.rate_per_second
    }

    /// Builds a client. It follows no redirects: they would carry the key to another host.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let url = &config.base_url;
        let extras = [url.password(), url.query(), url.fragment()];
        if !url.username().is_empty() || extras.iter().any(Option::is_some) || !matches!(url.scheme(), "http" | "https")
        {
            return Err(BuildError::BaseUrl);
        }
        let secure = url.scheme() == "https";
        let (tls, roots) = tls().ok_or(BuildError::Tls)?;
        if secure && roots == 0 {
            return Err(BuildError::NoRoots);
        }
        let mut http = reqwest::Client::builder();
        if !secure {
            http = http.no_proxy();
        }
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.attempt_timeout)
            .user_agent(&config.user_agent)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|_| BuildError::Http)?;
        Ok(Self(Arc::new(Shared { http, config, limiters: Mutex::default(), observer: OnceLock::new() })))
    }

    /// Tells somebody of every call from now on; the first who asks is told.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.0.observer.set(observer);
    }

    /// Every customer's budget so far, and how busy it is.
    #[must_use]
    pub fn budgets(&self) -> Vec<(AccountId, LimiterStats)> {
        let limiters = self.0.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.iter().map(|(id, limiter)| (id.clone(), limiter.stats())).collect()
    }

    /// A customer's budget; the same id is the same budget in the whole process.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Account {
        let mut limiters = self.0.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter =
            limiters.entry(id.clone()).or_insert_with(|| Arc::new(Limiter::new(self.0.config.rate_per_second)));
        Account { client: self.clone(), limiter: limiter.clone() }
    }
}

/// TLS with ring and the roots of the system, and how many those are.
fn tls() -> Option<(rustls::ClientConfig, usize)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut roots = rustls::RootCertStore::empty();
    let (found, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Some((builder.with_root_certificates(roots).with_no_client_auth(), found))
}

/// A customer.
#[derive(Clone)]
pub struct Account {
    client: Client,
    pub(crate) limiter: Arc<Limiter>,
}

impl Account {
    /// Speaks for this customer with one of its keys.
    #[must_use]
    pub fn with_key<'k>(&self, key: &'k ApiKey, lane: Lane) -> Session<'k> {
        Session { account: self.clone(), key, lane }
    }

    /// How busy the budget is.
    #[must_use]
    pub fn stats(&self) -> LimiterStats {
        self.limiter.stats()
    }
}

/// One key, one lane; the operations are methods of it.
pub struct Session<'k> {
    pub(crate) account: Account,
    pub(crate) key: &'k ApiKey,
    pub(crate) lane: Lane,
}

impl Session<'_> {
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.account.client.0.http
    }

    /// A call that somebody may be told of.
    pub(crate) fn watch(&self, operation: &'static str) -> Watched<'_> {
        Watched::new(self.account.client.0.observer.get().map(AsRef::as_ref), operation)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.account.client.0.config
    }
}
