//! The client: one connection pool, one limiter for each customer, sessions that carry a key.

use crate::{ApiKey, Lane, LimiterStats, limiter::Limiter};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// How to reach the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL, such as `https://api.mailchannels.net/inbound/v1` `[doc]`.
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
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Client {
    /// Builds a client. It follows no redirects: they would carry the key to another host.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let tls = tls().ok_or(BuildError::Tls)?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.attempt_timeout)
            .user_agent(&config.user_agent)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|_| BuildError::Http)?;
        Ok(Self(Arc::new(Shared { http, config, limiters: Mutex::default() })))
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

/// TLS with the roots of the system, or of the web where the system has none.
fn tls() -> Option<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    Some(builder.with_root_certificates(roots).with_no_client_auth())
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

    pub(crate) fn config(&self) -> &Config {
        &self.account.client.0.config
    }
}
