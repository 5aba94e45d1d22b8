//! Bulk changes: which one, and its form.

use crate::{
    components::{Cx, Field, Icon, SelectField, TextArea, empty, field_error, icon, note, page, page::Page},
    pages::provision::{no_key, with_which},
    server::{actor::Need, bulk::SELECTION, flash},
};
use desk::{KeyRef, Selection, SubscriptionView};
use http::StatusCode;
use inbound::{plan::Kind, words};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// What each does, in a sentence.
fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Settings => "Policy, override and header; what is not chosen stays.",
        Kind::Servers => "The same servers for all, or each row its own from a CSV.",
        Kind::Admins => "Add, remove or replace domain admins.",
        Kind::AddAliases | Kind::RemoveAliases => "From a CSV with a column named aliases.",
        Kind::Associate => "Lock domains to a key; only that key reaches them then.",
        Kind::AddEntries => "One entry for many domains or recipients, or a CSV.",
        Kind::RemoveEntries => "One entry of many domains or recipients, or a CSV.",
        Kind::LoginLinks => "A file with a Domain Console link for each domain, given out once.",
        Kind::Provision => "From a paste or CSV, with servers, policy, aliases and admins.",
        Kind::Deprovision => "Their mail bounces unless MX records have moved away first.",
        Kind::Undo => "",
    }
}

async fn selection(cx: &Cx) -> Option<(String, Selection)> {
    let id = cx.query("selection")?.to_owned();
    Some((id.clone(), flash::kept(&cx.desk, &cx.actor.person, SELECTION, &id).await?))
}

/// The choice.
#[component]
pub fn Bulk() -> impl IntoView {
    page("/bulk", Need::Lists, async |cx: Arc<Cx>| {
        let selection = selection(&cx).await;
        let query = selection.as_ref().map(|(id, _)| format!("?selection={id}")).unwrap_or_default();
        let choices = Kind::ALL
            .into_iter()
            // What is selected is there already.
            .filter(|kind| cx.actor.may(Need::bulk(*kind)) && (selection.is_none() || *kind != Kind::Provision))
            .map(|kind| {
                let link = format!("/bulk/{}{query}", kind.as_str());
                view! { <li><div><a href=link>{kind.heading()}</a><p class="hint">{about(kind)}</p></div></li> }
            })
            .collect_view();
        let selected = selection.map(|(_, selection)| selected_card(&cx, &selection));
        Ok(Page::new(
            "Bulk changes",
            view! {
                <div class="row page-head">
                    <div><h1>"Bulk changes"</h1><p>"Every change is a plan first: seen row by row, confirmed, then run as a job that can be paused, tried again and undone."</p></div>
                    <a class="btn" href="/jobs">{icon(Icon::Layers)}"Jobs"</a>
                </div>
                {note(cx.flash.as_ref())}
                <div class="stack">
                    {selected}
                    <section class="card" aria-labelledby="h-what"><header><h2 id="h-what">"What to change"</h2></header><ul class="list">{choices}</ul></section>
                </div>
            },
        ))
    })
}

fn selected_card(cx: &Cx, selection: &Selection) -> impl IntoView + use<> {
    let count = words::count(selection.names.len() as u64, "domain", "domains");
    let age = crate::components::age(cx.now, selection.at);
    let some: Vec<_> = selection.names.iter().take(5).cloned().collect();
    let more = selection.names.len().saturating_sub(some.len());
    let names = format!(
        "{}{}",
        some.join(", "),
        if more > 0 { format!(" and {} more", words::thousands(more as u64)) } else { String::new() }
    );
    view! {
        <section class="card" aria-labelledby="h-sel">
            <header><h2 id="h-sel">{format!("{count} selected")}</h2><span class="push hint">{format!("Frozen {age}")}</span></header>
            <div class="body"><p class="sm">{selection.about.clone()}</p><p class="mono sm">{names}</p></div>
        </section>
    }
}

