//! A job: how far it is, why rows failed and what to do about it, every row's outcome.

use crate::{
    components::{Cx, Icon, alert, badge, icon, note, page, page::Page},
    islands::{LiveProgress, Progress},
    pages::{
        audit_view,
        job_rows::paged,
        jobs::state_words,
        plan::{about, asker, number},
    },
    server::actor::{Need, query_value},
};
use desk::{DeskError, JobView};
use http::StatusCode;
use inbound::{
    plan::{Kind, Reason},
    words,
};
use leptos::prelude::*;
use std::sync::Arc;
use store::LineFilter;

/// States that rows are filtered by, and their words.
const STATES: [(&str, &str); 5] =
    [("failed", "Failed"), ("done", "Done"), ("unknown", "Not known"), ("planned", "Waiting"), ("left", "Not sent")];

/// The page.
#[component]
pub fn JobPage() -> impl IntoView {
    let number = number();
    page("/jobs", Need::Read, async move |cx: Arc<Cx>| {
        let asker = asker(&cx);
        let view = cx.desk.job(&asker, number).await?;
        if view.row.state == "planned" {
            leptos_axum::redirect(&format!("/plans/{number}"));
            return Ok(Page::new(view.title(), ()).status(StatusCode::SEE_OTHER));
        }
        let state = cx.query("state").filter(|state| STATES.iter().any(|(known, _)| known == state)).map(str::to_owned);
        let reason = cx.query("reason").and_then(Reason::parse);
        let text = cx.query("q").map(|text| text.trim().to_lowercase());
        let filter = LineFilter {
            state: state.clone(),
            reason: reason.map(|reason| reason.as_str().to_owned()),
            text: text.clone(),
            ..LineFilter::default()
        };
        let pairs = [("state", state.clone()), ("reason", filter.reason.clone()), ("q", text)];
        let query: Vec<_> = pairs
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", query_value(value))))
            .collect();
        let base =
            if query.is_empty() { format!("/jobs/{number}") } else { format!("/jobs/{number}?{}", query.join("&")) };
        let (rows, turn) = paged(&cx, &asker, &view, filter, &base).await?;
        Ok::<_, DeskError>(Page::new(view.title(), body(&cx, &view, (state, reason), rows, turn)))
    })
}

/// A form of one button.
fn button(
    action: &'static str,
    number: i64,
    class: &'static str,
    which: Icon,
    words: String,
    more: Vec<(&'static str, String)>,
) -> AnyView {
    let fields =
        more.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! {
        <form method="post" action=action>
            <input type="hidden" name="number" value=number/>
            {fields}
            <button class=class>{icon(which)}{words}</button>
        </form>
    }
    .into_any()
}

fn token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn actions(view: &JobView) -> impl IntoView + use<> {
    let number = view.row.number;
    let state = view.row.state.as_str();
    let active = view.is_active();
    let retry = if active { 0 } else { view.can_retry() };
    let undo = if view.can_undo() { view.counts.done } else { 0 };
    view! {
        <div class="acts">
            {active.then(|| button("/do/jobs/pause", number, "btn", Icon::Pause, "Pause".into(), Vec::new()))}
            {(state == "paused").then(|| button("/do/jobs/resume", number, "btn btn-primary", Icon::Play, "Resume".into(), Vec::new()))}
            {(active || state == "paused").then(|| button("/do/jobs/cancel", number, "btn", Icon::X, "Cancel".into(), Vec::new()))}
            <a class="btn" href=format!("/jobs/{number}/results.csv")>{icon(Icon::Download)}"Download CSV"</a>
            {(retry > 0).then(|| button("/do/jobs/retry", number, "btn", Icon::RotateCcw, format!("Retry {} failed…", words::thousands(retry)), vec![("request", token())]))}
            {(undo > 0).then(|| button("/do/jobs/undo", number, "btn btn-danger", Icon::Undo2, format!("Undo {}…", words::thousands(undo)), vec![("request", token())]))}
        </div>
    }
}

fn body(
    cx: &Cx,
    view: &JobView,
    chosen: (Option<String>, Option<Reason>),
    rows: AnyView,
    turn: AnyView,
) -> impl IntoView + use<> {
    let number = view.row.number;
    let (which, _, word) = state_words(&view.row.state);
    let text = about(view);
    let reason = view.row.reason.clone().map(|reason| format!(". {reason}")).unwrap_or_default();
    let origin =
        [view.row.undo_of.map(|of| ("Takes back", of)), view.row.retry_of.map(|of| ("Tries again rows of", of))]
            .into_iter()
            .flatten()
            .map(|(words, of)| view! { " "{words}" "<a href=format!("/jobs/{of}")>{format!("job {of}")}</a>"." })
            .collect_view();
    let audited = audit_view::of_job(cx, number);
    let why =
        view.row.why_what.clone().map(|what| alert("warn", what, view.row.why_next.clone().unwrap_or_default(), None));
    let once = (view.kind == Kind::LoginLinks).then(|| {
        alert(
            "info",
            "The links were given out once, in the file",
            "They are kept nowhere. Make the plan again for new ones.",
            None,
        )
    });
    let progress = Progress::of(&view.row.state, &view.counts);
    let left = view.seconds_left();
    let hint = if view.is_active() {
        format!("About {} left. Safe to close this page.", if left <= 1 { "a second".into() } else { words::age(left) })
    } else {
        match (view.row.started_at, view.row.ended_at) {
            (Some(start), Some(end)) => {
                format!("Took {}", words::age(u64::try_from((end - start) / 1000).unwrap_or_default().max(1)))
            }
            _ => String::new(),
        }
    };
    let use_now = format!("{} of {} requests a second", view.in_use, view.rate);
    let keys = view
        .keys
        .iter()
        .map(|(label, count)| view! { <dt>{label.clone()}</dt><dd>{words::count(*count, "row", "rows")}</dd> })
        .collect_view();
    view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/jobs">{icon(Icon::ChevronLeft)}"Jobs"</a></p>
                <h1>{view.title()}</h1>
                <p>{format!("Job {number}, {}. {text} {}{reason}.", crate::components::age(cx.now, view.row.confirmed_at.unwrap_or(view.row.created_at)), view.row.source)}{origin}" "{audited}</p>
            </div>
            {actions(view)}
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack">
            {why}
            {once}
            <div class="split">
                <section class="card" aria-labelledby="h-prog">
                    <header><h2 id="h-prog">"Progress"</h2>{badge(which, word)}<span class="push hint">{hint}</span></header>
                    <div class="body stack"><LiveProgress url=format!("/jobs/{number}/events") start=progress done=view.kind.done().to_owned()/></div>
                    {view.is_active().then(|| view! { <footer><a class="btn btn-sm btn-quiet" href=format!("/jobs/{number}")>{icon(Icon::RefreshCw)}"Show its rows as they are now"</a></footer> })}
                </section>
                <section class="card" aria-labelledby="h-rate">
                    <header><h2 id="h-rate">"Keys and budget"</h2></header>
                    <div class="body stack"><dl class="facts">{keys}<dt>"In use, by everybody"</dt><dd>{use_now}</dd></dl></div>
                </section>
            </div>
            {reasons(view)}
            <section class="card" id="rows" aria-labelledby="h-rows">
                <header><h2 id="h-rows">"Rows"</h2>{tabs(view, &chosen)}{find(number, cx)}</header>
                {rows}
                {turn}
            </section>
        </div>
    }
}

