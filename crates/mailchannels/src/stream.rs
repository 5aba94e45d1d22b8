//! `POST /report` with a body of any size: it is streamed, and never repeated.

use crate::{
    Envelope, Error, Report, ReportType, SendingHost, Session,
    encode::address,
    error::{Meaning, classify},
    limiter::Ended,
    observe::Watched,
    wire::{lost, refusal},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::{io, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// Time for one report: 40 MB over a line of a few Mbit/s.
const REPORT_TIMEOUT: Duration = Duration::from_mins(3);

/// A message as the inside of a JSON string (RFC 8259 7), and its length.
pub struct EscapedMessage<S> {
    /// Its bytes, by [`escape`].
    pub bytes: S,
    /// How many there are.
    pub length: u64,
}

/// Writes bytes of UTF-8 as the inside of a JSON string. Pieces may be cut anywhere.
pub fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => {
                let hex = b"0123456789abcdef";
                out.extend(b"\\u00");
                out.extend([hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]]);
            }
            other => out.push(*other),
        }
    }
}

/// How many bytes [`escape`] makes of these.
#[must_use]
pub fn escaped_len(bytes: &[u8]) -> u64 {
    let of = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    bytes.iter().map(of).sum()
}

impl Session<'_> {
    /// `POST /report` of a message at hand: it goes as it is.
    pub async fn report(&self, kind: ReportType, report: &Report) -> Result<(), Error> {
        let mut bytes = Vec::new();
        escape(report.message_content.as_bytes(), &mut bytes);
        let length = bytes.len() as u64;
        let message = EscapedMessage { bytes: stream::iter([Ok(Bytes::from(bytes))]), length };
        let (envelope, host) = (&report.smtp_envelope_information, &report.sending_host_information);
        self.report_stream(kind, envelope.as_ref(), host.as_ref(), message).await
    }

    /// `POST /report` of a message of any size. Its bytes come from elsewhere and are held nowhere here; when
    /// they fail, the request is cut off and the error is [`Error::Ambiguous`].
    pub async fn report_stream(
        &self,
        kind: ReportType,
        envelope: Option<&Envelope>,
        host: Option<&SendingHost>,
        message: EscapedMessage<impl Stream<Item = io::Result<Bytes>> + Send + 'static>,
    ) -> Result<(), Error> {
        let span = tracing::debug_span!("upstream", operation = "report");
        let watched = self.watch("report");
        let result = self.stream_once(kind, envelope, host, message, &watched).instrument(span).await;
        watched.ended(result)
    }

    async fn stream_once(
        &self,
        kind: ReportType,
        envelope: Option<&Envelope>,
        host: Option<&SendingHost>,
        message: EscapedMessage<impl Stream<Item = io::Result<Bytes>> + Send + 'static>,
        watched: &Watched<'_>,
    ) -> Result<(), Error> {
        let kind = match kind {
            ReportType::FalseNegative => "false_negative",
            ReportType::FalsePositive => "false_positive",
        };
        let query = [("report_type", kind.to_owned())];
        let url = address(&self.config().base_url, &["report"], &query)?;
        let key = self.key.header().ok_or(Error::BadKey)?;
        let limiter = &self.account.limiter;
        if !limiter.closed() {
            return Err(Error::BreakerOpen);
        }
        let (before, after) = around(envelope, host);
        let length = before.len() as u64 + message.length + after.len() as u64;
        let ends = |text: String| stream::iter([Ok(Bytes::from(text))]);
        let body = ends(before).chain(message.bytes).chain(ends(after));
        limiter.first_try();
        let asked = Instant::now();
        limiter.enter(self.lane).await;
        watched.waited(asked.elapsed());
        let flight = limiter.takes_off();
        let sent = self
            .http()
            .post(url)
            .header("x-api-key", key)
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .timeout(REPORT_TIMEOUT)
            .body(reqwest::Body::wrap_stream(body))
            .send()
            .await;
        let result = match sent {
            Err(error) => Err(lost(&error, true)),
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => {
                let status = response.status();
                let words = refusal(response).await;
                Err(classify(status, &words, Meaning::Ownership, true, std::iter::once(self.key.expose_for_sealing())))
            }
        };
        flight.lands();
        let ended = result.as_ref().map_or_else(Ended::of, |()| Ended::Answered);
        if ended == Ended::PushedBack {
            limiter.pushed_back();
        }
        limiter.ended(ended);
        result
    }
}

/// The JSON before and after the message.
fn around(envelope: Option<&Envelope>, host: Option<&SendingHost>) -> (String, String) {
    let mut after = String::from("\"");
    let parts = [
        ("smtpEnvelopeInformation", envelope.and_then(|envelope| serde_json::to_string(envelope).ok())),
        ("sendingHostInformation", host.and_then(|host| serde_json::to_string(host).ok())),
    ];
    for (name, json) in parts {
        if let Some(json) = json {
            after.push_str(",\"");
            after.push_str(name);
            after.push_str("\":");
            after.push_str(&json);
        }
    }
    after.push('}');
    ("{\"messageContent\":\"".to_owned(), after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_escaped_reads_back_however_it_is_cut(text in "(\\PC|[\\x00-\\x1f\"\\\\]){0,80}", cut in 0_usize..80) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let mut out = Vec::new();
            escape(&bytes[..cut], &mut out);
            escape(&bytes[cut..], &mut out);
            prop_assert_eq!(out.len() as u64, escaped_len(bytes));
            let envelope = Envelope { mail_from: Some("a\"b@c.example".into()), ..Envelope::default() };
            let (before, after) = around(Some(&envelope), Some(&SendingHost { name: text.clone() }));
            let whole = [before.as_bytes(), &out, after.as_bytes()].concat();
            let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
            prop_assert_eq!(value["messageContent"].as_str(), Some(text.as_str()));
            prop_assert_eq!(value["smtpEnvelopeInformation"]["mailFrom"].as_str(), Some("a\"b@c.example"));
            prop_assert_eq!(value["sendingHostInformation"]["name"].as_str(), Some(text.as_str()));
        }
    }
}
