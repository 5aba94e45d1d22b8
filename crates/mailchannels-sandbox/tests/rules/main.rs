//! The stand-in over TCP: the rules of the description, faults, switches, and its control.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it stands")]

mod control;
mod dns;
mod domains;
mod others;

use mailchannels_sandbox::{Options, Sandbox, Seed};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A running stand-in and somebody who asks it.
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    client: Client,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Options { seed: Seed::Demo, domains: 60, rate: 100_000, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        Self { sandbox: Sandbox::start(options).await.unwrap(), client }
    }

    /// Asks with key `webNN`, or with `other-host`'s when 0.
    pub(crate) async fn ask(&self, key: u8, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let secret = if key == 0 { "sandbox-other-key".to_owned() } else { format!("sandbox-key-{key:02}") };
        let mut request =
            self.client.request(method, format!("{}{path}", self.sandbox.base_url())).header("x-api-key", secret);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, key: u8, path: &str) -> (StatusCode, Value) {
        self.ask(key, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn status(&self, key: u8, method: Method, path: &str, body: Value) -> u16 {
        self.ask(key, method, path, body).await.0.as_u16()
    }

    /// Control over HTTP.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("http://{}/_sandbox/{path}", self.sandbox.addr());
        let answer = self.client.request(method, url).json(&body).send().await.unwrap();
        (answer.status(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    /// A bare request, whose failure is of interest.
    pub(crate) async fn raw(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("{}{path}", self.sandbox.base_url());
        self.client.get(url).header("x-api-key", "sandbox-key-07").send().await?.text().await
    }
}
