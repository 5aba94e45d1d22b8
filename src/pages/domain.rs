//! One domain, read live.

use crate::{
    api::{domains::ServerRow, forms::domain_page},
    components::{
        Cx, Field, Icon, age, alert, badge, empty, field_error, icon, note, page, page::Page, policy_badge,
        reason_field, state, together,
    },
    islands::{CopyButton, ServerLine, ServersEditor},
    pages::{domain_facts, domain_mx, entries, history},
    server::actor::{Need, query_value},
};
use desk::{Age, DomainView, Lookup, MxView, Snapshot, Source, Tiers, Whose};
use http::StatusCode;
use inbound::{association::Association, downstream::Server, name::DomainName, words};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// Entries of lists shown on the page; the rest is one link away.
const ENTRIES_SHOWN: usize = 20;
/// Sections of the page: id and name.
const SECTIONS: [(&str, &str); 8] = [
    ("spam", "Spam handling"),
    ("servers", "Downstream servers"),
    ("admins", "Admins"),
    ("key", "Key"),
    ("mx", "MX records"),
    ("aliases", "Aliases"),
    ("lists", "Lists"),
    ("history", "History"),
];

/// The name in the URL.
pub fn named() -> String {
    use_params_map().read_untracked().get("name").unwrap_or_default()
}

/// The page.
#[component]
pub fn DomainPage() -> impl IntoView {
    let text = named();
    page("/domains", Need::Read, async move |cx: Arc<Cx>| {
        let name = match DomainName::parse(&text) {
            Ok(name) => name,
            Err(error) => return Ok(not_a_domain(&text, &error.to_string())),
        };
        let whose = Whose::Domain(name.clone());
        let (found, tiers) = futures::join!(
            cx.desk.domain(&cx.actor.person, &name),
            cx.desk.tiers(&cx.actor.person, &whose, Age::ASecond)
        );
        match found? {
            Lookup::Found(view) => {
                let history = cx.desk.history(name.as_str(), 10).await?;
                let mx = cx.desk.mx(name.as_str()).await?;
                // What was just learnt about its key helps a reading that went by the older mirror.
                let tiers = match tiers {
                    Ok(tiers) if tiers.failed().is_empty() => Ok(tiers),
                    _ if matches!(view.source, Source::Live) => {
                        cx.desk.tiers(&cx.actor.person, &whose, Age::ASecond).await
                    }
                    other => other,
                };
                let title = view.name.to_unicode();
                let status = if matches!(view.source, Source::Live) { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
                Ok(Page::new(title, body(&cx, *view, tiers.ok(), mx, history)).status(status))
            }
            Lookup::AliasOf { alias, canonical } => Ok(alias_page(&cx, &alias, &canonical)),
            Lookup::Unreached { name, asked, failed } => Ok(unreached(&cx, &name, asked, &failed)),
        }
    })
}

fn not_a_domain(text: &str, error: &str) -> Page {
    let action = view! { <a class="btn" href="/domains">{icon(Icon::Globe)}"Domains"</a> }.into_any();
    Page::new(
        "Not a domain",
        view! { <h1 class="mono">{text.to_owned()}</h1>{empty(Icon::CircleX, "That is not a domain name", error, Some(action))} },
    )
    .status(StatusCode::NOT_FOUND)
}

fn alias_page(cx: &Cx, alias: &DomainName, canonical: &DomainName) -> Page {
    let action = view! { <a class="btn btn-primary" href=domain_page(canonical.as_str(), "")>{icon(Icon::Globe)}"Open "{canonical.to_unicode()}</a> };
    let text = format!(
        "Mail for it is handled as mail for {}. Its settings, servers and lists are changed there.",
        canonical.to_unicode()
    );
    Page::new(
        alias.to_unicode(),
        view! {
            <h1 class="mono">{alias.to_unicode()}</h1>
            {note(cx.flash.as_ref())}
            {empty(Icon::Equal, format!("An alias of {}", canonical.to_unicode()), text, Some(action.into_any()))}
        },
    )
}

fn unreached(cx: &Cx, name: &DomainName, asked: usize, failed: &[(desk::KeyRef, (String, String))]) -> Page {
    let trouble = together(failed.iter().map(|(key, words)| (key.label.clone(), words)))
        .into_iter()
        .map(|(keys, (what, next))| {
            alert("warn", format!("{} could not be asked. {what}", words::list(&keys)), next, None)
        })
        .collect_view();
    let nobody = asked == 0 && !failed.is_empty();
    let title = if nobody { "Could not be looked up" } else { "Not within reach of your keys" };
    let action = if nobody {
        let again = domain_page(name.as_str(), "");
        Some(view! { <a class="btn" href=again>{icon(Icon::RefreshCw)}"Look again"</a> }.into_any())
    } else {
        let provision = format!("/provision?domain={}", name.as_str());
        let may = cx.actor.may(Need::ChangeDomains);
        may.then(|| view! { <a class="btn" href=provision>{icon(Icon::Plus)}"Provision it"</a> }.into_any())
    };
    let text = match (asked, failed.len()) {
        (0, 0) => "You have no key yet, so Sluice cannot look.".to_owned(),
        (0, _) => "No key got an answer, so Sluice cannot say whether it is provisioned.".to_owned(),
        _ => format!(
            "{} asked; none sees it. It isn't provisioned, or it is locked to a key you don't hold, or it is another customer's.",
            words::count(asked as u64, "key was", "keys were")
        ),
    };
    let status = if failed.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY };
    Page::new(
        name.to_unicode(),
        view! {
            <h1 class="mono">{name.to_unicode()}</h1>
            {note(cx.flash.as_ref())}
            <div class="stack gap">{trouble}</div>
            {empty(Icon::CircleHelp, title, text, action)}
        },
    )
    .status(status)
}

