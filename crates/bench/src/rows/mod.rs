//! The rows, each measured by a function of its own.

mod bytes;
mod explain;
mod list;
mod memory;
mod operations;
mod preview;
mod search;
mod start;
mod statements;

use crate::{
    Step, Tools,
    rig::{Home, How, KEYS, StandIn},
    table::Row,
};
use clap::ValueEnum;
use std::time::{Duration, Instant};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Processor time of the list page against a bare handler.
    List,
    /// Statements a list page.
    Statements,
    /// Browser code of each kind of page.
    Bytes,
    /// The explainer in round trips to the service.
    Explain,
    /// A preview of 1,000 rows.
    Preview,
    /// Time until a started server answers.
    Start,
    /// 1,000 single-call operations at the service's pace.
    Operations,
    /// Search in 100,000 domains.
    Search,
    /// Memory, idle.
    Memory,
}

/// Domains of the usual customer.
const USUAL: usize = 10_000;
/// Domains of the largest.
pub(crate) const MANY: usize = 100_000;

/// A stand-in and a database that mirrors it.
struct Ready {
    stand_in: StandIn,
    home: Home,
    domains: usize,
}

impl Ready {
    async fn new(tools: &Tools, domains: usize) -> Step<Self> {
        let stand_in = StandIn::start(tools, domains)?;
        let home = Home::new(stand_in.base())?;
        let sluice = home.start(tools, How::default())?;
        sluice.mirror(&mut sluice.lead().await?, 1..=KEYS).await?;
        drop(sluice);
        home.fill_mx().await?;
        Ok(Self { stand_in, home, domains })
    }
}

/// Measures what is asked for, and says as it goes what it is at.
pub(crate) async fn measure(tools: &Tools, what: &[What]) -> Step<Vec<Row>> {
    let mut rows = Vec::new();
    let mut usual: Option<Ready> = None;
    for what in What::value_variants().iter().copied().filter(|row| what.contains(row)) {
        if tools.quick && what == What::Search {
            // Of 100,000 domains.
            continue;
        }
        eprintln!("{what:?} …");
        let began = Instant::now();
        let of_usual =
            matches!(what, What::List | What::Statements | What::Bytes | What::Explain | What::Preview | What::Start);
        if of_usual && usual.is_none() {
            usual = Some(Ready::new(tools, USUAL).await?);
        }
        rows.extend(match (what, &usual) {
            (What::List, Some(ready)) => list::rows(tools, ready).await?,
            (What::Statements, Some(ready)) => statements::rows(tools, ready).await?,
            (What::Bytes, Some(ready)) => bytes::rows(tools, ready).await?,
            (What::Explain, Some(ready)) => explain::rows(tools, ready).await?,
            (What::Preview, Some(ready)) => preview::rows(tools, ready).await?,
            (What::Start, Some(ready)) => start::rows(tools, ready)?,
            (What::Operations, _) => operations::rows(tools).await?,
            (What::Search, _) => search::rows(tools).await?,
            _ => memory::rows(tools).await?,
        });
        eprintln!("{what:?}: {} s", began.elapsed().as_secs());
    }
    Ok(rows)
}

/// The middle of several times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A number with commas, as people read it.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([7, 999, 1_000, 100_000, 1_234_567].map(thousands), ["7", "999", "1,000", "100,000", "1,234,567"]);
        assert_eq!(median([5, 1, 3].map(Duration::from_millis).to_vec()), Duration::from_millis(3));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
