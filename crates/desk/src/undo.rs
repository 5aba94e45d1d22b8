//! One facet of a domain before and after a change: what the audit log keeps, what undo restores,
//! and what a form carries so that a change made meanwhile by somebody else is noticed.

use crate::{Applied, Asker, Desk, DeskError, error::Result};
use serde::{Deserialize, Serialize};

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
        target: crate::Target,
        /// Whether it is on the list.
        present: bool,
    },
    /// Whether the domain is provisioned.
    Provisioned {
        /// It is.
        present: bool,
    },
}

impl Snapshot {
    /// What a form carries to notice a change made meanwhile.
    pub fn base(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`Self::base`] back; garbage reads as "nothing known", which then counts as changed.
    pub fn from_base(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The action's name in the audit log.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "domain.settings",
            Self::Servers { .. } => "domain.servers",
            Self::Admins { .. } => "domain.admins",
            Self::Alias { present: true, .. } => "domain.alias.add",
            Self::Alias { present: false, .. } => "domain.alias.remove",
            Self::Holder { .. } => "domain.associate",
            Self::Entry { present: true, .. } => "list.add",
            Self::Entry { present: false, .. } => "list.remove",
            Self::Provisioned { present: true } => "domain.provision",
            Self::Provisioned { present: false } => "domain.deprovision",
        }
    }
}

impl Desk {
    /// Takes back a change by its audit id: restores the state before it, unless the world moved on.
    pub async fn undo(&self, asker: &Asker, domain: &str, change: i64) -> Result<Applied> {
        let gone = || DeskError::NotFound("that change".into());
        let row = self
            .0
            .store
            .history("domain", domain, 200)
            .await?
            .into_iter()
            .find(|row| row.id == change && row.intent_id.is_none())
            .ok_or_else(gone)?;
        let snapshot = |text: &Option<String>| text.as_deref().and_then(Snapshot::from_base).ok_or_else(gone);
        let (before, after) = (snapshot(&row.before)?, snapshot(&row.after)?);
        if matches!(
            before,
            Snapshot::Provisioned { .. } | Snapshot::Entry { .. } | Snapshot::Holder { fingerprint: None }
        ) {
            return Err(gone());
        }
        self.apply(asker, domain, before, Some(after)).await
    }
}
