//! People and sessions.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act},
    },
    server::{
        actor::{Need, actor},
        flash::{Flash, Tone},
    },
};
use desk::{Asker, Desk, DeskError};
use leptos::server;

fn said(found: Option<(String, String)>, tone: Tone) -> Result<Next, DeskError> {
    let (title, detail) = found.ok_or_else(|| DeskError::field("person", "There is nobody of that id any more."))?;
    Ok(Next::say("/people", Flash { tone, title, detail, ..Flash::default() }))
}

async fn name(desk: &Desk, id: &str) -> Result<String, DeskError> {
    Ok(desk.person(id).await?.map_or_else(|| "They".to_owned(), |person| person.name))
}

/// Shuts a person out.
#[server(prefix = "/do", endpoint = "people/disable")]
pub async fn disable_person(id: String) -> Result<(), AppError> {
    act(Need::People, Form::new("people", "/people"), async move |desk: Desk, asker: Asker| {
        if asker.person.id == id {
            let words = ("You can’t shut yourself out.".to_owned(), "Ask another administrator.".to_owned());
            return said(Some(words), Tone::Bad);
        }
        let done = desk.disable_person(&asker, &id).await?;
        let name = name(&desk, &id).await?;
        let title = format!("{name} is shut out.");
        let next = "Their jobs are paused. Their keys still work at MailChannels: see below which.".to_owned();
        said(done.map(|_| (title, next)), Tone::Ok)
    })
    .await
}

/// Lets a person in again.
#[server(prefix = "/do", endpoint = "people/enable")]
pub async fn enable_person(id: String) -> Result<(), AppError> {
    act(Need::People, Form::new("people", "/people"), async move |desk: Desk, asker: Asker| {
        let done = desk.enable_person(&asker, &id).await?;
        let title = format!("{} may sign in again.", name(&desk, &id).await?);
        said(done.map(|_| (title, "Their paused jobs wait until they resume them.".to_owned())), Tone::Ok)
    })
    .await
}

/// Signs a person out everywhere.
#[server(prefix = "/do", endpoint = "people/sign-out")]
pub async fn sign_out_person(id: String) -> Result<(), AppError> {
    act(Need::People, Form::new("people", "/people"), async move |desk: Desk, asker: Asker| {
        let ended = desk.sign_out_person(&asker, &id).await?;
        let name = name(&desk, &id).await?;
        let words = |ended: u64| inbound::words::count(ended, "session was ended.", "sessions were ended.");
        said(ended.map(|ended| (format!("{name} is signed out."), words(ended))), Tone::Ok)
    })
    .await
}

/// Ends one of one's own sessions.
#[server(prefix = "/do", endpoint = "sessions/end")]
pub async fn end_session(id: String) -> Result<(), AppError> {
    act(Need::Read, Form::new("sessions", "/sessions"), async move |desk, asker| {
        let flash = if desk.end_session(&asker, &id).await? {
            Flash::done("That session is signed out.")
        } else {
            Flash { tone: Tone::Info, title: "That session had ended already.".into(), ..Flash::default() }
        };
        Ok(Next::say("/sessions", flash))
    })
    .await
}

/// Ends all of one's own sessions but this one.
#[server(prefix = "/do", endpoint = "sessions/end-others")]
pub async fn end_other_sessions() -> Result<(), AppError> {
    let session = actor().map(|actor| actor.session).unwrap_or_default();
    act(Need::Read, Form::new("sessions", "/sessions"), async move |desk, asker| {
        let ended = desk.end_other_sessions(&asker, &session).await?;
        let words = inbound::words::count(ended, "other session is signed out.", "other sessions are signed out.");
        Ok(Next::say("/sessions", Flash::done(words)))
    })
    .await
}
