//! Time until a started server answers, against a bare server that opens the same database.

use super::{Ready, median, ms, thousands};
use crate::{
    Step, Tools,
    host::{Beside, free_address},
    rig::How,
    table::Row,
};
use std::process::Command;

/// Times as long as the bare server.
const BUDGET: f64 = 3.0;

pub(super) fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..if tools.quick { 5 } else { 15 } {
        let sluice = ready.home.start(tools, How { mx: true, ..How::default() })?;
        ours.push(sluice.beside.ready_after);
        drop(sluice);
        let address = free_address()?;
        let mut command = Command::new(&tools.itself);
        command.args(["bare", "--listen", &address.to_string(), "--database"]).arg(ready.home.database());
        theirs.push(Beside::start(&mut command, address, "/healthz")?.ready_after);
    }
    let (ours, theirs) =
        ((ms(median(ours)), "ms"), (ms(median(theirs)), "ms, a bare server that opens the same database"));
    Ok(vec![
        Row::ratio(format!("Ready after start with {} domains", thousands(ready.domains)), ours, theirs)
            .at_most(BUDGET),
    ])
}
