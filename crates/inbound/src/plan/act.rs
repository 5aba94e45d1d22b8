//! What is done to every row.

use crate::words::count;
use serde::{Deserialize, Serialize};

/// Which act, as URLs and the database name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Provision domains.
    Provision,
    /// Deprovision domains.
    Deprovision,
    /// Change spam handling.
    Settings,
    /// Replace downstream servers.
    Servers,
    /// Add, remove or replace admins.
    Admins,
    /// Add aliases.
    AddAliases,
    /// Remove aliases.
    RemoveAliases,
    /// Lock domains to a key.
    Associate,
    /// Add list entries of domains or recipients.
    AddEntries,
    /// Remove list entries of domains or recipients.
    RemoveEntries,
    /// Mint login links.
    LoginLinks,
    /// Take back what a job did.
    Undo,
}

impl Kind {
    /// All that a person can begin; undo begins at a job.
    pub const ALL: [Self; 11] = [
        Self::Settings,
        Self::Servers,
        Self::Admins,
        Self::AddAliases,
        Self::RemoveAliases,
        Self::Associate,
        Self::AddEntries,
        Self::RemoveEntries,
        Self::LoginLinks,
        Self::Provision,
        Self::Deprovision,
    ];

    /// The word in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
            Self::Settings => "settings",
            Self::Servers => "servers",
            Self::Admins => "admins",
            Self::AddAliases => "add-aliases",
            Self::RemoveAliases => "remove-aliases",
            Self::Associate => "associate",
            Self::AddEntries => "add-entries",
            Self::RemoveEntries => "remove-entries",
            Self::LoginLinks => "login-links",
            Self::Undo => "undo",
        }
    }

    /// The opposite of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Undo]).find(|kind| kind.as_str() == word)
    }

    /// The heading of its form.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Provision => "Provision domains",
            Self::Deprovision => "Deprovision domains",
            Self::Settings => "Set spam handling",
            Self::Servers => "Replace servers",
            Self::Admins => "Change admins",
            Self::AddAliases => "Add aliases",
            Self::RemoveAliases => "Remove aliases",
            Self::Associate => "Move domains to a key",
            Self::AddEntries => "Add list entries",
            Self::RemoveEntries => "Remove list entries",
            Self::LoginLinks => "Create login links",
            Self::Undo => "Undo",
        }
    }

    /// What it does to so many rows, such as "Deprovision 300 domains".
    #[must_use]
    pub fn title(self, rows: u64) -> String {
        let domains = count(rows, "domain", "domains");
        match self {
            Self::Provision => format!("Provision {domains}"),
            Self::Deprovision => format!("Deprovision {domains}"),
            Self::Settings => format!("Set spam handling of {domains}"),
            Self::Servers => format!("Replace the servers of {domains}"),
            Self::Admins => format!("Change the admins of {domains}"),
            Self::AddAliases => format!("Add {}", count(rows, "alias", "aliases")),
            Self::RemoveAliases => format!("Remove {}", count(rows, "alias", "aliases")),
            Self::Associate => format!("Move {domains} to a key"),
            Self::AddEntries => format!("Add {}", count(rows, "list entry", "list entries")),
            Self::RemoveEntries => format!("Remove {}", count(rows, "list entry", "list entries")),
            Self::LoginLinks => format!("Create {}", count(rows, "login link", "login links")),
            Self::Undo => format!("Undo {}", count(rows, "change", "changes")),
        }
    }

    /// How a row that was done is called.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Provision => "Provisioned",
            Self::Deprovision => "Deprovisioned",
            Self::Settings | Self::Admins => "Changed",
            Self::Servers => "Replaced",
            Self::AddAliases | Self::AddEntries => "Added",
            Self::RemoveAliases | Self::RemoveEntries => "Removed",
            Self::Associate => "Moved",
            Self::LoginLinks => "Created",
            Self::Undo => "Taken back",
        }
    }

    /// Calls that a row costs, when nothing goes wrong; 0 when rows share a call, see [`Self::shared`].
    ///
    /// Servers: read, replace (the answer tells what is there now). Settings and admins: domain and servers are
    /// read, everything is sent, the domain is read back. Aliases, keys and entries: one read, one write.
    #[must_use]
    pub fn calls_a_row(self) -> u64 {
        match self {
            Self::Provision | Self::LoginLinks => 0,
            Self::Deprovision => 1,
            Self::Servers
            | Self::AddAliases
            | Self::RemoveAliases
            | Self::Associate
            | Self::AddEntries
            | Self::RemoveEntries => 2,
            Self::Undo => 3,
            Self::Settings | Self::Admins => 4,
        }
    }

    /// Rows that one call takes at most `[spec]`; none when each row has calls of its own. There is no batch
    /// call for deprovisioning `[spec]`, so this is the one place that one would be entered.
    #[must_use]
    pub fn shared(self) -> Option<usize> {
        match self {
            Self::Provision | Self::LoginLinks => Some(1000),
            _ => None,
        }
    }

    /// Whether the number of rows is typed before it begins.
    #[must_use]
    pub fn needs_count(self, rows: usize) -> bool {
        rows > super::UNTYPED || (self == Self::Deprovision && rows > 0)
    }

    /// Whether it takes away or replaces what is there, in so many rows that it takes a fresh sign-in.
    #[must_use]
    pub fn is_grave(self, rows: usize) -> bool {
        let replaces = matches!(
            self,
            Self::Settings
                | Self::Servers
                | Self::Admins
                | Self::Associate
                | Self::RemoveAliases
                | Self::RemoveEntries
                | Self::Deprovision
                | Self::Undo
        );
        replaces && self.needs_count(rows)
    }

    /// Whether what it did can be taken back.
    #[must_use]
    pub fn can_undo(self) -> bool {
        !matches!(self, Self::LoginLinks | Self::Undo)
    }

    /// Whether its rows name recipients or domains, with an entry each.
    #[must_use]
    pub fn is_entries(self) -> bool {
        matches!(self, Self::AddEntries | Self::RemoveEntries)
    }
}

