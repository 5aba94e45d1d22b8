//! The audit log: who did what, when, with which key, and how it ended.

use crate::{
    api::forms::{domain_page, segment},
    components::{Cx, Icon, age, alert, empty, icon, note, page, page::Page, state},
    pages::audit_view::View,
    server::actor::Need,
};
use desk::{AuditChoices, KeyRef, utc};
use inbound::audit::{Changed, changes, visible};
use leptos::prelude::*;
use std::sync::Arc;
use store::{AuditEntry, AuditPage, AuditRow, OPEN};

/// Rows a page.
const PAGE: u32 = 50;
/// Longest value of a change that is shown whole, in characters; the export has all of it.
const VALUE_MAX: usize = 300;

/// The page.
#[component]
pub fn Audit() -> impl IntoView {
    page("/audit", Need::ReadAudit, async |cx: Arc<Cx>| {
        let view = View::read(|name| cx.query(name));
        let choices = cx.desk.audit_choices().await?;
        let keys = cx.keys().await?.refs();
        let shown = match view.filter() {
            Ok(filter) => {
                let found = cx.desk.audit_page(&filter, view.place(), PAGE).await?;
                results(&cx, &view, found, &keys).into_any()
            }
            Err(why) => alert("bad", why, "Change the filter.", None).into_any(),
        };
        let export = view.url("/audit.csv", None);
        Ok(Page::new(
            "Audit log",
            view! {
                <div class="row page-head">
                    <div>
                        <h1>"Audit log"</h1>
                        <p>"What was done through Sluice, and who was refused. Rows are only ever added."</p>
                    </div>
                    <div class="acts"><a class="btn" href=export download>{icon(Icon::Download)}"Export as CSV"</a></div>
                </div>
                {note(cx.flash.as_ref())}
                {filters(&view, choices)}
                {shown}
            },
        ))
    })
}

fn filters(view: &View, choices: AuditChoices) -> impl IntoView + use<> {
    let select =
        |name: &'static str, label: &'static str, any: &'static str, chosen: &str, options: Vec<(String, String)>| {
            // A value from a link that is not among the choices stays chosen.
            let other = (!chosen.is_empty() && !options.iter().any(|(value, _)| value == chosen))
                .then(|| (chosen.to_owned(), chosen.to_owned()));
            let options = std::iter::once((String::new(), any.to_owned()))
                .chain(options)
                .chain(other)
                .map(|(value, words)| {
                    let selected = value == chosen;
                    view! { <option value=value selected=selected>{visible(&words)}</option> }
                })
                .collect_view();
            view! { <select class="input" name=name aria-label=label>{options}</select> }
        };
    let same = |values: Vec<String>| values.into_iter().map(|value| (value.clone(), value)).collect::<Vec<_>>();
    let mut outcomes = same(choices.outcomes);
    outcomes.push((OPEN.into(), "not ended".into()));
    let text = |name: &'static str, label: &'static str, kind: &'static str, value: &str| {
        let id = format!("audit-{name}");
        view! {
            <div class="field">
                <label class="label" for=id.clone()>{label}</label>
                <input class="input mono" type=kind id=id name=name value=value.to_owned() autocomplete="off" autocapitalize="none" spellcheck="false"/>
            </div>
        }
    };
    let more = [&view.account, &view.key, &view.job, &view.request].iter().any(|value| !value.is_empty());
    view! {
        <form action="/audit" role="search" aria-label="Filter the audit log">
            <div class="cols">
                {text("object", "Domain, recipient, key or other object", "text", &view.object)}
                {text("from", "From, a day of UTC", "date", &view.from)}
                {text("to", "To, the last day", "date", &view.to)}
            </div>
            <details class="gap" open=more>
                <summary class="sm">"More filters"</summary>
                <div class="cols gap">
                    {text("key", "Key, by its fingerprint", "text", &view.key)}
                    {text("account", "Account, by its id", "text", &view.account)}
                    {text("job", "Job, by its number", "text", &view.job)}
                    {text("request", "Request, by its id", "text", &view.request)}
                </div>
            </details>
            <div class="row filters gap">
                {select("person", "Person", "Anybody", &view.person, choices.people)}
                {select("action", "Action", "Any action", &view.action, same(choices.actions))}
                {select("kind", "Kind of object", "Any kind", &view.kind, same(choices.kinds))}
                {select("outcome", "Outcome", "Any outcome", &view.outcome, outcomes)}
                <button class="btn">"Filter"</button>
                {view.is_filtered().then(|| view! { <a class="btn btn-quiet" href="/audit">{icon(Icon::X)}"Clear filters"</a> })}
            </div>
        </form>
    }
}

