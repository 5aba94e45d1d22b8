//! Commands besides serving. They print to the terminal of whoever runs them, and never a secret but the one link that
//! is asked for.
#![expect(clippy::print_stdout, reason = "this is what commands are for")]

use crate::server::{
    backup,
    config::{Config, ConfigError},
    run::{RunError, open_present},
};
use clap::Subcommand;
use desk::Desk;
use jiff::Timestamp;
use std::path::Path;

/// What can be done with people from the command line.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// List everybody who ever signed in: id, role, state, name, e-mail address.
    List,
    /// Shut a person out: their sessions end, their jobs pause, their keys can't be used here.
    Disable {
        /// The person's id, as `sluice user list` shows it.
        id: String,
    },
    /// Let a person in again.
    Enable {
        /// The person's id, as `sluice user list` shows it.
        id: String,
    },
    /// Print a link that signs a person in once, within ten minutes. That it was made and used is in the audit log.
    Link {
        /// The person's id or e-mail address; with --admin, the name of an administrator to be made.
        who: String,
        /// Make an administrator of that name who signs in by links only: for when nobody else can.
        #[arg(long)]
        admin: bool,
    },
}

/// What can be done with the key-encryption key.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum KeysCommand {
    /// List the key-encryption keys, and how much is sealed under each.
    Status,
    /// Wrap everything that is sealed anew under the current key. Also while the server runs; one that was broken off is
    /// begun again. Before it: configure the new key as current and the old one as previous, and start the server anew.
    Rotate,
    /// Open everything that is sealed, and compare each API key with its fingerprint.
    Verify,
}

/// Does something with the database that is there, and closes it whatever came of it.
async fn with_desk<T>(config: &Config, act: impl AsyncFnOnce(&Desk) -> Result<T, RunError>) -> Result<T, RunError> {
    let (store, desk) = open_present(config, config.key_ring()?).await?;
    let done = act(&desk).await;
    store.close().await;
    done
}

/// `sluice keys …`
pub async fn keys(config: &Config, command: KeysCommand) -> Result<(), RunError> {
    with_desk(config, async |desk| with_keys(desk, command).await).await
}

async fn with_keys(desk: &Desk, command: KeysCommand) -> Result<(), RunError> {
    match command {
        KeysCommand::Status => {
            for kek in desk.kek_status().await? {
                let state = match (kek.is_current, kek.is_configured) {
                    (true, _) => "current",
                    (false, true) => "previous",
                    (false, false) => "MISSING",
                };
                let since = kek.since.and_then(|at| Timestamp::from_millisecond(at).ok());
                let since = since.map_or_else(|| "-".to_owned(), |since| since.to_string());
                println!("{}\t{state}\t{} sealed under it\tsince {since}", kek.id, kek.blobs);
            }
            Ok(())
        }
        KeysCommand::Rotate => {
            let done = desk.rotate_kek(|so_far| eprintln!("{} wrapped anew", so_far.rewrapped)).await?;
            println!("{} wrapped anew, {} were so already", done.rewrapped, done.current);
            for id in &done.forgotten {
                println!("nothing is under {id} any more: take it out of SLUICE_KEK_PREVIOUS_FILES");
            }
            unreadable(&done.unreadable)
        }
        KeysCommand::Verify => {
            let (good, wrong) = desk.verify_sealed().await?;
            println!("{good} open");
            unreadable(&wrong)
        }
    }
}

fn unreadable(wrong: &[String]) -> Result<(), RunError> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(RunError::Command(format!("{} do not open:\n{}", wrong.len(), wrong.join("\n"))))
}

/// `sluice backup`: one file, made while the server runs.
pub async fn make_backup(config: &Config, to: Option<&Path>) -> Result<(), RunError> {
    let asker = desk::command_line();
    let make = async |desk: &Desk| match to {
        Some(path) => backup::make(desk, &asker, path).await,
        None => config.backups().make(desk, &asker).await,
    };
    let copied = with_desk(config, make).await?;
    println!("{}\t{} bytes", copied.path.display(), copied.bytes);
    eprintln!("The key-encryption key is not in it: keep {} elsewhere.", config.key_ring()?.current());
    Ok(())
}

