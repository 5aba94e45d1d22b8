//! One call on the wire: limiter, tries, and what an answer means.

use crate::{
    Error, Session,
    encode::address,
    error::{Meaning, classify},
    limiter::Ended,
    observe::Watched,
    repeat::{Again, after_loss},
};
use http::{HeaderValue, Method, StatusCode};
use rand::Rng;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use url::Url;

/// Most tries of a call that may be repeated.
const TRIES: u32 = 3;
/// Longest pause before the first repeat; doubles with each.
const BACKOFF: Duration = Duration::from_millis(250);
/// Largest answer that is read; 5,000 domains are a few megabytes.
const ANSWER_MAX: usize = 64 << 20;
/// Largest refusal that is read; its words are cut far shorter.
const REFUSAL_MAX: usize = 64 << 10;

/// A call to be made.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) meaning: Meaning,
    pub(crate) again: Again,
    pub(crate) secret: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, method: Method, segments: &'a [&'a str]) -> Self {
        let again = if method == Method::DELETE { Again::Gone } else { Again::Same };
        Self { operation, method, segments, query: &[], meaning: Meaning::Usual, again, secret: None }
    }

    pub(crate) fn query(mut self, query: &'a [(&'a str, String)]) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn meaning(mut self, meaning: Meaning) -> Self {
        self.meaning = meaning;
        self
    }

    /// What a repeat finds when the first try was done and its answer lost.
    pub(crate) fn again(mut self, again: Again) -> Self {
        self.again = again;
        self
    }

    /// A secret in the body: the service's words must not carry it on.
    pub(crate) fn secret(mut self, secret: &'a str) -> Self {
        self.secret = Some(secret);
        self
    }

    fn posted(&self) -> bool {
        self.method == Method::POST
    }
}

/// An answer with a 2xx status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The body, or why it did not come whole; the status alone is enough for many calls.
    body: Result<Vec<u8>, Error>,
    posted: bool,
}

impl Answer {
    /// An answer that was not heard, but that must have been given.
    pub(crate) fn inferred(status: StatusCode) -> Self {
        Self { status, body: Ok(Vec::new()), posted: false }
    }

    /// Reads the body. A POST that worked and whose body can't be read is ambiguous, not failed.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        serde_json::from_slice(body).map_err(|_| {
            if self.posted { Error::Ambiguous } else { Error::Unavailable { status: Some(self.status.as_u16()) } }
        })
    }
}

/// What one try came to.
struct Tried {
    result: Result<Answer, Error>,
    /// Whether the service may have seen it.
    sent: bool,
    status: Option<StatusCode>,
}

