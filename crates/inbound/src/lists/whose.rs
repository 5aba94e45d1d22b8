//! Whose list an entry is on.

use super::{Entry, List, Tier, lower};
use crate::name::{DomainName, EmailAddress};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tier", content = "name", rename_all = "lowercase")]
pub enum Whose {
    /// A recipient's.
    User(EmailAddress),
    /// A domain's.
    Domain(DomainName),
    /// An account's, by its id here.
    Account(String),
}

impl Whose {
    /// Reads what a person typed: an address or a domain; nothing is nobody's.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.contains('@') {
            return match EmailAddress::parse(text) {
                Ok(address) => Ok(Some(Self::User(lower(&address)))),
                Err(error) => Err(error.to_string()),
            };
        }
        DomainName::parse(text).map(|name| Some(Self::Domain(name))).map_err(|error| error.to_string())
    }

    /// Its tier.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match self {
            Self::User(_) => Tier::User,
            Self::Domain(_) => Tier::Domain,
            Self::Account(_) => Tier::Account,
        }
    }

    /// As the audit log names its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "recipient",
            Self::Domain(_) => "domain",
            Self::Account(_) => "account",
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(address) => write!(f, "{address}"),
            Self::Domain(name) => write!(f, "{name}"),
            Self::Account(id) => f.write_str(id),
        }
    }
}

/// An entry on a list of somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Whose list.
    pub whose: Whose,
    /// Which.
    pub list: List,
    /// The entry, as it is sent.
    pub item: String,
}

impl Target {
    /// Whether an item as the service writes it is this entry.
    #[must_use]
    pub fn is(&self, item: &str) -> bool {
        Entry::read(item) == Entry::read(&self.item)
    }
}
