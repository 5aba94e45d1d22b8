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
/// What is searched for: part of many names, of one, of none.
const TEXTS: [(&str, &str); 3] = [("many match", "shop"), ("one matches", "northgatebikes"), ("none matches", "zzqzz")];

pub(super) async fn rows(tools: &Tools) -> Step<Vec<Row>> {
    let ready = Ready::new(tools, MANY).await?;
    let sluice = ready.home.start(tools, How { mx: true, ..How::default() })?;
    let lead = sluice.lead().await?;
    sluice.beside.settle().await?;
    let address = free_address()?;
    let mut command = Command::new(&tools.itself);
    command.args(["bare", "--listen", &address.to_string(), "--database"]).arg(ready.home.database());
    let _bare = Beside::start(&mut command, address, "/healthz")?;
    let bare = Browser::new(format!("http://{address}"))?;
    let times = if tools.quick { 10 } else { 30 };
    let mut rows = Vec::new();
    for (words, text) in TEXTS {
        let path = format!("/domains?q={text}");
        let (ours, theirs) = (took(&lead, &path, times).await?, took(&bare, &path, times).await?);
        let name = format!("List of {} domains, `?q={text}`: {words}", thousands(ready.domains));
        rows.push(Row::ratio(name, (ms(ours), "ms"), (ms(theirs), "ms, the same query by a bare handler")));
        let find = format!("/find.json?q={text}");
        if lead.open(&find).await?.status == 200 {
            let found = took(&lead, &find, times).await?;
            rows.push(
                Row::figure(
                    format!("Search in {} domains: {words}", thousands(ready.domains)),
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
async fn took(browser: &Browser, path: &str, times: usize) -> Step<Duration> {
    let mut took = Vec::new();
    for _ in 0..=times {
        let began = Instant::now();
        browser.get(path).await?;
        took.push(began.elapsed());
    }
    // The first is to get warm.
    Ok(median(took.split_off(1)))
}
