//! `POST /reports`: a misjudged message passes through to the service; or is only looked at.

use crate::{
    app,
    server::{
        actor::{Actor, Need},
        flash::{self, Flash, Tone},
        headers::plain,
        spool::{Spool, SpoolError, Spooled},
        state::AppState,
    },
};
use axum::{
    Extension,
    extract::{FromRequest, Multipart, Request, State, multipart::Field},
    response::{IntoResponse, Redirect, Response},
};
use desk::{Asker, DeskError, FieldError, ReportInput};
use http::{Method, StatusCode, Uri};
use inbound::message::{self, Looked};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Messages in passage at the same time.
pub const AT_ONCE: usize = 4;
/// How long the fifth waits.
const WAIT: Duration = Duration::from_secs(5);
/// Largest body: the largest message, and the fields around it.
pub const BODY_MAX: usize = 41 * 1024 * 1024;
/// Largest text that is put back into its field after a look.
const PASTE_BACK: usize = 256 * 1024;
/// Largest other field.
const FIELD_MAX: usize = 4 * 1024;

/// A look at a message, for the page that shows it. It lives as long as the answer.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The form, with what the message says filled in.
    pub input: ReportInput,
    /// What the message says of itself.
    pub looked: Option<Looked>,
    /// Its length in bytes.
    pub length: u64,
    /// What was pasted, to be shown again; empty for a file.
    pub text: String,
    /// Errors beside their fields.
    pub errors: Vec<FieldError>,
}

/// An upload as it came.
#[derive(Default)]
struct Upload {
    input: ReportInput,
    send: bool,
    message: Option<Spooled>,
    /// What was pasted, as far as it fits.
    text: String,
}

/// Why there is no upload.
enum Failed {
    /// The connection broke, or the body is no form: nobody waits for an answer.
    Broken,
    /// Something about the message.
    Spool(SpoolError),
}

impl From<SpoolError> for Failed {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

/// The handler.
pub async fn post(State(state): State<AppState>, Extension(actor): Extension<Actor>, request: Request) -> Response {
    if !actor.may(Need::Lists) {
        return plain(StatusCode::FORBIDDEN, "Not done: your role may not report messages. Ask an agent.\n".into());
    }
    // Before a byte of the body is read: whoever waits here holds no memory.
    let Ok(Ok(_permit)) = timeout(WAIT, state.reports.clone().acquire_owned()).await else {
        return plain(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "Not sent: {AT_ONCE} messages are being sent just now. Go back, wait a few seconds and send it again.\n"
            ),
        );
    };
    let (parts, body) = request.into_parts();
    let mut again = Request::from_parts(parts.clone(), axum::body::Body::empty());
    *again.method_mut() = Method::GET;
    *again.uri_mut() = Uri::from_static("/reports");
    let upload = match Multipart::from_request(Request::from_parts(parts, body), &state).await {
        Ok(form) => receive(&state, form).await,
        Err(_) => Err(Failed::Broken),
    };
    let (look, message, send) = match upload {
        Ok(upload) => considered(upload),
        Err(Failed::Broken) => {
            return plain(StatusCode::BAD_REQUEST, "Not sent: the upload broke off. Nothing left Sluice.\n".into());
        }
        Err(Failed::Spool(error)) => {
            let errors = vec![FieldError::new("file", error.to_string())];
            (Look { errors, ..Look::default() }, None, false)
        }
    };
    let asker = Asker { person: actor.person, request_id: actor.request_id };
    match (send && look.errors.is_empty(), message) {
        (true, Some(message)) => send_on(&state, asker, look, message, again).await,
        _ => show(&state, look, again).await,
    }
}

/// Reads the form; the message goes into the spool as it comes.
async fn receive(state: &AppState, mut form: Multipart) -> Result<Upload, Failed> {
    let mut upload = Upload::default();
    while let Some(mut field) = form.next_field().await.map_err(|_| Failed::Broken)? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" | "text" if upload.message.as_ref().is_none_or(|message| message.length() == 0) => {
                let pasted = field.name() == Some("text");
                let mut spool = Spool::new(&state.spool_dir)?;
                let mut text = Vec::new();
                while let Some(chunk) = field.chunk().await.map_err(|_| Failed::Broken)? {
                    if pasted && text.len() + chunk.len() <= PASTE_BACK {
                        text.extend_from_slice(&chunk);
                    }
                    spool.write(&chunk).await?;
                }
                let spooled = spool.finish().await?;
                if spooled.length() > 0 {
                    let whole = text.len() as u64 == spooled.length();
                    upload.text = if whole { String::from_utf8(text).unwrap_or_default() } else { String::new() };
                    upload.message = Some(spooled);
                }
            }
            "kind" => upload.input.kind = short(&mut field).await?,
            "rcpt_to" => upload.input.rcpt_to = short(&mut field).await?,
            "mail_from" => upload.input.mail_from = short(&mut field).await?,
            "ehlo" => upload.input.ehlo = short(&mut field).await?,
            "host" => upload.input.host = short(&mut field).await?,
            "then" => upload.send = short(&mut field).await? == "send",
            _ => {}
        }
    }
    Ok(upload)
}