fn body(
    cx: &Cx,
    view: DomainView,
    tiers: Option<Tiers>,
    mx: Option<MxView>,
    history: Vec<desk::HistoryRow>,
) -> impl IntoView + use<> {
    let live = matches!(view.source, Source::Live);
    // Without a live read there is nothing to merge a change with, so forms wait.
    let editable = live && cx.actor.may(Need::ChangeDomains);
    let stale = match &view.source {
        Source::Live => None,
        Source::Mirror { synced_at, why: (what, _) } => Some(alert(
            "warn",
            format!("Shown as of {}. {what}", age(cx.now, *synced_at)),
            "Changes wait until MailChannels answers. Open the page again in a minute.",
            Some(view! { <a class="btn btn-sm" href=domain_page(view.name.as_str(), "")>{icon(Icon::RefreshCw)}"Look again"</a> }.into_any()),
        )),
    };
    view! {
        {head(cx, &view, live)}
        {note(cx.flash.as_ref())}
        {stale}
        <nav class="tabs pin" aria-label="On this page">
            {SECTIONS
                .into_iter()
                .filter(|(id, _)| *id != "mx" || mx.is_some())
                .map(|(id, name)| view! { <a href=format!("#{id}")>{name}</a> })
                .collect_view()}
        </nav>
        <div class="split">
            <div class="stack">
                {spam(cx, &view, editable)}
                {servers(cx, &view, editable)}
                {domain_facts::admins(cx, &view, editable)}
            </div>
            <aside class="stack" aria-label="Domain facts">
                {domain_facts::key_card(cx, &view, editable)}
                {mx.map(|mx| domain_mx::card(cx, view.name.as_str(), &mx))}
                {domain_facts::aliases(cx, &view, editable)}
            </aside>
        </div>
        {tiers.map(|tiers| entries::card(cx, &tiers, &domain_page(view.name.as_str(), "lists"), ENTRIES_SHOWN))}
        {history::card(cx, view.name.as_str(), history)}
    }
}

