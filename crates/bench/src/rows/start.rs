//! Time until a started server answers, against a bare server that opens the same database; and its size.

use super::{Ready, median, ms, thousands};
use crate::{
    Step, Tools,
    host::{Beside, free_address},
    rig::How,
    table::{Row, Unit, as_f64},
};
use std::{fs, process::Command};

/// Times as long as the bare server.
const BUDGET: f64 = 3.0;
/// Milliseconds.
const READY: f64 = 300.0;
/// Megabytes of the binary, with the browser's files in it.
const BINARY: f64 = 40.0;

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
    let (ours, theirs) = (ms(median(ours)), ms(median(theirs)));
    let name = format!("Ready after start with {} domains", thousands(ready.domains));
    let bytes = fs::metadata(&tools.sluice).map_err(|error| error.to_string())?.len();
    let bytes = as_f64(usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(vec![
        Row::figure(&name, ours, Unit::Milliseconds).measured("the middle of some starts").at_most(READY),
        Row::ratio(
            format!("{name}, against a bare server"),
            (ours, "ms"),
            (theirs, "ms, a bare server that opens the same database"),
        )
        .at_most(BUDGET),
        Row::figure("Binary", bytes / f64::from(1 << 20), Unit::Megabytes)
            .reference("browser files embedded")
            .at_most(BINARY),
    ])
}
