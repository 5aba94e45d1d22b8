//! People and roles.

use crate::{Desk, error::Result};
use std::fmt;

/// What a person may do; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// List entries, reports, login links, recipients, own keys.
    Agent,
    /// All domain changes.
    Lead,
    /// People, sessions, settings.
    Admin,
}

impl Role {
    /// The role's name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Lead => "lead",
            Self::Admin => "admin",
        }
    }

    /// The opposite of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Agent, Self::Lead, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Stable id.
    pub id: String,
    /// Name to show.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Grows when their sessions must end.
    pub epoch: i64,
    /// May no longer sign in.
    pub disabled: bool,
}

/// One of the made-up people of demo mode.
#[derive(Clone, Copy, Debug)]
pub struct DemoPerson {
    /// Subject, the value of the sign-in form.
    pub subject: &'static str,
    /// Name.
    pub name: &'static str,
    /// Role.
    pub role: Role,
    /// What the role may do, in words.
    pub may: &'static str,
}

/// The people of demo mode, one a role.
pub const DEMO_PEOPLE: [DemoPerson; 4] = [
    DemoPerson { subject: "vera", name: "Vera Lindqvist", role: Role::Viewer, may: "Reads; changes nothing" },
    DemoPerson { subject: "maya", name: "Maya Okafor", role: Role::Agent, may: "Own keys and login links" },
    DemoPerson {
        subject: "tomasz",
        name: "Tomasz Wieliczko",
        role: Role::Lead,
        may: "Also changes, provisions and deprovisions domains",
    },
    DemoPerson {
        subject: "ines",
        name: "Ines Duarte",
        role: Role::Admin,
        may: "Everything a lead may, and people later on",
    },
];

const DEMO_ISSUER: &str = "demo";

impl Desk {
    /// Finds a person by id.
    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        Ok(self.0.store.person(id).await?.and_then(from_row))
    }

    /// Signs in one of the demo people; `None` when there is no such subject.
    pub async fn demo_person(&self, subject: &str) -> Result<Option<Person>> {
        let Some(demo) = DEMO_PEOPLE.iter().find(|person| person.subject == subject) else {
            return Ok(None);
        };
        let row = self
            .0
            .store
            .upsert_person(&store::NewPerson {
                issuer: DEMO_ISSUER,
                subject: demo.subject,
                name: demo.name,
                email: None,
                role: demo.role.as_str(),
                now: self.now_ms(),
            })
            .await?;
        Ok(from_row(row))
    }
}

fn from_row(row: store::PersonRow) -> Option<Person> {
    Some(Person {
        role: Role::parse(&row.role)?,
        id: row.id,
        name: row.name,
        epoch: row.epoch,
        disabled: row.disabled_at.is_some(),
    })
}
