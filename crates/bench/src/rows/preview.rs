//! What a paste of 1,000 rows takes until it can be confirmed.

use super::{Ready, median, ms};
use crate::{
    Step, Tools,
    rig::How,
    table::{Row, Unit},
};
use std::{fmt::Write, time::Instant};

/// Rows of the paste.
const ROWS: usize = 1_000;
/// Milliseconds of server time.
const BUDGET: f64 = 200.0;

pub(super) async fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let sluice = ready.home.start(tools, How::default())?;
    let lead = sluice.lead().await?;
    sluice.beside.settle().await?;
    let page = lead.get("/bulk/provision").await?;
    let key = first_option(&page, "name=\"key\"").ok_or("the form has no keys")?;
    let mut text = String::new();
    for row in 0..ROWS {
        let _ = writeln!(text, "preview-{row}.example,10 100 25 mx-a.web01.harbourline.example");
    }
    let mut took = Vec::new();
    let before = sluice.beside.cpu()?;
    let times = if tools.quick { 5 } else { 15 };
    for time in 0..times {
        let request = format!("bench-{time}");
        let form =
            [("request", request.as_str()), ("key", &key), ("subscription", "demo-main"), ("text", text.as_str())];
        let began = Instant::now();
        let plan = lead.bulk("provision", &form).await?;
        let page = lead.get(&plan).await?;
        took.push(began.elapsed());
        if !page.contains("Plan: Provision 1,000 domains") {
            return Err("the plan does not have its rows".into());
        }
    }
    let cpu = sluice.beside.cpu()?.saturating_sub(before) / times;
    Ok(vec![
        Row::figure("Preview of 1,000 pasted rows", ms(median(took)), Unit::Milliseconds)
            .measured(format!("plan made, kept and shown, {:.0} ms of processor", ms(cpu)))
            .at_most(BUDGET),
    ])
}

/// The value of the first option of a choice.
fn first_option(page: &str, select: &str) -> Option<String> {
    let options = page.split(select).nth(1)?;
    Some(options.split("<option value=\"").nth(1)?.split('"').next()?.to_owned())
}