fn results(cx: &Cx, view: &View, found: AuditPage, keys: &[KeyRef]) -> impl IntoView + use<> {
    let AuditPage { rows, next, looked_enough } = found;
    let older = next.map(|next| {
        let url = view.url("/audit", Some(next));
        if looked_enough {
            let since = format!("Searched back to {} UTC", utc(next.at));
            let action = view! { <a class="btn btn-sm" rel="next" href=url>"Continue"{icon(Icon::ChevronRight)}</a> };
            let action = Some(action.into_any());
            return view! { <div class="gap">{alert("info", since, "Few rows have all of these; older ones may.", action)}</div> }
                .into_any();
        }
        view! { <nav class="row sm gap" aria-label="Pages"><a class="btn btn-sm push" rel="next" href=url>"Older"{icon(Icon::ChevronRight)}</a></nav> }
            .into_any()
    });
    let list = if rows.is_empty() && older.is_none() {
        let text = if view.is_filtered() { "No row has all of these." } else { "Nothing was done yet." };
        view! { <div class="gap">{empty(Icon::ScrollText, "No rows", text, None)}</div> }.into_any()
    } else if rows.is_empty() {
        ().into_any()
    } else {
        table(cx, view, rows, keys).into_any()
    };
    view! { {list}{older} }
}

fn table(cx: &Cx, view: &View, rows: Vec<AuditEntry>, keys: &[KeyRef]) -> impl IntoView + use<> {
    let rows = rows.into_iter().map(|entry| line(cx, view, &entry, keys)).collect_view();
    view! {
        <div class="tw gap"><table role="table" class="table cards wraps audit" aria-label="Audit log">
            <thead role="rowgroup"><tr role="row">
                {["When", "Who", "What", "Outcome"]
                    .map(|label| view! { <th role="columnheader" scope="col">{label}</th> }).into_view()}
            </tr></thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table></div>
    }
}

/// How it ended: icon and tone.
fn tone(outcome: Option<&str>) -> (Icon, &'static str) {
    match outcome.map(|outcome| outcome.split(':').next().unwrap_or_default()) {
        Some("done") => (Icon::Check, ""),
        Some("failed") => (Icon::CircleX, "bad"),
        Some("refused") => (Icon::Ban, "warn"),
        None => (Icon::CircleDashed, ""),
        Some(_) => (Icon::TriangleAlert, "warn"),
    }
}

fn line(cx: &Cx, view: &View, entry: &AuditEntry, keys: &[KeyRef]) -> impl IntoView + use<> {
    let row = &entry.row;
    let (which, tone) = tone(entry.outcome());
    let outcome = entry.outcome().map_or_else(|| "not ended".to_owned(), visible);
    let (word, detail) = match outcome.split_once(": ") {
        Some((word, detail)) => (word.to_owned(), Some(detail.to_owned())),
        None => (outcome, None),
    };
    let detail = detail.map(|detail| view! { <small class="hint">{detail}</small> });
    let person = View { person: row.person_id.clone(), after: String::new(), ..view.clone() }.url("/audit", None);
    let reason =
        row.reason.as_deref().map(|reason| view! { <small class="hint">{format!("“{}”", visible(reason))}</small> });
    view! {
        <tr role="row">
            <td role="cell" data-l="When" class="nw muted">{age(cx.now, row.at)}<small class="hint">{utc(row.at)}</small></td>
            <td role="cell" data-l="Who"><a href=person>{visible(&row.person_name)}</a></td>
            <th role="rowheader" scope="row" class="main wide"><span class="mono">{visible(&row.action)}</span>" "{object(cx, row, keys)}" "{diff(row)}{reason}{used(row, keys)}</th>
            <td role="cell" data-l="Outcome">{state(which, tone, word)}{detail}</td>
        </tr>
    }
}

