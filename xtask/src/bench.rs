//! `cargo xtask bench`: a release build against budgets, as one table.

use crate::{Step, assets, proc, root, target};
use clap::Args;
use std::{fs, process::Command};

/// Where the table goes in the document.
const TABLE: (&str, &str) = ("<!-- table -->\n", "<!-- end of table -->");

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
        assets::build()?;
        let (sandbox, bench) = ("mailchannels-sandbox", "sluice-bench");
        proc::cargo(&["build", "--release", "-p", "sluice", "--bin", "sluice", "-p", sandbox, "-p", bench])?;
        let bin = target().join("release");
        let mut command = Command::new(bin.join(bench));
        command
            .arg("run")
            .args(&self.rows)
            .args(self.quick.then_some("--quick"))
            .arg("--sluice")
            .arg(bin.join("sluice"))
            .arg("--sandbox")
            .arg(bin.join(sandbox))
            .args(["--built", &built()?]);
        if !self.keep {
            return proc::run(&mut command);
        }
        let output = command
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| format!("{bench} did not start: {error}"))?;
        let table = String::from_utf8_lossy(&output.stdout);
        println!("{table}");
        if table.is_empty() {
            return Err(format!("{bench} made no table"));
        }
        let path = root().join("docs/performance.md");
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(failed)?;
        let (before, rest) = text.split_once(TABLE.0).ok_or("docs/performance.md has no place for the table")?;
        let (_, after) = rest.split_once(TABLE.1).ok_or("docs/performance.md has no end of the table")?;
        fs::write(&path, [before, TABLE.0, "\n", table.trim(), "\n\n", TABLE.1, after].concat()).map_err(failed)?;
        if output.status.success() { Ok(()) } else { Err("see the table".into()) }
    }
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
