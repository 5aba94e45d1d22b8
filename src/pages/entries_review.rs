//! Entries before they are sent, where they reach far or are many; and what became of them.

use crate::{
    api::lists::{ENTRIES_DRAFT, ENTRIES_REPORT, EntriesDraft, EntriesReport},
    components::{Cx, Field, Icon, age, alert, empty, icon, note, page, page::Page, reason_field, state},
    pages::{
        entries::{list_badge, tier_badge},
        lists::account_reach,
    },
    server::{actor::Need, flash},
};
use desk::{DeskError, Target, UNTYPED};
use http::StatusCode;
use inbound::{lists::Tier, words};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// The page before anything is sent.
#[component]
pub fn ReviewEntries() -> impl IntoView {
    page("/lists", Need::Lists, async |cx: Arc<Cx>| {
        let id = cx.query("draft").unwrap_or_default().to_owned();
        let draft: Option<EntriesDraft> = flash::kept(&cx.desk, &cx.actor.person, ENTRIES_DRAFT, &id).await;
        let Some(draft) = draft else {
            return Ok(gone(&cx, "Nothing waits here", "It was sent already, or a day has passed."));
        };
        let wide = draft.targets.iter().find(|target| target.whose.tier() == Tier::Account);
        let reach = match wide {
            Some(target) => {
                let scope = cx.desk.scope(&cx.actor.person, &target.whose).await?;
                Some((scope.account_name.clone(), account_reach(&scope)))
            }
            None => None,
        };
        Ok::<_, DeskError>(Page::new("Review entries", review(&cx, &id, &draft, reach)))
    })
}

fn gone(cx: &Cx, title: &'static str, text: &'static str) -> Page {
    let action = view! { <a class="btn" href="/lists">{icon(Icon::List)}"Lists"</a> }.into_any();
    Page::new(title, view! { <h1 class="vh">{title}</h1>{note(cx.flash.as_ref())}{empty(Icon::CircleHelp, title, text, Some(action))} })
        .status(StatusCode::NOT_FOUND)
}

fn place(target: &Target, account: &str) -> AnyView {
    let name = match target.whose.tier() {
        Tier::Account => account.to_owned(),
        _ => target.whose.to_string(),
    };
    view! {
        <td role="cell" data-l="List">{list_badge(target.list)}</td>
        <td role="cell" data-l="Tier">{tier_badge(target.whose.tier())}</td>
        <td role="cell" data-l="For" class="mono">{name}</td>
    }
    .into_any()
}

fn review(cx: &Cx, id: &str, draft: &EntriesDraft, reach: Option<(String, String)>) -> impl IntoView + use<> {
    let count = draft.targets.len();
    let counted = words::count(count as u64, "entry", "entries");
    let verb = if draft.present { "Add" } else { "Remove" };
    let account = reach.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
    let warning = reach.map(|(name, reach)| {
        let detail = if draft.present {
            "An account entry applies at once. Entries of single domains and recipients still go before it. Any key of the account can change this list, also one that is locked out of these domains."
        } else {
            "Mail that this entry decides today is judged without it at once. Any key of the account can change this list."
        };
        alert("warn", format!("This reaches {reach}: the whole account {name}"), detail, None)
    });
    let rows = draft
        .targets
        .iter()
        .map(|target| {
            view! { <tr role="row"><th role="rowheader" scope="row" class="main mono wide">{target.item.clone()}</th>{place(target, &account)}</tr> }
        })
        .collect_view();
    let to = if account.is_empty() { String::new() } else { " at the account tier".to_owned() };
    view! {
        <div class="page-head"><h1>{format!("{verb} {counted}{to}")}</h1><p>"Nothing was sent yet."</p></div>
        {note(cx.flash.as_ref())}
        <div class="stack">
            {warning}
            {draft.careful.iter().map(|text| alert("warn", "Careful", text.clone(), None)).collect_view()}
        </div>
        <section class="card gap" aria-labelledby="h-what">
            <header><h2 id="h-what">"What is sent"</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-what">
                <thead role="rowgroup"><tr role="row">
                    {["Entry", "List", "Tier", "For"].map(|label| view! { <th role="columnheader" scope="col">{label}</th> }).into_view()}
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
            <form method="post" action="/do/lists/send">
                <input type="hidden" name="draft" value=id.to_owned()/>
                <div class="body stack">
                    {(count > UNTYPED).then(|| view! {
                        <Field name="typed" form="send" label=format!("Type {count} to go on") value=cx.typed("send", "typed", "") error=cx.error("send", "typed")/>
                    })}
                    {reason_field(cx, "send", &draft.reason)}
                </div>
                <footer>
                    <a class="btn" href=draft.back.clone()>"Back, send nothing"</a>
                    <button class=if draft.present { "btn btn-primary push" } else { "btn btn-danger push" }>{format!("{verb} {counted}{to}")}</button>
                </footer>
            </form>
        </section>
    }
}

