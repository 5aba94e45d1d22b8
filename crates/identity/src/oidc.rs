//! `OpenID Connect`: the code flow with PKCE, state and nonce (`OpenID` Connect Core 3.1, RFC 7636, RFC 9207).

use crate::{
    Vouched,
    claims::{self, Expected, Logout},
    fetch::{self, FetchError},
    jwks::{KeySet, VerifyError},
    jwt::TokenError,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{io, path::PathBuf, sync::Arc};
use subtle::ConstantTimeEq;
use tokio::sync::RwLock;
use url::Url;

/// What the provider says of itself is asked again after this long.
const STALE_MS: i64 = 60 * 60 * 1_000;

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Exact issuer.
    pub issuer: String,
    /// Our id at the provider.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretString,
    /// Space-separated.
    pub scopes: String,
    /// Name of the claim that holds the groups.
    pub groups: String,
    /// See [`Expected::email_trusted`].
    pub email_trusted: bool,
    /// Algorithms that ID tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// A private authority's certificate, PEM.
    pub ca: Option<PathBuf>,
    /// Where the provider sends people back to.
    pub redirect: String,
}

/// The three secrets of one sign-in. They stay on the server, and count once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Comes back with the code, and ties it to the browser that began.
    pub state: String,
    /// Comes back in the ID token, and ties it to this sign-in.
    pub nonce: String,
    /// Proves at the token endpoint that we began.
    pub verifier: String,
}

impl Flow {
    /// New secrets, 256 bits each.
    pub fn new(mut random: impl FnMut() -> [u8; 32]) -> Self {
        let mut text = || BASE64_URL_SAFE_NO_PAD.encode(random());
        Self { state: text(), nonce: text(), verifier: text() }
    }

    /// The challenge of PKCE, method S256.
    fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

/// What a provider says of itself.
struct Metadata {
    authorize: Url,
    token: Url,
    end_session: Option<Url>,
    /// Answers name the issuer (RFC 9207).
    names_issuer: bool,
    keys: Arc<KeySet>,
    fetched_at: i64,
}

/// Why a sign-in did not come about.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider is down or answers nonsense.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it says of itself does not fit the settings.
    #[error("the provider's description is not usable: {0}")]
    Metadata(&'static str),
    /// The answer is not the answer to what this browser asked.
    #[error("the answer does not belong to a sign-in that was begun here")]
    State,
    /// The answer is from another provider.
    #[error("the answer names another issuer")]
    Issuer,
    /// The provider said no, or the person did.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The code is not good.
    #[error("the provider did not take the code: {0}")]
    Code(String),
    /// The ID token is not to be believed.
    #[error("the ID token is not to be believed: {0}")]
    Token(TokenError),
}

impl From<VerifyError> for OidcError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Token(error) => Self::Token(error),
            VerifyError::Fetch(error) => Self::Fetch(error),
        }
    }
}

/// What the provider sent the browser back with.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The code.
    pub code: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// A refusal.
    pub error: Option<String>,
}

impl Answer {
    /// Reads a query. A parameter that is there twice makes all of it worthless.
    pub fn from_query(query: &str) -> Self {
        let mut answer = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "code" => &mut answer.code,
                "state" => &mut answer.state,
                "iss" => &mut answer.iss,
                "error" => &mut answer.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Self::default();
            }
        }
        answer
    }
}

/// Whether an address may be asked: over TLS, or on this machine.
pub fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.username().is_empty()
        && url.password().is_none()
        && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

/// One provider.
pub struct Provider {
    settings: Settings,
    expected: Expected,
    client: reqwest::Client,
    metadata: RwLock<Option<Arc<Metadata>>>,
}

