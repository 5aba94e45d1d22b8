//! `cargo xtask bench`: a release build against budgets, as one table. `cargo xtask soak`: the same build in use.

use crate::{Step, assets, proc, root, table::Place, target};
use clap::Args;
use std::process::Command;

/// The program that measures.
const BENCH: &str = "sluice-bench";
/// Where the bench's table goes.
const PERFORMANCE: Place =
    Place { document: "docs/performance.md", begin: "<!-- table -->\n", end: "<!-- end of table -->" };
/// Where the soak's table goes.
const RELIABILITY: Place =
    Place { document: "docs/reliability.md", begin: "<!-- soak -->\n", end: "<!-- end of soak -->" };

/// Flags of the benchmark.
#[derive(Args)]
pub(crate) struct Bench {
    /// Rows to measure, as `sluice-bench run --help` names them; all without any.
    rows: Vec<String>,
    /// About two minutes: fewer repetitions, and nothing with 100,000 domains.
    #[arg(long)]
    quick: bool,
    /// Write the table into `docs/performance.md` too.
    #[arg(long)]
    keep: bool,
}

impl Bench {
    pub(crate) fn run(self) -> Step {
        let mut command = measurer("run")?;
        command.args(&self.rows).args(self.quick.then_some("--quick"));
        measure(&mut command, self.keep.then_some(&PERFORMANCE))
    }
}

/// Flags of the soak.
#[derive(Args)]
pub(crate) struct Soak {
    /// Minutes.
    #[arg(long, default_value_t = 3)]
    minutes: u32,
    /// Write the table into `docs/reliability.md` too.
    #[arg(long)]
    keep: bool,
}

impl Soak {
    pub(crate) fn run(self) -> Step {
        let mut command = measurer("soak")?;
        command.args(["--minutes", &self.minutes.to_string()]);
        measure(&mut command, self.keep.then_some(&RELIABILITY))
    }
}

/// Builds the release, the stand-in and the program that measures, which is returned to be started.
fn measurer(task: &str) -> Step<Command> {
    assets::build()?;
    let sandbox = "mailchannels-sandbox";
    // A binary that is named shuts out all that are not.
    let packages = ["-p", "sluice", "-p", sandbox, "-p", BENCH];
    proc::cargo(&[&["build", "--release", "--bins"][..], &packages].concat())?;
    let bin = target().join("release");
    let mut command = Command::new(bin.join(BENCH));
    command.arg(task).arg("--sluice").arg(bin.join("sluice")).arg("--sandbox").arg(bin.join(sandbox));
    command.args(["--built", &built()?]);
    Ok(command)
}

/// Runs it, and keeps its table where that is wanted, also one with rows over their budget.
fn measure(command: &mut Command, keep: Option<&Place>) -> Step {
    let Some(place) = keep else { return proc::run(command) };
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("{BENCH} did not start: {error}"))?;
    let table = String::from_utf8_lossy(&output.stdout);
    println!("{table}");
    if table.is_empty() {
        return Err(format!("{BENCH} made no table"));
    }
    place.put(&table)?;
    if output.status.success() { Ok(()) } else { Err("see the table".into()) }
}

/// Compiler and commit.
fn built() -> Step<String> {
    let said = |program: &str, arguments: &[&str]| -> Step<String> {
        let output = Command::new(program).args(arguments).current_dir(root()).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = said("rustc", &["--version"])?;
    let commit = said("git", &["rev-parse", "--short=10", "HEAD"])?;
    let dirty =
        if said("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty() { "" } else { " and changes" };
    Ok(format!("{rustc}, commit {commit}{dirty}"))
}
