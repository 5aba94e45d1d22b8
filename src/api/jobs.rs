//! Plans and jobs: confirm, discard, pause, resume, cancel, try again, take back.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, confirm_path},
    },
    server::{
        actor::{Need, actor},
        flash::{Flash, Tone},
    },
};
use inbound::plan::Reason;
use leptos::server;

fn plan_page(number: i64) -> String {
    format!("/plans/{number}")
}

fn job_page(number: i64) -> String {
    format!("/jobs/{number}")
}

fn nothing(title: &str) -> Flash {
    Flash { tone: Tone::Info, title: title.to_owned(), ..Flash::default() }
}

/// Confirms a plan. A small one is waited for. What the role allows is asked of the plan itself.
#[server(prefix = "/do", endpoint = "jobs/confirm")]
pub async fn confirm(number: i64, #[server(default)] typed: String) -> Result<(), AppError> {
    let form = Form::new("confirm", plan_page(number)).typed("typed", &typed);
    let is_fresh = actor().is_some_and(|actor| actor.is_fresh);
    act(Need::Lists, form, async move |desk, asker| {
        if !is_fresh && desk.is_grave(&asker.person, number).await? {
            return Ok(Next::to(confirm_path(&plan_page(number))));
        }
        desk.confirm(&asker, number, &typed).await?;
        Ok(Next::to(job_page(number)))
    })
    .await
}

/// Throws a plan away.
#[server(prefix = "/do", endpoint = "jobs/discard")]
pub async fn discard(number: i64) -> Result<(), AppError> {
    act(Need::Lists, Form::new("confirm", plan_page(number)), async move |desk, asker| {
        let gone = desk.discard_plan(&asker, number).await?;
        let title = if gone { "The plan is discarded. Nothing was sent." } else { "There is no such plan any more." };
        Ok(Next::say("/jobs", nothing(title)))
    })
    .await
}

/// Pauses a job.
#[server(prefix = "/do", endpoint = "jobs/pause")]
pub async fn pause(number: i64) -> Result<(), AppError> {
    act(Need::Lists, Form::new("job", job_page(number)), async move |desk, asker| {
        let flash = if desk.pause_job(&asker, number).await? {
            Flash::done("Paused. What is under way ends; nothing more is sent.")
        } else {
            nothing("It does not run any more.")
        };
        Ok(Next::say(job_page(number), flash))
    })
    .await
}

/// Lets a paused job go on.
#[server(prefix = "/do", endpoint = "jobs/resume")]
pub async fn resume(number: i64) -> Result<(), AppError> {
    act(Need::Lists, Form::new("job", job_page(number)), async move |desk, asker| {
        let flash = if desk.resume_job(&asker, number).await? {
            Flash::done("It goes on.")
        } else {
            nothing("Nothing to resume: it is not paused, or your role does not allow it.")
        };
        Ok(Next::say(job_page(number), flash))
    })
    .await
}

/// Ends a job by hand.
#[server(prefix = "/do", endpoint = "jobs/cancel")]
pub async fn cancel(number: i64) -> Result<(), AppError> {
    act(Need::Lists, Form::new("job", job_page(number)), async move |desk, asker| {
        let flash = if desk.cancel_job(&asker, number).await? {
            Flash {
                detail: "What was done stays done; undo takes it back.".into(),
                ..Flash::done("Cancelled. What was not sent is left as it is.")
            }
        } else {
            nothing("It does not run any more.")
        };
        Ok(Next::say(job_page(number), flash))
    })
    .await
}

/// Makes a plan of the rows that failed, of one reason or of all that can be tried again.
#[server(prefix = "/do", endpoint = "jobs/retry")]
pub async fn retry(
    number: i64,
    #[server(default)] reason: String,
    #[server(default)] request: String,
) -> Result<(), AppError> {
    act(Need::Lists, Form::new("job", job_page(number)), async move |desk, asker| {
        let plan = desk.retry_plan(&asker, number, Reason::parse(&reason), &request).await?;
        Ok(Next::to(plan_page(plan)))
    })
    .await
}

/// Makes a plan that takes back what a job did.
#[server(prefix = "/do", endpoint = "jobs/undo")]
pub async fn undo(number: i64, #[server(default)] request: String) -> Result<(), AppError> {
    act(Need::Lists, Form::new("job", job_page(number)), async move |desk, asker| {
        let plan = desk.undo_plan(&asker, number, &request).await?;
        Ok(Next::to(plan_page(plan)))
    })
    .await
}
