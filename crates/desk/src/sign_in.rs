//! Signing in and out: who is let in, with which role, for how long. Each of it is in the audit log, the refusals too.

use crate::{Desk, DeskError, Person, error::Result, people};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use identity::{RoleMap, Vouched, role::NoRole};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use store::{NewSession, TokenHash};
use vault::Context;

/// A session is noted as seen at most once in this time, in milliseconds, so that reading pages doesn't write.
const NOTE_EVERY_MS: i64 = 60_000;
/// The same refusal of the same person is in the audit log at most once in this time, in milliseconds.
const REFUSAL_EVERY_MS: i64 = 60_000;

/// How people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As one of four made-up people.
    Demo,
    /// At an `OpenID` provider.
    Oidc,
    /// By an access proxy's signed token on every request.
    SignedHeader,
    /// By a proxy's headers.
    TrustedHeader,
    /// By a link from the command line.
    Link,
}

impl Mode {
    /// The opposite of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Demo, Self::Oidc, Self::SignedHeader, Self::TrustedHeader, Self::Link]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }

    /// The mode's name, as stored and as configured.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Oidc => "oidc",
            Self::SignedHeader => "signed-header",
            Self::TrustedHeader => "trusted-header",
            Self::Link => "link",
        }
    }
}

/// A session's token, as it travels in a cookie. Not to be printed.
pub struct Token(SecretString);

impl Token {
    /// A token from a cookie or an address.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text))
    }

    /// What goes into the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// From where somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Browser and system, in words.
    pub device: String,
    /// Their address.
    pub address: String,
    /// The request's id.
    pub request_id: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub person: Person,
    /// What pages call the session.
    pub session: String,
    /// How they signed in.
    pub mode: String,
    /// When they proved who they are, unix milliseconds; 0 where nobody says.
    pub proved_at: i64,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// They have no role.
    #[error(transparent)]
    NoRole(#[from] NoRole),
    /// An administrator shut them out.
    #[error("they are shut out")]
    Disabled,
    /// It did not work.
    #[error(transparent)]
    Failed(#[from] DeskError),
}

/// Refusals that are in the audit log already, and since when.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<String, i64>>);

impl Refusals {
    fn is_new(&self, what: &str, now: i64) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| now - *at < REFUSAL_EVERY_MS);
        // Whoever invents names to fill this gets one row for all of them.
        let key = if known.len() < 1_000 { what } else { "many" };
        known.insert(key.to_owned(), now).is_none()
    }
}

pub(crate) fn hint_context<'a>(name: &'a str, owner: &'a str) -> Context<'a> {
    Context { table: "sessions", column: "hint", row: name, owner }
}

impl Desk {
    /// 32 random bytes.
    pub fn random(&self) -> Result<[u8; 32]> {
        let mut bytes = [0; 32];
        self.0.ring.entropy().fill(&mut bytes).map_err(|error| DeskError::storage(&error))?;
        Ok(bytes)
    }

