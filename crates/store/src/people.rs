//! People, known by issuer and subject.

use sqlx::FromRow;

use crate::{Result, Store, new_id};

/// A person as stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PersonRow {
    /// Id.
    pub id: String,
    /// Who vouches for them.
    pub issuer: String,
    /// Their name at the issuer.
    pub subject: String,
    /// Display name.
    pub name: String,
    /// For display only.
    pub email: Option<String>,
    /// `viewer`, `agent`, `lead` or `admin`.
    pub role: String,
    /// Goes up when earlier sessions must end, such as when the role changes.
    pub epoch: i64,
    /// When they were shut out.
    pub disabled_at: Option<i64>,
    /// First sign-in.
    pub created_at: i64,
    /// Last sign-in.
    pub last_seen_at: Option<i64>,
}

/// What a sign-in says of a person.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    /// Who vouches for them.
    pub issuer: &'a str,
    /// Their name at the issuer.
    pub subject: &'a str,
    /// Display name.
    pub name: &'a str,
    /// For display only.
    pub email: Option<&'a str>,
    /// `viewer`, `agent`, `lead` or `admin`.
    pub role: &'a str,
    /// Unix milliseconds.
    pub now: i64,
}

impl Store {
    /// Adds a person, or brings a known one up to date. Another role raises the epoch.
    pub async fn upsert_person(&self, person: &NewPerson<'_>) -> Result<PersonRow> {
        let row = self
            .rows(
                "INSERT INTO people (id, issuer, subject, name, email, role, created_at, last_seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
                 ON CONFLICT (issuer, subject) DO UPDATE SET
                     name = excluded.name, email = excluded.email, last_seen_at = excluded.last_seen_at,
                     epoch = people.epoch + (people.role <> excluded.role), role = excluded.role
                 RETURNING *",
            )
            .bind(new_id(person.now))
            .bind(person.issuer)
            .bind(person.subject)
            .bind(person.name)
            .bind(person.email)
            .bind(person.role)
            .bind(person.now)
            .fetch_one(self.write())
            .await?;
        Ok(row)
    }

    /// One person.
    pub async fn person(&self, id: &str) -> Result<Option<PersonRow>> {
        Ok(self.rows("SELECT * FROM people WHERE id = ?1").bind(id).fetch_optional(self.read()).await?)
    }

    /// Everybody, by name.
    pub async fn people(&self) -> Result<Vec<PersonRow>> {
        Ok(self.rows("SELECT * FROM people ORDER BY name, id").fetch_all(self.read()).await?)
    }
}
