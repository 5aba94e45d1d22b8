//! What `cargo xtask bench` runs: starts Sluice and the stand-in, measures, prints a table. Every row is a
//! ratio or an exact count of one run on one machine; times are there to be understood, not compared.
#![expect(clippy::print_stdout, reason = "it prints a table")]

mod bare;
mod browser;
mod host;
mod ledger;
mod page;
mod rig;
mod rows;
mod soak;
mod table;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rows::What;
use std::{path::PathBuf, process::ExitCode};
use table::{Row, Table};

/// A step failed; the text says which and why.
pub(crate) type Step<T = ()> = Result<T, String>;

/// Measures a release build of Sluice.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure.
    Run(Run),
    /// Many people for some minutes, at a service that fails now and then.
    Soak(soak::Soak),
    /// The server that the list page is measured against.
    Bare(bare::Bare),
}

#[derive(Args)]
struct Run {
    /// Rows; all without any.
    rows: Vec<What>,
    /// Fewer repetitions, and nothing with 100,000 domains.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    programs: Programs,
}

/// What is measured.
#[derive(Args)]
struct Programs {
    /// Sluice's binary.
    #[arg(long)]
    sluice: PathBuf,
    /// The stand-in's binary.
    #[arg(long)]
    sandbox: PathBuf,
    /// What was built, and with what: for the head of the table.
    #[arg(long, default_value = "")]
    built: String,
}

impl Programs {
    fn tools(&self, quick: bool) -> Step<Tools> {
        let itself = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok(Tools { sluice: self.sluice.clone(), sandbox: self.sandbox.clone(), itself, quick })
    }

    /// Prints a table; an error says how many rows are over their budget.
    fn print(&self, how: &str, rows: &[Row]) -> Step {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
        println!("{cores}, {}{how}.\n\n{}", self.built, Table(rows));
        let over = rows.iter().filter(|row| !row.kept()).count();
        if over == 0 { Ok(()) } else { Err(format!("{over} of {} rows are over their budget", rows.len())) }
    }
}

/// The programs that take part.
pub(crate) struct Tools {
    pub(crate) sluice: PathBuf,
    pub(crate) sandbox: PathBuf,
    pub(crate) itself: PathBuf,
    pub(crate) quick: bool,
}

fn main() -> ExitCode {
    // As many workers as Sluice has, for the bare server.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let done = runtime.map_err(|error| error.to_string()).and_then(|runtime| match Cli::parse().task {
        Task::Run(run) => runtime.block_on(run.run()),
        Task::Soak(soak) => runtime.block_on(soak.run()),
        Task::Bare(bare) => runtime.block_on(bare.serve()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Run {
    async fn run(self) -> Step {
        let tools = self.programs.tools(self.quick)?;
        let what = if self.rows.is_empty() { What::value_variants().to_vec() } else { self.rows };
        let rows = rows::measure(&tools, &what).await?;
        self.programs.print(if self.quick { ", quick" } else { "" }, &rows)
    }
}
