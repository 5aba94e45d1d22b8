//! People, known by issuer and subject.

use sqlx::FromRow;

use crate::{Result, Store, new_id, sessions::session_lives};

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
    /// The group that gave the role at the last sign-in.
    pub mapped_by: String,
    /// Who shut them out: the name as it was.
    pub disabled_by: Option<String>,
}

/// A person as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedPerson {
    /// The person.
    #[sqlx(flatten)]
    pub person: PersonRow,
    /// Sessions that are alive.
    pub sessions: u32,
    /// Keys they own.
    pub keys: u32,
}

/// A key of somebody who is shut out: it still works at MailChannels.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct OrphanRow {
    /// The owner's id.
    pub owner_id: String,
    /// Their name.
    pub owner: String,
    /// The key's label.
    pub label: String,
    /// Its last four characters.
    pub last_four: String,
    /// Name of its account.
    pub account: Option<String>,
    /// Domains locked to it.
    pub locked: u64,
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
    /// The group that gave it.
    pub mapped_by: &'a str,
    /// Unix milliseconds.
    pub now: i64,
}

impl Store {
    /// Adds a person, or brings a known one up to date. Another role raises the epoch.
    pub async fn upsert_person(&self, person: &NewPerson<'_>) -> Result<PersonRow> {
        let row = self
            .rows(
                "INSERT INTO people (id, issuer, subject, name, email, role, created_at, last_seen_at, mapped_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
                 ON CONFLICT (issuer, subject) DO UPDATE SET
                     name = excluded.name, email = excluded.email, last_seen_at = excluded.last_seen_at,
                     mapped_by = excluded.mapped_by,
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
            .bind(person.mapped_by)
            .fetch_one(self.write())
            .await?;
        Ok(row)
    }

    /// One person.
    pub async fn person(&self, id: &str) -> Result<Option<PersonRow>> {
        Ok(self.rows("SELECT * FROM people WHERE id = ?1").bind(id).fetch_optional(self.read()).await?)
    }

    /// The person whom an issuer calls so.
    pub async fn person_of(&self, issuer: &str, subject: &str) -> Result<Option<PersonRow>> {
        Ok(self
            .rows("SELECT * FROM people WHERE issuer = ?1 AND subject = ?2")
            .bind(issuer)
            .bind(subject)
            .fetch_optional(self.read())
            .await?)
    }

    /// Shuts a person out, or lets them in again. Either way the sessions that they have end; the keys that they own
    /// can't be used while they are shut out. `false` when that is how it is already.
    pub async fn set_disabled(&self, id: &str, by: Option<&str>, now: i64) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = self
            .sql(
                "UPDATE people SET disabled_at = CASE WHEN ?2 IS NULL THEN NULL ELSE ?3 END, disabled_by = ?2,
                        epoch = epoch + 1
                 WHERE id = ?1 AND (disabled_at IS NULL) = (?2 IS NOT NULL)",
            )
            .bind(id)
            .bind(by)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        self.sql("DELETE FROM sessions WHERE person_id = ?1").bind(id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes away what a role allowed, for somebody who has none any more: they are known as a viewer, and every session
    /// of theirs ends. `false` when that is how it is already.
    pub async fn lose_role(&self, id: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = self
            .sql(
                "UPDATE people SET role = 'viewer', mapped_by = '', epoch = epoch + 1
                 WHERE id = ?1 AND (role <> 'viewer' OR mapped_by <> '')",
            )
            .bind(id)
            .execute(&mut *tx)
            .await?;
        self.sql("DELETE FROM sessions WHERE person_id = ?1").bind(id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Everybody, by name, with the sessions that are alive.
    pub async fn people(&self, now: i64) -> Result<Vec<ListedPerson>> {
        Ok(self
            .rows(concat!(
                "SELECT p.*, (SELECT count(*) FROM sessions s WHERE s.person_id = p.id AND ",
                session_lives!(),
                ") AS sessions, (SELECT count(*) FROM api_keys k WHERE k.owner_id = p.id) AS keys
                     FROM people p ORDER BY p.name, p.id"
            ))
            .bind(now)
            .fetch_all(self.read())
            .await?)
    }

    /// Keys whose owners are shut out, by owner and label.
    pub async fn orphaned_keys(&self) -> Result<Vec<OrphanRow>> {
        Ok(self
            .rows(
                "SELECT k.owner_id, p.name AS owner, k.label, k.last_four, a.name AS account,
                        coalesce(u.locked, 0) AS locked
                 FROM people p JOIN api_keys k ON k.owner_id = p.id
                 LEFT JOIN upstream_keys u ON u.fingerprint = k.fingerprint
                 LEFT JOIN accounts a ON a.id = u.account_id
                 WHERE p.disabled_at IS NOT NULL ORDER BY p.name, k.label, k.id",
            )
            .fetch_all(self.read())
            .await?)
    }
}
