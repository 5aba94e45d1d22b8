//! A leaked key: what somebody who has it can do, and what to do about it, step by step. The page is made
//! from what is on record and in the mirror, so it can be left and opened again at any step.

use crate::{
    components::{Cx, Icon, SelectField, age, alert, icon, note, page, page::Page},
    pages::{keys::short, rescue_steps, tampering},
    server::actor::{Need, query_value},
};
use desk::{DeskError, KeyView, RescueView, SINCE_DAYS};
use inbound::{rescue::Step, words};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// The page.
#[component]
pub fn Leaked() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    page("/keys", Need::ChangeDomains, async move |cx: Arc<Cx>| {
        let person = &cx.actor.person;
        let rescue = cx.desk.rescue(person, &id).await?;
        let key = cx.desk.keys(person).await?.into_iter().find(|key| key.id == id);
        match (rescue, key) {
            (Some(rescue), _) if rescue.row.closed_at.is_none() => {
                let found = if rescue.progress.has(Step::Compare) {
                    Some(cx.desk.tampering(person, &rescue.row.account_id, rescue.row.since).await?)
                } else {
                    None
                };
                let title = format!("{} leaked", name(&rescue));
                let changes = found.map(|found| tampering::card(&cx, &rescue, &found).into_any());
                Ok(Page::new(title, under_way(&cx, &rescue, changes)))
            }
            (_, Some(key)) => Ok(Page::new(format!("{} leaked", key.label), start(&cx, &key))),
            (Some(rescue), None) => Ok(Page::new("A leaked key", ended(&cx, &rescue))),
            (None, None) => Err(DeskError::Gone("such key".into())),
        }
    })
}

/// Where the moves of a rescue are planned.
pub fn move_plan_url(rescue: &RescueView) -> String {
    let row = &rescue.row;
    let to = row.new_key_id.as_deref().unwrap_or_default();
    format!(
        "/bulk/associate?from={}&to={}&rescue={}",
        query_value(&row.old_key_id),
        query_value(to),
        query_value(&row.id)
    )
}

/// What the leaked key is called; after it was removed, nothing is left of its label.
pub fn name(rescue: &RescueView) -> String {
    rescue.old.as_ref().map_or_else(|| "The old key".to_owned(), |key| key.label.clone())
}

fn head(title: String, text: &'static str) -> impl IntoView {
    view! {
        <div class="page-head">
            <p><a class="linkish" href="/keys">{icon(Icon::ChevronLeft)}"API keys"</a></p>
            <h1>{title}</h1>
            <p>{text}</p>
        </div>
    }
}

/// What somebody who has the key can do.
fn danger(key: &KeyView) -> impl IntoView + use<> {
    let (locked, free) = (words::thousands(key.locked), words::thousands(key.free));
    let rest = key.counts().unknown;
    let rest =
        if rest > 0 { format!(", {} of which that is not known", words::thousands(rest)) } else { String::new() };
    view! {
        <section class="card" aria-labelledby="h-danger">
            <header><h2 id="h-danger">"What somebody who has it can do"</h2></header>
            <ul class="body points">
                <li>{format!("Read and change every domain it reaches: {locked} locked to it, {free} free{rest}. That is spam handling, servers, admins, aliases, lists, and deprovisioning.")}</li>
                <li>"Have their mail delivered elsewhere: one call replaces a domain’s servers."</li>
                <li>"Mint login links: each signs in to the Domain Console as that domain’s admin. MailChannels has no call that lists or ends them."</li>
                <li>"Edit the account’s own safelist and blocklist, which count for all domains of all keys: MailChannels documents no refusal, so any key probably can."</li>
                <li>"Lock a domain to another key of the account, if they have one."</li>
            </ul>
            <footer><p class="hint">"It ends when the key is deleted in the Host Console, and not before."</p></footer>
        </section>
    }
}

