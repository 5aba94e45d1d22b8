//! An identity provider of our own, which says whatever a test wants it to say.

use crate::app::{Answer, Browser, TestApp};
use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Keys made for these tests and used nowhere else: PKCS #8, DER in base64.
const KEYS: [&str; 2] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6JI4E0P58e3Eo9Q+2wVEC/FyF+IEjL2cNrBWFrLRISihRANCAAQ9OMpHo2lEjVy2MYjVulDvaU+J45TxGnJEXmL/YrPOwqaE9+AQqJhq7X00uBIgMoORU171B+DE/LpRTwItL11A",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAlBmw0nDsUM/rcBBbFE7YhRfANGOq1/oIuhg0L3ojg6hRANCAAQk3kzhWnrcOk8GS+w8wfxaUqEqfRqoygtPHhDoPiPw44erL+La8YzQIHc0wvoT93exSe/4EPlV+z+AevrKo1sF",
];
/// Our id there.
const CLIENT: &str = "sluice";
/// Our secret there.
const SECRET: &str = "a secret: with + and %";

/// Groups that have a role, in both ways.
const ROLES: [&str; 6] = ["--role-agents", "support", "--role-leads", "leads", "--role-admins", "root"];

/// How the next ID token is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forged {
    /// Claims that replace or (null) take away what a good token has.
    pub(crate) claims: Value,
    /// `none`, `HS256`, or another key than is published.
    pub(crate) by: &'static str,
}

#[derive(Default)]
struct Inner {
    base: String,
    /// Index of the key that signs, and those that are published.
    signs: usize,
    published: Vec<usize>,
    person: Value,
    forged: Forged,
    nonce: String,
    challenge: String,
    fetches: usize,
    down: bool,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Mutex<Inner>>);

fn key(index: usize) -> EncodingKey {
    EncodingKey::from_ec_der(&BASE64_STANDARD.decode(KEYS[index]).unwrap())
}

fn public(index: usize) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key(index), Algorithm::ES256).unwrap()).unwrap();
    jwk["kid"] = json!(format!("k{index}"));
    jwk
}

pub(crate) fn now() -> i64 {
    desk::system_clock() / 1_000
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let person = json!({
            "sub": "u-maya", "name": "Maya Okafor", "email": "maya@host.example", "email_verified": true,
            "groups": ["support"], "sid": "s-1",
        });
        let provider = Self(Arc::new(Mutex::new(Inner { base, person, published: vec![0], ..Inner::default() })));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(crate) fn base(&self) -> String {
        self.with(|inner| inner.base.clone())
    }

    /// A Sluice with so many domains that signs people in here.
    pub(crate) async fn sluice(&self, domains: usize, more: &[&str]) -> TestApp {
        let base = self.base();
        let own =
            ["--auth", "oidc", "--oidc-issuer", &base, "--oidc-client-id", CLIENT, "--oidc-client-secret", SECRET];
        let roles = ["--role-viewers", "readers", "--proxy-cidrs", "127.0.0.1"];
        TestApp::start_with(domains, &[&own[..], &ROLES, &roles, more].concat()).await
    }

    /// A Sluice behind an access proxy that has its tokens from here.
    pub(crate) async fn sluice_behind_proxy(&self, domains: usize) -> TestApp {
        let (base, keys) = (self.base(), format!("{}/jwks", self.base()));
        let own = ["--auth", "signed-header", "--jwt-header", "X-Access-Token", "--jwt-issuer", &base];
        let rest = ["--jwt-audience", CLIENT, "--jwt-jwks-url", &keys];
        TestApp::start_with(domains, &[&own[..], &rest, &ROLES].concat()).await
    }

    /// Sends a browser off to the provider by one of our forms; returns the address that it sends the browser back to.
    pub(crate) async fn begin(&self, browser: &Browser, path: &str, back: &str) -> String {
        let answer = browser.post(path, &[("return", back)]).await;
        let url = answer.location.unwrap_or_else(|| panic!("{} {}", answer.status, answer.text));
        assert!(url.starts_with(&format!("{}/authorize?", self.base())), "{url}");
        let query = self.visit(&url);
        assert_eq!((query["response_type"].as_str(), query["code_challenge_method"].as_str()), ("code", "S256"));
        assert_eq!(query.contains_key("prompt"), path == "/auth/step-up");
        let iss: String = url::form_urlencoded::byte_serialize(self.base().as_bytes()).collect();
        format!("/auth/callback?code=good&state={}&iss={iss}", query["state"])
    }

    /// Signs the person in; returns what the browser gets when it is back.
    pub(crate) async fn sign_in(&self, browser: &Browser) -> Answer {
        let callback = self.begin(browser, "/auth/start", "/domains?q=shop").await;
        browser.get(&callback).await
    }

    /// Changes what is said of the person.
    pub(crate) fn person(&self, claims: Value) {
        self.with(|inner| merge(&mut inner.person, &claims));
    }

    /// Forges the next ID tokens; an empty value makes good ones again.
    pub(crate) fn forge(&self, claims: Value, by: &'static str) {
        self.with(|inner| inner.forged = Forged { claims, by });
    }

    /// Whether it answers.
    pub(crate) fn set_down(&self, down: bool) {
        self.with(|inner| inner.down = down);
    }

    /// Signs with another key from now on, which is published with or without the old one.
    pub(crate) fn roll(&self, index: usize, published: &[usize]) {
        self.with(|inner| {
            inner.signs = index;
            inner.published = published.to_vec();
        });
    }

    /// How often the keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.with(|inner| inner.fetches)
    }

    /// What the provider was told when a browser came with this address.
    fn visit(&self, url: &str) -> HashMap<String, String> {
        let query: HashMap<String, String> =
            url::form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        self.with(|inner| {
            inner.nonce.clone_from(&query["nonce"]);
            inner.challenge.clone_from(&query["code_challenge"]);
        });
        query
    }

    /// A token of the person, with claims changed.
    pub(crate) fn token(&self, changes: &Value) -> String {
        self.with(|inner| {
            let mut claims = inner.person.clone();
            merge(&mut claims, &json!({ "iss": inner.base, "aud": CLIENT, "iat": now(), "exp": now() + 300 }));
            merge(&mut claims, changes);
            sign(inner, &claims, "")
        })
    }
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}

