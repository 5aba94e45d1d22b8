//! Commands besides serving. They print to the terminal of whoever runs them, and never a secret but the one link that
//! is asked for.
#![expect(clippy::print_stdout, reason = "this is what commands are for")]

use crate::server::{
    config::{Config, ConfigError},
    run::{RunError, open},
};
use clap::Subcommand;
use desk::{Asker, Desk, Person, Role};
use jiff::Timestamp;

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

/// `sluice check-config`: everything that is wrong, or what will happen.
pub fn check_config(config: &Config) -> Result<(), RunError> {
    let mut problems = Vec::new();
    let mut note = |problem: Result<(), ConfigError>| problems.extend(problem.err());
    note(config.key_ring().map(drop));
    note(config.upstream().map(drop));
    note(config.mx_expected().map(drop));
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
    let (store, desk) = open(config, config.key_ring()?).await?;
    let done = act(config, &desk, command).await;
    store.close().await;
    done
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
            let done = desk.disable_person(&operator(), &id).await?;
            println!("{}", if known(done)? { "shut out" } else { "was shut out already" });
            Ok(())
        }
        UserCommand::Enable { id } => {
            let done = desk.enable_person(&operator(), &id).await?;
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

/// Whoever runs the command, as the audit log calls them.
fn operator() -> Asker {
    let person =
        Person { id: String::new(), name: "command line".into(), role: Role::Admin, epoch: 0, disabled: false };
    Asker::new(person, "command line")
}

/// A name from outside, fit for a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
