//! Sessions, and what leads to them: sign-ins that were begun, links, logout tokens.
//!
//! The database holds hashes of the tokens only, so that whoever reads it cannot sign in with what they find.

use sha2::{Digest, Sha256};
use sqlx::FromRow;

use crate::{PersonRow, Result, Store};

/// A session ends after this long without a request, in milliseconds.
pub const IDLE_MS: i64 = 30 * 60 * 1_000;
/// A session ends this long after the sign-in however busy it is, in milliseconds.
pub const ABSOLUTE_MS: i64 = 8 * 60 * 60 * 1_000;
/// A sign-in that was begun, or a link, counts for this long, in milliseconds.
pub const BEGUN_MS: i64 = 10 * 60 * 1_000;

/// What the database knows a token by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token as it travels.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A session to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// Of the token that the browser gets.
    pub hash: TokenHash,
    /// What pages call it.
    pub name: &'a str,
    /// Whose.
    pub person_id: &'a str,
    /// Their epoch now.
    pub epoch: i64,
    /// How they signed in: `demo`, `oidc`, `signed-header`, `trusted-header`, `link`.
    pub mode: &'a str,
    /// When they proved who they are, unix milliseconds; 0 where nobody says.
    pub proved_at: i64,
    /// Browser and system, in words.
    pub device: &'a str,
    /// Where the request came from.
    pub address: &'a str,
    /// The provider's name of the session.
    pub provider_session: Option<&'a str>,
    /// The sealed ID token.
    pub hint: Option<&'a [u8]>,
    /// Unix milliseconds.
    pub now: i64,
}

/// A session as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SessionRow {
    /// What pages call it.
    #[sqlx(rename = "session_name")]
    pub name: String,
    /// Whose.
    pub person_id: String,
    /// How they signed in.
    pub mode: String,
    /// Unix milliseconds.
    pub started_at: i64,
    /// When they proved who they are; 0 where nobody says.
    pub proved_at: i64,
    /// Last request that was noted.
    pub seen_at: i64,
    /// Browser and system, in words.
    pub device: String,
    /// Where they came from.
    pub address: String,
}

/// A session with its person.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SignedIn {
    /// The session.
    #[sqlx(flatten)]
    pub session: SessionRow,
    /// The person.
    #[sqlx(flatten)]
    pub person: PersonRow,
}

/// A session that was ended.
#[derive(Clone, Debug, FromRow)]
pub struct Ended {
    /// What pages called it.
    pub name: String,
    /// Whose it was.
    pub person_id: String,
    /// How they had signed in.
    pub mode: String,
    /// The sealed ID token.
    pub hint: Option<Vec<u8>>,
}

/// A sign-in that was begun at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunRow {
    /// Comes back with the code.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Of PKCE.
    pub verifier: String,
    /// Where to go then: a local path.
    pub back: String,
    /// Step-up: the session that it is for.
    pub session: Option<TokenHash>,
}

/// When the session `s` of the person `p` is alive at ?1: the condition of every statement that asks. The numbers are
/// [`IDLE_MS`], [`ABSOLUTE_MS`], and five minutes: what began later than that from now was begun before the clock was
/// set back, and would live too long.
macro_rules! session_lives {
    () => {
        "s.epoch = p.epoch AND p.disabled_at IS NULL AND s.seen_at > ?1 - 1800000
         AND s.started_at > ?1 - 28800000 AND s.started_at < ?1 + 300000"
    };
}
pub(crate) use session_lives;

/// Sessions that are alive at ?1 with their people; the rest of the statement follows.
macro_rules! alive {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT s.name AS session_name, s.person_id, s.mode, s.started_at, s.proved_at, s.seen_at, s.device,
                    s.address",
            $columns,
            " FROM sessions s JOIN people p ON p.id = s.person_id WHERE ",
            session_lives!(),
            " AND ",
            $rest
        )
    };
}

