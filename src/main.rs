//! The `sluice` program: reads its configuration, then serves.

use clap::{Parser, Subcommand};
use sluice::server::{
    audit_cli,
    command::{self, KeysCommand, UserCommand},
    config::Config,
    healthcheck, serve, version,
};
use std::{path::PathBuf, process::ExitCode};

/// Web console for MailChannels Inbound.
#[derive(Parser)]
#[command(version = version(), about)]
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
    /// Say what is wrong with the configuration, and what its sign-in mode will do. Never prints a secret.
    CheckConfig,
    /// People: list them, shut them out, or make a sign-in link for when single sign-on does not work.
    #[command(subcommand)]
    User(UserCommand),
    /// The key-encryption key: what is under which, wrap everything anew, open everything.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make a backup, also while the server runs. The key-encryption key is not in it.
    Backup {
        /// The file to make; without it, one named after the time in `SLUICE_BACKUP_DIR`.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Put a backup back, while no server runs. What was there is kept beside it, and everybody is signed out.
    Restore {
        /// The backup.
        from: PathBuf,
    },
    /// Check or export the audit log.
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Ask a running server whether it is healthy; for a container's HEALTHCHECK.
    Healthcheck,
}

#[derive(Subcommand)]
enum Audit {
    /// Check that no row was changed, moved, put in or taken out. Needs the key-encryption key; a server may be running.
    Verify {
        /// A head that the log printed earlier, as `id:mac`: shows also that the newest rows were cut off. Repeatable.
        #[arg(long = "head", value_name = "ID:MAC")]
        heads: Vec<store::AuditHead>,
    },
    /// Write all rows as CSV to standard output, the head of the chain in the last line.
    Export,
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
        Some(Command::CheckConfig) => command::check_config(&cli.config),
        Some(Command::Keys(keys)) => runtime.block_on(command::keys(&cli.config, keys)),
        Some(Command::Backup { to }) => runtime.block_on(command::make_backup(&cli.config, to.as_deref())),
        Some(Command::Restore { from }) => runtime.block_on(command::restore(&cli.config, &from)),
        Some(Command::User(user)) => runtime.block_on(command::user(&cli.config, user)),
        Some(Command::Audit { what: Audit::Verify { heads } }) => {
            runtime.block_on(audit_cli::verify(&cli.config, &heads, &mut std::io::stdout()))
        }
        Some(Command::Audit { what: Audit::Export }) => {
            runtime.block_on(audit_cli::export(&cli.config, &mut std::io::stdout().lock()))
        }
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
