//! The `sluice` program: reads its configuration, then serves.

mod manual;

use clap::{FromArgMatches, Parser, Subcommand};
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
    /// Put a backup back, while no server runs. What was there is kept beside it, everybody is signed out,
    /// and jobs that were under way are paused.
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
    let matches = manual::command::<Cli>().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn help(arguments: &[&str]) -> String {
        let line = ["sluice"].iter().chain(arguments).chain(&["--help"]);
        manual::command::<Cli>().try_get_matches_from(line).unwrap_err().to_string()
    }

    #[test]
    fn each_command_s_help_is_of_its_own_settings_with_examples_and_how_it_ends() {
        for (arguments, own) in [
            (&["user", "list"][..], "SLUICE_DATABASE"),
            (&["keys", "rotate"], "SLUICE_KEK_PREVIOUS_FILES"),
            (&["backup"], "SLUICE_BACKUP_DIR"),
            (&["audit", "verify"], "--head"),
            (&["restore"], "SLUICE_KEK_FILE"),
            (&["healthcheck"], "SLUICE_LISTEN"),
            (&["user", "link"], "SLUICE_PUBLIC_URL"),
        ] {
            let text = help(arguments);
            assert!(text.contains(own) && text.contains("Examples:") && text.contains("Exit status:"), "{text}");
            assert!(!text.contains("SLUICE_OIDC") && text.lines().count() < 60, "{text}");
        }
        for arguments in [&[][..], &["serve"], &["check-config"]] {
            let text = help(arguments);
            assert!(text.contains("SLUICE_OIDC_ISSUER") && text.contains("Examples:"), "{text}");
        }
    }

    #[test]
    fn settings_are_taken_before_and_after_the_command() {
        for line in [["sluice", "--database", "x.db", "serve"], ["sluice", "serve", "--database", "x.db"]] {
            let matches = manual::command::<Cli>().try_get_matches_from(line).unwrap();
            assert_eq!(Cli::from_arg_matches(&matches).unwrap().config.database, PathBuf::from("x.db"));
        }
        manual::command::<Cli>().debug_assert();
    }
}