/// What became of entries.
#[component]
pub fn EntriesOutcome() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    page("/lists", Need::Read, async move |cx: Arc<Cx>| {
        let report: Option<EntriesReport> = flash::kept(&cx.desk, &cx.actor.person, ENTRIES_REPORT, &id).await;
        let Some(report) = report else {
            return Ok(gone(
                &cx,
                "No outcome yet",
                "While entries are being sent there is none: look again in some seconds. Outcomes are kept for a day, for whoever sent the entries.",
            ));
        };
        let wide = report.rows.iter().find(|row| row.target.whose.tier() == Tier::Account);
        let account = match wide {
            Some(row) => cx.desk.scope(&cx.actor.person, &row.target.whose).await?.account_name,
            None => String::new(),
        };
        Ok::<_, DeskError>(Page::new("Outcome", outcome(&cx, &id, &report, &account)))
    })
}

fn word(state_of: &str, present: bool) -> (Icon, &'static str, &'static str) {
    match (state_of, present) {
        ("done", true) => (Icon::Check, "ok", "Added"),
        ("done", false) => (Icon::Check, "ok", "Removed"),
        ("same", _) => (Icon::Equal, "", "Nothing to change"),
        ("failed", true) => (Icon::CircleX, "bad", "Not added"),
        ("failed", false) => (Icon::CircleX, "bad", "Not removed"),
        _ => (Icon::CircleHelp, "warn", "Unknown"),
    }
}

fn outcome(cx: &Cx, id: &str, report: &EntriesReport, account: &str) -> impl IntoView + use<> {
    let tiles = ["done", "same", "failed", "unknown"]
        .into_iter()
        .map(|wanted| (word(wanted, report.present), report.rows.iter().filter(|row| row.state == wanted).count()))
        .filter(|(_, count)| *count > 0)
        .map(|((which, tone, word), count)| view! { <div><dt>{state(which, tone, word)}</dt><dd>{words::thousands(count as u64)}</dd></div> })
        .collect_view();
    let rows = report
        .rows
        .iter()
        .map(|row| {
            let (which, tone, word) = word(&row.state, report.present);
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main mono">{row.target.item.clone()}</th>
                    {place(&row.target, account)}
                    <td role="cell" data-l="Outcome">{state(which, tone, word)}</td>
                    <td role="cell" class="wide">{row.detail.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    let changed = report.rows.iter().filter(|row| row.change.is_some()).count();
    let undo = (changed > 0 && cx.actor.may(Need::Lists)).then(|| {
        let words = words::count(changed as u64, "change", "changes");
        view! {
            <form method="post" action="/do/lists/undo-all">
                <input type="hidden" name="id" value=id.to_owned()/>
                <button class="btn">{icon(Icon::Undo2)}{format!("Undo {words}")}</button>
            </form>
        }
    });
    view! {
        <div class="row page-head">
            <div><h1>"Outcome"</h1><p>{format!("{}, {}", words::count(report.rows.len() as u64, "entry", "entries"), age(cx.now, report.at))}</p></div>
            <div class="acts">{undo}<a class="btn" href=report.back.clone()>"Back to the lists"</a></div>
        </div>
        {note(cx.flash.as_ref())}
        <dl class="stats">{tiles}</dl>
        <section class="card gap" aria-labelledby="h-rows">
            <header><h2 id="h-rows">"Every entry"</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-rows">
                <thead role="rowgroup"><tr role="row">
                    {["Entry", "List", "Tier", "For", "Outcome", "Detail"].map(|label| view! { <th role="columnheader" scope="col">{label}</th> }).into_view()}
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
}
