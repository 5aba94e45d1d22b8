//! One API key: rename, replace, remove.

use crate::{
    api::rescue::rescue_page,
    components::{Cx, Field, Icon, age, alert, icon, note, page, page::Page, reason_field},
    pages::{
        audit_view,
        key_map::removing,
        key_share,
        keys::{health, held, short},
    },
    server::actor::Need,
};
use desk::{DeskError, Health, MapKey};
use inbound::words;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// The page.
#[component]
pub fn KeyPage() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    page("/keys", Need::OwnKeys, async move |cx: Arc<Cx>| {
        let map = cx.desk.keymap(&cx.actor.person).await?;
        let found = map.keys().find(|found| found.key.id == id && found.key.shared_by.is_none());
        let found = found.ok_or_else(|| DeskError::Gone("such key".into()))?;
        let key = &found.key;
        let shares = cx.desk.shares(&cx.actor.person, &id).await?;
        let people = cx.desk.people().await?;
        let share = key_share::section(&cx, key, shares, &people).into_any();
        Ok(Page::new(key.label.clone(), body(&cx, found, share)))
    })
}

fn body(cx: &Cx, found: &MapKey, share: AnyView) -> impl IntoView + use<> {
    let key = &found.key;
    let id = || key.id.clone();
    let ago = |at: Option<i64>| at.map_or("Never".to_owned(), |at| age(cx.now, at));
    let trouble = match &key.health {
        Health::Rejected => Some(alert(
            "bad",
            "MailChannels rejects this key",
            "Replace it below with one from the Host Console.",
            None,
        )),
        Health::Unreachable(why) => Some(alert("warn", "The last sync failed", why.clone(), None)),
        _ => None,
    };
    let (held, unknown) = (held(key), found.counts.unknown);
    let unknown = (unknown > 0).then(|| {
        view! { <dt>"Seen by it, key not known"</dt><dd>{words::thousands(unknown)}</dd> }
    });
    view! {
        <div class="page-head">
            <p><a class="linkish" href="/keys">{icon(Icon::ChevronLeft)}"API keys"</a></p>
            <h1>{key.label.clone()}</h1>
        </div>
        {note(cx.flash.as_ref())}
        {trouble}
        <div class="split gap">
            <div class="stack">
                <section class="card" id="rename" aria-labelledby="h-rename">
                    <header><h2 id="h-rename">"Rename"</h2></header>
                    <form class="body stack" method="post" action="/do/keys/rename">
                        <input type="hidden" name="id" value=id()/>
                        <Field name="label" form="rename" label="Label" value=cx.typed("rename", "label", &key.label) error=cx.error("rename", "label")/>
                        {reason_field(cx, "rename", "")}
                        <div class="row"><button class="btn push">"Save label"</button></div>
                    </form>
                </section>
                <section class="card" id="replace" aria-labelledby="h-replace">
                    <header><h2 id="h-replace">"Replace"</h2></header>
                    <form class="body stack" method="post" action="/do/keys/replace">
                        <input type="hidden" name="id" value=id()/>
                        <p class="hint">{format!("Stores another secret under this label. What is locked to the old key stays locked to it ({held}): lock that to the new one first, if the old one still works.")}</p>
                        <Field name="secret" form="replace" label="New API key" kind="password" mono=true error=cx.error("replace", "secret")/>
                        {reason_field(cx, "replace", "")}
                        <div class="row"><button class="btn push">"Check and replace key"</button></div>
                    </form>
                </section>
                {share}
                <section class="card" id="remove" aria-labelledby="h-remove">
                    <header><h2 id="h-remove">"Remove from Sluice"</h2></header>
                    <form class="body stack" method="post" action="/do/keys/remove">
                        <input type="hidden" name="id" value=id()/>
                        <p class="hint">{format!("{}. At MailChannels nothing changes: what is locked to this key stays so. To free it, delete the key in the Host Console.", removing(found))}</p>
                        <Field name="typed" form="remove" label=format!("Type {} to remove it", key.label) value=cx.typed("remove", "typed", "") error=cx.error("remove", "typed")/>
                        {reason_field(cx, "remove", "")}
                        <div class="row"><button class="btn btn-danger push">"Remove key"</button></div>
                    </form>
                </section>
            </div>
            <aside class="stack" aria-label="Key facts">
                <section class="card"><div class="body"><dl class="facts">
                    <dt>"Health"</dt><dd>{health(key)}</dd>
                    <dt>"Ends in"</dt><dd class="mono">{key.last_four.clone()}</dd>
                    <dt>"Fingerprint"</dt><dd class="mono">{short(&key.fingerprint)}</dd>
                    <dt>"Account"</dt><dd>{key.account.clone()}</dd>
                    <dt>"Locked to it"</dt><dd>{words::thousands(key.locked)}</dd>
                    <dt>"Free, seen by it"</dt><dd>{words::thousands(key.free)}</dd>
                    {unknown}
                    <dt>"Synced"</dt><dd>{ago(key.synced_at)}</dd>
                    <dt>"Last used"</dt><dd>{ago(key.last_used_at)}</dd>
                    <dt>"Stored"</dt><dd>{age(cx.now, key.since)}</dd>
                </dl>{audit_view::link(cx, "key", &key.id)}</div></section>
                <section class="card" aria-labelledby="h-leak">
                    <header><h2 id="h-leak">"Did it leak?"</h2></header>
                    <div class="body stack">
                        <p class="hint">"A guide moves its domains to a new key, shows what was tampered with, and checks that this one is dead."</p>
                        {if cx.actor.may(Need::ChangeDomains) {
                            view! { <a class="btn" href=rescue_page(&key.id, "")>"This key leaked…"</a> }.into_any()
                        } else {
                            view! { <p>"It changes domains, so it takes the role lead: ask a colleague who has it, at once."</p> }.into_any()
                        }}
                    </div>
                </section>
            </aside>
        </div>
    }
}
