//! Search in 100,000 domains.

use super::{MANY, Ready, median, ms, thousands};
use crate::{
    Step, Tools,
    browser::Browser,
    host::{Beside, free_address},
    rig::How,
    table::{Row, Unit},
};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// Milliseconds of an answer to the palette.
const BUDGET: f64 = 10.0;
/// What is searched for.
const TEXTS: [(&str, &str); 5] = [
    ("many match", "shop"),
    ("one matches", "northgatebikes"),
    ("none matches", "zzqzz"),
    ("two letters", "in"),
    ("one letter", "s"),
];
/// Of these the list is looked at too.
const LISTED: usize = 3;
/// The key of somebody who has but one of twelve: most of what matches is out of their reach.
const ONE: u32 = 5;
/// Between two searches: nobody is answered more than 30 a second.
const PACE: Duration = Duration::from_millis(40);

pub(super) async fn rows(tools: &Tools) -> Step<Vec<Row>> {
    let ready = Ready::new(tools, MANY).await?;
    let sluice = ready.home.start(tools, How { mx: true, ..How::default() })?;
    let lead = sluice.lead().await?;
    let mut agent = sluice.person("maya").await?;
    sluice.mirror(&mut agent, ONE..=ONE).await?;
    sluice.beside.settle().await?;
    let address = free_address()?;
    let mut command = Command::new(&tools.itself);
    command.args(["bare", "--listen", &address.to_string(), "--database"]).arg(ready.home.database());
    let _bare = Beside::start(&mut command, address, "/healthz")?;
    let bare = Browser::new(format!("http://{address}"))?;
    let times = if tools.quick { 10 } else { 30 };
    let domains = thousands(ready.domains);
    let mut rows = Vec::new();
    for (words, text) in TEXTS.into_iter().take(LISTED) {
        let path = format!("/domains?q={text}");
        let now = Duration::ZERO;
        let (ours, theirs) = (took(&lead, &path, times, now).await?, took(&bare, &path, times, now).await?);
        let name = format!("List of {domains} domains, `?q={text}`: {words}");
        rows.push(Row::ratio(name, (ms(ours), "ms"), (ms(theirs), "ms, the same query by a bare handler")));
    }
    for (person, whose) in [(&lead, "all keys"), (&agent, "one key of twelve")] {
        for (words, text) in TEXTS {
            let find = format!("/find.json?q={text}");
            let found = took(person, &find, times, PACE).await?;
            rows.push(
                Row::figure(
                    format!("Search in {domains} domains with {whose}: {words}"),
                    ms(found),
                    Unit::Milliseconds,
                )
                .measured(format!("`{find}`"))
                .at_most(BUDGET),
            );
        }
    }
    Ok(rows)
}

/// The middle time of an answer.
async fn took(browser: &Browser, path: &str, times: usize, pace: Duration) -> Step<Duration> {
    let mut took = Vec::new();
    for _ in 0..=times {
        let began = Instant::now();
        browser.get(path).await?;
        took.push(began.elapsed());
        tokio::time::sleep(pace).await;
    }
    // The first is to get warm.
    Ok(median(took.split_off(1)))
}
