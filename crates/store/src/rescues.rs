//! What a person does about a leaked key, step by step: one open record a person and key.

use sqlx::FromRow;

use crate::{Result, Store};

/// A rescue, with a time for each step that is done.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct RescueRow {
    /// Id.
    pub id: String,
    /// Whose.
    pub person_id: String,
    /// The account of both keys.
    pub account_id: String,
    /// Id of the person's leaked key, which may be gone by now.
    pub old_key_id: String,
    /// Its fingerprint, full form; another one under that id is another key.
    pub old_fingerprint: String,
    /// Id of the person's key that takes over.
    pub new_key_id: Option<String>,
    /// That key's fingerprint, full form.
    pub new_fingerprint: Option<String>,
    /// From when on the key may have been in other hands, unix milliseconds.
    pub since: i64,
    /// Number of the plan of the moves.
    pub job: Option<i64>,
    /// When the moves were done.
    pub moved_at: Option<i64>,
    /// When both keys were asked and the old one saw none of the domains.
    pub verified_at: Option<i64>,
    /// When what changed was looked through.
    pub compared_at: Option<i64>,
    /// When the person said that the key is deleted.
    pub deleted_at: Option<i64>,
    /// When `MailChannels` rejected it.
    pub dead_at: Option<i64>,
    /// When it began.
    pub created_at: i64,
    /// When it ended, finished or not.
    pub closed_at: Option<i64>,
}

/// A rescue to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewRescue<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose.
    pub person_id: &'a str,
    /// The key's account.
    pub account_id: &'a str,
    /// Id of the person's leaked key.
    pub old_key_id: &'a str,
    /// Its fingerprint, full form.
    pub old_fingerprint: &'a str,
    /// From when on the key may have been in other hands, unix milliseconds.
    pub since: i64,
    /// Unix milliseconds.
    pub now: i64,
}

/// A domain of a rescue, with who sees it by the mirror.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StandingRow {
    /// A-label.
    pub name: String,
    /// Who sees it: `moved` (the new key), `left` (the old one), `open` (both), `elsewhere` (neither, but a third),
    /// `freed` (the old one was the last, while it still could) or `missing` (none).
    pub standing: String,
    /// How many domains stand like this one.
    #[sqlx(try_from = "i64")]
    pub alike: u64,
}