impl Provider {
    /// A provider; asks it nothing yet.
    ///
    /// # Errors
    /// When the certificate of the private authority can't be used.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let client = fetch::client(settings.ca.as_deref())?;
        let expected = Expected {
            issuer: settings.issuer.clone(),
            audience: settings.client_id.clone(),
            groups: settings.groups.clone(),
            email_trusted: settings.email_trusted,
        };
        Ok(Self { settings, expected, client, metadata: RwLock::default() })
    }

    /// The provider's host, for people.
    pub fn name(&self) -> String {
        Url::parse(&self.settings.issuer).map_or_else(|_| self.settings.issuer.clone(), |url| fetch::host(&url))
    }

    /// The exact issuer.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    async fn metadata(&self, now: i64) -> Result<Arc<Metadata>, OidcError> {
        let kept = self.metadata.read().await.clone();
        if let Some(kept) = kept.as_ref().filter(|kept| now - kept.fetched_at < STALE_MS) {
            return Ok(kept.clone());
        }
        match self.discover(now, kept.as_deref()).await {
            Ok(new) => {
                let new = Arc::new(new);
                *self.metadata.write().await = Some(new.clone());
                Ok(new)
            }
            Err(error) => kept.ok_or(error),
        }
    }

    async fn discover(&self, now: i64, before: Option<&Metadata>) -> Result<Metadata, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|_| OidcError::Metadata("its address is none"))?;
        let said = fetch::json(&self.client, &address).await?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        if text("issuer") != Some(self.settings.issuer.as_str()) {
            return Err(OidcError::Metadata("it names another issuer than SLUICE_OIDC_ISSUER"));
        }
        let endpoint = |name: &str| text(name).and_then(|text| Url::parse(text).ok()).filter(is_safe);
        let missing = |what| move || OidcError::Metadata(what);
        let jwks = endpoint("jwks_uri").ok_or_else(missing("it has no safe jwks_uri"))?;
        let same = before.filter(|before| *before.keys.url() == jwks).map(|before| before.keys.clone());
        Ok(Metadata {
            authorize: endpoint("authorization_endpoint")
                .ok_or_else(missing("it has no safe authorization_endpoint"))?,
            token: endpoint("token_endpoint").ok_or_else(missing("it has no safe token_endpoint"))?,
            end_session: endpoint("end_session_endpoint"),
            names_issuer: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            keys: same.unwrap_or_else(|| Arc::new(KeySet::new(self.client.clone(), jwks))),
            fetched_at: now,
        })
    }

    /// Where the browser is to go to sign in; with `fresh`, the person is to prove again who they are.
    /// `now` is in unix milliseconds, here and below.
    pub async fn begin(&self, flow: &Flow, fresh: bool, now: i64) -> Result<Url, OidcError> {
        let mut url = self.metadata(now).await?.authorize.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", &flow.state)
            .append_pair("nonce", &flow.nonce)
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        if fresh {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        drop(query);
        Ok(url)
    }

    /// Judges what the browser came back with, trades the code, and says who it is, with the ID token itself.
    pub async fn finish(&self, flow: &Flow, answer: &Answer, now: i64) -> Result<(Vouched, SecretString), OidcError> {
        let metadata = self.metadata(now).await?;
        let state = answer.state.as_deref().unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(flow.state.as_bytes())) {
            return Err(OidcError::State);
        }
        match answer.iss.as_deref() {
            Some(iss) if iss != self.settings.issuer => return Err(OidcError::Issuer),
            None if metadata.names_issuer => return Err(OidcError::Issuer),
            _ => {}
        }
        if let Some(error) = &answer.error {
            return Err(OidcError::Refused(code_word(error)));
        }
        let code = answer.code.as_deref().ok_or(OidcError::State)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect),
            ("code_verifier", &flow.verifier),
        ];
        // RFC 6749, 2.3.1: both are form-encoded before they are joined.
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let request = self
            .client
            .post(metadata.token.clone())
            .basic_auth(encoded(&self.settings.client_id), Some(encoded(self.settings.client_secret.expose_secret())))
            .header(reqwest::header::ACCEPT, "application/json")
            .form(&form);
        let (status, said) = fetch::read(&metadata.token, request.send().await).await?;
        if status != 200 {
            return Err(match said.get("error").and_then(Value::as_str) {
                Some(error) => OidcError::Code(code_word(error)),
                None => FetchError::Status { host: fetch::host(&metadata.token), status }.into(),
            });
        }
        let token = said.get("id_token").and_then(Value::as_str).ok_or(OidcError::Token(TokenError::Shape))?;
        let claims = metadata.keys.verify(token, &self.settings.algorithms, now).await?;
        let vouched = claims::id_token(&claims, &self.expected, &flow.nonce, now / 1_000).map_err(OidcError::Token)?;
        Ok((vouched, SecretString::from(token)))
    }

    /// Where signing out goes on at the provider, when it has such a page.
    pub async fn end(&self, id_token: Option<&str>, then: &str, now: i64) -> Option<Url> {
        let mut url = self.metadata(now).await.ok()?.end_session.clone()?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("client_id", &self.settings.client_id).append_pair("post_logout_redirect_uri", then);
            if let Some(token) = id_token {
                query.append_pair("id_token_hint", token);
            }
        }
        Some(url)
    }

    /// Which session a logout token ends.
    pub async fn logout(&self, token: &str, now: i64) -> Result<Logout, OidcError> {
        let metadata = self.metadata(now).await?;
        let claims = metadata.keys.verify(token, &self.settings.algorithms, now).await?;
        claims::logout_token(&claims, &self.expected, now / 1_000).map_err(OidcError::Token)
    }

    /// The provider's origins that forms of ours may lead to, as far as they are known: a page must not wait for
    /// them, so the sign-in page asks with [`Self::look`] first.
    pub fn known_origins(&self) -> Vec<String> {
        let known = self.metadata.try_read().ok().and_then(|kept| kept.clone());
        let urls = known.iter().flat_map(|kept| [Some(&kept.authorize), kept.end_session.as_ref()]).flatten();
        let own = Url::parse(&self.settings.issuer).ok();
        let mut origins: Vec<_> = urls.chain(own.as_ref()).map(|url| url.origin().ascii_serialization()).collect();
        origins.sort();
        origins.dedup();
        origins
    }

    /// Asks the provider what it says of itself, unless that is known.
    pub async fn look(&self, now: i64) -> Result<(), OidcError> {
        self.metadata(now).await.map(drop)
    }
}

/// A word of a protocol, fit for a log: of the letters that such words have (RFC 6749, 4.1.2.1), and short.
fn code_word(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_there_twice_spoils_the_answer() {
        let answer = Answer::from_query("code=a&state=b&iss=https%3A%2F%2Fid.example&session_state=x");
        assert_eq!(answer.code.as_deref(), Some("a"));
        assert_eq!(answer.iss.as_deref(), Some("https://id.example"));
        assert!(Answer::from_query("state=b&code=a&code=c").state.is_none());
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let flow = Flow {
            state: String::new(),
            nonce: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        };
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn only_this_machine_may_be_asked_without_tls() {
        for (url, safe) in [
            ("https://id.example/x", true),
            ("http://127.0.0.1:4000", true),
            ("http://[::1]:4000", true),
            ("http://id.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("https://a:b@id.example", false),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(is_safe(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }
}
