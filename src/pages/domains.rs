//! The list of domains, from the mirror: no upstream call.

use crate::{
    components::{Cx, Icon, age, alert, badge, empty, icon, note, page, page::Page, state},
    islands::PickPage,
    pages::{
        domain_mx,
        domain_rows::{self, Look},
        domains_view::View,
    },
    server::actor::Need,
};
use desk::{Freshness, KeyRef, Listing};
use inbound::{plan::Kind, words};
use leptos::{prelude::*, tachys::html::InertElement};
use std::sync::Arc;

/// Data older than this is said aloud, in milliseconds.
const STALE_MS: i64 = 10 * 60 * 1000;

/// The page.
#[component]
pub fn Domains() -> impl IntoView {
    page("/domains", Need::Read, async |cx: Arc<Cx>| {
        let view = View::of(&cx);
        let keys = cx.keys().await?;
        let listing = cx.desk.list(keys, view.query(&keys.refs())).await?;
        Ok(Page::new("Domains", body(&cx, &view, listing)))
    })
}

fn body(cx: &Cx, view: &View, listing: Listing) -> impl IntoView + use<> {
    let may_change = cx.actor.may(Need::ChangeDomains);
    let has_keys = !listing.keys.is_empty();
    let back = view.url(None);
    view! {
        <div class="row page-head">
            <h1>"Domains"</h1>
            <div class="acts">
                {cx.actor.may(Need::LoginLink).then(|| view! { <a class="btn" href="/login-links">{icon(Icon::ExternalLink)}"Login links"</a> })}
                {may_change.then(|| view! {
                    <a class="btn" href="/bulk/provision">{icon(Icon::Upload)}"Provision many"</a>
                    <a class="btn btn-primary" href="/provision">{icon(Icon::Plus)}"Provision domain"</a>
                })}
            </div>
        </div>
        {note(cx.flash.as_ref())}
        {freshness_alert(&listing.freshness, cx.now)}
        {has_keys.then(|| filters(cx, view, &listing))}
        {has_keys.then(|| view! {
            <div class="row meta sm">
                <p>{counted(view, &listing)}</p>
                <div class="row push">
                    <span class="state">{icon(Icon::Clock)}{synced(&listing.freshness, cx.now)}</span>
                    <form method="post" action="/do/keys/sync">
                        <input type="hidden" name="back" value=back/>
                        <button class="btn btn-quiet btn-sm">{icon(Icon::RefreshCw)}"Sync now"</button>
                    </form>
                </div>
            </div>
        })}
        {table(cx, view, listing)}
    }
}

fn counted(view: &View, listing: &Listing) -> AnyView {
    let total = words::count(listing.total, "domain", "domains");
    if view.is_filtered() {
        view! { <b>{words::thousands(listing.matching)}</b>{format!(" of {total} match ")}<a href="/domains">"Clear filters"</a> }.into_any()
    } else {
        total.into_any()
    }
}

fn synced(freshness: &Freshness, now: i64) -> String {
    match freshness.oldest {
        None => "Not synced yet".into(),
        Some(oldest) if freshness.synced == freshness.keys => {
            format!("Synced {} from {}", age(now, oldest), words::count(freshness.keys as u64, "key", "keys"))
        }
        Some(oldest) => format!("Synced {} from {} of {} keys", age(now, oldest), freshness.synced, freshness.keys),
    }
}

fn freshness_alert(freshness: &Freshness, now: i64) -> Option<AnyView> {
    let keys = || Some(view! { <a class="btn btn-sm" href="/keys">{icon(Icon::KeyRound)}"API keys"</a> }.into_any());
    if let Some((label, ..)) = freshness.failing.iter().find(|(_, rejected, _)| *rejected) {
        let title = format!("MailChannels rejected the key {label}");
        return Some(alert("bad", title, "It was deleted in the Host Console or lost its scope. Replace it; its locked domains are out of reach until then.", keys()).into_any());
    }
    if let Some((label, ..)) = freshness.failing.first() {
        let title = if freshness.failing.len() == 1 {
            format!("The last sync of {label} failed")
        } else {
            format!("The last sync of {} failed", words::count(freshness.failing.len() as u64, "key", "keys"))
        };
        return Some(
            alert(
                "warn",
                title,
                "MailChannels did not answer properly. What is shown is the last that is known; Sluice keeps trying.",
                keys(),
            )
            .into_any(),
        );
    }
    let old = freshness.oldest.filter(|oldest| now - oldest > STALE_MS)?;
    Some(
        alert("info", format!("This data was read {}", age(now, old)), "Sync now to see what changed since.", None)
            .into_any(),
    )
}

