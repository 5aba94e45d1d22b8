//! Processor time of the list page against a bare handler that makes the same query and writes the same bytes.

use super::{Ready, ms, thousands};
use crate::{
    Step, Tools,
    browser::Browser,
    host::{Beside, free_address},
    rig::How,
    table::Row,
};
use std::{fs, process::Command, time::Duration};

/// What is searched for: nothing, and a part of a name that many have.
const TEXTS: [&str; 2] = ["", "shop"];
/// The page may cost this many times the bare handler.
const BUDGET: f64 = 3.0;

pub(super) async fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let sluice = ready.home.start(tools, How { mx: true, ..How::default() })?;
    let lead = sluice.lead().await?;
    sluice.beside.settle().await?;
    let address = free_address()?;
    let mut command = Command::new(&tools.itself);
    command.args(["bare", "--listen", &address.to_string(), "--database"]).arg(ready.home.database());
    let mut pages = Vec::new();
    for text in TEXTS {
        let page = lead.get(&path(text)).await?;
        let file = ready.home.path(&format!("page-{text}.html"));
        fs::write(&file, &page).map_err(|error| error.to_string())?;
        command.args(["--page", text]).arg(file);
        pages.push(page);
    }
    let bare = Beside::start(&mut command, address, "/healthz")?;
    let client = Browser::new(format!("http://{address}"))?;
    let (rounds, requests) = if tools.quick { (3, 150) } else { (8, 250) };
    let mut rows = Vec::new();
    for (text, page) in TEXTS.into_iter().zip(&pages) {
        let path = path(text);
        if client.get(&path).await? != *page {
            return Err(format!("the bare handler's {path} has other bytes"));
        }
        let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
        // Turn by turn, so that whatever else the machine does meets both.
        for round in 0..=rounds {
            let (page, bare) =
                (cost(&sluice.beside, &lead, &path, requests).await?, cost(&bare, &client, &path, requests).await?);
            // The first round is to get warm.
            if round > 0 {
                ours += page;
                theirs += bare;
            }
        }
        let each = |time: Duration| ms(time) / f64::from(rounds * requests);
        let name = format!(
            "List page of {} domains, {}",
            thousands(ready.domains),
            if text.is_empty() { "no filter".into() } else { format!("`?q={text}`") }
        );
        let (ours, theirs) =
            ((each(ours), "ms of processor"), (each(theirs), "ms, the same query and bytes by a bare handler"));
        rows.push(Row::ratio(name, ours, theirs).at_most(BUDGET));
    }
    Ok(rows)
}

fn path(text: &str) -> String {
    if text.is_empty() { "/domains".into() } else { format!("/domains?q={text}") }
}

/// Processor time that a server spends on some requests, one after the other over one connection.
async fn cost(server: &Beside, client: &Browser, path: &str, requests: u32) -> Step<Duration> {
    let before = server.cpu()?;
    for _ in 0..requests {
        client.get(path).await?;
    }
    Ok(server.cpu()?.saturating_sub(before))
}