/// `sluice restore`: puts a backup back, while no server runs.
pub async fn restore(config: &Config, from: &Path) -> Result<(), RunError> {
    let ring = config.key_ring()?;
    let lock = backup::lock(&config.database)?;
    let kept = store::Store::restore(from, &config.database, &ring, desk::system_clock()).await?;
    drop(lock);
    println!("{} is in place. Everybody is signed out, and jobs that were under way are paused.", from.display());
    if let Some(kept) = kept {
        println!("What was there before is kept as {}.", kept.display());
    }
    Ok(())
}

/// `sluice check-config`: everything that is wrong, or what will happen.
pub fn check_config(config: &Config) -> Result<(), RunError> {
    let mut problems = Vec::new();
    let mut note = |problem: Result<(), ConfigError>| problems.extend(problem.err());
    note(config.key_ring().map(drop));
    note(config.upstream().map(drop));
    note(config.mx_expected().map(drop));
    let backups = config.backups();
    note(
        backups
            .try_folder()
            .map_err(|source| ConfigError::Backups { folder: backups.folder.clone().unwrap_or_default(), source }),
    );
    let origin = config.origin(config.listen);
    let auth = match &origin {
        Ok(origin) => config.auth.resolve(config.listen, origin),
        Err(_) => Err(Vec::new()),
    };
    let origin = origin.map_err(|problem| problems.push(problem));
    match auth {
        Ok(auth) if problems.is_empty() => {
            for line in auth.lines() {
                println!("{line}");
            }
            if let Ok(origin) = origin {
                println!("people open {}", origin.origin);
            }
            println!("the database is {}", config.database.display());
            println!("{}", backups.in_words());
            println!("the configuration is complete");
            Ok(())
        }
        auth => {
            problems.extend(auth.err().into_iter().flatten());
            Err(RunError::Auth(problems))
        }
    }
}

/// `sluice user …`
pub async fn user(config: &Config, command: UserCommand) -> Result<(), RunError> {
    with_desk(config, async |desk| act(config, desk, command).await).await
}

async fn act(config: &Config, desk: &Desk, command: UserCommand) -> Result<(), RunError> {
    match command {
        UserCommand::List => {
            for listed in desk.people().await? {
                let person = listed.person;
                let state = if person.disabled_at.is_some() { "shut out" } else { "active" };
                let seen = person.last_seen_at.and_then(|at| Timestamp::from_millisecond(at).ok());
                let seen = seen.map_or_else(|| "never".to_owned(), |seen| seen.to_string());
                let email = person.email.as_deref().unwrap_or("-");
                println!("{}\t{}\t{state}\t{seen}\t{}\t{}", person.id, person.role, plain(&person.name), plain(email));
            }
            Ok(())
        }
        UserCommand::Disable { id } => {
            let done = desk.disable_person(&desk::command_line(), &id).await?;
            println!("{}", if known(done)? { "shut out" } else { "was shut out already" });
            Ok(())
        }
        UserCommand::Enable { id } => {
            let done = desk.enable_person(&desk::command_line(), &id).await?;
            println!("{}", if known(done)? { "may sign in again" } else { "was not shut out" });
            Ok(())
        }
        UserCommand::Link { who, admin } => {
            let made = if admin { Some(desk.make_admin_link(&who).await?) } else { desk.make_link(&who).await? };
            let (person, token) =
                made.ok_or_else(|| RunError::Command(format!("nobody, or more than one, is called {}", plain(&who))))?;
            if person.disabled {
                return Err(RunError::Command("this person is shut out; let them in again first".into()));
            }
            let origin = config.origin(config.listen)?;
            eprintln!("Signs in {} ({}), once, within ten minutes:", plain(&person.name), person.role);
            println!("{}/auth/link/{}", origin.origin, token.expose());
            Ok(())
        }
    }
}

fn known(done: Option<bool>) -> Result<bool, RunError> {
    done.ok_or_else(|| RunError::Command("there is nobody of that id".into()))
}

/// A name from outside, fit for a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
