//! 1,000 single-call operations against a service that takes 100 ms a call and 100 calls a second.

use crate::{
    Step, Tools,
    ledger::{Entry, SECOND_US, doubled, refused, times, window_max},
    rig::{Home, How, StandIn, secret},
    table::Row,
};
use mailchannels::{Account, AccountId, ApiKey, Client, Config, Lane};
use std::time::{Duration, Instant};

/// Operations.
const COUNT: usize = 1_000;
/// Operations of the loop that does one after the other; its time is multiplied to the same number.
const LOOP: usize = 100;
/// What a call takes.
const LATENCY: Duration = Duration::from_millis(100);
/// Calls a second.
const RATE: u32 = 100;

pub(super) async fn rows(tools: &Tools) -> Step<Vec<Row>> {
    let stand_in = StandIn::start(tools, COUNT + 2 * LOOP)?;
    stand_in.leave_one_key().await?;
    let mut config = Config::new(stand_in.base().parse().map_err(|_| "the stand-in's address")?);
    config.rate_per_second = RATE;
    let client = Client::new(config).map_err(|error| error.to_string())?;
    let account = client.account(&AccountId("bench".into()));
    let key = ApiKey::new(secret(1)).map_err(|error| error.to_string())?;
    let names = domains(&account, &key).await?;
    stand_in.slow_down(LATENCY).await?;
    let (one_by_one, rest) = names.split_at(LOOP.min(names.len()));
    let began = Instant::now();
    for name in one_by_one {
        deprovision(&account, &key, name).await?;
    }
    let loop_time = began.elapsed() * u32::try_from(COUNT / LOOP).unwrap_or(1);
    // The loop's last second is over: its calls are not in any window of what follows.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rest = rest.get(..COUNT).ok_or("the stand-in has too few domains")?;
    stand_in.slow_down(Duration::ZERO).await?;
    let home = Home::new(stand_in.base())?;
    let sluice = home.start(tools, How::default())?;
    let mut lead = sluice.lead().await?;
    sluice.mirror(&mut lead, 1..=1).await?;
    stand_in.slow_down(LATENCY).await?;
    let plan = lead.bulk("deprovision", &[("request", "bench"), ("text", &rest.join("\n"))]).await?;
    let number = plan.rsplit('/').next().unwrap_or_default().to_owned();
    // What was read before is another second's.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stand_in.clear_ledger().await?;
    lead.post("/do/jobs/confirm", &[("number", &number), ("typed", &COUNT.to_string())]).await?;
    // The events end with the job.
    let events = lead.get(&format!("/jobs/{number}/events")).await?;
    if !events.contains(&format!("\"done\":{COUNT}")) {
        return Err(format!("not every row was done: {}", events.lines().rev().nth(1).unwrap_or_default()));
    }
    judge(&stand_in.ledger().await?, loop_time)
}

/// Says from the ledger how a job of deprovisions went: from the first request to the last, and a round trip.
fn judge(entries: &[Entry], loop_time: Duration) -> Step<Vec<Row>> {
    let calls: Vec<_> = entries.iter().filter(|entry| entry.operation == "deprovision").cloned().collect();
    let at = times(&calls);
    let (Some(first), Some(last)) = (at.first(), at.last()) else { return Err("nothing was sent".into()) };
    let took = (Duration::from_micros(last - first) + LATENCY).as_secs_f64();
    let floor = f64::from(u32::try_from(COUNT).unwrap_or(u32::MAX)) / f64::from(RATE);
    Ok(vec![
        Row::ratio("1,000 deprovisions as a job", (took, "s"), (floor, "s, the floor at 100 a second")).at_most(1.05),
        Row::ratio(
            "… against one after the other",
            (took, "s"),
            (loop_time.as_secs_f64(), "s, ten times a loop of 100"),
        ),
        Row::count("… requests for them", calls.len()).reference("the ledger").at_most(1_000.0),
        Row::count("… most requests in any second", window_max(&times(entries), SECOND_US))
            .reference("the ledger")
            .at_most(f64::from(RATE)),
        Row::count("… requests refused with 503", refused(entries)).reference("the ledger").at_most(0.0),
        Row::count("… changes made twice", doubled(entries)).reference("the ledger").at_most(0.0),
    ])
}

async fn domains(account: &Account, key: &ApiKey) -> Step<Vec<String>> {
    let all = account.with_key(key, Lane::Bulk).all_domains().await.map_err(|error| error.to_string())?;
    Ok(all.into_iter().map(|domain| domain.domain).collect())
}

async fn deprovision(account: &Account, key: &ApiKey, name: &str) -> Step {
    account.with_key(key, Lane::Bulk).deprovision(name).await.map_err(|error| format!("{name}: {error}"))
}