/// The form of one.
#[component]
pub fn BulkForm() -> impl IntoView {
    let act = use_params_map().read_untracked().get("act").unwrap_or_default();
    let kind = Kind::parse(&act).filter(|kind| Kind::ALL.contains(kind));
    page("/bulk", kind.map_or(Need::Lists, Need::bulk), async move |cx: Arc<Cx>| {
        let Some(kind) = kind else {
            let action = view! { <a class="btn" href="/bulk">{icon(Icon::Layers)}"Bulk changes"</a> }.into_any();
            let body = empty(Icon::CircleHelp, "No such change", "Choose one of those there are.", Some(action));
            return Ok(Page::new("No such change", view! { <h1 class="vh">"Bulk changes"</h1>{body} })
                .status(StatusCode::NOT_FOUND));
        };
        let keys = cx.desk.key_refs(&cx.actor.person).await?;
        if keys.is_empty() {
            return Ok(Page::new(kind.heading(), no_key()));
        }
        let accounts = match kind {
            Kind::Provision => cx.desk.subscriptions(&cx.actor.person).await?,
            _ => Vec::new(),
        };
        let selection = match (cx.query("rescue"), cx.query("from")) {
            // Frozen anew when the plan is made; shown as it is now.
            (Some(rescue), _) => Some((String::new(), cx.desk.select_of_rescue(&cx.actor.person, rescue).await?)),
            (None, Some(from)) => Some((String::new(), cx.desk.select_of_key(&cx.actor.person, from).await?)),
            _ => selection(&cx).await,
        };
        Ok(Page::new(kind.heading(), form(&cx, kind, &keys, &accounts, selection)))
    })
}

fn form(
    cx: &Cx,
    kind: Kind,
    keys: &[KeyRef],
    accounts: &[SubscriptionView],
    selection: Option<(String, Selection)>,
) -> impl IntoView + use<> {
    let action = format!("/bulk/{}", kind.as_str());
    let request = uuid::Uuid::new_v4().simple().to_string();
    let needs_text = matches!(kind, Kind::Provision | Kind::AddAliases | Kind::RemoveAliases);
    let selected = selection.filter(|_| !needs_text);
    let rows = match &selected {
        Some((id, selection)) => view! {
            <input type="hidden" name="selection" value=id.clone()/>
            {["from", "to", "rescue"].into_iter().filter_map(|name| {
                let value = cx.query(name)?.to_owned();
                Some(view! { <input type="hidden" name=name value=value/> })
            }).collect_view()}
            {selected_card(cx, selection)}
            {field_error("bulk-text-err".into(), cx.error("bulk", "text"))}
        }
        .into_any(),
        None => pasted(cx, kind).into_any(),
    };
    view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/bulk">{icon(Icon::ChevronLeft)}"Bulk changes"</a></p>
                <h1>{kind.heading()}</h1>
                <p>{about(kind)}" Nothing is sent until you have seen what every row comes to."</p>
            </div>
        </div>
        {note(cx.flash.as_ref())}
        <form class="split" method="post" action=action enctype="multipart/form-data">
            <input type="hidden" name="request" value=request/>
            <div class="stack">{rows}</div>
            <aside class="stack" aria-label="For every row">
                {common(cx, kind, keys, accounts)}
                <section class="card"><div class="body stack">
                    <Field name="reason" form="bulk" label="Ticket or reason" value=cx.typed("bulk", "reason", "") error=cx.error("bulk", "reason") hint="Kept with the job and in the history; may be empty"/>
                </div></section>
                <button class="btn btn-primary">"Make the plan"</button>
            </aside>
        </form>
    }
}

fn pasted(cx: &Cx, kind: Kind) -> impl IntoView + use<> {
    let label = match kind {
        Kind::AddEntries | Kind::RemoveEntries => "Domains and recipients, one a line, or CSV",
        _ => "Domains, one a line, or CSV",
    };
    let hint = match kind {
        Kind::Provision => {
            "Columns by name, in any order: domain, servers, policy, aliases, admins. Several in one cell: separate with |"
        }
        Kind::Settings => "A column named policy goes before the choice beside it",
        Kind::Servers => "A column named servers goes before those beside it; several in one cell: separate with |",
        Kind::Admins => "A column named admins goes before those beside it",
        Kind::AddAliases | Kind::RemoveAliases => "Columns: domain, aliases. Several in one cell: separate with |",
        Kind::AddEntries | Kind::RemoveEntries => {
            "A CSV with the columns tier, for, list, type and entry, as the Lists page exports it, brings its own entries"
        }
        _ => "Other columns are passed over",
    };
    let template = format!("/bulk/{}/template.csv", kind.as_str());
    view! {
        <section class="card"><div class="body stack">
            <TextArea name="text" form="bulk" label=label rows=12 value=cx.typed("bulk", "text", cx.query("text").unwrap_or_default()) error=cx.error("bulk", "text") hint=hint/>
            <div class="field">
                <label class="label" for="bulk-file">"Or a file"</label>
                <input class="input" type="file" id="bulk-file" name="file" accept=".csv,.txt,text/csv,text/plain"/>
                <p class="hint">"Up to 100,000 rows, 16 MB, UTF-8. "<a href=template>"Template"</a></p>
            </div>
        </div></section>
    }
}

