//! The stand-in as a program.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use clap::{Parser, ValueEnum};
use mailchannels_sandbox::{Options, Sandbox, Seed};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, Copy, ValueEnum)]
enum SeedName {
    Demo,
    Empty,
}

/// A faithful stand-in for the MailChannels Inbound API.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Address on which to answer for MX records over UDP.
    #[arg(long, default_value = "127.0.0.1:0")]
    dns: SocketAddr,
    /// What to start with.
    #[arg(long, value_enum, default_value = "demo")]
    seed: SeedName,
    /// Domains of the demo customer.
    #[arg(long, default_value_t = 10_000)]
    domains: usize,
    /// Milliseconds that every answer takes.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Requests a second for one customer.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Keep the state in this file.
    #[arg(long)]
    state: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let options = Options {
        listen: cli.listen,
        dns: cli.dns,
        seed: match cli.seed {
            SeedName::Demo => Seed::Demo,
            SeedName::Empty => Seed::Empty,
        },
        domains: cli.domains,
        latency: Duration::from_millis(cli.latency_ms),
        rate: cli.rate,
        state: cli.state,
        ..Options::default()
    };
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            eprintln!("mailchannels-sandbox: {} or {} cannot be listened on: {error}", cli.listen, cli.dns);
            return ExitCode::FAILURE;
        }
    };
    println!("mailchannels-sandbox listens on {}, for DNS on {}", sandbox.base_url(), sandbox.dns_address());
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return ExitCode::FAILURE;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    sandbox.stop().await;
    ExitCode::SUCCESS
}