/// What to do with admins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Add those that are missing.
    Add,
    /// Remove those that are there.
    Remove,
    /// These and no others.
    Replace,
}

/// A change of spam handling; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// `block`, `flag`, `quarantine`.
    pub policy: Option<String>,
    /// Whether it overrides recipients' own choice.
    pub override_recipient: Option<bool>,
    /// Name and value of the header added under `flag`; empty ones clear it.
    pub header: Option<(String, String)>,
}

impl SettingsChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is done to every row, with what holds for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Provision domains.
    Provision {
        /// Subscription handle.
        subscription: String,
        /// Fingerprint of the key that provisions.
        fingerprint: String,
        /// Its account.
        account: String,
        /// Lock them to that key.
        lock: bool,
        /// Bring those that exist already to what their row says, instead of leaving them.
        update: bool,
    },
    /// Deprovision domains.
    Deprovision,
    /// Change spam handling; a row's own policy goes first.
    Settings(SettingsChange),
    /// Replace downstream servers; a row's own go first.
    Servers {
        /// Compact lines, sorted.
        servers: Vec<String>,
    },
    /// Change admins; a row's own go first.
    Admins {
        /// In which way.
        how: How,
        /// Addresses, sorted.
        admins: Vec<String>,
    },
    /// Add or remove the aliases of the rows.
    Aliases {
        /// Add them.
        present: bool,
    },
    /// Lock domains to a key.
    Associate {
        /// Its fingerprint.
        fingerprint: String,
        /// Its account.
        account: String,
    },
    /// Add or remove the entries of the rows.
    Entries {
        /// Add them.
        present: bool,
    },
    /// Mint login links.
    LoginLinks,
    /// Take back what a job did.
    Undo {
        /// Its number.
        of: i64,
    },
}

impl Act {
    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Provision { .. } => Kind::Provision,
            Self::Deprovision => Kind::Deprovision,
            Self::Settings(_) => Kind::Settings,
            Self::Servers { .. } => Kind::Servers,
            Self::Admins { .. } => Kind::Admins,
            Self::Aliases { present: true } => Kind::AddAliases,
            Self::Aliases { present: false } => Kind::RemoveAliases,
            Self::Associate { .. } => Kind::Associate,
            Self::Entries { present: true } => Kind::AddEntries,
            Self::Entries { present: false } => Kind::RemoveEntries,
            Self::LoginLinks => Kind::LoginLinks,
            Self::Undo { .. } => Kind::Undo,
        }
    }
}
