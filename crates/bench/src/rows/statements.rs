//! Statements a list page, counted in the log of the database library.

use super::Ready;
use crate::{Step, Tools, rig::How, table::Row};
use std::fs;

/// As `tests/it/budget.rs` has it.
const BUDGET: f64 = 12.0;

pub(super) async fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let log = ready.home.path("statements.log");
    let sluice =
        ready.home.start(tools, How { mx: true, log: Some(("warn,sqlx::query=debug", &log)), ..How::default() })?;
    let lead = sluice.lead().await?;
    sluice.beside.settle().await?;
    let so_far = || -> Step<usize> {
        let text = fs::read_to_string(&log).map_err(|error| error.to_string())?;
        Ok(text.lines().filter(|line| line.contains("sqlx::query")).count())
    };
    let mut rows = Vec::new();
    for path in ["/domains", "/domains?q=shop"] {
        // Counts are remembered after the first look.
        lead.get(path).await?;
        let before = so_far()?;
        lead.get(path).await?;
        let statements = so_far()? - before;
        if statements == 0 {
            return Err("the log has no statements".into());
        }
        rows.push(Row::count(format!("Statements of `{path}`"), statements).at_most(BUDGET));
    }
    Ok(rows)
}
