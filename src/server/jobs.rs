//! What a job gives beyond its page: CSV of results and of failed rows, live progress, and login links, once.

use crate::{
    api::forms::segment,
    islands::progress::Progress,
    server::{
        actor::{Actor, Need},
        audit,
        bulk::csv,
        flash::{self, Flash, Tone},
        headers::plain,
        state::AppState,
    },
};
use axum::{
    Extension, Form,
    extract::{Path, State},
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use desk::{Asker, Desk, DeskError};
use futures::{Stream, stream};
use http::StatusCode;
use inbound::plan::{failed_csv, links_csv, results_csv};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use tokio::time::sleep;

/// How often progress is told at most.
const TELL_EVERY: Duration = Duration::from_millis(500);

fn asker(actor: Actor) -> Asker {
    Asker::new(actor.person, actor.request_id)
}

fn refused(error: &DeskError) -> Response {
    let status = if matches!(error, DeskError::Gone(_)) { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY };
    let (what, next) = error.words();
    plain(status, format!("{what} {next}\n"))
}

/// `GET /jobs/{number}/results.csv`
pub async fn results(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
) -> Response {
    match state.desk.job_outcomes(&asker(actor), number, false).await {
        Ok((kind, rows)) => csv(&format!("job-{number}.csv"), results_csv(kind, rows.iter())),
        Err(error) => refused(&error),
    }
}

/// `GET /jobs/{number}/failed.csv`: rows in the columns of the import.
pub async fn failed(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
) -> Response {
    match state.desk.job_outcomes(&asker(actor), number, true).await {
        Ok((kind, rows)) => csv(&format!("job-{number}-failed.csv"), failed_csv(kind, rows.iter())),
        Err(error) => refused(&error),
    }
}

/// `GET /jobs/{number}/events`: progress, for as long as there is some. Who was shut out meanwhile hears no more.
pub async fn events(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
) -> Response {
    match state.desk.job_progress(&actor.person, number).await {
        Ok(Some(_)) => Sse::new(told(state.desk, actor, number)).keep_alive(KeepAlive::default()).into_response(),
        Ok(None) => plain(StatusCode::NOT_FOUND, "There is no such job.\n".into()),
        Err(error) => refused(&error),
    }
}

fn told(desk: Desk, actor: Actor, number: i64) -> impl Stream<Item = Result<Event, Infallible>> {
    let changes = desk.job_changes();
    stream::unfold(Some((desk, actor, changes, None::<Progress>)), move |state| async move {
        let (desk, actor, mut changes, last) = state?;
        loop {
            // Signed out, shut out, or with another role: the session is over, and so is this.
            if !desk.is_alive(&actor.session).await || desk.is_stopping() {
                return None;
            }
            let (job, counts) = desk.job_progress(&actor.person, number).await.ok().flatten()?;
            let progress = Progress::of(&job, &counts);
            if last.as_ref() != Some(&progress) {
                let event = Event::default().data(serde_json::to_string(&progress).unwrap_or_default());
                let next = progress.active.then_some((desk, actor, changes, Some(progress)));
                return Some((Ok(event), next));
            }
            // Also without a change a look now and then: the person may have been shut out.
            let _ = tokio::time::timeout(Duration::from_secs(5), changes.changed()).await;
            sleep(TELL_EVERY).await;
        }
    })
}

/// The confirmation of a plan of login links.
#[derive(Deserialize)]
pub struct Confirm {
    #[serde(default)]
    typed: String,
}

/// `POST /jobs/{number}/links`: mints the links and gives them out, once, as a file that is kept nowhere.
pub async fn links(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
    Form(form): Form<Confirm>,
) -> Response {
    if !actor.may(Need::LoginLink) {
        audit::refused_at(&state.desk, &actor, &format!("POST /jobs/{number}/links"), Need::LoginLink);
        return plain(StatusCode::FORBIDDEN, "Not done: your role may not create login links.\n".into());
    }
    let asker = asker(actor);
    match state.desk.mint_links(&asker, number, &form.typed).await {
        Ok(rows) => {
            let rows = rows.into_iter().map(|row| match row.link {
                Ok(link) => [row.domain, link.into_url(), "Created".into()],
                Err(why) => [row.domain, String::new(), why],
            });
            csv(&format!("login-links-{number}.csv"), links_csv(rows))
        }
        Err(error) => {
            let (title, detail) = error.words();
            let errors = if let DeskError::Invalid(errors) = error { errors } else { Vec::new() };
            let flash = Flash { form: "confirm".into(), tone: Tone::Bad, title, detail, errors, ..Flash::default() };
            let page = format!("/plans/{}", segment(&number.to_string()));
            match flash::keep(&state.desk, &asker.person, &flash).await {
                Ok(id) => Redirect::to(&flash::with_note(&page, &id)).into_response(),
                Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "Not done: Sluice's own storage failed.\n".into()),
            }
        }
    }
}