fn head(cx: &Cx, view: &DomainView, live: bool) -> impl IntoView + use<> {
    let name = view.name.as_str().to_owned();
    let unicode = view.name.to_unicode();
    let policy = match &view.settings {
        Snapshot::Settings { policy, .. } => policy.clone(),
        _ => None,
    };
    let held = match &view.association {
        Association::Locked(_) => match view.holder() {
            Some(key) => badge(Icon::Lock, format!("Locked to {}", key.label)).into_any(),
            None => badge(Icon::Lock, "Locked to another key").into_any(),
        },
        Association::Free => state(Icon::LockOpen, "", "Free").into_any(),
        Association::Unknown => state(Icon::CircleHelp, "", "Key unknown").into_any(),
    };
    let a_label = (unicode != name).then(|| view! { <p class="muted mono">{name.clone()}</p> });
    let open = format!("{}/login-link", domain_page(&name, ""));
    let may_link = live && cx.actor.may(Need::LoginLink);
    let explain = format!("/explain?at={}", query_value(&unicode));
    let add = format!("/lists?for={}#add", query_value(&name));
    let deprovision = (live && cx.actor.may(Need::ChangeDomains))
        .then(|| view! { <a class="btn btn-danger" href=format!("{}/deprovision", domain_page(&name, ""))>"Deprovision…"</a> });
    let servers = view.servers.len() + view.odd_servers.len();
    view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/domains">{icon(Icon::ChevronLeft)}"Domains"</a></p>
                <div class="row"><h1 class="mono">{unicode.clone()}</h1><CopyButton text=name.clone() label="Copy the domain".into()/></div>
                {a_label}
            </div>
            <div class="acts">
                {may_link.then(|| view! {
                    <form method="post" action=open.clone() target="_blank" class="row">
                        <button class="btn btn-primary" name="then" value="open">{icon(Icon::ExternalLink)}"Open Domain Console"</button>
                        <button class="btn" name="then" value="show" data-key="l">"Login link"</button>
                    </form>
                })}
                <a class="btn" href=explain data-key="e">{icon(Icon::Route)}"Explain a mail"</a>
                {cx.actor.may(Need::Lists).then(|| view! { <a class="btn" href=add data-key="a">{icon(Icon::Plus)}"Add entry"</a> })}
                {deprovision}
            </div>
            <div class="row full">
                {held}
                {policy_badge(policy.as_deref())}
                {if servers == 0 {
                    state(Icon::TriangleAlert, "warn", "No servers").into_any()
                } else {
                    badge(Icon::Server, words::count(servers as u64, "server", "servers")).into_any()
                }}
                {badge(Icon::CreditCard, view.subscription.clone())}
                {live.then(|| state(Icon::Clock, "", "Read just now"))}
            </div>
        </div>
    }
}

fn spam(cx: &Cx, view: &DomainView, editable: bool) -> impl IntoView + use<> {
    let Snapshot::Settings { policy, override_recipient, header_name, header_value } = view.settings.clone() else {
        return ().into_any();
    };
    let chosen = cx.typed("settings", "policy", policy.as_deref().unwrap_or_default());
    let overrides = if cx.again("settings") {
        !cx.typed("settings", "override_recipient", "").is_empty()
    } else {
        override_recipient.unwrap_or_default()
    };
    view! {
        <section class="card" id="spam" aria-labelledby="h-spam">
            <header><h2 id="h-spam">"Spam handling"</h2></header>
            <form class="body stack" method="post" action="/do/domains/settings">
                <input type="hidden" name="name" value=view.name.as_str().to_owned()/>
                <input type="hidden" name="base" value=view.settings.base()/>
                {spam_fields(cx, "settings", chosen, overrides, header_name.unwrap_or_default(), header_value.unwrap_or_default(), editable)}
                {editable.then(|| view! { {reason_field(cx, "settings", "")}<div class="row"><button class="btn push">"Save spam handling"</button></div> })}
            </form>
        </section>
    }
    .into_any()
}