impl Store {
    /// Begins a session.
    pub async fn begin_session(&self, new: &NewSession<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        self.insert_session(&mut tx, new, new.now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives a session another token, as at step-up; it began when it began. `false` when it has ended meanwhile:
    /// then it stays so.
    pub async fn renew_session(&self, old: TokenHash, new: &NewSession<'_>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let started: Option<i64> = self
            .scalar("DELETE FROM sessions WHERE id_hash = ?1 AND person_id = ?2 RETURNING started_at")
            .bind(old.bytes())
            .bind(new.person_id)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(started) = started else { return Ok(false) };
        self.insert_session(&mut tx, new, started).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn insert_session(&self, tx: &mut crate::pool::Tx, new: &NewSession<'_>, started_at: i64) -> Result<()> {
        self.sql(
            "INSERT INTO sessions (id_hash, name, person_id, epoch, mode, started_at, proved_at, seen_at, device,
                                   address, provider_session, hint)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .bind(new.hash.bytes())
        .bind(new.name)
        .bind(new.person_id)
        .bind(new.epoch)
        .bind(new.mode)
        .bind(started_at)
        .bind(new.proved_at)
        .bind(new.now)
        .bind(new.device)
        .bind(new.address)
        .bind(new.provider_session)
        .bind(new.hint)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// A session that is alive, with its person: one statement, since every request asks it.
    pub async fn session(&self, hash: TokenHash, now: i64) -> Result<Option<SignedIn>> {
        Ok(self
            .rows(alive!(", p.*", "s.id_hash = ?2"))
            .bind(now)
            .bind(hash.bytes())
            .fetch_optional(self.read())
            .await?)
    }

    /// Notes a request of a session. One that has ended meanwhile stays ended: a request in flight while somebody
    /// signs out (or is shut out) must not bring it back.
    pub async fn touch_session(&self, hash: TokenHash, now: i64) -> Result<()> {
        self.sql("UPDATE sessions SET seen_at = ?2 WHERE id_hash = ?1")
            .bind(hash.bytes())
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// Ends the session of a token.
    pub async fn end_session(&self, hash: TokenHash) -> Result<Option<Ended>> {
        Ok(self
            .rows("DELETE FROM sessions WHERE id_hash = ?1 RETURNING name, person_id, mode, hint")
            .bind(hash.bytes())
            .fetch_optional(self.write())
            .await?)
    }

    /// Ends a session by what pages call it, when it is this person's.
    pub async fn end_named_session(&self, person_id: &str, name: &str) -> Result<bool> {
        let done = self
            .sql("DELETE FROM sessions WHERE name = ?2 AND person_id = ?1")
            .bind(person_id)
            .bind(name)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends all sessions of a person, but the one of that name; returns how many.
    pub async fn end_sessions_of(&self, person_id: &str, but: Option<&str>) -> Result<u64> {
        let done = self
            .sql("DELETE FROM sessions WHERE person_id = ?1 AND name IS NOT ?2")
            .bind(person_id)
            .bind(but)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected())
    }

    /// Ends what a provider says has ended: one of its sessions, or all of a person's. Returns whose they were.
    pub async fn end_provider_sessions(
        &self,
        issuer: &str,
        subject: Option<&str>,
        session: Option<&str>,
    ) -> Result<Vec<Ended>> {
        Ok(self
            .rows(
                "DELETE FROM sessions WHERE mode = 'oidc' AND person_id IN (
                     SELECT id FROM people WHERE issuer = ?1 AND (?2 IS NULL OR subject = ?2))
                 AND (?3 IS NULL OR provider_session = ?3)
                 AND (?2 IS NOT NULL OR ?3 IS NOT NULL)
                 RETURNING name, person_id, mode, hint",
            )
            .bind(issuer)
            .bind(subject)
            .bind(session)
            .fetch_all(self.write())
            .await?)
    }

    /// A person's sessions that are alive, the one used last first.
    pub async fn sessions_of(&self, person_id: &str, now: i64) -> Result<Vec<SessionRow>> {
        Ok(self
            .rows(alive!("", "s.person_id = ?2 ORDER BY s.seen_at DESC, s.name"))
            .bind(now)
            .bind(person_id)
            .fetch_all(self.read())
            .await?)
    }

    /// Whether the session of that name is alive: what a stream that stays open asks again and again.
    pub async fn is_session_alive(&self, name: &str, now: i64) -> Result<bool> {
        let found: Option<SessionRow> =
            self.rows(alive!("", "s.name = ?2")).bind(now).bind(name).fetch_optional(self.read()).await?;
        Ok(found.is_some())
    }

    /// Keeps a sign-in that is begun at a provider.
    pub async fn begin_sign_in(&self, hash: TokenHash, begun: &BegunRow, now: i64) -> Result<()> {
        self.sql(
            "INSERT INTO sign_ins (id_hash, state, nonce, verifier, back, session, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .bind(hash.bytes())
        .bind(&begun.state)
        .bind(&begun.nonce)
        .bind(&begun.verifier)
        .bind(&begun.back)
        .bind(begun.session.as_ref().map(TokenHash::bytes))
        .bind(now)
        .execute(self.write())
        .await?;
        Ok(())
    }

    /// Takes a sign-in that was begun: it counts once, and ten minutes.
    pub async fn take_sign_in(&self, hash: TokenHash, now: i64) -> Result<Option<BegunRow>> {
        type Row = (String, String, String, String, Option<Vec<u8>>, i64);
        let row: Option<Row> = self
            .rows(
                "DELETE FROM sign_ins WHERE id_hash = ?1
                 RETURNING state, nonce, verifier, back, session, created_at",
            )
            .bind(hash.bytes())
            .fetch_optional(self.write())
            .await?;
        Ok(row.filter(|row| row.5 > now - BEGUN_MS).map(|(state, nonce, verifier, back, session, _)| BegunRow {
            state,
            nonce,
            verifier,
            back,
            session: session.and_then(|hash| hash.try_into().ok()).map(TokenHash),
        }))
    }

    /// Keeps a break-glass link for a person. Earlier ones of theirs are void.
    pub async fn add_link(&self, hash: TokenHash, person_id: &str, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        self.sql("DELETE FROM sign_in_links WHERE person_id = ?1").bind(person_id).execute(&mut *tx).await?;
        self.sql("INSERT INTO sign_in_links (id_hash, person_id, created_at) VALUES (?1, ?2, ?3)")
            .bind(hash.bytes())
            .bind(person_id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a break-glass link: it counts once, and ten minutes. Returns the person's id.
    pub async fn take_link(&self, hash: TokenHash, now: i64) -> Result<Option<String>> {
        let row: Option<(String, i64)> = self
            .rows("DELETE FROM sign_in_links WHERE id_hash = ?1 RETURNING person_id, created_at")
            .bind(hash.bytes())
            .fetch_optional(self.write())
            .await?;
        Ok(row.filter(|(_, at)| *at > now - BEGUN_MS).map(|(person, _)| person))
    }

    /// Notes a logout token; `false` when it was taken before. `expires_at` is in unix milliseconds.
    pub async fn note_logout(&self, id: &str, expires_at: i64) -> Result<bool> {
        let done = self
            .sql("INSERT INTO logouts (id, expires_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(expires_at)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Deletes what has expired; returns how many sessions.
    pub async fn delete_expired(&self, now: i64) -> Result<u64> {
        let done = self
            .sql("DELETE FROM sessions WHERE seen_at <= ?1 OR started_at <= ?2")
            .bind(now - IDLE_MS)
            .bind(now - ABSOLUTE_MS)
            .execute(self.write())
            .await?;
        for text in ["DELETE FROM sign_ins WHERE created_at <= ?1", "DELETE FROM sign_in_links WHERE created_at <= ?1"]
        {
            self.sql(text).bind(now - BEGUN_MS).execute(self.write()).await?;
        }
        self.sql("DELETE FROM logouts WHERE expires_at <= ?1").bind(now).execute(self.write()).await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;
