//! What `/metrics` counts, summed up for people: from the same text that Prometheus reads, so that both say the same.

use std::{collections::BTreeMap, time::Duration};

/// Sums since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Answers by status.
    pub answers: BTreeMap<String, u64>,
    /// Calls to MailChannels by outcome.
    pub calls: BTreeMap<String, u64>,
    /// How long an answer took until it began, on average.
    pub answered_in: Option<Duration>,
    /// How long a call waited for a place in the budget, on average.
    pub waited: Option<Duration>,
}

impl Totals {
    /// Reads the text that Prometheus is given; lines of other things are passed over.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut totals = Self::default();
        let mut means: BTreeMap<&str, f64> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            match name {
                "sluice_http_requests_total" => add(&mut totals.answers, label(labels, "status"), value),
                "sluice_upstream_calls_total" => add(&mut totals.calls, label(labels, "outcome"), value),
                _ => *means.entry(name).or_default() += value,
            }
        }
        let mean = |name: &str| {
            let count = means.get(format!("{name}_count").as_str()).copied().filter(|count| *count > 0.0)?;
            let sum = means.get(format!("{name}_sum").as_str()).copied()?;
            Duration::try_from_secs_f64(sum / count).ok()
        };
        totals.answered_in = mean("sluice_http_request_seconds");
        totals.waited = mean("sluice_upstream_wait_seconds");
        totals
    }

    /// Answers with a status that `wanted` says yes to.
    pub fn answered(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        self.answers.iter().filter(|(status, _)| wanted(status)).map(|(_, count)| count).sum()
    }
}

fn add(sums: &mut BTreeMap<String, u64>, of: Option<&str>, value: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter: whole, and not below 0")]
    let value = value.max(0.0) as u64;
    if let Some(of) = of {
        *sums.entry(of.to_owned()).or_default() += value;
    }
}

/// The value of a label; no label of ours has a quote or comma in it that matters here.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    labels.split(',').find_map(|pair| pair.trim_end_matches('}').strip_prefix(&start)?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_over_what_is_not_asked_for() {
        let text = "# TYPE sluice_http_requests_total counter
sluice_http_requests_total{route=\"/domains\",status=\"200\"} 7
sluice_http_requests_total{route=\"/domains/{name}\",status=\"502\"} 2
sluice_http_requests_total{route=\"/keys\",status=\"200\"} 5
sluice_upstream_calls_total{operation=\"domains_page\",outcome=\"done\"} 9
sluice_upstream_calls_total{operation=\"status\",outcome=\"timeout\"} 1
sluice_http_request_seconds_bucket{route=\"/keys\",le=\"0.1\"} 3
sluice_http_request_seconds_sum{route=\"/keys\"} 0.5
sluice_http_request_seconds_count{route=\"/keys\"} 10
sluice_http_request_seconds_sum{route=\"/domains\"} 0.5
sluice_http_request_seconds_count{route=\"/domains\"} 10
sluice_upstream_wait_seconds_sum 0
sluice_upstream_wait_seconds_count 0
nonsense
";
        let totals = Totals::read(text);
        assert_eq!(totals.answers, [("200".to_owned(), 12), ("502".to_owned(), 2)].into());
        assert_eq!(totals.calls, [("done".to_owned(), 9), ("timeout".to_owned(), 1)].into());
        assert_eq!(totals.answered_in, Some(Duration::from_millis(50)));
        assert_eq!(totals.waited, None, "nothing was measured");
        assert_eq!(totals.answered(|status| status.starts_with('5')), 2);
    }
}
