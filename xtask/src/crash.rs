//! `cargo xtask crash`: `kill -9` at random points of bulk changes, rotation, migration and backup, as one table.

use crate::{Step, root};
use clap::Args;
use std::{fs, process::Command};

/// Where the table goes in the document.
const TABLE: (&str, &str) = ("<!-- crash -->\n", "<!-- end of crash -->");
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
        if !self.keep {
            return Ok(());
        }
        let path = root().join("docs/reliability.md");
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(failed)?;
        let (before, rest) = text.split_once(TABLE.0).ok_or("docs/reliability.md has no place for the table")?;
        let (_, after) = rest.split_once(TABLE.1).ok_or("docs/reliability.md has no end of the table")?;
        fs::write(&path, [before, TABLE.0, "\n", table.trim(), "\n\n", TABLE.1, after].concat()).map_err(failed)
    }
}
