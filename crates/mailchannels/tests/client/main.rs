//! The client against a scripted server: what it sends, and what it makes of answers.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test may stop where it stands")]

mod answers;
mod every;
mod lost;
mod observed;
mod operations;
mod raw;

use mailchannels::{Account, AccountId, ApiKey, Client, Config, Lane};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

const KEY: &str = "canary-0123456789";

/// A client that is neither paced nor patient: those are tests of their own.
pub(crate) fn config(base: &str) -> Config {
    let mut config = Config::new(base.parse().unwrap());
    config.rate_per_second = 10_000;
    config.attempt_timeout = Duration::from_millis(400);
    config
}

pub(crate) struct Rig {
    pub(crate) server: MockServer,
    pub(crate) key: ApiKey,
    client: Client,
    account: Account,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let server = MockServer::start().await;
        let mut config = config(&format!("{}/inbound/v1", server.uri()));
        change(&mut config);
        let client = Client::new(config).unwrap();
        let account = client.account(&AccountId("test".into()));
        Self { server, key: ApiKey::new(KEY.to_owned()).unwrap(), client, account }
    }

    /// The same customer and key, for another task.
    pub(crate) fn twin(&self) -> (Account, ApiKey) {
        (self.account.clone(), ApiKey::new(KEY.to_owned()).unwrap())
    }

    /// A session of a customer that nothing was asked for yet.
    pub(crate) fn fresh(&self) -> mailchannels::Session<'_> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = AccountId(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        self.client.account(&id).with_key(&self.key, Lane::Interactive)
    }

    /// Somebody to be told of calls.
    pub(crate) fn observe(&self, observer: std::sync::Arc<dyn mailchannels::Observer>) {
        self.client.observe(observer);
    }

    pub(crate) fn session(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.key, Lane::Interactive)
    }

    pub(crate) async fn answers(&self, status: u16, body: impl Into<Value>) {
        self.server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(body.into()))
            .mount(&self.server)
            .await;
    }

    /// The requests since the last script.
    pub(crate) async fn sent(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The only request: method, path with query, body.
    pub(crate) async fn one(&self) -> (String, String, Value) {
        let sent = self.sent().await;
        assert_eq!(sent.len(), 1);
        let request = &sent[0];
        assert_eq!(request.headers["x-api-key"], KEY);
        let path = request.url.path().strip_prefix("/inbound/v1").unwrap().to_owned();
        let path = request.url.query().map_or(path.clone(), |query| format!("{path}?{query}"));
        (request.method.to_string(), path, serde_json::from_slice(&request.body).unwrap_or(Value::Null))
    }
}
