//! One facet of a domain before or after a change: what the audit log and the journal keep, what undo restores,
//! and what a form carries so that a change made meanwhile by somebody else is noticed.

use crate::lists::Target;
use serde::{Deserialize, Serialize};

/// Everything a domain has, without its lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Subscription handle.
    pub subscription: String,
    /// `block`, `flag`, `quarantine`; none when the service reports none.
    pub policy: Option<String>,
    /// Whether it overrides recipients' own choice.
    pub override_recipient: Option<bool>,
    /// Header added under `flag`.
    pub header_name: Option<String>,
    /// Its value.
    pub header_value: Option<String>,
    /// Downstream servers as compact lines, sorted.
    pub servers: Vec<String>,
    /// Admins, sorted.
    pub admins: Vec<String>,
    /// Aliases, A-label, sorted.
    pub aliases: Vec<String>,
    /// Whether it is locked to the key that speaks for it.
    pub locked: bool,
}

impl Whole {
    /// Whether the two have the same content. Which key holds them is no part of it.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        let of = |whole: &Self| Self { locked: false, ..whole.clone() };
        of(self) == of(other)
    }

    /// Its spam handling.
    #[must_use]
    pub fn settings(&self) -> Snapshot {
        Snapshot::Settings {
            policy: self.policy.clone(),
            override_recipient: self.override_recipient,
            header_name: self.header_name.clone(),
            header_value: self.header_value.clone(),
        }
    }

    /// The facet that a snapshot speaks of. None for those that are not a domain's own: its key and its lists.
    #[must_use]
    pub fn facet(&self, of: &Snapshot) -> Option<Snapshot> {
        Some(match of {
            Snapshot::Settings { .. } => self.settings(),
            Snapshot::Servers { .. } => Snapshot::Servers { servers: self.servers.clone() },
            Snapshot::Admins { .. } => Snapshot::Admins { admins: self.admins.clone() },
            Snapshot::Alias { alias, .. } => {
                Snapshot::Alias { alias: alias.clone(), present: self.aliases.contains(alias) }
            }
            Snapshot::Provisioned { .. } => Snapshot::Provisioned { present: true },
            Snapshot::Domain(_) => Snapshot::Domain(self.clone()),
            Snapshot::Holder { .. } | Snapshot::Entry { .. } => return None,
        })
    }
}

/// The state of one facet of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Snapshot {
    /// Spam handling.
    Settings {
        /// `block`, `flag`, `quarantine`; none when the service reports none.
        policy: Option<String>,
        /// Whether it overrides recipients' own choice.
        override_recipient: Option<bool>,
        /// Header added under `flag`.
        header_name: Option<String>,
        /// Its value.
        header_value: Option<String>,
    },
    /// Downstream servers, as compact lines: priority weight port target.
    Servers {
        /// One line a server, sorted.
        servers: Vec<String>,
    },
    /// Domain admins.
    Admins {
        /// Addresses, sorted.
        admins: Vec<String>,
    },
    /// One alias.
    Alias {
        /// A-label.
        alias: String,
        /// Whether the domain has it.
        present: bool,
    },
    /// The key that holds the domain.
    Holder {
        /// Fingerprint; none when free or unknown.
        fingerprint: Option<String>,
    },
    /// One entry of a list.
    Entry {
        /// Which.
        target: Target,
        /// Whether it is on the list.
        present: bool,
    },
    /// Whether the domain is provisioned.
    Provisioned {
        /// It is.
        present: bool,
    },
    /// All of a domain.
    Domain(Whole),
}

impl Snapshot {
    /// What a form carries to notice a change made meanwhile.
    #[must_use]
    pub fn base(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`Self::base`] back; garbage reads as "nothing known", which then counts as changed.
    #[must_use]
    pub fn from_base(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The name in the audit log of the action that leads here.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "domain.settings",
            Self::Servers { .. } => "domain.servers",
            Self::Admins { .. } => "domain.admins",
            Self::Alias { present: true, .. } => "domain.alias.add",
            Self::Alias { present: false, .. } => "domain.alias.remove",
            Self::Holder { .. } => "domain.associate",
            Self::Entry { present: true, .. } => "list.add",
            Self::Entry { present: false, .. } => "list.remove",
            Self::Domain(_) | Self::Provisioned { present: true } => "domain.provision",
            Self::Provisioned { present: false } => "domain.deprovision",
        }
    }
}