/// What holds for every row.
fn common(cx: &Cx, kind: Kind, keys: &[KeyRef], accounts: &[SubscriptionView]) -> AnyView {
    let typed = |field: &str, value: &str| cx.typed("bulk", field, value);
    let error = |field: &str| cx.error("bulk", field);
    let inner = match kind {
        Kind::Provision => {
            let lock = if cx.again("bulk") { !typed("lock", "").is_empty() } else { true };
            let update = !typed("update", "").is_empty();
            view! {
                {with_which(cx, "bulk", keys, accounts, (&typed("key", ""), &typed("subscription", ""), lock))}
                <label class="check">
                    <input type="checkbox" name="update" value="true" checked=update/>
                    <span>"Change those that exist"<small>"Brings them to what their row says; else they are left alone"</small></span>
                </label>
            }
            .into_any()
        }
        Kind::Settings => settings_fields(cx),
        Kind::Servers => view! {
            <TextArea name="servers" form="bulk" label="Servers, one a line" rows=4 value=typed("servers", "") error=error("servers") hint="A host, host:port, or priority weight port target. They replace all that a domain has."/>
        }
        .into_any(),
        Kind::Admins => {
            let options = [("add", "Add them"), ("remove", "Remove them"), ("replace", "Replace all by them")];
            let options = options.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
            view! {
                <SelectField name="how" form="bulk" label="Admins" options=options value=typed("how", "add")/>
                <TextArea name="admins" form="bulk" label="Addresses, one a line" rows=4 value=typed("admins", "") error=error("admins")/>
            }
            .into_any()
        }
        Kind::Associate => {
            let mut options: Vec<_> = keys.iter().map(|key| (key.id.clone(), key.label.clone())).collect();
            options.insert(0, (String::new(), "Choose a key".to_owned()));
            let chosen = typed("key", cx.query("to").unwrap_or_default());
            view! { <SelectField name="key" form="bulk" label="Move to" options=options value=chosen error=error("key") hint="After this only that key reaches them. Each move is signed by the key that reaches the domain now."/> }
                .into_any()
        }
        Kind::AddEntries | Kind::RemoveEntries => {
            let options = [("safelist", "Safelist"), ("blocklist", "Blocklist")];
            let options = options.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
            view! {
                <SelectField name="list" form="bulk" label="List" options=options value=typed("list", "blocklist") error=error("list")/>
                <Field name="item" form="bulk" label="Entry" mono=true value=typed("item", "") error=error("item") hint="Address, domain or IP; for rows without an entry of their own"/>
            }
            .into_any()
        }
        _ => return ().into_any(),
    };
    view! { <section class="card"><div class="body stack">{inner}</div></section> }.into_any()
}

fn settings_fields(cx: &Cx) -> AnyView {
    let typed = |field: &str, value: &str| cx.typed("bulk", field, value);
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let policies = pairs(&[("", "Leave as it is"), ("block", "Block"), ("quarantine", "Quarantine"), ("flag", "Flag")]);
    let overrides =
        pairs(&[("", "Leave as it is"), ("yes", "Overrides the recipient's choice"), ("no", "Recipients may choose")]);
    let headers = pairs(&[("", "Leave as it is"), ("set", "Set"), ("clear", "Clear")]);
    view! {
        <SelectField name="policy" form="bulk" label="Policy" options=policies value=typed("policy", "") error=cx.error("bulk", "policy")/>
        <SelectField name="override" form="bulk" label="Override" options=overrides value=typed("override", "")/>
        <SelectField name="header_mode" form="bulk" label="Header under Flag" options=headers value=typed("header_mode", "")/>
        <Field name="header_name" form="bulk" label="Header name" mono=true value=typed("header_name", "") error=cx.error("bulk", "header_name") hint="Only where it is set"/>
        <Field name="header_value" form="bulk" label="Header value" mono=true value=typed("header_value", "") error=cx.error("bulk", "header_value")/>
    }
    .into_any()
}
