//! The key map: which key holds how many domains, and what goes with it. From the mirror: no upstream call.

use crate::{
    api::forms::segment,
    components::{Cx, Icon, age, alert, empty, heads, icon, note, page, page::Page, state},
    pages::keys::health,
    server::actor::{Need, query_value},
};
use desk::{AccountMap, Freshness, KeyMap, MapKey, OthersKeys};
use inbound::{
    keymap::{Counts, Deleting, Removing},
    words,
};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn KeyMapPage() -> impl IntoView {
    page("/keys/map", Need::Read, async |cx: Arc<Cx>| {
        let map = cx.desk.keymap(&cx.actor.person).await?;
        Ok(Page::new("Key map", body(&cx, &map)))
    })
}

/// Domains in words.
fn domains(count: u64) -> String {
    words::count(count, "domain", "domains")
}

fn body(cx: &Cx, map: &KeyMap) -> impl IntoView + use<> {
    let head = view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/keys">{icon(Icon::ChevronLeft)}"API keys"</a></p>
                <h1>"Key map"</h1>
                <p>"Which key holds which domains, and what goes with it."</p>
            </div>
        </div>
        {note(cx.flash.as_ref())}
    };
    if map.accounts.is_empty() {
        let action = cx.actor.may(Need::OwnKeys).then(|| {
            view! { <a class="btn btn-primary" href="/keys#add">{icon(Icon::Plus)}"Add a key"</a> }.into_any()
        });
        let none = empty(Icon::Map, "No key, no map", "The map shows what your own keys hold.", action);
        return view! { {head}{none} }.into_any();
    }
    let accounts = map.accounts.iter().map(|account| account_card(cx, account)).collect_view();
    view! {
        {head}
        {failing(&map.freshness)}
        <div class="row meta sm">
            <span class="state">{icon(Icon::Clock)}{synced(&map.freshness, cx.now)}</span>
            <form class="push" method="post" action="/do/keys/sync">
                <input type="hidden" name="back" value="/keys/map"/>
                <button class="btn btn-quiet btn-sm">{icon(Icon::RefreshCw)}"Sync now"</button>
            </form>
        </div>
        {coverage(map)}
        {accounts}
    }
    .into_any()
}

fn synced(freshness: &Freshness, now: i64) -> String {
    let keys = words::count(freshness.keys as u64, "key", "keys");
    match freshness.oldest {
        None => "Not synced yet: the numbers are not known".into(),
        Some(oldest) if freshness.synced == freshness.keys => format!("Synced {} from {keys}", age(now, oldest)),
        Some(oldest) => format!("Synced {} from {} of {keys}", age(now, oldest), freshness.synced),
    }
}

