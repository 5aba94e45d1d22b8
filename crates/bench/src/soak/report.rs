//! The table of a soak.

use super::{
    Memory, Seen,
    agent::{Page, Sample},
    upstream::waited,
};
use crate::{
    Step,
    ledger::{SECOND_US, times, window_max},
    table::{Row, Unit, as_f64},
};
use std::collections::BTreeMap;

/// Milliseconds of a page beyond what MailChannels took for it.
const BEYOND: f64 = 100.0;
/// Samples below which the 95th of a hundred is a single one's bad luck.
const ENOUGH: usize = 40;
/// Megabytes a minute up to which memory is flat over a few minutes: what allocators and caches sway by.
const FLAT: f64 = 1.0;
/// Minutes below which a slope is the sway of the few syncs in them.
const LONG: f64 = 8.0;
/// Requests that the service takes in any second.
const LIMIT: f64 = 100.0;

pub(super) fn rows(seen: &Seen) -> Step<Vec<Row>> {
    let measured: Vec<_> = seen.samples.iter().filter(|sample| sample.at >= seen.begun).collect();
    if measured.is_empty() {
        return Err("nobody did anything".into());
    }
    let mut rows = Vec::from(failures(seen));
    rows.extend(pages(seen, &measured));
    rows.extend(memory(&seen.memory));
    let at = times(&seen.ledger);
    let span = at.last().zip(at.first()).map_or(1.0, |(last, first)| us(last - first) / 1_000_000.0).max(1.0);
    let failed = seen.ledger.iter().filter(|entry| entry.status == 0 || entry.status >= 500).count();
    rows.push(
        Row::count("Most requests in any second at MailChannels", window_max(&at, SECOND_US))
            .measured(format!("{} requests, {:.0} a second on average", at.len(), as_f64(at.len()) / span))
            .reference(format!("the ledger; {failed} of them answered with 503 or cut off"))
            .at_most(LIMIT),
    );
    rows.extend(clocks(seen));
    Ok(rows)
}

/// What failed.
fn failures(seen: &Seen) -> [Row; 3] {
    let of = |wanted: &dyn Fn(Option<u16>) -> bool| -> Vec<&Sample> {
        seen.samples.iter().filter(|sample| wanted(sample.status)).collect()
    };
    let server = of(&|status| status.is_none_or(|status| status >= 500 && status != 502));
    let upstream = of(&|status| status == Some(502));
    let refused = of(&|status| status.is_some_and(|status| (400..500).contains(&status)));
    for sample in server.iter().chain(&refused) {
        eprintln!("{:?} {} {:?}", sample.status, sample.path, sample.took);
    }
    let all = seen.samples.len();
    let share = |part: usize| format!("of {all} requests, {:.2} %", 100.0 * as_f64(part) / as_f64(all));
    [
        Row::count("Errors of the server", server.len())
            .measured(share(server.len()))
            .reference("500, 503, 504, or no answer")
            .at_most(0.0),
        Row::count("Pages refused", refused.len()).measured(share(refused.len())).reference("4xx").at_most(0.0),
        Row::count("Pages that say that MailChannels did not answer", upstream.len())
            .measured(share(upstream.len()))
            .reference("502, after all tries"),
    ]
}

/// How long each kind of page takes beyond what MailChannels took for it.
fn pages(seen: &Seen, measured: &[&Sample]) -> Vec<Row> {
    let mut of: BTreeMap<Page, Vec<(f64, f64)>> = BTreeMap::new();
    let mut all = Vec::new();
    for sample in measured {
        let tries = seen.tries.of.get(&sample.request).map_or(&[][..], Vec::as_slice);
        let took = sample.took.as_secs_f64() * 1_000.0;
        let own = (took - ms(waited(tries))).max(0.0);
        of.entry(sample.page).or_default().push((own, took));
        if sample.page != Page::Confirm {
            all.push((own, took));
        }
    }
    let mut rows = vec![row("Beyond MailChannels, p95: all pages but those that wait for a job".to_owned(), all, true)];
    for page in Page::ALL {
        if let Some(times) = of.remove(&page) {
            // A small job is waited for; its calls are the job's, not the request's.
            let held = page != Page::Confirm && times.len() >= ENOUGH;
            rows.push(row(format!("… {}", page.words()), times, held));
        }
    }
    rows
}

