//! One call on the wire: limiter, tries, and what an answer means.

use crate::{
    Error, Session,
    encode::address,
    error::{Meaning, classify},
};
use http::{Method, StatusCode};
use rand::Rng;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Most tries of a call that may be repeated.
const TRIES: u32 = 3;
/// Longest pause before the first repeat; doubles with each.
const BACKOFF: Duration = Duration::from_millis(250);

/// A call to be made.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) meaning: Meaning,
}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, method: Method, segments: &'a [&'a str]) -> Self {
        Self { operation, method, segments, query: &[], meaning: Meaning::Usual }
    }

    pub(crate) fn query(mut self, query: &'a [(&'a str, String)]) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn meaning(mut self, meaning: Meaning) -> Self {
        self.meaning = meaning;
        self
    }
}

/// An answer with a 2xx status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Vec<u8>,
    posted: bool,
}

impl Answer {
    /// Reads the body. A POST that worked and whose body can't be read is ambiguous, not failed.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|_| {
            if self.posted { Error::Ambiguous } else { Error::Unavailable { status: Some(self.status.as_u16()) } }
        })
    }

    /// Reads the body of a call whose status says enough.
    pub(crate) fn json_or_default<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
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
        let posted = call.method == Method::POST;
        let deadline = Instant::now() + self.config().call_timeout;
        let limiter = &self.account.limiter;
        let mut tried = 0;
        loop {
            if !limiter.closed() {
                return Err(Error::BreakerOpen);
            }
            limiter.enter(self.lane).await;
            limiter.may_retry(tried == 0);
            tried += 1;
            let began = Instant::now();
            let (result, sent) = self.once(&call, body).await;
            let result = result.and_then(&accept);
            let error = match result {
                Ok(value) => {
                    limiter.ended(false);
                    tracing::debug!(operation = call.operation, tried, ms = began.elapsed().as_millis(), "done");
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error == Error::RateLimited {
                limiter.pushed_back();
            }
            tracing::debug!(operation = call.operation, tried, ms = began.elapsed().as_millis(), %error, "failed");
            // A POST is repeated only when it was never sent: nobody can have acted on it.
            let repeatable = if posted { !sent } else { error.is_outage() || error == Error::RateLimited };
            let pause = rand::rng().random_range(Duration::ZERO..BACKOFF * 2_u32.pow(tried));
            if !repeatable || tried >= TRIES || Instant::now() + pause >= deadline || !limiter.may_retry(false) {
                limiter.ended(error.is_outage());
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    /// One try. Also says whether the request may have reached the service.
    async fn once(&self, call: &Call<'_>, body: Option<&impl Serialize>) -> (Result<Answer, Error>, bool) {
        let posted = call.method == Method::POST;
        let url = match address(&self.config().base_url, call.segments, call.query) {
            Ok(url) => url,
            Err(error) => return (Err(error), true),
        };
        let Some(key) = self.key.header() else {
            return (Err(Error::BadKey), true);
        };
        let mut request = self.http().request(call.method.clone(), url).header("x-api-key", key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (Err(lost(&error, posted)), !error.is_connect()),
        };
        let status = response.status();
        let bytes = response.bytes().await;
        let result = match bytes {
            Ok(bytes) if status.is_success() => Ok(Answer { status, body: bytes.to_vec(), posted }),
            Ok(bytes) => Err(classify(status, &bytes, call.meaning, posted)),
            // The status arrived, so a refusal is a refusal even if its words are lost.
            Err(_) if !status.is_success() => Err(classify(status, b"", call.meaning, posted)),
            Err(error) => Err(lost(&error, posted)),
        };
        (result, true)
    }
}

/// What a failure without a whole answer means.
fn lost(error: &reqwest::Error, posted: bool) -> Error {
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
