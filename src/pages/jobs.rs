//! One's plans and jobs.

use crate::{
    components::{Cx, Icon, age, badge, empty, heads, icon, note, page, page::Page, state},
    server::actor::Need,
};
use desk::Counts;
use inbound::{plan::Kind, words};
use leptos::prelude::*;
use std::sync::Arc;
use store::JobRow;

const PAGE: u32 = 30;

/// A job's state: icon, tone and word.
pub fn state_words(state: &str) -> (Icon, &'static str, &'static str) {
    match state {
        "planned" => (Icon::Pencil, "", "Plan"),
        "queued" => (Icon::Clock, "info", "Queued"),
        "running" => (Icon::Play, "info", "Running"),
        "paused" => (Icon::Pause, "warn", "Paused"),
        "done" => (Icon::Check, "", "Ended"),
        "cancelled" => (Icon::X, "", "Cancelled"),
        _ => (Icon::CircleHelp, "", "Unknown"),
    }
}

/// Where a plan or job is shown.
pub fn link(row: &JobRow) -> String {
    if row.state == "planned" { format!("/plans/{}", row.number) } else { format!("/jobs/{}", row.number) }
}

/// The page.
#[component]
pub fn Jobs() -> impl IntoView {
    page("/jobs", Need::Read, async |cx: Arc<Cx>| {
        let before = cx.query("before").and_then(|before| before.parse().ok());
        let jobs = cx.desk.jobs(&cx.actor.person, before, PAGE).await?;
        let next = (jobs.len() == PAGE as usize).then(|| jobs.last().map(|(row, ..)| row.number)).flatten();
        let may = cx.actor.may(Need::Lists);
        let body = if jobs.is_empty() {
            let action = may.then(|| {
                view! { <a class="btn btn-primary" href="/bulk">{icon(Icon::Layers)}"Bulk changes"</a> }.into_any()
            });
            empty(
                Icon::Layers,
                "No jobs yet",
                "A change of many domains or recipients is a job. You see your own.",
                action,
            )
        } else {
            table(&cx, jobs).into_any()
        };
        Ok(Page::new(
            "Jobs",
            view! {
                <div class="row page-head">
                    <h1>"Jobs"</h1>
                    <div class="acts">{may.then(|| view! { <a class="btn btn-primary" href="/bulk">{icon(Icon::Plus)}"Bulk change"</a> })}</div>
                </div>
                {note(cx.flash.as_ref())}
                {body}
                {next.map(|next| view! { <nav class="row sm gap" aria-label="Pages"><a class="btn btn-sm push" rel="next" href=format!("/jobs?before={next}")>"Older"{icon(Icon::ChevronRight)}</a></nav> })}
            },
        ))
    })
}

fn table(cx: &Cx, jobs: Vec<(JobRow, Kind, Counts)>) -> impl IntoView + use<> {
    let now = cx.now;
    let rows = jobs
        .into_iter()
        .map(|(row, kind, counts)| {
            let (which, tone, word) = state_words(&row.state);
            let ended = if row.state == "planned" {
                format!("{} to be sent", words::thousands(counts.acting()))
            } else {
                format!("{} of {}", words::thousands(counts.ended()), words::thousands(counts.acting()))
            };
            let failed = (counts.failed > 0).then(|| state(Icon::CircleX, "bad", format!("{} failed", words::thousands(counts.failed))));
            view! {
                <tr role="row">
                    <td role="cell" data-l="Number" class="num muted">{row.number}</td>
                    <th role="rowheader" scope="row" class="main wide"><a href=link(&row)>{kind.title(counts.acting())}</a><small class="hint">{row.source.clone()}</small></th>
                    <td role="cell" data-l="State">{if tone.is_empty() { state(which, tone, word) } else { badge(which, word) }}</td>
                    <td role="cell" data-l="Rows" class="num">{ended}</td>
                    <td role="cell">{failed}</td>
                    <td role="cell" data-l="Made" class="num lo muted nw">{age(now, row.created_at)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="tw"><table role="table" class="table cards" aria-label="Jobs">
            <thead role="rowgroup"><tr role="row">
                {heads(&[("Number", "num"), ("What", ""), ("State", ""), ("Rows", "num"), ("Failed", ""), ("Made", "num lo")])}
            </tr></thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table></div>
    }
}