fn row(name: String, times: Vec<(f64, f64)>, held: bool) -> Row {
    let count = times.len();
    let (mut own, mut took): (Vec<f64>, Vec<f64>) = times.into_iter().unzip();
    own.sort_by(f64::total_cmp);
    took.sort_by(f64::total_cmp);
    let row = Row::figure(name, part(&own, 95), Unit::Milliseconds)
        .measured(format!("{count} times; half in {:.1} ms, p99 {:.0} ms", part(&own, 50), part(&own, 99)))
        .reference(format!("with MailChannels: half in {:.0} ms, p95 {:.0} ms", part(&took, 50), part(&took, 95)));
    if held { row.at_most(BEYOND) } else { row }
}

/// The value that so many of a hundred don't exceed. Values are in order.
fn part(sorted: &[f64], of_hundred: usize) -> f64 {
    let index = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// Whether memory grows.
fn memory(looks: &[Memory]) -> Vec<Row> {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else { return Vec::new() };
    let points: Vec<_> = looks.iter().map(|look| (look.minute, look.own)).collect();
    let most = looks.iter().fold(0.0, |most: f64, look| most.max(look.resident));
    let row = Row::figure("Memory, growth a minute", slope(&points).max(0.0), Unit::Megabytes)
        .measured(format!(
            "its own: {:.1} MB after warming up, {:.1} MB after {:.1} minutes",
            first.own, last.own, last.minute
        ))
        .reference(format!("least squares of {} looks; resident {most:.0} MB at most", looks.len()));
    vec![if last.minute >= LONG { row.at_most(FLAT) } else { row }]
}

/// The slope of the line that is nearest to the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = as_f64(points.len());
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if under > 0.0 { over / under } else { 0.0 }
}

/// Whether Sluice's clock can be believed: what a call took by its word and by the stand-in's.
fn clocks(seen: &Seen) -> Option<Row> {
    let all = seen.tries.of.values().flatten().chain(&seen.tries.beside);
    let mut ours: Vec<f64> = all.map(|one| ms(one.to - one.from)).collect();
    let mut theirs: Vec<f64> = seen.ledger.iter().map(|entry| us(entry.took_us) / 1_000.0).collect();
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    if theirs.last().is_none_or(|most| *most == 0.0) {
        return None;
    }
    let words = |times: &[f64]| format!("half in {:.0} ms, p95 {:.0} ms", part(times, 50), part(times, 95));
    Some(
        Row::figure(
            "A call by Sluice's clock beyond the same by the stand-in's, in the middle",
            (part(&ours, 50) - part(&theirs, 50)).max(0.0),
            Unit::Milliseconds,
        )
        .measured(format!("{} calls, {}", ours.len(), words(&ours)))
        .reference(format!("{} calls, {}", theirs.len(), words(&theirs))),
    )
}

#[expect(clippy::cast_precision_loss, reason = "less than a century of microseconds")]
fn ms(us: i64) -> f64 {
    us as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "less than a century of microseconds")]
fn us(us: u64) -> f64 {
    us as f64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use super::*;

    #[test]
    fn parts_and_slopes() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([50, 95, 99, 100].map(|of| part(&hundred, of)), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!(part(&[7.0], 95), 7.0);
        assert_eq!(part(&[], 95), 0.0);
        assert!((slope(&[(0.0, 10.0), (1.0, 12.0), (2.0, 14.0)]) - 2.0).abs() < 1e-9);
        assert_eq!(slope(&[(1.0, 3.0)]), 0.0);
    }
}
