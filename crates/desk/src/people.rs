//! People: who may sign in, who is shut out, whose keys are left behind.

use crate::{Asker, Desk, DeskError, audit::Intent, error::Result};
pub use identity::Role;
use store::{ListedPerson, OrphanRow};

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
    DemoPerson {
        subject: "maya",
        name: "Maya Okafor",
        role: Role::Agent,
        may: "List entries, reports, login links and own keys",
    },
    DemoPerson {
        subject: "tomasz",
        name: "Tomasz Wieliczko",
        role: Role::Lead,
        may: "Also changes, provisions and deprovisions domains, and reads the audit log",
    },
    DemoPerson {
        subject: "ines",
        name: "Ines Duarte",
        role: Role::Admin,
        may: "Everything a lead may, and people and their sessions",
    },
];

pub(crate) const DEMO_ISSUER: &str = "demo";

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
                mapped_by: "demo",
                now: self.now_ms(),
            })
            .await?;
        Ok(from_row(row).filter(|person| !person.disabled))
    }

    /// Everybody who ever signed in, by name.
    pub async fn people(&self) -> Result<Vec<ListedPerson>> {
        Ok(self.0.store.people(self.now_ms()).await?)
    }

    /// Keys whose owners are shut out. They can't be used here any more, but at MailChannels they still work.
    pub async fn orphaned_keys(&self) -> Result<Vec<OrphanRow>> {
        Ok(self.0.store.orphaned_keys().await?)
    }

    /// Shuts a person out: their sessions end with their next request, their jobs pause, and their keys can't be
    /// used. `None` when there is nobody of that id; `Some(false)` when they are shut out already.
    pub async fn disable_person(&self, asker: &Asker, id: &str) -> Result<Option<bool>> {
        if id == asker.person.id {
            return Err(DeskError::field("person", "You can’t shut yourself out. Ask another administrator."));
        }
        let Some(person) = self.person(id).await? else { return Ok(None) };
        let intent = self.person_intent(asker, "person.disable", &person).await?;
        let done = self.0.store.set_disabled(id, Some(&asker.person.name), self.now_ms()).await?;
        self.pause_jobs_of(id, crate::jobs::OWNER_OUT).await?;
        self.conclude(intent, "done").await;
        Ok(Some(done))
    }

    /// Lets a person in again. Their sessions stay ended.
    pub async fn enable_person(&self, asker: &Asker, id: &str) -> Result<Option<bool>> {
        let Some(person) = self.person(id).await? else { return Ok(None) };
        let intent = self.person_intent(asker, "person.enable", &person).await?;
        let done = self.0.store.set_disabled(id, None, self.now_ms()).await?;
        self.conclude(intent, "done").await;
        Ok(Some(done))
    }

    /// Ends all sessions of a person; returns how many.
    pub async fn sign_out_person(&self, asker: &Asker, id: &str) -> Result<Option<u64>> {
        let Some(person) = self.person(id).await? else { return Ok(None) };
        let intent = self.person_intent(asker, "person.sign-out", &person).await?;
        let ended = self.0.store.end_sessions_of(id, None).await?;
        self.conclude(intent, "done").await;
        Ok(Some(ended))
    }

    /// Pauses what runs for a person.
    pub(crate) async fn pause_jobs_of(&self, id: &str, (what, next): (&str, &str)) -> Result<()> {
        for job in self.0.store.active_jobs_of(id).await? {
            if self.0.store.pause_job(job.number, what, next).await? {
                self.0.jobs.stop(job.number);
            }
        }
        self.0.jobs.tell();
        Ok(())
    }

    async fn person_intent(&self, asker: &Asker, action: &str, person: &Person) -> Result<i64> {
        let before = Some(person.name.clone());
        self.intend(asker, Intent { before, ..Intent::to(action, "person", &person.id) }).await
    }
}

pub(crate) fn from_row(row: store::PersonRow) -> Option<Person> {
    Some(Person {
        role: Role::parse(&row.role)?,
        id: row.id,
        name: row.name,
        epoch: row.epoch,
        disabled: row.disabled_at.is_some(),
    })
}
