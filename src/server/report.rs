//! `POST /reports`: a misjudged message passes through to the service; or is only looked at.

use crate::{
    app,
    server::{
        actor::{Actor, Need},
        audit,
        flash::{self, Flash},
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
use futures::StreamExt;
use http::{Method, StatusCode, Uri};
use inbound::{
    message::{self, Looked, Role},
    name::EmailAddress,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::Instrument;

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
    /// What the service said, and the next step.
    pub refused: Option<(String, String)>,
    /// It was sent, whatever became of it.
    pub sent: bool,
}

/// An upload as it came.
#[derive(Default)]
struct Upload {
    input: ReportInput,
    send: bool,
    message: Option<Spooled>,
    /// What was pasted, as far as it fits.
    text: String,
    errors: Vec<FieldError>,
}

/// The connection broke, or the body is no form: nobody waits for an answer.
struct Broken;

/// The handler.
pub async fn post(State(state): State<AppState>, Extension(actor): Extension<Actor>, request: Request) -> Response {
    if !actor.may(Need::Lists) {
        audit::refused_at(&state.desk, &actor, "POST /reports", Need::Lists);
        return plain(StatusCode::FORBIDDEN, "Not done: your role may not report messages. Ask an agent.\n".into());
    }
    // Before a byte of the body is read: whoever waits here holds no memory.
    let Ok(Ok(permit)) = timeout(WAIT, state.reports.clone().acquire_owned()).await else {
        // A browser that is still sending would show a broken connection instead of these words.
        let mut rest = request.into_body().into_data_stream();
        while let Some(Ok(_)) = rest.next().await {}
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
        Err(_) => Err(Broken),
    };
    let Ok(upload) = upload else {
        return plain(StatusCode::BAD_REQUEST, "Not sent: the upload broke off. Nothing left Sluice.\n".into());
    };
    let (mut look, message, go) = considered(upload);
    let asker = Asker::new(actor.person, actor.request_id);
    let Some(message) = message.filter(|_| go && look.errors.is_empty()) else {
        return show(&state, look, again).await;
    };
    // A task of its own: what has begun comes to its end, and is noted, also when the browser goes away.
    let (desk, input, who) = (state.desk.clone(), look.input.clone(), asker.clone());
    let sent = async move {
        let _permit = permit;
        let plan = desk.plan_report(&who.person, &input).await?;
        let sent = desk.send_report(&who, &input, &plan, message.escaped()).await?;
        Ok::<_, DeskError>(sent.map(|()| plan.recipient.to_string()))
    };
    let sent = tokio::spawn(sent.in_current_span());
    match sent.await.unwrap_or_else(|error| Err(DeskError::storage(&error))) {
        Ok(Ok(recipient)) => reported(&state, &asker, &look, &recipient).await,
        Ok(Err(words)) => {
            (look.refused, look.sent) = (Some(words), true);
            show(&state, look, again).await
        }
        Err(DeskError::Invalid(errors)) => {
            look.errors = errors;
            show(&state, look, again).await
        }
        Err(error) => {
            look.refused = Some(error.words());
            show(&state, look, again).await
        }
    }
}

/// Reads the form to its end; the message goes into the spool as it comes. What can't be taken is read on and
/// dropped, so that the rest of the form is kept and the browser hears why.
async fn receive(state: &AppState, mut form: Multipart) -> Result<Upload, Broken> {
    let mut upload = Upload::default();
    while let Some(mut field) = form.next_field().await.map_err(|_| Broken)? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            name @ ("file" | "text") => {
                let pasted = name == "text";
                match spooled(state, &mut field, pasted).await? {
                    Ok((spooled, _)) if spooled.length() == 0 => {}
                    Ok(_) if upload.message.is_some() => upload
                        .errors
                        .push(FieldError::new("file", "There is a file and a pasted text. Send one of the two.")),
                    Ok((spooled, text)) => (upload.message, upload.text) = (Some(spooled), text),
                    Err(error) => upload.errors.push(FieldError::new("file", error.to_string())),
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

/// One message into the spool, and its text when it was pasted and is short enough to show again.
async fn spooled(
    state: &AppState,
    field: &mut Field<'_>,
    pasted: bool,
) -> Result<Result<(Spooled, String), SpoolError>, Broken> {
    let mut text = Vec::new();
    let mut spool = Spool::new(&state.spool_dir);
    while let Some(chunk) = field.chunk().await.map_err(|_| Broken)? {
        if pasted && text.len() <= PASTE_BACK {
            text.extend_from_slice(&chunk);
        }
        if let Ok(open) = &mut spool
            && let Err(error) = open.write(&chunk).await
        {
            spool = Err(error);
        }
    }
    let finished = match spool {
        Ok(spool) => spool.finish().await,
        Err(error) => Err(error),
    };
    Ok(finished.map(|spooled| {
        let whole = text.len() as u64 == spooled.length();
        (spooled, if whole { String::from_utf8(text).unwrap_or_default() } else { String::new() })
    }))
}

async fn short(field: &mut Field<'_>) -> Result<String, Broken> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| Broken)? {
        if bytes.len() + chunk.len() > FIELD_MAX {
            return Err(Broken);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Looks at the message and fills in what was left blank.
fn considered(upload: Upload) -> (Look, Option<Spooled>, bool) {
    let Upload { mut input, send, message, text, errors } = upload;
    let mut look = Look { text, errors, ..Look::default() };
    match &message {
        None if !look.errors.is_empty() => {}
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

/// Who sent it, as a list would know it: the envelope's sender, or else what people see. A bounce has neither.
fn sender(look: &Look) -> &str {
    let address = |text: &&str| EmailAddress::parse(text).is_ok();
    let from = || {
        let senders = look.looked.iter().flat_map(|looked| &looked.senders);
        senders.filter(|sender| sender.role == Role::From).map(|sender| sender.address.as_str()).find(address)
    };
    Some(look.input.mail_from.as_str()).filter(address).or_else(from).unwrap_or_default()
}

/// It was reported: a redirect, so that reloading the page does not report it again.
async fn reported(state: &AppState, asker: &Asker, look: &Look, recipient: &str) -> Response {
    let good = look.input.kind == "false_positive";
    let flash = Flash {
        form: if good { "reported-good" } else { "reported-bad" }.into(),
        title: "Reported. MailChannels learns from it.".into(),
        detail: if good {
            "The message itself is not delivered by this: the sender must send it again.".into()
        } else {
            "Mail like it is judged more strictly from now on; this one stays where it was delivered.".into()
        },
        typed: [("from", sender(look)), ("to", recipient)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Flash::default()
    };
    match flash::keep(&state.desk, &asker.person, &flash).await {
        Ok(id) => Redirect::to(&flash::with_note("/reports", &id)).into_response(),
        Err(_) => plain(StatusCode::OK, format!("{} {}\n", flash.title, flash.detail)),
    }
}

/// Shows the page in this very answer: what was looked at is kept nowhere.
async fn show(state: &AppState, look: Look, again: Request) -> Response {
    let status = match (&look.refused, look.errors.is_empty()) {
        (Some(_), _) => StatusCode::BAD_GATEWAY,
        (None, false) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, true) => StatusCode::OK,
    };
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
