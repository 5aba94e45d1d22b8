//! What MailChannels' own time was, of each request to Sluice: read from Sluice's log, which names the request that
//! a call was made for.

use crate::Step;
use serde::Deserialize;
use std::collections::HashMap;

/// One try of a call to MailChannels, in microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    /// The operation.
    pub(crate) operation: String,
    /// The how manieth of its call.
    pub(crate) attempt: u32,
    /// When it left.
    pub(crate) from: i64,
    /// When it was over.
    pub(crate) to: i64,
    /// Whether it came to nothing.
    pub(crate) failed: bool,
}

/// The tries of a run.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// Those of each request, by its id.
    pub(crate) of: HashMap<String, Vec<Try>>,
    /// Those that no request waited for: mirrors, jobs.
    pub(crate) beside: Vec<Try>,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    target: String,
    fields: Fields,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    message: String,
    attempt: Option<u32>,
    ms: Option<String>,
}

#[derive(Deserialize)]
struct Span {
    name: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    operation: String,
}

impl Tries {
    /// Reads a log of JSON lines. Lines that are no try are other people's.
    pub(crate) fn read(log: &str) -> Step<Self> {
        let mut tries = Self::default();
        for line in log.lines().filter(|line| line.contains("\"mailchannels::wire\"")) {
            let line: Line = serde_json::from_str(line).map_err(|error| format!("the log: {error}"))?;
            let (Some(attempt), Some(ms)) = (line.fields.attempt, line.fields.ms) else { continue };
            if line.target != "mailchannels::wire" {
                continue;
            }
            let stamp: jiff::Timestamp = line.timestamp.parse().map_err(|error| format!("the log: {error}"))?;
            let (to, ms) = (stamp.as_microsecond(), ms.parse::<i64>().map_err(|error| format!("the log: {error}"))?);
            let of = |name: &str| line.spans.iter().find(|span| span.name == name);
            let operation = of("upstream").map(|span| span.operation.clone()).unwrap_or_default();
            let one = Try { operation, attempt, from: to - ms * 1_000, to, failed: line.fields.message == "failed" };
            match of("request") {
                Some(request) => tries.of.entry(request.id.clone()).or_default().push(one),
                None => tries.beside.push(one),
            }
        }
        Ok(tries)
    }
}

/// For how many microseconds something was waited for that is not ours: at least one try was under way, or its
/// repeat was put off because it had failed.
pub(crate) fn waited(tries: &[Try]) -> i64 {
    let mut spans: Vec<_> = tries.iter().map(|one| (one.from, one.to)).collect();
    for failed in tries.iter().filter(|one| one.failed) {
        let repeats = |other: &&Try| {
            other.operation == failed.operation && other.attempt == failed.attempt + 1 && other.from >= failed.to
        };
        if let Some(next) = tries.iter().filter(repeats).map(|other| other.from).min() {
            spans.push((failed.to, next));
        }
    }
    spans.sort_unstable();
    let (mut sum, mut reached) = (0, i64::MIN);
    for (from, to) in spans {
        sum += (to - from.max(reached)).max(0);
        reached = reached.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn one(operation: &str, attempt: u32, from: i64, to: i64, failed: bool) -> Try {
        Try { operation: operation.into(), attempt, from, to, failed }
    }

    proptest! {
        #[test]
        fn what_overlaps_is_waited_for_once(spans in vec((0_i64..500, 0_i64..100), 0..40)) {
            let tries: Vec<_> = spans.iter().map(|(from, took)| one("a", 1, *from, from + took, false)).collect();
            let plain = (0..700).filter(|at| tries.iter().any(|one| (one.from..one.to).contains(at))).count();
            prop_assert_eq!(waited(&tries), i64::try_from(plain).unwrap());
        }
    }

    #[test]
    fn the_pause_before_a_repeat_is_not_ours_and_what_comes_before_the_first_try_is() {
        assert_eq!(waited(&[one("a", 1, 10, 20, true), one("a", 2, 50, 60, false)]), 50);
        assert_eq!(waited(&[one("a", 1, 10, 20, true), one("b", 2, 50, 60, false)]), 20, "another call's repeat");
        assert_eq!(waited(&[one("a", 1, 10, 20, true)]), 10, "given up");
        assert_eq!(waited(&[one("a", 1, 10, 20, false), one("a", 1, 50, 60, false)]), 20, "ours in between");
        assert_eq!(waited(&[]), 0);
    }

    #[test]
    fn the_log_names_the_request_or_none() {
        let log = concat!(
            r#"{"timestamp":"2026-01-02T03:04:05.000700Z","level":"DEBUG","fields":{"message":"failed","attempt":1,"status":503,"ms":"3","error":"x"},"target":"mailchannels::wire","spans":[{"id":"r1","name":"request"},{"operation":"domains_page","name":"upstream"}]}"#,
            "\n",
            r#"{"timestamp":"2026-01-02T03:04:05.000900Z","level":"DEBUG","fields":{"message":"done","attempt":2,"ms":"0"},"target":"mailchannels::wire","spans":[{"operation":"provision","name":"upstream"}]}"#,
            "\n",
            r#"{"timestamp":"2026-01-02T03:04:05.000900Z","level":"WARN","fields":{"message":"sync failed"},"target":"desk"}"#,
            "\nnot JSON\n",
        );
        let tries = Tries::read(log).unwrap();
        let to = tries.of["r1"][0].to;
        assert_eq!(to % 1_000_000, 700);
        assert_eq!(tries.of["r1"], [one("domains_page", 1, to - 3_000, to, true)]);
        assert_eq!(tries.beside, [one("provision", 2, to + 200, to + 200, false)]);
    }
}
