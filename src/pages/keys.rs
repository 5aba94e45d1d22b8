//! A person's API keys.

use crate::{
    api::{forms::segment, rescue::rescue_page},
    components::{Cx, Field, Icon, age, alert, badge, empty, heads, icon, note, page, page::Page, reason_field, state},
    server::actor::{Need, query_value},
};
use desk::{Health, KeyMap, KeyView};
use inbound::{keymap::Counts, words};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Keys() -> impl IntoView {
    page("/keys", Need::Read, async |cx: Arc<Cx>| {
        let keys = cx.desk.keys(&cx.actor.person).await?;
        let map = cx.desk.keymap(&cx.actor.person).await?;
        let leaked = cx.desk.rescues_under_way(&cx.actor.person).await?;
        Ok(Page::new("API keys", body(&cx, keys, &map, &leaked)))
    })
}

/// How a key fares, in words.
pub fn health(key: &KeyView) -> AnyView {
    match &key.health {
        Health::Unchecked => state(Icon::CircleHelp, "", "Not checked yet").into_any(),
        Health::Working => state(Icon::Check, "ok", "Working").into_any(),
        Health::Rejected => state(Icon::CircleX, "bad", "Rejected").into_any(),
        Health::Unreachable(_) => state(Icon::TriangleAlert, "warn", "Last sync failed").into_any(),
    }
}

/// The short form of a fingerprint, in groups.
pub fn short(fingerprint: &str) -> String {
    let head: Vec<char> = fingerprint.chars().take(10).collect();
    head.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// How many domains are locked to a key, in words, as far as that is known.
pub fn held(key: &KeyView) -> String {
    let domains = |count| words::count(count, "domain", "domains");
    let Counts { locked, unknown, .. } = key.counts();
    match (key.synced_at, locked, unknown) {
        (None, ..) => "not known yet".to_owned(),
        (_, locked, 0) => domains(locked),
        (_, 0, unknown) => format!("perhaps some of {}", domains(unknown)),
        (_, locked, unknown) => format!("{}, and perhaps some of {} more", domains(locked), words::thousands(unknown)),
    }
}

/// The keys that may be used, and what is locked to them.
fn sum(map: &KeyMap) -> String {
    let (keys, reach) = (words::count(map.freshness.keys as u64, "key", "keys"), map.reach());
    if map.freshness.keys > 0 && map.freshness.synced == 0 {
        return format!("{keys}; what is locked to them is not known yet.");
    }
    let locked = words::count(reach.locked, "domain is", "domains are");
    match reach.unknown {
        0 => format!("{keys}; {locked} locked to them."),
        unknown => format!("{keys}; {locked} locked to them, and of {} that is not known.", words::thousands(unknown)),
    }
}

fn body(cx: &Cx, keys: Vec<KeyView>, map: &KeyMap, leaked: &[String]) -> impl IntoView + use<> {
    let may = cx.actor.may(Need::OwnKeys);
    let (keys, shared): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.shared_by.is_none());
    let sum = sum(map);
    let rejected = keys
        .iter()
        .filter(|key| key.health == Health::Rejected)
        .map(|key| {
            let action =
                view! { <a class="btn btn-sm" href=format!("/keys/{}#replace", segment(&key.id))>"Replace key"</a> }
                    .into_any();
            let text = format!(
                "It was deleted in the Host Console, or never had the inbound scope. Locked to it by the last sync: {}.",
                held(key)
            );
            alert("bad", format!("MailChannels rejects {}", key.label), text, Some(action))
        })
        .collect_view();
    let under_way = leaked
        .iter()
        .map(|id| {
            // A key that was removed meanwhile has no label left.
            let label = keys.iter().find(|key| key.id == *id).map_or("a key", |key| key.label.as_str());
            let action = view! { <a class="btn btn-sm" href=rescue_page(id, "")>"Go on"</a> }.into_any();
            alert(
                "warn",
                format!("The guide for {label}, which leaked, is not finished"),
                "It is kept at its last step.",
                Some(action),
            )
        })
        .collect_view();
    let some = !keys.is_empty();
    view! {
        <div class="row page-head">
            <div><h1>"API keys"</h1><p>{sum}</p></div>
            <div class="acts">
                {some.then(|| view! { <a class="btn" href="/keys/map">{icon(Icon::Map)}"Key map"</a> })}
                {may.then(|| view! { <a class="btn btn-primary" href="#add">{icon(Icon::Plus)}"Add key"</a> })}
            </div>
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack">{under_way}{rejected}</div>
        <section class="card gap" aria-labelledby="h-keys">
            <header><h2 id="h-keys">"My keys"</h2><span class="muted sm">{keys.len()}</span></header>
            {if keys.is_empty() {
                empty(Icon::KeyRound, "No key yet", "Add one below. It comes from the Host Console; keep one a server, so that a stolen key exposes one server.", None).into_any()
            } else {
                table(cx.now, keys, "h-keys").into_any()
            }}
            <footer><p class="hint">"Keys are write-only: Sluice never shows one again. Only you use yours, and those whom you let."</p></footer>
        </section>
        {(!shared.is_empty()).then(|| view! {
            <section class="card gap" aria-labelledby="h-shared">
                <header><h2 id="h-shared">"Keys that others let you use"</h2><span class="muted sm">{shared.len()}</span></header>
                {table(cx.now, shared, "h-shared")}
            </section>
        })}
        {may.then(|| add(cx))}
    }
}

