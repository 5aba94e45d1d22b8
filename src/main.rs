//! The `sluice` program: reads its configuration, then serves.

use clap::{Parser, Subcommand};
use sluice::server::{config::Config, healthcheck, serve};
use std::process::ExitCode;

/// Web console for MailChannels Inbound.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the console (what happens without a command).
    Serve,
    /// Ask a running server whether it is healthy; for a container's HEALTHCHECK.
    Healthcheck,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Leptos needs several workers even on one core: a page may wait on work that another task must do.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sluice: the runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = match cli.command {
        Some(Command::Healthcheck) => runtime.block_on(healthcheck(&cli.config)),
        Some(Command::Serve) | None => runtime.block_on(serve(cli.config)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice: {error}");
            ExitCode::FAILURE
        }
    }
}