impl Store {
    /// Begins a rescue and notes which domains the old key sees, and those it was the last to see since the leak;
    /// the one that is open already is left as it is. Returns the open one.
    pub async fn begin_rescue(&self, new: &NewRescue<'_>) -> Result<RescueRow> {
        let mut tx = self.begin().await?;
        let begun = self
            .sql(
                "INSERT INTO rescues (id, person_id, account_id, old_key_id, old_fingerprint, since, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (person_id, old_key_id) WHERE closed_at IS NULL DO NOTHING",
            )
            .bind(new.id)
            .bind(new.person_id)
            .bind(new.account_id)
            .bind(new.old_key_id)
            .bind(new.old_fingerprint)
            .bind(new.since)
            .bind(new.now)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if begun > 0 {
            self.sql(
                "INSERT INTO rescue_domains (rescue_id, name)
                 SELECT ?1, d.name FROM visibility v JOIN domains d ON d.id = v.domain_id
                 WHERE v.fingerprint = ?2 AND NOT (d.association = 'locked' AND d.holder IS NOT ?2)
                 UNION
                 SELECT ?1, name FROM domains_gone WHERE account_id = ?3 AND fingerprint = ?2 AND known_at > ?4",
            )
            .bind(new.id)
            .bind(new.old_fingerprint)
            .bind(new.account_id)
            .bind(new.since)
            .execute(&mut *tx)
            .await?;
        }
        let row = self
            .rows("SELECT * FROM rescues WHERE person_id = ?1 AND old_key_id = ?2 AND closed_at IS NULL")
            .bind(new.person_id)
            .bind(new.old_key_id)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A person's rescue of a key: the open one, or else the last that ended.
    pub async fn rescue_of_key(&self, person_id: &str, old_key_id: &str) -> Result<Option<RescueRow>> {
        Ok(self
            .rows(
                "SELECT * FROM rescues WHERE person_id = ?1 AND old_key_id = ?2
                 ORDER BY closed_at IS NOT NULL, created_at DESC, id DESC LIMIT 1",
            )
            .bind(person_id)
            .bind(old_key_id)
            .fetch_optional(self.read())
            .await?)
    }

    /// A person's rescue by its id, open or ended.
    pub async fn rescue(&self, person_id: &str, id: &str) -> Result<Option<RescueRow>> {
        Ok(self
            .rows("SELECT * FROM rescues WHERE person_id = ?1 AND id = ?2")
            .bind(person_id)
            .bind(id)
            .fetch_optional(self.read())
            .await?)
    }

    /// A person's open rescues, the oldest first.
    pub async fn open_rescues(&self, person_id: &str) -> Result<Vec<RescueRow>> {
        Ok(self
            .rows("SELECT * FROM rescues WHERE person_id = ?1 AND closed_at IS NULL ORDER BY created_at, id")
            .bind(person_id)
            .fetch_all(self.read())
            .await?)
    }

    /// Writes how far a rescue is, if it still is as it was: `false`, and nothing is written, when somebody
    /// else was quicker, or it ended.
    pub async fn step_rescue(&self, was: &RescueRow, is: &RescueRow) -> Result<bool> {
        let done = self
            .sql(
                "UPDATE rescues SET new_key_id = ?8, new_fingerprint = ?15, moved_at = ?9, verified_at = ?10,
                        compared_at = ?11, deleted_at = ?12, dead_at = ?13, job = ?14
                 WHERE id = ?1 AND closed_at IS NULL
                   AND (new_fingerprint, moved_at, verified_at, compared_at, deleted_at, dead_at)
                    IS (?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .bind(&was.id)
            .bind(&was.new_fingerprint)
            .bind(was.moved_at)
            .bind(was.verified_at)
            .bind(was.compared_at)
            .bind(was.deleted_at)
            .bind(was.dead_at)
            .bind(&is.new_key_id)
            .bind(is.moved_at)
            .bind(is.verified_at)
            .bind(is.compared_at)
            .bind(is.deleted_at)
            .bind(is.dead_at)
            .bind(is.job)
            .bind(&is.new_fingerprint)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a person's rescue, finished or not; says whether it was open.
    pub async fn close_rescue(&self, person_id: &str, id: &str, now: i64) -> Result<bool> {
        let done = self
            .sql("UPDATE rescues SET closed_at = ?3 WHERE person_id = ?1 AND id = ?2 AND closed_at IS NULL")
            .bind(person_id)
            .bind(id)
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Names that have to be accounted for: those that the old key saw when the rescue began.
    pub async fn rescue_names(&self, id: &str) -> Result<Vec<String>> {
        Ok(self
            .scalar("SELECT name FROM rescue_domains WHERE rescue_id = ?1 ORDER BY name")
            .bind(id)
            .fetch_all(self.read())
            .await?)
    }

    /// Names of all that a key sees by the mirror.
    pub async fn names_seen(&self, fingerprint: &str) -> Result<Vec<String>> {
        Ok(self
            .scalar(
                "SELECT d.name FROM visibility v JOIN domains d ON d.id = v.domain_id
                 WHERE v.fingerprint = ?1 ORDER BY d.name",
            )
            .bind(fingerprint)
            .fetch_all(self.read())
            .await?)
    }

    /// How the domains of a rescue stand by the mirror: those it began with and those that the old key sees
    /// now, grouped by who sees them, at most `each` names a group. Without a key nobody sees through it.
    pub async fn rescue_standing(
        &self,
        rescue: &RescueRow,
        new: Option<&str>,
        old: Option<&str>,
        each: u32,
    ) -> Result<Vec<StandingRow>> {
        Ok(self
            .rows(
                "WITH names (name) AS (
                     SELECT name FROM rescue_domains WHERE rescue_id = ?1
                     UNION SELECT d.name FROM visibility v JOIN domains d ON d.id = v.domain_id WHERE v.fingerprint = ?4),
                 seen AS (
                     SELECT n.name,
                            EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = d.id AND v.fingerprint = ?3) AS new,
                            EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = d.id AND v.fingerprint = ?4) AS old,
                            d.id
                     FROM names n LEFT JOIN domains d ON d.account_id = ?2 AND d.name = n.name),
                 told AS (
                     SELECT name, CASE
                         WHEN new AND old THEN 'open' WHEN new THEN 'moved' WHEN old THEN 'left'
                         WHEN EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = id AND v.fingerprint <> ?6)
                         THEN 'elsewhere'
                         WHEN EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = id) THEN 'freed'
                         ELSE 'missing' END AS standing
                     FROM seen),
                 ranked AS (
                     SELECT *, count(*) OVER (PARTITION BY standing) AS alike,
                            row_number() OVER (PARTITION BY standing ORDER BY name) AS place
                     FROM told)
                 SELECT name, standing, alike FROM ranked WHERE place <= ?5 ORDER BY standing, name",
            )
            .bind(&rescue.id)
            .bind(&rescue.account_id)
            .bind(new)
            .bind(old)
            .bind(each)
            .bind(&rescue.old_fingerprint)
            .fetch_all(self.read())
            .await?)
    }
}

#[cfg(test)]
mod tests;