async fn short(field: &mut Field<'_>) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| Failed::Broken)? {
        if bytes.len() + chunk.len() > FIELD_MAX {
            return Err(Failed::Broken);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Looks at the message and fills in what was left blank.
fn considered(upload: Upload) -> (Look, Option<Spooled>, bool) {
    let Upload { mut input, send, message, text } = upload;
    let mut look = Look { text, ..Look::default() };
    match &message {
        None => look.errors.push(FieldError::new("file", "Choose the message's file, or paste the message.")),
        Some(message) => {
            look.length = message.length();
            match message::look(&message.head) {
                Err(error) => look.errors.push(FieldError::new("file", error.to_string())),
                Ok(looked) => {
                    let fill = |into: &mut String, from: &Option<String>| {
                        if into.is_empty() {
                            *into = from.clone().unwrap_or_default();
                        }
                    };
                    fill(&mut input.rcpt_to, &looked.rcpt_to.clone().or_else(|| looked.recipients.first().cloned()));
                    fill(&mut input.mail_from, &looked.mail_from);
                    fill(&mut input.ehlo, &looked.ehlo);
                    let host = looked.sending_host.clone().or_else(|| looked.sending_ip.map(|ip| ip.to_string()));
                    fill(&mut input.host, &host);
                    input.subject = looked.subject.clone().unwrap_or_default();
                    look.looked = Some(looked);
                }
            }
        }
    }
    look.input = input;
    (look, message, send)
}

async fn send_on(state: &AppState, asker: Asker, mut look: Look, message: Spooled, again: Request) -> Response {
    let desk = &state.desk;
    let plan = match desk.plan_report(&asker.person, &look.input).await {
        Ok(plan) => plan,
        Err(DeskError::Invalid(errors)) => {
            look.errors = errors;
            return show(state, look, again).await;
        }
        Err(error) => return refused(state, &asker, &look, error.words()).await,
    };
    match desk.send_report(&asker, &look.input, &plan, message.escaped()).await {
        Ok(Ok(())) => {
            let good = look.input.kind == "false_positive";
            let flash = Flash {
                form: if good { "reported-good" } else { "reported-bad" }.into(),
                title: "Reported. MailChannels learns from it.".into(),
                detail: if good {
                    "The message itself is not delivered by this: the sender must send it again.".into()
                } else {
                    "Mail like it is judged more strictly from now on; this one stays where it was delivered.".into()
                },
                typed: [("from", &look.input.mail_from), ("to", &plan.recipient.to_string())]
                    .map(|(name, value)| (name.to_owned(), value.clone()))
                    .into(),
                ..Flash::default()
            };
            note(state, &asker, &flash).await
        }
        Ok(Err(words)) => refused(state, &asker, &look, words).await,
        Err(error) => refused(state, &asker, &look, error.words()).await,
    }
}

async fn refused(state: &AppState, asker: &Asker, look: &Look, (title, detail): (String, String)) -> Response {
    let ReportInput { kind, rcpt_to, mail_from, ehlo, host, .. } = look.input.clone();
    let typed = [("kind", kind), ("rcpt_to", rcpt_to), ("mail_from", mail_from), ("ehlo", ehlo), ("host", host)];
    let flash = Flash {
        form: "report".into(),
        tone: Tone::Bad,
        title,
        detail,
        typed: typed.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Flash::default()
    };
    note(state, asker, &flash).await
}

async fn note(state: &AppState, asker: &Asker, flash: &Flash) -> Response {
    match flash::keep(&state.desk, &asker.person, flash).await {
        Ok(id) => Redirect::to(&flash::with_note("/reports", &id)).into_response(),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{} {}\n", flash.title, flash.detail)),
    }
}

/// Shows the page in this very answer: what was looked at is kept nowhere.
async fn show(state: &AppState, look: Look, again: Request) -> Response {
    let status = if look.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (state, look) = (state.clone(), Arc::new(look));
    let context = move || {
        leptos::prelude::provide_context(state.clone());
        leptos::prelude::provide_context(look.clone());
    };
    let mut response = leptos_axum::render_app_async_with_context(context, app::shell)(again).await.into_response();
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}
