//! Sessions after they have begun: listed, ended by hand or by the provider; and break-glass links.

use crate::{
    Asker, Circumstances, Desk, Mode, Person, Token,
    audit::Intent,
    error::{DeskError, Result},
    people,
    sign_in::hint_context,
};
use identity::{Vouched, claims::Logout, oidc::Flow};
use secrecy::SecretString;
use store::{BegunRow, SessionRow, TokenHash};

/// Whom break-glass links make.
const LINK_ISSUER: &str = "break-glass";

impl Desk {
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
            self.note(asker, Intent::to("session.end", "session", name)).await?;
        }
        Ok(ended)
    }

    /// Ends all of the person's sessions but the one of that name; returns how many.
    pub async fn end_other_sessions(&self, asker: &Asker, but: &str) -> Result<u64> {
        let ended = self.0.store.end_sessions_of(&asker.person.id, Some(but)).await?;
        self.note(asker, Intent::to("session.end-others", "session", but)).await?;
        Ok(ended)
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
}