/// Keys whose last look failed: their numbers are older than the rest.
fn failing(freshness: &Freshness) -> Option<AnyView> {
    let of = |rejected: bool| {
        let labels: Vec<_> = freshness.failing.iter().filter(|(_, is, _)| *is == rejected).collect();
        labels.iter().map(|(label, ..)| label.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (rejected, unreachable) = (of(true), of(false));
    let said = |tone, title: String, text| view! { <div class="note">{alert(tone, title, text, None)}</div> };
    let rejected = (!rejected.is_empty()).then(|| {
        said("bad", format!("MailChannels rejects {rejected}"), "What such a key held counts as unknown until another key sees it. If it was deleted, its domains are free.")
    });
    let unreachable = (!unreachable.is_empty()).then(|| {
        said("warn", format!("The last sync failed: {unreachable}"), "What is counted is the last that is known.")
    });
    (rejected.is_some() || unreachable.is_some()).then(|| view! { {rejected}{unreachable} }.into_any())
}

/// A bar of parts of a whole; the numbers beside it say the same.
fn bar(counts: &Counts, whole: u64) -> impl IntoView + use<> {
    let mut from = 0;
    let rects = [("on", counts.locked), ("idle", counts.free), ("dim", counts.unknown + counts.elsewhere)]
        .into_iter()
        .filter(|(_, part)| *part > 0)
        .map(|(class, part)| {
            let at = words::percent(from, whole);
            from += part;
            view! { <rect class=class x=at width=words::percent(part, whole) height="100%"></rect> }
        })
        .collect_view();
    view! { <svg class="bar" preserveAspectRatio="none" aria-hidden="true">{rects}</svg> }
}

/// A number that leads to the domains it counts.
fn number(count: u64, key: &str, of: String) -> AnyView {
    let text = words::thousands(count);
    if count == 0 {
        return text.into_any();
    }
    let label = format!("{text} {of}");
    view! { <a href=format!("/domains?key={}", query_value(key)) aria-label=label>{text}</a> }.into_any()
}

fn coverage(map: &KeyMap) -> impl IntoView + use<> {
    let reach = map.reach();
    let others: u64 = map.accounts.iter().map(|account| account.others.locked).sum();
    let row = |class: &'static str, which: Icon, word: &'static str, value: AnyView| {
        view! {
            <dt>{icon(which)}" "{word}" "<svg class="swatch" aria-hidden="true"><rect class=class width="100%" height="100%"></rect></svg></dt>
            <dd>{value}</dd>
        }
    };
    view! {
        <section class="card gap" id="coverage" aria-labelledby="h-cov">
            <header><h2 id="h-cov">"Coverage"</h2><span class="hint">"Domains within reach of your keys"</span></header>
            <div class="body stack">
                {bar(&reach, reach.seen())}
                <dl class="facts cover">
                    {row("on", Icon::Lock, "Locked to one of your keys", words::thousands(reach.locked).into_any())}
                    {row("idle", Icon::LockOpen, "Free, any key of the account", number(reach.free, "free", "free domains".into()))}
                    {row("dim", Icon::CircleHelp, "Unknown", number(reach.unknown, "unknown", "domains of unknown key".into()))}
                    {(reach.elsewhere > 0).then(|| row("dim", Icon::Lock, "Locked to another key since", words::thousands(reach.elsewhere).into_any()))}
                    <dt><b>"All within reach"</b></dt><dd><b>{words::thousands(reach.seen())}</b></dd>
                    {(others > 0).then(|| view! { <dt>"Out of your reach: locked to other people’s keys"</dt><dd>{words::thousands(others)}</dd> })}
                </dl>
            </div>
        </section>
    }
}

fn account_card(cx: &Cx, account: &AccountMap) -> impl IntoView + use<> {
    let may_change = cx.actor.may(Need::ChangeDomains);
    let most = account.keys.iter().map(|key| key.counts.seen()).max().unwrap_or_default();
    let id = format!("h-{}", if account.id.is_empty() { "none" } else { &account.id });
    let name = if account.name.is_empty() { "Account not known yet".to_owned() } else { account.name.clone() };
    let held = account.keys.iter().map(|key| key.counts.locked).sum();
    let sum = format!("{}, {} locked to them", words::count(account.keys.len() as u64, "key", "keys"), domains(held));
    let single = account.keys.len() == 1 && account.others.keys == 0;
    let rows = account.keys.iter().map(|key| key_row(key, most, may_change)).collect_view();
    let others = (account.others.keys > 0).then(|| others_row(&account.others));
    view! {
        <section class="card gap" aria-labelledby=id.clone()>
            <header><h2 id=id.clone()>{name}</h2><span class="hint">{sum}</span></header>
            {single.then(|| view! { <p class="body hint">"With a single key of an account nobody can tell which domains are locked to it. Store a second one, and the next sync can."</p> })}
            <div class="tw">
                <table role="table" class="table cards map" aria-labelledby=id.clone()>
                    <thead role="rowgroup"><tr role="row">
                        {heads(&[("Key", ""), ("Domains", "lo"), ("Locked", "num"), ("Free", "num"), ("Unknown", "num"), ("Seen", "num"), ("Deleting it at MailChannels", ""), ("Removing it from Sluice", "")])}
                        <th role="columnheader" scope="col"><span class="vh">"Actions"</span></th>
                    </tr></thead>
                    <tbody role="rowgroup">{rows}{others}</tbody>
                </table>
            </div>
            <footer><p class="hint">"Two different acts. Deleting a key, in the Host Console, frees what is locked to it to any key of the account. Removing it from Sluice changes nothing there: what is locked to it stays filtered, out of our reach."</p></footer>
        </section>
    }
}

/// What is said of a key whose domains were never read.
const UNREAD: &str = "Not known yet: its domains were never read";

/// What deleting a key does, in words.
fn deleting(key: &MapKey) -> String {
    let label = &key.key.label;
    if key.key.synced_at.is_none() && key.deleting != Deleting::Rejected {
        return UNREAD.into();
    }
    match key.deleting {
        Deleting::Frees { locked, perhaps: 0 } => format!("Frees {} to any key", domains(locked)),
        Deleting::Frees { locked: 0, perhaps } => {
            format!("Frees those of {} that are locked to it; which is not known", domains(perhaps))
        }
        Deleting::Frees { locked, perhaps } => {
            format!("Frees {} to any key, and perhaps some of {} more", domains(locked), words::thousands(perhaps))
        }
        Deleting::Nothing => format!("Frees nothing: no domain is locked to {label}"),
        Deleting::Rejected => "MailChannels rejects it already: what was locked to it is free if it was deleted".into(),
    }
}

/// What removing a key does, in words.
pub fn removing(key: &MapKey) -> String {
    if key.key.synced_at.is_none() {
        return UNREAD.into();
    }
    let lost = match key.removing {
        _ if key.counts.seen() == 0 => return "Nothing is lost to you: it sees no domain".into(),
        Removing { certain: 0, perhaps: 0 } => return "Nothing is lost to you: your other keys reach the rest".into(),
        Removing { certain, perhaps: 0 } => format!("Leaves {} out of your reach", domains(certain)),
        Removing { certain: 0, perhaps } => format!("May leave some of {} out of your reach", domains(perhaps)),
        Removing { certain, perhaps } => {
            format!(
                "Leaves {} out of your reach, and perhaps some of {} more",
                domains(certain),
                words::thousands(perhaps)
            )
        }
    };
    match key.colleagues {
        0 => lost,
        1 => format!("{lost}; one colleague here holds it too"),
        others => format!("{lost}; {} colleagues here hold it too", words::thousands(others)),
    }
}

fn key_row(key: &MapKey, most: u64, may_change: bool) -> impl IntoView + use<> {
    let (id, label, counts) = (&key.key.id, &key.key.label, &key.counts);
    let elsewhere = (counts.elsewhere > 0).then(
        || view! { <small>{format!("{} locked to another key since", words::thousands(counts.elsewhere))}</small> },
    );
    let never = key.key.synced_at.is_none();
    let actions = may_change.then(|| {
        view! {
            <a class="linkish" href=format!("/bulk/associate?from={}", query_value(id)) >"Move its domains…"<span class="vh">{format!(" ({label})")}</span></a>
            <a class="linkish" href=format!("/keys/{}/leaked", segment(id)) >"This key leaked…"<span class="vh">{format!(" ({label})")}</span></a>
        }
    });
    view! {
        <tr role="row">
            <th role="rowheader" scope="row" class="main"><a href=format!("/keys/{}", segment(id))>{label.clone()}</a><small>{health(&key.key)}</small></th>
            <td role="cell" class="lo wide">{if never { state(Icon::Clock, "", "Not synced yet") } else { bar(counts, most).into_any() }}</td>
            <td role="cell" data-l="Locked" class="num">{number(counts.locked, id, format!("locked to {label}"))}</td>
            <td role="cell" data-l="Free" class="num">{number(counts.free, "free", "free domains".into())}</td>
            <td role="cell" data-l="Unknown" class="num">{number(counts.unknown, "unknown", "domains of unknown key".into())}</td>
            <td role="cell" data-l="Seen" class="num">{words::thousands(counts.seen())}{elsewhere}</td>
            <td role="cell" data-l="Deleting it at MailChannels" class="what">{deleting(key)}</td>
            <td role="cell" data-l="Removing it from Sluice" class="what">{removing(key)}</td>
            <td role="cell" class="end acts">{actions}</td>
        </tr>
    }
}

fn others_row(others: &OthersKeys) -> impl IntoView + use<> {
    let rejected =
        (others.rejected > 0).then(|| view! { <small>{format!("{} of them rejected", others.rejected)}</small> });
    view! {
        <tr role="row">
            <th role="rowheader" scope="row" class="main muted">{words::count(others.keys, "key of other people", "keys of other people")}{rejected}</th>
            <td role="cell" class="lo wide"></td>
            <td role="cell" data-l="Locked" class="num">{words::thousands(others.locked)}</td>
            <td role="cell"></td><td role="cell"></td><td role="cell"></td>
            <td role="cell" class="what muted">"Counted, not named: out of your reach"</td>
            <td role="cell"></td><td role="cell"></td>
        </tr>
    }
}