fn tabs(view: &JobView, (state, reason): &(Option<String>, Option<Reason>)) -> impl IntoView + use<> {
    let number = view.row.number;
    let count = |name: &str| match name {
        "failed" => view.counts.failed,
        "done" => view.counts.done,
        "unknown" => view.counts.unknown,
        "planned" => view.counts.waiting,
        _ => view.counts.left + view.counts.all() - view.counts.acting(),
    };
    let tabs = STATES
        .into_iter()
        .filter(|(name, _)| count(name) > 0)
        .map(|(name, words)| {
            let current = (state.as_deref() == Some(name)).then_some("true");
            view! { <a href=format!("/jobs/{number}?state={name}#rows") aria-current=current>{words}" "<b>{words::thousands(count(name))}</b></a> }
        })
        .collect_view();
    let all = (state.is_none() && reason.is_none()).then_some("true");
    view! { <nav class="seg" aria-label="Rows by outcome"><a href=format!("/jobs/{number}#rows") aria-current=all>"All "<b>{words::thousands(view.counts.all())}</b></a>{tabs}</nav> }
}

fn find(number: i64, cx: &Cx) -> impl IntoView + use<> {
    let text = cx.query("q").unwrap_or_default().to_owned();
    view! {
        <form class="search push" action=format!("/jobs/{number}") role="search" aria-label="Find a row">
            {icon(Icon::Search)}<input class="input" type="search" name="q" value=text aria-label="Part of a name" placeholder="Part of a name" autocomplete="off" spellcheck="false"/>
        </form>
    }
}

fn reasons(view: &JobView) -> Option<AnyView> {
    let number = view.row.number;
    if view.reasons.is_empty() {
        return None;
    }
    let active = view.is_active();
    let rows = view
        .reasons
        .iter()
        .map(|(reason, count)| {
            let show = format!("/jobs/{number}?state=failed&reason={}#rows", reason.as_str());
            let retry = (reason.can_retry() && !active).then(|| {
                let more = vec![("reason", reason.as_str().to_owned()), ("request", token())];
                button("/do/jobs/retry", number, "btn btn-sm", Icon::RotateCcw, format!("Retry {}…", words::thousands(*count)), more)
            });
            view! {
                <tr role="row">
                    <td role="cell" class="num" data-l="Rows">{words::thousands(*count)}</td>
                    <th role="rowheader" scope="row" class="main wide"><b>{reason.title()}</b><small class="hint">{reason.next()}</small></th>
                    <td role="cell" class="end nw"><div class="row nw"><a class="btn btn-sm" href=show>"Show"</a>{retry}</div></td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="card" aria-labelledby="h-fail">
                <header><h2 id="h-fail">"Failed, by reason"</h2><a class="btn btn-sm btn-quiet push" href=format!("/jobs/{number}/failed.csv")>{icon(Icon::Download)}"Failed rows as CSV"</a></header>
                <div class="tw"><table role="table" class="table cards" aria-labelledby="h-fail">
                    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="num">"Rows"</th><th role="columnheader" scope="col">"Reason and next step"</th><th role="columnheader" scope="col"><span class="vh">"Actions"</span></th></tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table></div>
            </section>
        }
        .into_any(),
    )
}