fn filters(cx: &Cx, view: &View, listing: &Listing) -> impl IntoView + use<> {
    let option = |chosen: &str, value: &str, words: String| {
        let selected = chosen == value;
        view! { <option value=value.to_owned() selected=selected>{words}</option> }
    };
    let key_options: Vec<_> =
        [("", "Any key".to_owned()), ("free", "Free".to_owned()), ("unknown", "Unknown".to_owned())]
            .into_iter()
            .map(|(value, words)| option(&view.key, value, words))
            .chain(listing.keys.iter().map(|key| option(&view.key, &key.id, format!("Locked to {}", key.label))))
            .collect();
    let policies = [("", "Any policy"), ("block", "Block"), ("flag", "Flag"), ("quarantine", "Quarantine")]
        .map(|(value, words)| option(&view.policy, value, words.to_owned()));
    let subscriptions: Vec<_> = std::iter::once(option(&view.subscription, "", "Any subscription".into()))
        .chain(listing.subscriptions.iter().map(|handle| option(&view.subscription, handle, handle.clone())))
        .collect();
    let servers = [("", "Any servers"), ("none", "No servers")]
        .map(|(value, words)| option(&view.servers, value, words.to_owned()));
    let sort = view.sort.clone();
    view! {
        <form class="row filters" action="/domains" role="search" aria-label="Filter domains">
            <span class="search">{icon(Icon::ListFilter)}
                <input class="input" type="search" name="q" value=view.q.clone() aria-label="Part of a domain or alias" placeholder="Part of a name" autocomplete="off" spellcheck="false"/>
            </span>
            <select class="input" name="key" aria-label="Key">{key_options}</select>
            <select class="input" name="policy" aria-label="Policy">{policies.into_view()}</select>
            <select class="input" name="subscription" aria-label="Subscription">{subscriptions}</select>
            <select class="input" name="servers" aria-label="Servers">{servers.into_view()}</select>
            {cx.desk.checks_mx().then(|| domain_mx::select(&view.mx))}
            {(!sort.is_empty()).then(|| view! { <input type="hidden" name="sort" value=sort/> })}
            <button class="btn">"Filter"</button>
        </form>
    }
}

fn table(cx: &Cx, view: &View, listing: Listing) -> AnyView {
    if listing.rows.is_empty() {
        return nothing(cx, view, &listing).into_any();
    }
    let checks_mx = cx.desk.checks_mx();
    let head = [
        ("Domain", "name", ""),
        ("Key", "", ""),
        ("Policy", "policy", ""),
        ("MX", "", ""),
        ("Subscription", "subscription", "lo"),
        ("Servers", "servers", "num"),
        ("Aliases", "aliases", "num lo"),
    ]
    .into_iter()
    .filter(|(label, ..)| *label != "MX" || checks_mx)
    .map(|(label, sort, class)| header(view, label, sort, class))
    .collect_view();
    let (first, last) =
        (listing.rows.first().map(|row| row.display.clone()), listing.rows.last().map(|row| row.display.clone()));
    let shown = listing.rows.len();
    let picking = cx.actor.may(Need::Lists);
    let look = Look { keys: &listing.keys, checks_mx, picking, now: cx.now };
    let rows = InertElement::new(domain_rows::body(&listing.rows, &look));
    let previous = listing.previous.map(|cursor| view.url(Some(("before", &cursor))));
    let next = listing.next.map(|cursor| view.url(Some(("after", &cursor))));
    let rows = view! {
        <div class="tw">
            <table role="table" class="table cards sticky" aria-label="Domains">
                <thead role="rowgroup"><tr role="row">{picking.then(|| view! { <th role="columnheader" scope="col" class="pick"><PickPage/><span class="vh">"Tick"</span></th> })}{head}<th role="columnheader" scope="col" class="num lo">"Synced"</th></tr></thead>
                {rows}
            </table>
        </div>
    };
    let rows = if picking { selectable(cx, view, listing.matching, rows.into_any()) } else { rows.into_any() };
    view! {
        {rows}
        <nav class="row sm gap" aria-label="Pages">
            <p>{format!("{shown} shown, ")}<span class="mono">{first}</span>" to "<span class="mono">{last}</span></p>
            <div class="row push">{turn(previous, "Previous", true)}{turn(next, "Next", false)}</div>
        </nav>
    }
    .into_any()
}

fn turn(url: Option<String>, word: &'static str, back: bool) -> AnyView {
    let (before, after) =
        if back { (Some(icon(Icon::ChevronLeft)), None) } else { (None, Some(icon(Icon::ChevronRight))) };
    match url {
        Some(url) => {
            view! { <a class="btn btn-sm" href=url rel=if back { "prev" } else { "next" }>{before}{word}{after}</a> }
                .into_any()
        }
        None => view! { <span class="btn btn-sm" aria-disabled="true">{before}{word}{after}</span> }.into_any(),
    }
}