fn sign(inner: &Inner, claims: &Value, by: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let kid = Some(format!("k{}", inner.signs));
    let header = |algorithm| Header { kid: kid.clone(), ..Header::new(algorithm) };
    match by {
        "none" => format!("{}.{}.", part(&json!({ "alg": "none", "kid": kid })), part(claims)),
        // The public key, which everybody knows, as if it were a shared secret.
        "HS256" => {
            let secret = EncodingKey::from_secret(public(inner.signs).to_string().as_bytes());
            encode(&header(Algorithm::HS256), claims, &secret).unwrap()
        }
        // Signed by somebody else, under the id of a key that is published.
        "other" => encode(&header(Algorithm::ES256), claims, &key(1 - inner.signs)).unwrap(),
        "unknown" => {
            let header = Header { kid: Some("k9".into()), ..Header::new(Algorithm::ES256) };
            encode(&header, claims, &key(inner.signs)).unwrap()
        }
        _ => encode(&header(Algorithm::ES256), claims, &key(inner.signs)).unwrap(),
    }
}

fn down() -> Response {
    StatusCode::BAD_GATEWAY.into_response()
}

async fn discover(State(provider): State<Provider>) -> Response {
    provider.with(|inner| {
        if inner.down {
            return down();
        }
        let base = &inner.base;
        Json(json!({
            "issuer": base, "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
            "jwks_uri": format!("{base}/jwks"), "end_session_endpoint": format!("{base}/end"),
            "authorization_response_iss_parameter_supported": true,
        }))
        .into_response()
    })
}

async fn jwks(State(provider): State<Provider>) -> Response {
    provider.with(|inner| {
        inner.fetches += 1;
        if inner.down {
            return down();
        }
        let keys: Vec<_> = inner.published.iter().map(|index| public(*index)).collect();
        Json(json!({ "keys": keys })).into_response()
    })
}

async fn token(
    State(provider): State<Provider>,
    headers: axum::http::HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    use sha2::{Digest, Sha256};
    provider.with(|inner| {
        if inner.down {
            return down();
        }
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET))));
        let known = headers.get("authorization").is_some_and(|said| said.to_str().unwrap() == basic);
        let verifier = form.get("code_verifier").cloned().unwrap_or_default();
        let proof = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if !known || form.get("code").map(String::as_str) != Some("good") || proof != inner.challenge {
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
        }
        let mut claims = inner.person.clone();
        let good = json!({
            "iss": inner.base, "aud": CLIENT, "iat": now(), "exp": now() + 300, "nonce": inner.nonce,
        });
        merge(&mut claims, &good);
        merge(&mut claims, &inner.forged.claims);
        let token = sign(inner, &claims, inner.forged.by);
        Json(json!({ "access_token": "a", "token_type": "Bearer", "id_token": token })).into_response()
    })
}