    pub(crate) fn token(&self) -> Result<Token> {
        Ok(Token(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(self.random()?))))
    }

    /// Decides whether somebody that is vouched for is let in, and brings what is known of them up to date.
    pub async fn admit(
        &self,
        vouched: &Vouched,
        map: &RoleMap,
        mode: Mode,
        at: &Circumstances,
    ) -> std::result::Result<Person, NotAdmitted> {
        let known = self.0.store.person_of(&vouched.issuer, &vouched.subject).await.map_err(DeskError::from)?;
        let (role, mapped_by) = match map.decide(vouched) {
            Ok(decided) => decided,
            Err(reason) => {
                self.note_refused(mode, vouched, &reason.to_string(), at).await?;
                // Whoever lost their last group loses what they had from it: sessions elsewhere, and jobs.
                if let Some(known) = known
                    && self.0.store.lose_role(&known.id).await.map_err(DeskError::from)?
                {
                    self.pause_jobs_of(&known.id, crate::jobs::OWNER_WITHOUT_ROLE).await?;
                }
                return Err(reason.into());
            }
        };
        if known.is_some_and(|known| known.disabled_at.is_some()) {
            self.note_refused(mode, vouched, "they are shut out", at).await?;
            return Err(NotAdmitted::Disabled);
        }
        let person = store::NewPerson {
            issuer: &vouched.issuer,
            subject: &vouched.subject,
            name: &vouched.name,
            email: vouched.email.as_deref(),
            role: role.as_str(),
            mapped_by: &mapped_by,
            now: self.now_ms(),
        };
        let row = self.0.store.upsert_person(&person).await.map_err(DeskError::from)?;
        let person = people::from_row(row).ok_or(DeskError::Storage)?;
        // Between the question and the answer.
        if person.disabled { Err(NotAdmitted::Disabled) } else { Ok(person) }
    }

    /// Begins a session. It is in the audit log first.
    pub async fn begin_session(
        &self,
        person: &Person,
        mode: Mode,
        vouched: Option<(&Vouched, &SecretString)>,
        proved_at: i64,
        at: &Circumstances,
    ) -> Result<Token> {
        self.sign_in_event("sign-in", person, mode, at, "done").await?;
        let (token, name) = (self.token()?, self.new_id());
        let session = self.new_session(&token, &name, person, mode, vouched, proved_at, at)?;
        self.0.store.begin_session(&session.as_new()).await?;
        Ok(token)
    }

    /// Gives a session that steps up a new token. `None` when it has ended meanwhile, or is somebody else's.
    pub async fn step_up(
        &self,
        old: TokenHash,
        person: &Person,
        mode: Mode,
        vouched: Option<(&Vouched, &SecretString)>,
        proved_at: i64,
        at: &Circumstances,
    ) -> Result<Option<Token>> {
        self.sign_in_event("step-up", person, mode, at, "done").await?;
        let (token, name) = (self.token()?, self.new_id());
        let session = self.new_session(&token, &name, person, mode, vouched, proved_at, at)?;
        Ok(self.0.store.renew_session(old, &session.as_new()).await?.then_some(token))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a session, from two callers")]
    fn new_session<'a>(
        &self,
        token: &Token,
        name: &'a str,
        person: &'a Person,
        mode: Mode,
        vouched: Option<(&'a Vouched, &SecretString)>,
        proved_at: i64,
        at: &'a Circumstances,
    ) -> Result<Session<'a>> {
        let hint = vouched.map(|(_, id_token)| {
            let context = hint_context(name, &person.id);
            self.0.ring.seal(&context, id_token.expose_secret().as_bytes()).map_err(|error| DeskError::storage(&error))
        });
        Ok(Session {
            hash: token.hash(),
            name,
            person,
            mode,
            proved_at,
            provider_session: vouched.and_then(|(vouched, _)| vouched.session.as_deref()),
            hint: hint.transpose()?,
            at,
            now: self.now_ms(),
        })
    }

    /// Who is behind a token, if the session is alive; notes that they were seen.
    pub async fn signed_in(&self, token: &Token) -> Result<Option<SignedIn>> {
        let now = self.now_ms();
        let Some(found) = self.0.store.session(token.hash(), now).await? else { return Ok(None) };
        self.note_session(token, &found, now).await;
        Ok(signed_in(found))
    }

    /// Notes that a session was used. When that can't be written (the disk is full), reading goes on, and the session
    /// ends the earlier.
    async fn note_session(&self, token: &Token, found: &store::SignedIn, now: i64) {
        if now - found.session.seen_at >= NOTE_EVERY_MS
            && let Err(error) = self.0.store.touch_session(token.hash(), now).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the use of a session could not be noted");
        }
    }

    /// Whether a session is alive, by what pages call it. What cannot be asked counts as no.
    pub async fn is_alive(&self, session: &str) -> bool {
        self.0.store.is_session_alive(session, self.now_ms()).await.unwrap_or_default()
    }

    /// Who is behind a request on which somebody is vouched for. The session of the token counts only while it is
    /// theirs, with the role that follows now; else there is a new one.
    pub async fn recognise(
        &self,
        token: Option<&Token>,
        vouched: &Vouched,
        map: &RoleMap,
        mode: Mode,
        at: &Circumstances,
    ) -> std::result::Result<(SignedIn, Option<Token>), NotAdmitted> {
        let proved_at = vouched.auth_time.unwrap_or_default().saturating_mul(1_000);
        if let Some(token) = token {
            let now = self.now_ms();
            let found = self.0.store.session(token.hash(), now).await.map_err(DeskError::from)?;
            let same = found.filter(|found| {
                let (person, session) = (&found.person, &found.session);
                (person.issuer.as_str(), person.subject.as_str(), session.mode.as_str())
                    == (vouched.issuer.as_str(), vouched.subject.as_str(), mode.as_str())
                    && map.decide(vouched).is_ok_and(|(role, _)| role.as_str() == person.role)
            });
            if let Some(found) = same {
                self.note_session(token, &found, now).await;
                let signed_in = signed_in(found).ok_or(DeskError::Storage)?;
                return Ok((SignedIn { proved_at, ..signed_in }, None));
            }
        }
        let person = self.admit(vouched, map, mode, at).await?;
        let token = self.begin_session(&person, mode, None, proved_at, at).await?;
        let found = self.0.store.session(token.hash(), self.now_ms()).await.map_err(DeskError::from)?;
        let signed_in = found.and_then(signed_in).ok_or(NotAdmitted::Disabled)?;
        Ok((signed_in, Some(token)))
    }

    /// Notes that somebody was not let in. What they are called comes from outside, so it is in the object only.
    pub async fn note_refused(&self, mode: Mode, who: &Vouched, why: &str, at: &Circumstances) -> Result<()> {
        let object: String = format!("{} {}", who.issuer, who.subject).trim().chars().take(300).collect();
        tracing::warn!(mode = mode.as_str(), why, "sign-in refused");
        if !self.0.refusals.is_new(&format!("{object}\n{why}"), self.now_ms()) {
            return Ok(());
        }
        let outcome = format!("refused: {why}");
        self.0
            .store
            .record_event(&event(self.now_ms(), ("", "nobody"), "sign-in", ("sign-in", &object), mode, at), &outcome)
            .await?;
        Ok(())
    }

    pub(crate) async fn sign_in_event(
        &self,
        action: &str,
        person: &Person,
        mode: Mode,
        at: &Circumstances,
        outcome: &str,
    ) -> Result<()> {
        let event = event(self.now_ms(), (&person.id, &person.name), action, ("person", &person.id), mode, at);
        self.0.store.record_event(&event, outcome).await?;
        Ok(())
    }
}