fn start(cx: &Cx, key: &KeyView) -> impl IntoView + use<> {
    let options = SINCE_DAYS
        .iter()
        .rev()
        .map(|days| {
            let text = match days {
                1 => "Within the last day".to_owned(),
                30 => "30 days ago, or not known: all that Sluice keeps".to_owned(),
                days => format!("Up to {days} days ago"),
            };
            (days.to_string(), text)
        })
        .collect();
    view! {
        {head(format!("{} leaked", key.label), "A new key takes over its domains before the old one is deleted. You can stop after any step, and go on later.")}
        {note(cx.flash.as_ref())}
        <div class="stack">
            {danger(key)}
            <form class="card" method="post" action="/do/rescue/begin">
                <header><h2>"Start"</h2></header>
                <div class="body stack">
                    <input type="hidden" name="id" value=key.id.clone()/>
                    <SelectField name="since" form="begin" label="When may somebody first have had it?" options=options
                        value=cx.typed("begin", "since", "30") error=cx.error("begin", "since")
                        hint="What changed since then, and was not done through Sluice, will be listed."/>
                    <p class="hint">"Is it being used right now? Then delete it in the Host Console first, and come back: its domains are free to any key of the account then, and are locked to the new one here."</p>
                </div>
                <footer><div class="row push"><a class="btn btn-quiet" href="/keys">"Not now"</a><button class="btn btn-primary">"Start the guide"</button></div></footer>
            </form>
        </div>
    }
}

fn under_way(cx: &Cx, rescue: &RescueView, changes: Option<AnyView>) -> impl IntoView + use<> {
    let gone = rescue.old.is_none().then(|| {
        let text = "It was removed from Sluice, or given another secret. So neither what it sees nor whether it is dead can be asked here. Check it in the Host Console, then close this guide.";
        view! { <div class="note">{alert("warn", "The leaked key is not stored here any more", text, None)}</div> }
    });
    let danger = (!rescue.progress.has(Step::Check)).then_some(rescue.old.as_ref()).flatten().map(|key| {
        view! { <details class="card"><summary class="body">"What somebody who has it can do"</summary>{danger(key)}</details> }
    });
    view! {
        {head(format!("{} leaked", name(rescue)), "Each step is kept when it is done: leave, and go on here later.")}
        {note(cx.flash.as_ref())}
        {gone}
        <div class="split">
            <div class="stack">{rescue_steps::steps(cx, rescue)}{changes}{danger}</div>
            <aside class="stack" aria-label="The guide so far">{facts(cx, rescue)}{rescue_steps::standing(rescue)}</aside>
        </div>
    }
}

fn facts(cx: &Cx, rescue: &RescueView) -> impl IntoView + use<> {
    let row = &rescue.row;
    let old = rescue.old.as_ref().map(|key| {
        view! {
            <dt>"Leaked key"</dt><dd>{key.label.clone()}</dd>
            <dt>"Ends in"</dt><dd class="mono">{key.last_four.clone()}</dd>
            <dt>"Fingerprint"</dt><dd class="mono">{short(&key.fingerprint)}</dd>
        }
    });
    view! {
        <section class="card">
            <div class="body"><dl class="facts">
                {old}
                <dt>"New key"</dt><dd>{rescue.new.as_ref().map_or("Not chosen".to_owned(), |key| key.label.clone())}</dd>
                <dt>"Leaked since"</dt><dd>{age(cx.now, row.since)}</dd>
                <dt>"Guide started"</dt><dd>{age(cx.now, row.created_at)}</dd>
            </dl></div>
            <footer>
                <form class="push" method="post" action="/do/rescue/close">
                    <input type="hidden" name="id" value=row.old_key_id.clone()/>
                    <button class="btn btn-quiet btn-sm">"Close this guide"</button>
                </form>
            </footer>
        </section>
    }
}

/// A guide that ended, of a key that is gone.
fn ended(cx: &Cx, rescue: &RescueView) -> impl IntoView + use<> {
    let row = &rescue.row;
    let (tone, title) = if row.dead_at.is_some() {
        ("ok", "This key is dead, and removed from Sluice")
    } else {
        ("warn", "This guide was closed before its end")
    };
    let times = [
        ("Moved", row.moved_at),
        ("Both keys asked", row.verified_at),
        ("Compared", row.compared_at),
        ("Deleted", row.deleted_at),
        ("Rejected by MailChannels", row.dead_at),
        ("Guide closed", row.closed_at),
    ]
    .map(|(what, at)| {
        view! { <dt>{what}</dt><dd>{at.map_or("Not done".to_owned(), |at| age(cx.now, at))}</dd> }
    });
    view! {
        {head("A leaked key".to_owned(), "It is not stored here any more.")}
        {note(cx.flash.as_ref())}
        <div class="note">{alert(tone, title, "", None)}</div>
        <section class="card"><div class="body"><dl class="facts">{times.into_view()}</dl></div></section>
    }
}
