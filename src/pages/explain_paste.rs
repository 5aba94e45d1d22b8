//! Paste what the customer sent: a bounce, headers or a message; and what was found in it.

use crate::{
    api::explain::{FOUND, Found},
    components::{Cx, Icon, TextArea, icon, state},
    islands::DropText,
    server::{actor::query_value, flash},
};
use inbound::words;
use leptos::prelude::*;

/// Largest paste, in bytes; a message's head and first text part fit by far.
pub const PASTE_MAX: u32 = 256 * 1024;

/// The form, and what was found by it.
pub async fn view(cx: &Cx) -> AnyView {
    let found: Option<Found> = match cx.query("read") {
        Some(id) => flash::kept(&cx.desk, &cx.actor.person, FOUND, id).await,
        None => None,
    };
    let error = cx.error("paste", "text");
    let open = error.is_some();
    let card = found.map(|found| found_card(cx, &found));
    view! {
        <details class="card paste" open=open>
            <summary class="body"><b>"Paste a bounce, headers or a message"</b>" and let Sluice find sender and recipient"</summary>
            <form class="body stack" method="post" action="/do/explain/read">
                <TextArea name="text" form="paste" label="Bounce, headers or message" rows=8 error=error
                    hint="Read here and not kept. At most 256 KB; of a longer message the first part is enough."/>
                <DropText target="paste-text" limit=PASTE_MAX head=true accept=".eml,.txt,message/rfc822,text/plain"/>
                <div class="row"><button class="btn push">"Find sender and recipient"</button></div>
            </form>
        </details>
        {card}
    }
    .into_any()
}

/// A link that asks about another sender, address or recipient.
fn try_link(cx: &Cx, field: &str, value: &str) -> AnyView {
    let chosen = cx.query(field) == Some(value);
    let pairs: Vec<_> = ["from", "ip", "to", "sub", "read"]
        .into_iter()
        .filter_map(|name| {
            let value = if name == field { value } else { cx.query(name)? };
            Some(format!("{name}={}", query_value(value)))
        })
        .collect();
    if chosen {
        view! { <b class="mono">{value.to_owned()}</b> }.into_any()
    } else {
        view! { <a class="mono" href=format!("/explain?{}", pairs.join("&"))>{value.to_owned()}</a> }.into_any()
    }
}

fn found_card(cx: &Cx, found: &Found) -> impl IntoView + use<> {
    let line = |word: &'static str, views: Vec<AnyView>| {
        (!views.is_empty()).then(|| {
            let items = views.into_iter().map(|view| view! { <li>{view}</li> }).collect_view();
            view! { <dt>{word}</dt><dd><ul>{items}</ul></dd> }
        })
    };
    let senders = |role: &str| {
        found.senders.iter().filter(|(of, _)| of == role).map(|(_, address)| try_link(cx, "from", address)).collect()
    };
    let get = |field: &str| query_value(cx.query(field).unwrap_or_default());
    let report = format!("/reports?from={}&to={}", get("from"), get("to"));
    let bounces = found
        .bounces
        .iter()
        .map(|bounce| {
            let report = bounce.report.then(|| view! { <p><a href=report.clone()>"Report a false positive"</a></p> });
            view! { <li><div><b class="mono">{bounce.code.clone()}</b><p>{bounce.meaning.clone()}</p><p>{icon(Icon::ChevronRight)}{bounce.next.clone()}</p>{report}</div></li> }
        })
        .collect_view();
    let decoded = (!found.bounces.is_empty()).then(|| {
        let counted = words::count(found.bounces.len() as u64, "reason", "reasons");
        view! { <h3 class="body sm">{format!("The bounce names {counted}")}</h3><ul class="list">{bounces}</ul> }
    });
    let lists = !found.bounces.is_empty() && found.bounces.iter().all(|bounce| !bounce.lists);
    let useless = lists.then(|| {
        view! { <p class="body">{state(Icon::TriangleAlert, "warn", "A list entry does not help against this reason")}</p> }
    });
    view! {
        <section class="card paste" aria-labelledby="h-found">
            <header><h2 id="h-found">"Found in what you pasted"</h2><span class="hint">"Choose another to check it"</span></header>
            <dl class="facts body">
                {line("From", senders("from"))}
                {line("Envelope sender", senders("envelope"))}
                {line("Reply to", senders("reply-to"))}
                {line("Mentioned", senders("mentioned"))}
                {line("Sending IP", found.ips.iter().map(|ip| try_link(cx, "ip", ip)).collect())}
                {line("Recipient", found.recipients.iter().map(|to| try_link(cx, "to", to)).collect())}
            </dl>
            {decoded}
            {useless}
        </section>
    }
}