impl Session<'_> {
    /// Makes a call without a body.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, Error> {
        self.call_with(call, None::<&()>).await
    }

    /// Makes a call whose answer must be readable; a GET with a cut body is repeated like any failure.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        self.attempt(call, None::<&()>, |answer| answer.json()).await
    }

    /// Makes a call with a JSON body.
    pub(crate) async fn call_with(&self, call: Call<'_>, body: Option<&impl Serialize>) -> Result<Answer, Error> {
        self.attempt(call, body, Ok).await
    }

    async fn attempt<T>(
        &self,
        call: Call<'_>,
        body: Option<&impl Serialize>,
        accept: impl Fn(Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let span = tracing::debug_span!("upstream", operation = call.operation);
        let watched = self.watch(call.operation);
        let result = self.tries(call, body, accept, &watched).instrument(span).await;
        watched.ended(result)
    }

    async fn tries<T>(
        &self,
        call: Call<'_>,
        body: Option<&impl Serialize>,
        accept: impl Fn(Answer) -> Result<T, Error>,
        watched: &Watched<'_>,
    ) -> Result<T, Error> {
        // Refused here, before the budget and the breaker: it says nothing of the service.
        let url = address(&self.config().base_url, call.segments, call.query)?;
        let key = self.key.header().ok_or(Error::BadKey)?;
        let limiter = &self.account.limiter;
        if !limiter.closed() {
            return Err(Error::BreakerOpen);
        }
        limiter.first_try();
        let mut left = self.config().call_timeout;
        let (mut attempt, mut maybe_done) = (0, false);
        loop {
            let asked = Instant::now();
            limiter.enter(self.lane).await;
            watched.waited(asked.elapsed());
            attempt += 1;
            let began = Instant::now();
            let flight = limiter.takes_off();
            let tried = self.once(&call, &url, &key, body, left.min(self.config().attempt_timeout)).await;
            flight.lands();
            let (took, status) = (began.elapsed(), tried.status.map(|status| status.as_u16()));
            left = left.saturating_sub(took);
            let result = if maybe_done { after_loss(call.again, tried.result) } else { tried.result };
            let error = match result.and_then(&accept) {
                Ok(value) => {
                    limiter.ended(Ended::Answered);
                    tracing::debug!(attempt, status, ms = took.as_millis(), "done");
                    return Ok(value);
                }
                Err(error) => error,
            };
            tracing::debug!(attempt, status, ms = took.as_millis(), %error, "failed");
            let ended = Ended::of(&error);
            if ended == Ended::PushedBack {
                limiter.pushed_back();
            }
            maybe_done |= tried.sent && ended == Ended::Outage;
            // A POST is repeated only when it was never sent: nobody can have acted on it. Not after a
            // 503 either, which may be a proxy's word on work that was done behind it.
            let repeatable = if call.posted() { !tried.sent } else { ended != Ended::Answered };
            let pause = rand::rng().random_range(Duration::ZERO..BACKOFF * 2_u32.pow(attempt - 1));
            if !repeatable || attempt >= TRIES || pause >= left || limiter.open() || !limiter.may_retry() {
                limiter.ended(ended);
                return Err(error);
            }
            sleep(pause).await;
            left = left.saturating_sub(pause);
        }
    }

    async fn once(
        &self,
        call: &Call<'_>,
        url: &Url,
        key: &HeaderValue,
        body: Option<&impl Serialize>,
        timeout: Duration,
    ) -> Tried {
        let posted = call.posted();
        let mut request =
            self.http().request(call.method.clone(), url.clone()).header("x-api-key", key.clone()).timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                return Tried { result: Err(lost(&error, posted)), sent: !error.is_connect(), status: None };
            }
        };
        let status = response.status();
        let result = if status.is_success() {
            Ok(Answer { status, body: whole(response, posted).await, posted })
        } else {
            // The status arrived, so a refusal is a refusal even if its words are lost.
            let words = refusal(response).await;
            let secrets = [Some(self.key.expose_for_sealing()), call.secret];
            Err(classify(status, &words, call.meaning, posted, secrets.into_iter().flatten()))
        };
        Tried { result, sent: true, status: Some(status) }
    }
}

/// The body of an answer.
async fn whole(response: reqwest::Response, posted: bool) -> Result<Vec<u8>, Error> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    match gather(response, ANSWER_MAX, &mut body).await {
        Ok(true) => Ok(body),
        Ok(false) if posted => Err(Error::Ambiguous),
        Ok(false) => Err(Error::Unavailable { status: Some(status) }),
        Err(error) => Err(lost(&error, posted)),
    }
}

/// The words of a refusal, as far as they came.
pub(crate) async fn refusal(response: reqwest::Response) -> Vec<u8> {
    let mut words = Vec::new();
    gather(response, REFUSAL_MAX, &mut words).await.ok();
    words
}

/// Reads a body up to a size; says whether that was all of it.
async fn gather(mut response: reqwest::Response, max: usize, body: &mut Vec<u8>) -> Result<bool, reqwest::Error> {
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(false);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(true)
}

/// What a failure without a whole answer means.
pub(crate) fn lost(error: &reqwest::Error, posted: bool) -> Error {
    if error.is_connect() {
        Error::Unavailable { status: None }
    } else if posted {
        Error::Ambiguous
    } else if error.is_timeout() {
        Error::Timeout
    } else {
        Error::Unavailable { status: None }
    }
}
