//! The client against a scripted server: what it sends, and what it makes of answers.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test may stop where it stands")]

mod answers;
mod operations;

use mailchannels::{Account, AccountId, ApiKey, Client, Config, Lane};
use serde_json::Value;
use std::time::Duration;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

const KEY: &str = "canary-0123456789";

pub(crate) struct Rig {
    pub(crate) server: MockServer,
    pub(crate) key: ApiKey,
    account: Account,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let mut config = Config::new(format!("{}/inbound/v1", server.uri()).parse().unwrap());
        config.attempt_timeout = Duration::from_millis(400);
        let account = Client::new(config).unwrap().account(&AccountId("test".into()));
        Self { server, key: ApiKey::new(KEY.to_owned()).unwrap(), account }
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
