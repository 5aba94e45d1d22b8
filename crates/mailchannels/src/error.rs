//! The closed set of what can go wrong. Texts of the service are kept short and free of control
//! characters; addresses, keys and bodies are in none of them.

use http::StatusCode;
use serde::Deserialize;

/// The error of every call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401: the service rejects the key.
    #[error("the key was rejected")]
    BadKey,
    /// 401 of login links and reports: it is not this customer's.
    #[error("not this customer's")]
    NotYours {
        /// The service's words.
        message: String,
    },
    /// 404.
    #[error("not found")]
    NotFound {
        /// The service's words.
        message: String,
    },
    /// 409: in use, by another customer or domain.
    #[error("in use already")]
    Conflict {
        /// The service's words.
        message: String,
    },
    /// 403 because a subscription's limit is reached.
    #[error("the limit is reached")]
    LimitReached {
        /// The service's words.
        message: String,
    },
    /// 403 because the subscription is another customer's.
    #[error("not this customer's subscription")]
    NotYourSubscription {
        /// The service's words.
        message: String,
    },
    /// Any other 403: locked to another key, another customer's, or an alias.
    #[error("not allowed with this key")]
    Forbidden {
        /// The service's words.
        message: String,
    },
    /// 400, or refused here before it was sent.
    #[error("refused as invalid")]
    Invalid {
        /// The service's words.
        messages: Vec<String>,
    },
    /// 503 or 429: over the requests a second; nothing was done.
    #[error("too many requests")]
    RateLimited,
    /// Another 5xx, no connection, or an answer that cannot be read.
    #[error("the service is not available")]
    Unavailable {
        /// The status, when there was one.
        status: Option<u16>,
    },
    /// No answer in time to a call that may be repeated.
    #[error("no answer in time")]
    Timeout,
    /// The answer to a POST was lost: it may have been done.
    #[error("the answer was lost")]
    Ambiguous,
    /// Too many failures in a row: not asked at all for a few seconds.
    #[error("not asked: the service failed several times in a row")]
    BreakerOpen,
    /// A status that the description does not mention.
    #[error("unexpected status {status}")]
    Unexpected {
        /// The status.
        status: u16,
    },
}

impl Error {
    /// Whether the breaker counts it: only what says that the service itself is unwell.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Timeout | Self::Ambiguous)
    }
}

/// What a 401 and a 403 mean differs by operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// 401 is a bad key; 403 another key, customer, or alias.
    Usual,
    /// 401 is somebody else's.
    Ownership,
    /// 403 is a limit or a foreign subscription.
    Provisioning,
    /// 403 may be a limit.
    Recipient,
}

/// Sorts an error answer: the status first, the body only for its words.
pub(crate) fn classify(status: StatusCode, body: &[u8], meaning: Meaning, posted: bool) -> Error {
    let messages = words(body);
    let message = messages.join(" ");
    let lower = message.to_lowercase();
    match status.as_u16() {
        400 => Error::Invalid { messages },
        401 if meaning == Meaning::Ownership => Error::NotYours { message },
        401 => Error::BadKey,
        403 if meaning == Meaning::Provisioning && lower.contains("subscription") && !lower.contains("limit") => {
            Error::NotYourSubscription { message }
        }
        403 if meaning == Meaning::Provisioning => Error::LimitReached { message },
        403 if meaning == Meaning::Recipient && lower.contains("limit") => Error::LimitReached { message },
        403 => Error::Forbidden { message },
        404 => Error::NotFound { message },
        409 => Error::Conflict { message },
        429 | 503 => Error::RateLimited,
        // A gateway gave up waiting: what stands behind it may have done the work.
        502 | 504 if posted => Error::Ambiguous,
        500..=599 => Error::Unavailable { status: Some(status.as_u16()) },
        status => Error::Unexpected { status },
    }
}

/// Longest text taken from the service, in characters.
const TEXT_MAX: usize = 300;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: Option<Vec<String>>,
}

/// The words of an error body: the documented object, a JSON string, or nothing.
fn words(body: &[u8]) -> Vec<String> {
    let found = if let Ok(Some(body)) = serde_json::from_slice::<Option<Body>>(body) {
        body.message.into_iter().chain(body.errors.unwrap_or_default()).collect()
    } else if let Ok(text) = serde_json::from_slice::<String>(body) {
        vec![text]
    } else {
        // HTML or noise: nobody's words.
        Vec::new()
    };
    let mut found: Vec<String> = found.iter().map(|text| clean(text)).filter(|text| !text.is_empty()).collect();
    found.dedup();
    found.truncate(5);
    found
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str, meaning: Meaning) -> Error {
        classify(StatusCode::from_u16(status).unwrap(), body.as_bytes(), meaning, false)
    }

    #[test]
    fn bodies_of_any_kind() {
        let said = |body: &str| match of(400, body, Meaning::Usual) {
            Error::Invalid { messages } => messages.join("|"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said(r#"{"code":400,"message":"bad","errors":["one","two"]}"#), "bad|one|two");
        assert_eq!(said(r#"{"message":null,"errors":null}"#), "");
        assert_eq!(said(r#""just words""#), "just words");
        for nothing in ["null", "", "<html><body>Bad</body></html>", "{", "[1]"] {
            assert_eq!(said(nothing), "", "{nothing}");
        }
        assert_eq!(said("\"a\\u0000b\\r\\nc\""), "a b  c");
        assert_eq!(said(&format!("\"{}\"", "x".repeat(1000))).len(), TEXT_MAX);
    }

    #[test]
    fn the_same_status_means_different_things() {
        assert_eq!(of(401, "", Meaning::Usual), Error::BadKey);
        assert!(matches!(of(401, "", Meaning::Ownership), Error::NotYours { .. }));
        assert!(matches!(of(403, "", Meaning::Usual), Error::Forbidden { .. }));
        assert!(matches!(
            of(403, r#""subscription is not your own""#, Meaning::Provisioning),
            Error::NotYourSubscription { .. }
        ));
        assert!(matches!(
            of(403, r#""limit on associated domains""#, Meaning::Provisioning),
            Error::LimitReached { .. }
        ));
        assert!(matches!(of(403, r#""no room in the limit""#, Meaning::Recipient), Error::LimitReached { .. }));
        assert!(matches!(of(403, "", Meaning::Recipient), Error::Forbidden { .. }));
        assert_eq!(of(503, "<html>", Meaning::Usual), Error::RateLimited);
        assert_eq!(of(502, "", Meaning::Usual), Error::Unavailable { status: Some(502) });
        assert_eq!(classify(StatusCode::BAD_GATEWAY, b"", Meaning::Usual, true), Error::Ambiguous);
        assert_eq!(of(418, "", Meaning::Usual), Error::Unexpected { status: 418 });
        assert_eq!(of(302, "", Meaning::Usual), Error::Unexpected { status: 302 });
    }
}
