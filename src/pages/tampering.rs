//! What changed since a key may have leaked, and was not done through Sluice.

use crate::{
    api::{forms::domain_page, rescue::rescue_page},
    components::{Cx, Icon, age, icon, state},
};
use desk::{Changed, ChangedEntry, RescueView, Tampering};
use inbound::{lists::List, name::DomainName, tamper::Kind, words};
use leptos::prelude::*;

/// Changes of a kind that are shown at first, and at most.
const FIRST: usize = 20;
const MOST: usize = 1_000;

/// The card.
pub fn card(cx: &Cx, rescue: &RescueView, found: &Tampering) -> impl IntoView + use<> {
    let all = cx.query("changes") == Some("all");
    let shown = if all { MOST } else { FIRST };
    let total = found.total();
    let more = found.domains().any(|(_, changes)| changes.len() > FIRST) || found.entries.len() > FIRST;
    let more = (more && !all).then(|| {
        let url = format!("{}?changes=all#changes", rescue_page(&rescue.row.old_key_id, ""));
        view! { <a href=url>{format!("Show all {}", words::thousands(total as u64))}</a> }
    });
    let verdict = match (total, watched_from(rescue, found)) {
        (0, Some(from)) if from <= rescue.row.since && !found.cut => {
            state(Icon::CircleCheck, "ok", "Nothing changed that was not done here")
        }
        // Of a time that was not watched nothing is known, least of all that nothing happened.
        (0, Some(from)) if from > rescue.row.since => {
            state(Icon::TriangleAlert, "warn", format!("Nothing found, but watched for {} only", span(cx, from)))
        }
        (0, Some(_)) => state(Icon::TriangleAlert, "warn", "Nothing found, but not all was looked through"),
        (0, None) => state(Icon::TriangleAlert, "warn", "Nothing found, but the account’s lists were never read"),
        _ => {
            let changes = words::count(total as u64, "change", "changes");
            state(Icon::TriangleAlert, "warn", format!("{changes} that nobody made through Sluice"))
        }
    };
    let kinds = found
        .domains()
        .filter(|(_, changes)| !changes.is_empty())
        .map(|(kind, changes)| {
            let rows = changes.iter().take(shown).map(|change| domain_row(cx, kind, change)).collect_view();
            view! {
                <h3>{kind_words(kind, changes.len() as u64)}</h3>
                <ul class="evidence">{rows}</ul>
            }
        })
        .collect_view();
    let entries = (!found.entries.is_empty()).then(|| {
        let rows = found.entries.iter().take(shown).map(|entry| entry_row(cx, entry)).collect_view();
        let count = words::count(found.entries.len() as u64, "entry", "entries");
        view! {
            <h3>{format!("Account lists, {count}")}</h3>
            <ul class="evidence">{rows}</ul>
            <p class="sm"><a href="/lists">"Open the lists of the account"</a></p>
        }
    });
    view! {
        <section class="card" id="changes" aria-labelledby="h-changes">
            <header><h2 id="h-changes">{format!("What changed in the last {}", span(cx, rescue.row.since))}</h2><span class="push">{verdict}</span></header>
            <div class="body stack">
                {kinds}
                {entries}
                {more}
                {(total > 0).then(|| view! { <p class="hint">"Ask whoever else may have done it: a colleague in the Domain or Host Console, a script. What nobody knows of, take back on the domain’s page."</p> })}
            </div>
            <footer><p class="hint">{sure(cx, rescue, found)}</p></footer>
        </section>
    }
}

fn span(cx: &Cx, since: i64) -> String {
    words::age(u64::try_from((cx.now - since) / 1000).unwrap_or_default())
}

/// Since when all of it has been watched: both lists of the account, and the domains through the leaked key, from
/// when it was stored. Another key may have seen some of them before, but not those that were locked to this one.
fn watched_from(rescue: &RescueView, found: &Tampering) -> Option<i64> {
    let lists = found.watched_from()?;
    Some(rescue.old.as_ref().map_or(lists, |key| lists.max(key.since)))
}

/// What this list can know, and what not.
fn sure(cx: &Cx, rescue: &RescueView, found: &Tampering) -> String {
    let mut text = Vec::new();
    match watched_from(rescue, found) {
        Some(from) if from > rescue.row.since => {
            text.push(format!(
                "Sluice has watched all of it for {} only: of what changed before, not all is known.",
                span(cx, from)
            ));
        }
        Some(_) => {}
        None => text.push("The account’s lists were never read, so nothing is known of them.".to_owned()),
    }
    if let Some(read) = found.lists.iter().map(|reading| reading.read_at).min().flatten() {
        text.push(format!("Account lists read {}.", age(cx.now, read)));
    }
    text.push("Changes that were taken back between two syncs leave no trace. Lists of single domains and recipients are not mirrored: look at those on their pages.".to_owned());
    if found.own > 0 {
        text.push(format!(
            "{} made through Sluice in that time not shown.",
            words::count(found.own as u64, "change", "changes")
        ));
    }
    if found.cut {
        text.push("There were more changes than are looked through; the oldest are missing.".to_owned());
    }
    text.join(" ")
}

fn kind_words(kind: Kind, count: u64) -> String {
    let what = match kind {
        Kind::Servers => "Downstream servers",
        Kind::Admins => "Domain admins",
        Kind::Aliases => "Aliases",
        Kind::Settings => "Spam handling",
    };
    format!("{what}, {}", words::count(count, "domain", "domains"))
}

/// When it happened, as far as it can be told.
fn when(cx: &Cx, known_at: i64, seen_at: i64) -> String {
    format!("Between {} and {}", age(cx.now, known_at), age(cx.now, seen_at))
}

fn domain_row(cx: &Cx, kind: Kind, change: &Changed) -> impl IntoView + use<> {
    let name = DomainName::parse(&change.domain).map_or_else(|_| change.domain.clone(), |name| name.to_unicode());
    let section = match kind {
        Kind::Servers => "servers",
        Kind::Admins => "admins",
        Kind::Aliases => "aliases",
        Kind::Settings => "spam",
    };
    let label = format!("Change of {name}");
    let kept = change.before.intersection(&change.after).map(|line| (None, "  Stays", line));
    let lines = change
        .foreign
        .removed
        .iter()
        .map(|line| (Some("bad"), "- Gone", line))
        .chain(change.foreign.added.iter().map(|line| (Some("warn"), "+ New", line)))
        .chain(kept)
        .map(|(tone, word, line)| view! { <div data-tone=tone><b>{word}</b>{line.clone()}</div> })
        .collect_view();
    view! {
        <li>
            <p><a class="mono" href=domain_page(&change.domain, section)>{name}</a>" "<span class="muted sm">{when(cx, change.known_at, change.seen_at)}</span></p>
            {change.gone.then(|| view! { <p class="hint">"No key here saw the domain in between: it may have been deprovisioned and provisioned anew."</p> })}
            <div class="diff" role="region" aria-label=label tabindex="0">{lines}</div>
        </li>
    }
}

fn entry_row(cx: &Cx, entry: &ChangedEntry) -> impl IntoView + use<> {
    let (verb, which) = if entry.appeared { ("Appeared on", Icon::Plus) } else { ("Vanished from", Icon::Minus) };
    let list = match entry.list {
        List::Safelist => "the safelist",
        List::Blocklist => "the blocklist",
    };
    view! {
        <li><p>{icon(which)}" "<b class="mono">{entry.item.clone()}</b>{format!(" {} {list} ", verb.to_lowercase())}<span class="muted sm">{when(cx, entry.known_at, entry.seen_at)}</span></p></li>
    }
}
