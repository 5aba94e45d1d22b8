//! The explainer, with a service that takes its time: how many round trips one waits for.

use super::{Ready, median, ms};
use crate::{
    Step, Tools,
    browser::Browser,
    ledger::{times, waves},
    rig::How,
    table::{Row, Unit},
};
use std::time::{Duration, Instant};

/// One round trip.
const TRIP: Duration = Duration::from_millis(100);
/// Round trips beyond our own time.
const BUDGET: f64 = 1.5;
/// A mail that a list decides about.
const PATH: &str = "/explain?from=billing%40parcelhub.example&to=reception%40bikeshop-northgate.example";

pub(super) async fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let sluice = ready.home.start(tools, How::default())?;
    let lead = sluice.lead().await?;
    sluice.beside.settle().await?;
    let times_each = if tools.quick { 5 } else { 15 };
    let own = asked(&lead, times_each).await?;
    ready.stand_in.slow_down(TRIP).await?;
    let slow = asked(&lead, times_each).await?;
    ready.stand_in.clear_ledger().await?;
    lead.get(PATH).await?;
    let calls = ready.stand_in.ledger().await?;
    ready.stand_in.slow_down(Duration::ZERO).await?;
    let trip_us = u64::try_from(TRIP.as_micros()).unwrap_or(u64::MAX);
    let trips = slow.saturating_sub(own).as_secs_f64() / TRIP.as_secs_f64();
    Ok(vec![
        Row::figure("Explainer, beyond our own time", trips, Unit::RoundTrips)
            .measured(format!("{:.0} ms with 100 ms a call", ms(slow)))
            .reference(format!("{:.0} ms with 0 ms a call", ms(own)))
            .at_most(BUDGET),
        Row::count("Explainer, calls that wait for others", waves(&times(&calls), trip_us).saturating_sub(1))
            .measured(format!("{} calls", calls.len()))
            .reference("the ledger")
            .at_most(0.0),
    ])
}

async fn asked(lead: &Browser, times: usize) -> Step<Duration> {
    let mut took = Vec::new();
    for _ in 0..=times {
        let began = Instant::now();
        let page = lead.get(PATH).await?;
        took.push(began.elapsed());
        if !page.contains("Decides: ") {
            return Err("the explainer does not decide".into());
        }
    }
    // The first connects.
    Ok(median(took.split_off(1)))
}
