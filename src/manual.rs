//! What `--help` says of each command: its own settings and no others, examples, and how it ends.

use clap::{Arg, Command, CommandFactory};

/// Settings of whatever works on the database beside a server.
const DATABASE: [&str; 4] = ["database", "kek", "kek_file", "kek_previous_files"];

/// A command of the manual.
struct Entry {
    /// Its name, with that of its parent before it.
    path: &'static [&'static str],
    /// The settings that matter to it; all of them where there are none.
    settings: &'static [&'static str],
    /// Examples, a line each, and what else there is to say.
    more: &'static str,
}

const EXITS: &str = "\
Exit status:
  0  done
  1  not done, or not all of it; standard error says what and why
  2  the command or a setting is wrong";

const ENTRIES: &[Entry] = &[
    Entry {
        path: &[],
        settings: &[],
        more: "\
Examples:
  sluice check-config                  what is wrong with the settings, or what will happen
  sluice serve                         serve the console
  sluice keys status                   which key-encryption key seals what

Settings are environment variables or flags; README.md has them as a table, docs/ has the rest.",
    },
    Entry {
        path: &["serve"],
        settings: &[],
        more: "\
Examples:
  SLUICE_AUTH=demo sluice serve        look around: anybody on this machine is anybody
  sluice serve --log info,desk=debug   with more of one part in the log

On SIGTERM and SIGINT it ends what is under way, writes down where jobs are, and exits within 25 s.",
    },
    Entry {
        path: &["check-config"],
        settings: &[],
        more: "Examples:\n  sluice check-config && systemctl restart sluice",
    },
    Entry {
        path: &["healthcheck"],
        settings: &["listen"],
        more: "Examples:\n  sluice healthcheck                   says nothing when all is well",
    },
    Entry {
        path: &["backup"],
        settings: &["backup_dir"],
        more: "\
Examples:
  sluice backup                        into SLUICE_BACKUP_DIR, named after the time
  sluice backup --to /mnt/usb/sluice.sqlite3

Whoever has the file and the key-encryption key has every API key: keep them apart. docs/backup.md says how.",
    },
    Entry {
        path: &["restore"],
        settings: &["listen"],
        more: "Examples:\n  systemctl stop sluice && sluice restore /mnt/usb/sluice.sqlite3",
    },
    Entry {
        path: &["keys", "status"],
        settings: &[],
        more: "Examples:\n  sluice keys status                   id, current or previous, how much, since when",
    },
    Entry { path: &["keys", "rotate"], settings: &[], more: "Examples:\n  sluice keys rotate && sluice keys verify" },
    Entry {
        path: &["keys", "verify"],
        settings: &[],
        more: "Examples:\n  sluice keys verify                   weekly, and after every restore",
    },
    Entry {
        path: &["audit", "verify"], settings: &[], more: "Examples:\n  sluice audit verify --head 4711:9f86d081…"
    },
    Entry { path: &["audit", "export"], settings: &[], more: "Examples:\n  sluice audit export > audit.csv" },
    Entry { path: &["user", "list"], settings: &[], more: "Examples:\n  sluice user list | grep -i greta" },
    Entry {
        path: &["user", "disable"],
        settings: &[],
        more: "Examples:\n  sluice user disable 0198c1d2-…       ends their sessions at once",
    },
    Entry { path: &["user", "enable"], settings: &[], more: "Examples:\n  sluice user enable 0198c1d2-…" },
    Entry {
        path: &["user", "link"],
        settings: &["public_url", "listen"],
        more: "\
Examples:
  sluice user link greta@hosting.example
  sluice user link --admin \"Alma Castell\"   when single sign-on does not work and nobody can get in",
    },
];

/// The program's command line with its manual.
pub(crate) fn command<C: CommandFactory>() -> Command {
    // Settings are everybody's by now, so that they can be left out where they say nothing.
    let mut command = C::command();
    command.build();
    ENTRIES.iter().fold(command, |command, entry| shape(command, entry.path, entry))
}

fn shape(command: Command, path: &[&'static str], entry: &Entry) -> Command {
    if let [first, rest @ ..] = path {
        return command.mut_subcommand(first, |inner| shape(inner, rest, entry));
    }
    let everything = matches!(entry.path, [] | ["serve" | "check-config"]);
    let wanted = |argument: &Arg| {
        let id = argument.get_id().as_str();
        everything
            || !argument.is_global_set()
            || entry.settings.contains(&id)
            || (entry.path != ["healthcheck"] && DATABASE.contains(&id))
    };
    let more = format!("{}\n\n{EXITS}", entry.more);
    let command = command.mut_args(|argument| if wanted(&argument) { argument } else { argument.hide(true) });
    command.after_long_help(more)
}
