//! The published keys of an issuer: kept, and fetched again when a token names a key that is not among them.

use crate::{
    fetch::{self, FetchError},
    jwt::{self, Claims, TokenError},
};
use jsonwebtoken::{Algorithm, jwk::Jwk};
use std::sync::Arc;
use tokio::sync::{Mutex, RwLock};
use url::Url;

/// An unknown key makes us ask again at most this often: whoever sends such tokens must not make us ask for each.
const AGAIN_MS: i64 = 60_000;
/// Keys are fetched anew after this long, so that one that was withdrawn does not count for ever.
const STALE_MS: i64 = 60 * 60 * 1_000;
/// Keys that could not be fetched anew for this long count no more.
const DEAD_MS: i64 = 24 * STALE_MS;
/// An issuer that was down is left alone for this long.
const DOWN_MS: i64 = 3_000;

/// Why a token could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not to be believed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keys could not be fetched, and none are kept.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

#[derive(Default)]
struct Kept {
    keys: Arc<[Jwk]>,
    fetched_at: Option<i64>,
}

#[derive(Default)]
struct Tried {
    /// For whatever reason.
    at: Option<i64>,
    /// Because a token named a key that is not among those that are fresh.
    for_unknown: Option<i64>,
}

/// The keys of one issuer.
pub struct KeySet {
    client: reqwest::Client,
    url: Url,
    kept: RwLock<Kept>,
    /// When it was last tried, and a queue of one: many requests at once make one fetch.
    tried: Mutex<Tried>,
}

impl KeySet {
    /// The keys published at an address.
    pub fn new(client: reqwest::Client, url: Url) -> Self {
        Self { client, url, kept: RwLock::default(), tried: Mutex::default() }
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What a token says, when it is signed with one of the keys. `now` is in unix milliseconds.
    pub async fn verify(&self, token: &str, allowed: &[Algorithm], now: i64) -> Result<Claims, VerifyError> {
        let (keys, fetched_at) = self.current().await;
        let fresh = fetched_at.is_some_and(|at| now - at < STALE_MS);
        if fresh {
            match jwt::verify(token, &keys, allowed) {
                Err(TokenError::UnknownKey) => {}
                known => return Ok(known?),
            }
        }
        match self.fetch(now, fetched_at).await {
            Ok(()) => {}
            // An issuer that is down for a while doesn't sign people out whose keys are known.
            Err(error) if fetched_at.is_some_and(|at| now - at < DEAD_MS) => {
                tracing::warn!(%error, "signing keys could not be fetched again");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(jwt::verify(token, &self.current().await.0, allowed)?)
    }

    async fn current(&self) -> (Arc<[Jwk]>, Option<i64>) {
        let kept = self.kept.read().await;
        (kept.keys.clone(), kept.fetched_at)
    }

    /// Fetches, unless that was tried a short time ago or somebody did while we waited.
    async fn fetch(&self, now: i64, seen: Option<i64>) -> Result<(), FetchError> {
        let mut tried = self.tried.lock().await;
        let recent = |at: Option<i64>, time: i64| at.is_some_and(|at| now - at < time);
        if self.current().await.1 != seen {
            return Ok(());
        }
        if recent(seen, STALE_MS) {
            if recent(tried.for_unknown, AGAIN_MS) {
                return Ok(());
            }
            tried.for_unknown = Some(now);
        } else if recent(tried.at, DOWN_MS) {
            return Err(FetchError::Recently { host: fetch::host(&self.url) });
        }
        tried.at = Some(now);
        let keys = jwt::keys_of(&fetch::json(&self.client, &self.url).await?);
        *self.kept.write().await = Kept { keys: keys.into(), fetched_at: Some(now) };
        Ok(())
    }
}