/// What it was done to, with a link where the page is one that the viewer has.
fn object(cx: &Cx, row: &AuditRow, keys: &[KeyRef]) -> AnyView {
    let shown = visible(&row.object);
    let own = row.person_id == cx.actor.person.id;
    let link = match row.object_kind.as_str() {
        "domain" => Some(domain_page(&row.object, "")),
        "recipient" => Some(format!("/recipients/{}", segment(&row.object))),
        "key" if keys.iter().any(|key| key.id == row.object) => Some(format!("/keys/{}", segment(&row.object))),
        "job" if own => Some(format!("/jobs/{}", segment(&row.object))),
        _ => None,
    };
    // What a key that is being added is called stands in the change only.
    let label = row.key_label.as_ref().or(row.after.as_ref().filter(|_| row.action == "key.add"));
    let shown = match (row.object_kind.as_str(), label) {
        ("key", Some(label)) => visible(label),
        ("job", _) => format!("job {shown}"),
        _ => shown,
    };
    match link {
        Some(link) => view! { <a class="mono" href=link>{shown}</a> }.into_any(),
        None => view! { <span class="mono">{shown}</span> }.into_any(),
    }
}

/// With which key, in which account, job and request it was done: each leads to the rows that share it.
fn used(row: &AuditRow, keys: &[KeyRef]) -> AnyView {
    let link = |words: String, view: View| {
        view! { <a href=view.url("/audit", None)>{words}</a> }
    };
    let key = row.fingerprint.as_ref().map(|fingerprint| {
        let own = keys.iter().find(|key| key.fingerprint == *fingerprint).map(|key| key.label.clone());
        let label = row.key_label.clone().or(own).unwrap_or_else(|| "key".into());
        let short: String = fingerprint.chars().take(8).collect();
        link(format!("{} {}", visible(&label), visible(&short)), View { key: fingerprint.clone(), ..View::default() })
    });
    let account = row
        .account_id
        .as_ref()
        .map(|account| link("Account".into(), View { account: account.clone(), ..View::default() }));
    let job = row.job.map(|job| link(format!("Job {job}"), View { job: job.to_string(), ..View::default() }));
    let request = link("Request".into(), View { request: row.request_id.clone(), ..View::default() });
    view! { <small class="hint used">{key}{account}{job}{request}</small> }.into_any()
}

fn short(value: &str) -> String {
    let value = visible(value);
    if value.chars().count() <= VALUE_MAX {
        return value;
    }
    let start: String = value.chars().take(VALUE_MAX).collect();
    format!("{start} …")
}

/// Before and after: what went is struck, what came is underlined.
fn diff(row: &AuditRow) -> AnyView {
    changes(row.before.as_deref(), row.after.as_deref())
        .into_iter()
        .map(|Changed { what, old, new }| {
            let old = old.iter().map(|value| view! { <del>{short(value)}</del>" " }).collect_view();
            let new = new.iter().map(|value| view! { <ins>{short(value)}</ins>" " }).collect_view();
            let what = (!what.is_empty()).then(|| format!("{}: ", visible(&what)));
            view! { <span class="wrap">{what}{old}{new}</span>" " }
        })
        .collect_view()
        .into_any()
}
