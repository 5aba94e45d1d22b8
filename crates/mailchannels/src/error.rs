//! The closed set of what can go wrong. Texts of the service are kept short and free of control
//! characters; addresses, keys and bodies are in none of them.

use http::StatusCode;
use serde_json::Value;

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
    /// 503 or 429: over the requests a second. A 503 may be an outage too `[doc]`, and nothing in it tells
    /// the two apart, so it slows down at once and opens the breaker only when nothing else comes for long.
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
    /// It may have been done: the answer to a POST was lost, or the answer to a first try was and the
    /// repeat's leaves it open. Read back, then decide.
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
    /// Every outcome that an observer is told: it worked, who asked gave it up, or [`Self::outcome`].
    pub const OUTCOMES: [&str; 16] = [
        "done",
        "abandoned",
        "bad_key",
        "not_yours",
        "not_found",
        "conflict",
        "limit_reached",
        "not_your_subscription",
        "forbidden",
        "invalid",
        "rate_limited",
        "breaker_open",
        "unavailable",
        "timeout",
        "ambiguous",
        "unexpected",
    ];

    /// A word for the kind of error, without anything that the service said.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::NotYours { .. } => "not_yours",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::LimitReached { .. } => "limit_reached",
            Self::NotYourSubscription { .. } => "not_your_subscription",
            Self::Forbidden { .. } => "forbidden",
            Self::Invalid { .. } => "invalid",
            Self::RateLimited => "rate_limited",
            Self::BreakerOpen => "breaker_open",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout => "timeout",
            Self::Ambiguous => "ambiguous",
            Self::Unexpected { .. } => "unexpected",
        }
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

/// Sorts an error answer: the status first, the body only for its words, less any secret in them.
pub(crate) fn classify<'s>(
    status: StatusCode,
    body: &[u8],
    meaning: Meaning,
    posted: bool,
    secrets: impl Iterator<Item = &'s str>,
) -> Error {
    let messages = words(body, &secrets.collect::<Vec<_>>());
    let message = messages.join(" ");
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    // "will exceed the number of domains allowed with the subscription" is a limit too `[spec]`.
    let limit = says(&["limit", "exceed", "number of domains"]);
    match status.as_u16() {
        400 => Error::Invalid { messages },
        401 if meaning == Meaning::Ownership => Error::NotYours { message },
        401 => Error::BadKey,
        403 if meaning == Meaning::Provisioning && says(&["subscription"]) && !limit => {
            Error::NotYourSubscription { message }
        }
        403 if meaning == Meaning::Provisioning => Error::LimitReached { message },
        403 if meaning == Meaning::Recipient && limit => Error::LimitReached { message },
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

/// The words of an error body: the documented object, a JSON string, or nothing. HTML and noise are
/// nobody's words.
fn words(body: &[u8], secrets: &[&str]) -> Vec<String> {
    let said = match serde_json::from_slice(body).unwrap_or_default() {
        Value::String(text) => vec![text],
        Value::Object(mut object) => {
            let errors = match object.remove("errors") {
                Some(Value::Array(errors)) => errors,
                other => other.into_iter().collect(),
            };
            let texts = object.remove("message").into_iter().chain(errors);
            texts.filter_map(|text| if let Value::String(text) = text { Some(text) } else { None }).collect()
        }
        _ => Vec::new(),
    };
    let mut found: Vec<String> = said.iter().map(|text| clean(text, secrets)).filter(|text| !text.is_empty()).collect();
    found.dedup();
    found.truncate(5);
    found
}

fn clean(text: &str, secrets: &[&str]) -> String {
    // Before it is cut, which could leave half a secret.
    let text = secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
    text.chars().map(|c| if unseen(c) { ' ' } else { c }).take(TEXT_MAX).collect::<String>().trim().to_owned()
}

/// Control characters, and those that turn the direction of the text around them.
fn unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str, meaning: Meaning) -> Error {
        classify(StatusCode::from_u16(status).unwrap(), body.as_bytes(), meaning, false, std::iter::empty())
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
        assert_eq!(said(r#"{"code":"x","message":7,"errors":["one",{"two":2},null]}"#), "one", "what can be read");
        assert_eq!(said(r#"{"message":"a","errors":"b"}"#), "a|b");
        assert_eq!(said("\"safe\u{202e}txt\""), "safe txt");
        for nothing in ["null", "", "<html><body>Bad</body></html>", "{", "[1]"] {
            assert_eq!(said(nothing), "", "{nothing}");
        }
        assert_eq!(said("\"a\\u0000b\\r\\nc\""), "a b  c");
        assert_eq!(said(&format!("\"{}\"", "x".repeat(1000))).len(), TEXT_MAX);
    }

    #[test]
    fn a_secret_is_taken_out_before_the_text_is_cut() {
        let said = format!("\"{}canary-0123456789 canary-0123456789\"", "x".repeat(TEXT_MAX - 5));
        let secrets = ["canary-0123456789"].into_iter();
        let error = classify(StatusCode::BAD_REQUEST, said.as_bytes(), Meaning::Usual, false, secrets);
        assert_eq!(error, Error::Invalid { messages: vec![format!("{}… …", "x".repeat(TEXT_MAX - 5))] });
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
        assert!(matches!(
            of(
                403,
                r#""will exceed the number of domains allowed with the specified subscription""#,
                Meaning::Provisioning
            ),
            Error::LimitReached { .. }
        ));
        assert!(matches!(of(403, r#""no room in the limit""#, Meaning::Recipient), Error::LimitReached { .. }));
        assert!(matches!(of(403, "", Meaning::Recipient), Error::Forbidden { .. }));
        assert_eq!(of(503, "<html>", Meaning::Usual), Error::RateLimited);
        assert_eq!(of(502, "", Meaning::Usual), Error::Unavailable { status: Some(502) });
        assert_eq!(classify(StatusCode::BAD_GATEWAY, b"", Meaning::Usual, true, std::iter::empty()), Error::Ambiguous);
        assert_eq!(of(418, "", Meaning::Usual), Error::Unexpected { status: 418 });
        assert_eq!(of(302, "", Meaning::Usual), Error::Unexpected { status: 302 });
    }
}