fn table(now: i64, keys: Vec<KeyView>, heading: &'static str) -> impl IntoView {
    let ago = move |at: Option<i64>| at.map_or("Never".to_owned(), |at| age(now, at));
    let rows = keys
        .into_iter()
        .map(|key| {
            let fared = health(&key);
            let list = format!("/domains?key={}", query_value(&key.id));
            let unknown = key.counts().unknown;
            let unknown =
                (unknown > 0).then(|| view! { <small>{format!("{} not known", words::thousands(unknown))}</small> });
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main">{if key.shared_by.is_none() {
                        view! { <a href=format!("/keys/{}", segment(&key.id))>{key.label.clone()}</a> }.into_any()
                    } else {
                        key.label.clone().into_any()
                    }}</th>
                    <td role="cell" data-l="Ends in" class="mono">{key.last_four}</td>
                    <td role="cell" data-l="Fingerprint" class="mono nw">{short(&key.fingerprint)}</td>
                    <td role="cell" data-l="Account" class="lo">{badge(Icon::Users, key.account)}</td>
                    <td role="cell" data-l="Locked" class="num"><a href=list>{words::thousands(key.locked)}</a>{unknown}</td>
                    <td role="cell" data-l="Free" class="num">{words::thousands(key.free)}</td>
                    <td role="cell" data-l="All" class="num">{words::thousands(key.total)}</td>
                    <td role="cell" data-l="Health">{fared}</td>
                    <td role="cell" data-l="Last used" class="muted nw">{ago(key.last_used_at)}</td>
                    <td role="cell" data-l="Synced" class="muted nw">{ago(key.synced_at)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="tw">
            <table role="table" class="table cards" aria-labelledby=heading>
                <thead role="rowgroup"><tr role="row">
                    {heads(&[("Label", ""), ("Ends in", ""), ("Fingerprint", ""), ("Account", "lo"), ("Locked", "num"), ("Free", "num"), ("All", "num"), ("Health", ""), ("Last used", ""), ("Synced", "")])}
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
}

fn add(cx: &Cx) -> impl IntoView + use<> {
    view! {
        <section class="card gap" id="add" aria-labelledby="h-add">
            <header><h2 id="h-add">"Add a key"</h2></header>
            <form method="post" action="/do/keys/add">
                <div class="body cols">
                    <Field name="label" form="add" label="Label" value=cx.typed("add", "label", "") error=cx.error("add", "label")
                        hint="The server it belongs to"/>
                    <Field name="secret" form="add" label="API key" kind="password" mono=true error=cx.error("add", "secret")
                        hint="From the Host Console, with the inbound scope. It is sealed before it is stored."/>
                    {reason_field(cx, "add", "")}
                </div>
                <footer><span class="hint">"MailChannels is asked whether it works before it is stored."</span><button class="btn btn-primary push">"Check and store key"</button></footer>
            </form>
        </section>
    }
}