fn event<'a>(
    now: i64,
    (person_id, person_name): (&'a str, &'a str),
    action: &'a str,
    (object_kind, object): (&'a str, &'a str),
    mode: Mode,
    at: &'a Circumstances,
) -> store::NewIntent<'a> {
    store::NewIntent {
        at: now,
        person_id,
        person_name,
        action,
        object_kind,
        object,
        account_id: None,
        fingerprint: None,
        request_id: &at.request_id,
        before: (!at.address.is_empty()).then_some(at.address.as_str()),
        after: Some(mode.as_str()),
        reason: None,
        job: None,
    }
}

fn signed_in(found: store::SignedIn) -> Option<SignedIn> {
    Some(SignedIn {
        session: found.session.name,
        mode: found.session.mode,
        proved_at: found.session.proved_at,
        person: people::from_row(found.person)?,
    })
}

/// A session to be, with what it borrows from.
#[expect(clippy::struct_field_names, reason = "it is the provider's name of it")]
struct Session<'a> {
    hash: TokenHash,
    name: &'a str,
    person: &'a Person,
    mode: Mode,
    proved_at: i64,
    provider_session: Option<&'a str>,
    hint: Option<Vec<u8>>,
    at: &'a Circumstances,
    now: i64,
}

impl Session<'_> {
    fn as_new(&self) -> NewSession<'_> {
        NewSession {
            hash: self.hash,
            name: self.name,
            person_id: &self.person.id,
            epoch: self.person.epoch,
            mode: self.mode.as_str(),
            proved_at: self.proved_at,
            device: &self.at.device,
            address: &self.at.address,
            provider_session: self.provider_session,
            hint: self.hint.as_deref(),
            now: self.now,
        }
    }
}
