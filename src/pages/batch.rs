//! Provision many: paste or drop, check, look, send; then an outcome for every row.

use crate::{
    api::provision::{BATCH_DRAFT, BATCH_REPORT},
    components::{
        Cx, Field, Icon, TextArea, age, alert, empty, field_error, icon, note, page, page::Page, policy_badge, state,
    },
    islands::DropText,
    pages::provision::{no_key, with_which},
    server::{actor::Need, flash},
};
use desk::{BatchInput, BatchReport, KeyRef, RowState, SubscriptionView};
use http::StatusCode;
use inbound::{
    import::{LineError, Row},
    words,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// Most errors shown at once; the rest is counted.
const ERRORS_SHOWN: usize = 200;

/// The page of the form, and of what was found in it.
#[component]
pub fn ProvisionMany() -> impl IntoView {
    page("/provision", Need::ChangeDomains, async |cx: Arc<Cx>| {
        let keys = cx.keys().await?.refs();
        if keys.is_empty() {
            return Ok(Page::new("Provision many", no_key()));
        }
        let id = cx.query("draft").unwrap_or_default().to_owned();
        let draft: Option<BatchInput> = flash::kept(&cx.desk, &cx.actor.person, BATCH_DRAFT, &id).await;
        let accounts = cx.desk.subscriptions(&cx.actor.person).await?;
        let checked = draft.as_ref().map(|draft| cx.desk.check_batch(draft));
        let input = draft.unwrap_or_else(|| BatchInput { lock: true, ..BatchInput::default() });
        Ok(Page::new("Provision many", body(&cx, &keys, &accounts, &input, &id, checked)))
    })
}

fn body(
    cx: &Cx,
    keys: &[KeyRef],
    accounts: &[SubscriptionView],
    input: &BatchInput,
    id: &str,
    checked: Option<Result<Vec<Row>, Vec<LineError>>>,
) -> impl IntoView + use<> {
    let edit = match &checked {
        Some(Ok(_)) => input.subscription.is_empty(),
        _ => true,
    };
    let missing = (checked.is_some() && input.subscription.is_empty()).then(|| {
        field_error("batch-subscription-missing".into(), Some("Choose the subscription they count towards.".into()))
    });
    let found = checked.map(|checked| match checked {
        Err(errors) => errors_card(&errors).into_any(),
        Ok(rows) if edit => alert(
            "info",
            format!("{} are fine", words::count(rows.len() as u64, "row", "rows")),
            "Choose the subscription, then check again.",
            None,
        )
        .into_any(),
        Ok(rows) => preview(cx, keys, input, id, &rows).into_any(),
    });
    view! {
        <div class="page-head">
            <h1>"Provision many"</h1>
            <p>"Nothing is sent until you have seen what was understood. Up to 1,000 rows go in one call. Domains that exist already are not changed."</p>
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack">{found}</div>
        <details class="gap" open=edit>
            <summary class="btn btn-sm" hidden=edit>"Change the rows"</summary>
            <form class="split" method="post" action="/do/provision/check">
                <section class="card"><div class="body stack">
                    <TextArea name="text" form="batch" label="Domains, one a line, or CSV" rows=12 value=input.text.clone()
                        hint="Columns by name, in any order: domain, servers, policy, aliases, admins. Several servers in one cell: separate with |, each as priority weight port target, or just a host."/>
                    <DropText target="batch-text".into() limit=400 * 1024 head=false accept=".csv,.txt,text/csv,text/plain".into()/>
                </div></section>
                <aside class="stack" aria-label="For every row">
                    <section class="card"><div class="body stack">
                        {with_which(cx, "batch", keys, accounts, (&input.key, &input.subscription, input.lock))}
                        {missing}
                    </div></section>
                    <button class="btn btn-primary">"Check rows"</button>
                </aside>
            </form>
        </details>
    }
}

fn errors_card(errors: &[LineError]) -> impl IntoView + use<> {
    let rows = errors
        .iter()
        .take(ERRORS_SHOWN)
        .map(|error| {
            view! {
                <tr role="row">
                    <td role="cell" data-l="Line" class="num">{error.line}</td>
                    <td role="cell" class="mono main">{error.text.clone()}</td>
                    <td role="cell" class="bad wide">{icon(Icon::CircleX)}" "{error.message.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    let more = errors.len().saturating_sub(ERRORS_SHOWN);
    view! {
        {alert("bad", format!("Nothing was sent: {} to correct", words::count(errors.len() as u64, "error", "errors")), "Correct the rows below and check again. What you typed is kept.", None)}
        <section class="card" aria-labelledby="h-err">
            <header><h2 id="h-err">"Errors by line"</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-err">
                <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="num">"Line"</th><th role="columnheader" scope="col">"Text"</th><th role="columnheader" scope="col">"Error"</th></tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
            {(more > 0).then(|| view! { <p class="body hint">{format!("{more} more.")}</p> })}
        </section>
    }
}

fn preview(cx: &Cx, keys: &[KeyRef], input: &BatchInput, id: &str, rows: &[Row]) -> impl IntoView + use<> {
    let key = keys.iter().find(|key| key.id == input.key).map_or("an unknown key", |key| key.label.as_str()).to_owned();
    let count = rows.len();
    let domains = words::count(count as u64, "domain", "domains");
    let locked = if input.lock { ", locked to it" } else { ", free for every key of the account" };
    let said = format!("{domains} with {key}{locked}, under {}.", input.subscription);
    let lines = rows
        .iter()
        .map(|row| {
            let servers = row.servers.iter().flatten().map(|server| server.target.as_str().to_owned()).collect::<Vec<_>>().join(", ");
            let bare = servers.is_empty();
            view! {
                <tr role="row">
                    <td role="cell" data-l="Line" class="num muted">{row.line}</td>
                    <th role="rowheader" scope="row" class="mono main">{row.domain.to_unicode()}</th>
                    <td role="cell" data-l="Servers" class="mono wide">{if bare { state(Icon::TriangleAlert, "warn", "None").into_any() } else { servers.into_any() }}</td>
                    <td role="cell" data-l="Policy">{row.policy.map(|policy| policy_badge(Some(policy.as_str())))}</td>
                    <td role="cell" data-l="Aliases" class="num">{row.aliases.len()}</td>
                    <td role="cell" data-l="Admins" class="num">{row.admins.len()}</td>
                </tr>
            }
        })
        .collect_view();
    let id = id.to_owned();
    view! {
        <section class="card" aria-labelledby="h-pre">
            <header><h2 id="h-pre">{format!("{domains} will be provisioned")}</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-pre">
                <thead role="rowgroup"><tr role="row">
                    {[("Line", "num"), ("Domain", ""), ("Servers", ""), ("Policy", ""), ("Aliases", "num"), ("Admins", "num")]
                        .map(|(label, class)| view! { <th role="columnheader" scope="col" class=class>{label}</th> }).into_view()}
                </tr></thead>
                <tbody role="rowgroup">{lines}</tbody>
            </table></div>
            <form method="post" action="/do/provision/send">
                <input type="hidden" name="draft" value=id/>
                {(count > 10).then(|| view! {
                    <div class="body"><Field name="typed" form="send" label=format!("Type {count} to provision them") value=cx.typed("send", "typed", "") error=cx.error("send", "typed")/></div>
                })}
                <footer><p class="hint">{said}</p><button class="btn btn-primary push">{format!("Provision {domains}")}</button></footer>
            </form>
        </section>
    }
}

/// The page of a batch's outcome.
#[component]
pub fn Outcome() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    page("/provision", Need::Read, async move |cx: Arc<Cx>| {
        let report: Option<BatchReport> = flash::kept(&cx.desk, &cx.actor.person, BATCH_REPORT, &id).await;
        Ok(if let Some(report) = report {
            Page::new("Outcome", outcome(&cx, &report))
        } else {
            let body = empty(
                Icon::CircleHelp,
                "No such outcome",
                "Outcomes are kept for a day, for whoever sent the batch.",
                None,
            );
            Page::new("No such outcome", view! { <h1 class="vh">"Outcome"</h1>{body} }).status(StatusCode::NOT_FOUND)
        })
    })
}

fn words_of(state: RowState) -> (Icon, &'static str, &'static str) {
    match state {
        RowState::Created => (Icon::Check, "ok", "Provisioned"),
        RowState::Existed => (Icon::Equal, "", "Existed"),
        RowState::Incomplete => (Icon::TriangleAlert, "warn", "Provisioned, look at it"),
        RowState::Failed => (Icon::CircleX, "bad", "Not provisioned"),
        RowState::Unknown => (Icon::CircleHelp, "warn", "Unknown"),
    }
}

fn outcome(cx: &Cx, report: &BatchReport) -> impl IntoView + use<> {
    let states = [RowState::Created, RowState::Existed, RowState::Incomplete, RowState::Failed, RowState::Unknown];
    let tiles = states
        .into_iter()
        .map(|wanted| (words_of(wanted), report.rows.iter().filter(|row| row.state == wanted).count()))
        .filter(|(_, count)| *count > 0)
        .map(|((which, tone, word), count)| view! { <div><dt>{state(which, tone, word)}</dt><dd>{words::thousands(count as u64)}</dd></div> })
        .collect_view();
    let rows = report
        .rows
        .iter()
        .map(|row| {
            let (which, tone, word) = words_of(row.state);
            view! {
                <tr role="row">
                    <td role="cell" data-l="Line" class="num muted">{row.line}</td>
                    <th role="rowheader" scope="row" class="main"><a class="mono" href=crate::api::forms::domain_page(&row.domain, "")>{row.domain.clone()}</a></th>
                    <td role="cell" data-l="Outcome">{state(which, tone, word)}</td>
                    <td role="cell" class="wide">{row.detail.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    let about = format!(
        "{} with {} under {}, {}",
        words::count(report.rows.len() as u64, "row", "rows"),
        report.key,
        report.subscription,
        age(cx.now, report.at)
    );
    view! {
        <div class="row page-head">
            <div><h1>"Outcome"</h1><p>{about}</p></div>
            <a class="btn" href="/domains">{icon(Icon::Globe)}"Domains"</a>
        </div>
        {note(cx.flash.as_ref())}
        <dl class="stats">{tiles}</dl>
        <section class="card gap" aria-labelledby="h-rows">
            <header><h2 id="h-rows">"Every row"</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-rows">
                <thead role="rowgroup"><tr role="row">
                    {[("Line", "num"), ("Domain", ""), ("Outcome", ""), ("Detail", "")].map(|(label, class)| view! { <th role="columnheader" scope="col" class=class>{label}</th> }).into_view()}
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
}
