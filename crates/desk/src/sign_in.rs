//! Signing in and out: who is let in, with which role, for how long. Each of it is in the audit log, the refusals too.

use crate::{Asker, Desk, DeskError, Person, error::Result, people};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use identity::{RoleMap, Vouched, claims::Logout, oidc::Flow, role::NoRole};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use store::{BegunRow, NewSession, SessionRow, TokenHash};
use vault::Context;

/// A session is noted as seen at most once in this time, in milliseconds, so that reading pages doesn't write.
const NOTE_EVERY_MS: i64 = 60_000;
/// The same refusal of the same person is in the audit log at most once in this time, in milliseconds.
const REFUSAL_EVERY_MS: i64 = 60_000;
/// Whom break-glass links make.
const LINK_ISSUER: &str = "break-glass";

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

    fn hash(&self) -> TokenHash {
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

fn hint_context<'a>(name: &'a str, owner: &'a str) -> Context<'a> {
    Context { table: "sessions", column: "hint", row: name, owner }
}

impl Desk {
    /// 32 random bytes.
    pub fn random(&self) -> Result<[u8; 32]> {
        let mut bytes = [0; 32];
        self.0.ring.entropy().fill(&mut bytes).map_err(|error| DeskError::storage(&error))?;
        Ok(bytes)
    }

    fn token(&self) -> Result<Token> {
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

    /// Signs in one of the demo people; `None` when there is no such subject.
    pub async fn demo_person(&self, subject: &str) -> Result<Option<Person>> {
        let Some(demo) = people::DEMO_PEOPLE.iter().find(|person| person.subject == subject) else {
            return Ok(None);
        };
        let row = self
            .0
            .store
            .upsert_person(&store::NewPerson {
                issuer: people::DEMO_ISSUER,
                subject: demo.subject,
                name: demo.name,
                email: None,
                role: demo.role.as_str(),
                mapped_by: "demo",
                now: self.now_ms(),
            })
            .await?;
        Ok(people::from_row(row).filter(|person| !person.disabled))
    }

    /// Signs out. Returns the ID token that the provider wants back, when there is one.
    pub async fn sign_out(&self, token: &Token, at: &Circumstances) -> Result<Option<SecretString>> {
        let Some(ended) = self.0.store.end_session(token.hash()).await? else { return Ok(None) };
        if let Some(person) = self.person(&ended.person_id).await? {
            self.sign_in_event("sign-out", &person, Mode::parse(&ended.mode).unwrap_or(Mode::Oidc), at, "done").await?;
        }
        // After a rotation that dropped its key it does not open; the provider then asks the person.
        Ok(ended.hint.and_then(|hint| self.0.ring.open(&hint_context(&ended.name, &ended.person_id), &hint).ok()))
    }

    /// The person's sessions, the one used last first.
    pub async fn sessions(&self, person: &Person) -> Result<Vec<SessionRow>> {
        Ok(self.0.store.sessions_of(&person.id, self.now_ms()).await?)
    }

    /// Ends one of the person's sessions.
    pub async fn end_session(&self, asker: &Asker, name: &str) -> Result<bool> {
        let ended = self.0.store.end_named_session(&asker.person.id, name).await?;
        if ended {
            self.asker_event(asker, "session.end", name).await?;
        }
        Ok(ended)
    }

    /// Ends all of the person's sessions but the one of that name; returns how many.
    pub async fn end_other_sessions(&self, asker: &Asker, but: &str) -> Result<u64> {
        let ended = self.0.store.end_sessions_of(&asker.person.id, Some(but)).await?;
        self.asker_event(asker, "session.end-others", but).await?;
        Ok(ended)
    }

    /// Keeps a sign-in that is begun at a provider; returns what the browser's cookie is to hold.
    pub async fn begin_sign_in(&self, flow: &Flow, back: &str, session: Option<&Token>) -> Result<Token> {
        let token = self.token()?;
        let begun = BegunRow {
            state: flow.state.clone(),
            nonce: flow.nonce.clone(),
            verifier: flow.verifier.clone(),
            back: back.to_owned(),
            session: session.map(Token::hash),
        };
        self.0.store.begin_sign_in(token.hash(), &begun, self.now_ms()).await?;
        Ok(token)
    }

    /// Takes a sign-in that was begun by this browser: its secrets, where to go then, and the session that steps up.
    pub async fn take_sign_in(&self, token: &Token) -> Result<Option<(Flow, String, Option<TokenHash>)>> {
        let begun = self.0.store.take_sign_in(token.hash(), self.now_ms()).await?;
        Ok(begun.map(|begun| {
            (Flow { state: begun.state, nonce: begun.nonce, verifier: begun.verifier }, begun.back, begun.session)
        }))
    }

    /// Ends what a provider says has ended. Returns how many sessions; `None` for a token that was taken before.
    pub async fn provider_logout(&self, issuer: &str, logout: &Logout, at: &Circumstances) -> Result<Option<usize>> {
        if !self.0.store.note_logout(&logout.id, logout.expires.saturating_mul(1_000)).await? {
            return Ok(None);
        }
        let ended =
            self.0.store.end_provider_sessions(issuer, logout.subject.as_deref(), logout.session.as_deref()).await?;
        for session in &ended {
            if let Some(person) = self.person(&session.person_id).await? {
                self.sign_in_event("sign-out", &person, Mode::Oidc, at, "done: by the provider").await?;
            }
        }
        Ok(Some(ended.len()))
    }

    /// Makes a break-glass link for a person (an id or an address of somebody known). `None` when nobody or more
    /// than one is called so.
    pub async fn make_link(&self, who: &str) -> Result<Option<(Person, Token)>> {
        let people = self.people().await?;
        let mut found = people.into_iter().map(|listed| listed.person).filter(|person| {
            person.id == who || person.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(who))
        });
        let (Some(person), None) = (found.next().and_then(people::from_row), found.next()) else { return Ok(None) };
        Ok(Some(self.link_for(person).await?))
    }

    /// Makes an administrator of that name, who signs in by links only, and a link for them.
    pub async fn make_admin_link(&self, name: &str) -> Result<(Person, Token)> {
        let person = store::NewPerson {
            issuer: LINK_ISSUER,
            subject: name,
            name,
            email: None,
            role: "admin",
            mapped_by: "command line",
            now: self.now_ms(),
        };
        let row = self.0.store.upsert_person(&person).await?;
        self.link_for(people::from_row(row).ok_or(DeskError::Storage)?).await
    }

    async fn link_for(&self, person: Person) -> Result<(Person, Token)> {
        let at = Circumstances { request_id: "command line".into(), ..Circumstances::default() };
        self.sign_in_event("link.make", &person, Mode::Link, &at, "done").await?;
        let token = self.token()?;
        self.0.store.add_link(token.hash(), &person.id, self.now_ms()).await?;
        Ok((person, token))
    }

    /// Signs in by a break-glass link, which counts once. `None` when it doesn't.
    pub async fn use_link(&self, link: &Token, at: &Circumstances) -> Result<Option<Token>> {
        let now = self.now_ms();
        let Some(id) = self.0.store.take_link(link.hash(), now).await? else {
            let nobody = Vouched { issuer: LINK_ISSUER.into(), ..Vouched::default() };
            self.note_refused(Mode::Link, &nobody, "the link does not count", at).await?;
            return Ok(None);
        };
        let Some(person) = self.person(&id).await?.filter(|person| !person.disabled) else { return Ok(None) };
        Ok(Some(self.begin_session(&person, Mode::Link, None, now, at).await?))
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
            .record_event(
                &event(self.now_ms(), ("", "nobody"), "sign-in", ("sign-in", &object), Some(mode), at),
                &outcome,
            )
            .await?;
        Ok(())
    }

    async fn sign_in_event(
        &self,
        action: &str,
        person: &Person,
        mode: Mode,
        at: &Circumstances,
        outcome: &str,
    ) -> Result<()> {
        let event = event(self.now_ms(), (&person.id, &person.name), action, ("person", &person.id), Some(mode), at);
        self.0.store.record_event(&event, outcome).await?;
        Ok(())
    }

    async fn asker_event(&self, asker: &Asker, action: &str, object: &str) -> Result<()> {
        let at = Circumstances { request_id: asker.request_id.clone(), ..Circumstances::default() };
        let who = (asker.person.id.as_str(), asker.person.name.as_str());
        let event = event(self.now_ms(), who, action, ("session", object), None, &at);
        self.0.store.record_event(&event, "done").await?;
        Ok(())
    }
}

fn event<'a>(
    now: i64,
    (person_id, person_name): (&'a str, &'a str),
    action: &'a str,
    (object_kind, object): (&'a str, &'a str),
    mode: Option<Mode>,
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
        after: mode.map(Mode::as_str),
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
