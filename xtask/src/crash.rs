//! `cargo xtask crash`: `kill -9` at random points of bulk changes, rotation, migration and backup, as one table.

use crate::{Step, root, table::Place};
use clap::Args;
use std::process::Command;

/// Where the table goes in the document.
const TABLE: Place = Place { document: "docs/reliability.md", begin: "<!-- crash -->\n", end: "<!-- end of crash -->" };
/// What the tests begin a line of the table with.
const LINE: &str = "killed: ";

/// Flags of the proof by crash.
#[derive(Args)]
pub(crate) struct Crash {
    /// How many kills, over four kinds.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Write the table into `docs/reliability.md` too.
    #[arg(long)]
    keep: bool,
}

impl Crash {
    pub(crate) fn run(self) -> Step {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let output = Command::new(cargo)
            .args(["test", "-p", "sluice", "--test", "it", "--", "kill_points", "kills", "--nocapture"])
            .env("SLUICE_KILLS", self.kills.to_string())
            .current_dir(root())
            .output()
            .map_err(|error| format!("cargo did not start: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{said}\n{}", String::from_utf8_lossy(&output.stdout)));
        }
        let mut rows: Vec<_> = said.lines().filter_map(|line| line.strip_prefix(LINE)).collect();
        rows.sort_unstable();
        if rows.len() != 4 {
            return Err(format!("four kinds of kills were expected, and {} were told", rows.len()));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut table = format!(
            "{cores} cores, {} kills\n\n| What was killed | Kills | Of these before its end | Lost, doubled or unverifiable |\n|---|---|---|---|\n",
            self.kills
        );
        for row in rows {
            table.extend(["| ", row, " | 0 |\n"]);
        }
        println!("{table}");
        if self.keep { TABLE.put(&table) } else { Ok(()) }
    }
}