/// The fields of spam handling, also for provisioning.
pub fn spam_fields(
    cx: &Cx,
    form: &'static str,
    chosen: String,
    overrides: bool,
    header_name: String,
    header_value: String,
    editable: bool,
) -> impl IntoView + use<> {
    let policies = [
        ("block", "Block", "The sender gets a bounce. The recipient is not told."),
        ("flag", "Flag", "Delivered with a header you choose."),
        ("quarantine", "Quarantine", "Held up to 7 days. The recipient gets a digest."),
    ]
    .map(|(value, name, text)| {
        view! {
            <label class="check">
                <input type="radio" name="policy" value=value checked=chosen == value disabled=!editable/>
                <span><b>{name}</b><small>{text}</small></span>
            </label>
        }
    });
    view! {
        <fieldset class="cols tight">
            <legend class="vh">"Policy"</legend>
            {policies.into_view()}
        </fieldset>
        {field_error(format!("{form}-policy-err"), cx.error(form, "policy"))}
        <div class="cols">
            <Field name="header_name" form=form label="Header under Flag" mono=true disabled=!editable
                value=cx.typed(form, "header_name", &header_name) error=cx.error(form, "header_name") hint="Such as X-Spam-Flag"/>
            <Field name="header_value" form=form label="Its value" mono=true disabled=!editable
                value=cx.typed(form, "header_value", &header_value) error=cx.error(form, "header_value")/>
        </div>
        <label class="check">
            <input type="checkbox" name="override_recipient" value="true" checked=overrides disabled=!editable/>
            <span>"Override recipients' own choice"<small>"Otherwise a recipient may choose another policy"</small></span>
        </label>
    }
}

/// Rows for the servers editor: what was typed before an error, or the servers with spare rows.
pub fn server_lines(cx: &Cx, form: &'static str, servers: &[Server]) -> (Vec<ServerLine>, Vec<ServerLine>) {
    let before: Vec<_> = servers
        .iter()
        .map(|server| ServerLine {
            priority: server.priority.to_string(),
            weight: server.weight.to_string(),
            port: server.port.to_string(),
            target: server.target.as_str().to_owned(),
            errors: Default::default(),
        })
        .collect();
    let typed = cx
        .flash
        .as_ref()
        .and_then(|flash| flash.typed(form, "servers"))
        .and_then(|text| serde_json::from_str::<Vec<ServerRow>>(text).ok());
    let rows = if let Some(rows) = typed {
        rows.into_iter()
            .enumerate()
            .map(|(index, row)| ServerLine {
                errors: ["priority", "weight", "port", "target"]
                    .map(|field| cx.error(form, &format!("servers.{index}.{field}")).unwrap_or_default()),
                priority: row.priority,
                weight: row.weight,
                port: row.port,
                target: row.target,
            })
            .collect()
    } else {
        let spare =
            ServerLine { priority: "10".into(), weight: "100".into(), port: "25".into(), ..ServerLine::default() };
        let spares = 1.min(10_usize.saturating_sub(before.len()));
        before.iter().cloned().chain(std::iter::repeat_n(spare, spares)).collect()
    };
    (before, rows)
}

fn servers(cx: &Cx, view: &DomainView, editable: bool) -> impl IntoView + use<> {
    let (before, mut rows) = server_lines(cx, "servers", &view.servers);
    if !editable {
        rows.clone_from(&before);
    }
    let odd = (!view.odd_servers.is_empty()).then(|| {
        alert(
            "warn",
            "MailChannels also lists servers that Sluice cannot read",
            format!("{}. Saving would remove them.", view.odd_servers.join("; ")),
            None,
        )
    });
    let count = format!("{} of 10", view.servers.len());
    view! {
        <section class="card" id="servers" aria-labelledby="h-srv">
            <header><h2 id="h-srv">"Downstream servers"</h2><span class="push hint">{count}</span></header>
            {odd}
            <form method="post" action="/do/domains/servers/review">
                <input type="hidden" name="name" value=view.name.as_str().to_owned()/>
                <input type="hidden" name="base" value=view.servers_snapshot().base()/>
                <ServersEditor before=before rows=rows editable=editable/>
                {field_error("servers-err".into(), cx.error("servers", "servers"))}
                {editable.then(|| view! { <footer><button class="btn push">"Review and replace…"</button></footer> })}
            </form>
        </section>
    }
}