fn header(view: &View, label: &'static str, sort: &'static str, class: &'static str) -> AnyView {
    if sort.is_empty() {
        return view! { <th role="columnheader" scope="col" class=class>{label}</th> }.into_any();
    }
    let current = if view.sort.is_empty() { "name" } else { view.sort.as_str() };
    let (ascending, descending) = (current == sort, current.strip_prefix('-') == Some(sort));
    let next = View { sort: if ascending { format!("-{sort}") } else { sort.to_owned() }, ..view.clone() };
    let sorted = if ascending { Some("ascending") } else { descending.then_some("descending") };
    view! {
        <th role="columnheader" scope="col" class=class aria-sort=sorted>
            <a href=next.url(None)>{label}{ascending.then(|| icon(Icon::ArrowUp))}{descending.then(|| icon(Icon::ArrowDown))}</a>
        </th>
    }
    .into_any()
}

/// Which key holds a domain, in the words of this person.
pub fn holder(association: &str, holder: Option<&String>, keys: &[KeyRef]) -> AnyView {
    match (association, holder) {
        ("locked", Some(holder)) => match keys.iter().find(|key| key.fingerprint == *holder) {
            Some(key) => badge(Icon::Lock, key.label.clone()).into_any(),
            None => state(Icon::Lock, "", "Another key").into_any(),
        },
        ("free", _) => state(Icon::LockOpen, "", "Free").into_any(),
        _ => state(Icon::CircleHelp, "", "Unknown").into_any(),
    }
}

/// The bar of what can be done with ticked rows, or with all that match; each button freezes the names first.
fn selectable(cx: &Cx, view: &View, matching: u64, rows: AnyView) -> AnyView {
    const ACTS: [(Kind, &str); 7] = [
        (Kind::Settings, "Spam handling…"),
        (Kind::Servers, "Servers…"),
        (Kind::Admins, "Admins…"),
        (Kind::AddEntries, "List entry…"),
        (Kind::Associate, "Move to key…"),
        (Kind::LoginLinks, "Login links…"),
        (Kind::Deprovision, "Deprovision…"),
    ];
    let acts = ACTS
        .into_iter()
        .filter(|(kind, _)| cx.actor.may(Need::bulk(*kind)))
        .map(|(kind, words)| {
            let class = if kind == Kind::Deprovision { "btn btn-sm btn-danger" } else { "btn btn-sm" };
            view! { <button class=class name="act" value=kind.as_str()>{words}</button> }
        })
        .collect_view();
    let query = view.url(None).split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let all = words::thousands(matching);
    view! {
        <form method="post" action="/domains/select" id="picks">
            <input type="hidden" name="view" value=query/>
            {rows}
            <div class="bulk" id="bulk" role="group" aria-label="With the ticked domains">
                <p class="sm"><b id="picked">"Ticked"</b>{format!(" of {all} matching")}</p>
                <div class="acts">{acts}</div>
            </div>
            <p class="row sm gap"><button class="btn btn-sm btn-quiet" name="scope" value="all">{format!("Select all {all} matching…")}</button></p>
        </form>
    }
    .into_any()
}

fn nothing(cx: &Cx, view: &View, listing: &Listing) -> AnyView {
    if listing.keys.is_empty() {
        if !cx.actor.may(Need::OwnKeys) {
            return empty(
                Icon::KeyRound,
                "You have no key",
                "Your role reads only, and no key is shared with you. Ask a lead.",
                None,
            )
            .into_any();
        }
        let action = view! { <a class="btn btn-primary" href="/keys#add">{icon(Icon::Plus)}"Add a key"</a> }.into_any();
        return empty(
            Icon::KeyRound,
            "Add your first API key",
            "Sluice shows the domains that your keys reach. A key comes from the Host Console, one a server.",
            Some(action),
        )
        .into_any();
    }
    if view.is_filtered() {
        let action = view! { <a class="btn" href="/domains">{icon(Icon::X)}"Clear filters"</a> }.into_any();
        let text = if view.q.is_empty() {
            "No domain has all of these.".to_owned()
        } else {
            format!("No domain or alias within your keys' reach contains “{}”.", view.q)
        };
        return empty(Icon::ListFilter, "Nothing matches", text, Some(action)).into_any();
    }
    if listing.freshness.synced == 0 && listing.freshness.failing.is_empty() {
        let action = view! { <a class="btn" href="/domains">{icon(Icon::RefreshCw)}"Look again"</a> }.into_any();
        return empty(
            Icon::RefreshCw,
            "The first sync is under way",
            "It takes a second for every 5,000 domains.",
            Some(action),
        )
        .into_any();
    }
    if !listing.freshness.failing.is_empty() && listing.freshness.synced == 0 {
        let action = view! { <a class="btn" href="/keys">{icon(Icon::KeyRound)}"API keys"</a> }.into_any();
        return empty(
            Icon::TriangleAlert,
            "Nothing could be read yet",
            "None of your keys got an answer from MailChannels so far.",
            Some(action),
        )
        .into_any();
    }
    let action = cx.actor.may(Need::ChangeDomains).then(|| {
        view! { <a class="btn btn-primary" href="/provision">{icon(Icon::Plus)}"Provision domain"</a> }.into_any()
    });
    empty(Icon::Globe, "No domains yet", "Your keys work, but reach no domain.", action).into_any()
}
