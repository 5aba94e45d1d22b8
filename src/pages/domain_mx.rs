//! MX records: the state in the list, the card of a domain, and the last look before it is deprovisioned.

use crate::{
    components::{Cx, Icon, age, alert, icon, state},
    server::actor::Need,
};
use desk::{MxNow, MxView};
use inbound::words;
use leptos::prelude::*;
use mx::{Record, Verdict};
use store::MxState;

/// What MailChannels answers for a domain that is not provisioned `[doc]`.
const BOUNCE: &str = "554 5.7.1 Relay access denied";

/// Values and words of the filter. A muted domain is found by its verdict too.
pub const FILTER: [(&str, &str); 7] = [
    ("", "Any MX"),
    ("here", "MX here"),
    ("elsewhere", "MX elsewhere"),
    ("mixed", "MX mixed"),
    ("none", "No MX"),
    ("unknown", "MX unknown"),
    ("muted", "MX muted"),
];

/// Whether a value of the URL is one of the filter's.
pub fn is_filter(value: &str) -> bool {
    !value.is_empty() && FILTER.iter().any(|(known, _)| *known == value)
}

/// The filter's choice.
pub fn select(chosen: &str) -> impl IntoView + use<> {
    let options = FILTER.map(|(value, words)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{words}</option> }
    });
    view! { <select class="input" name="mx" aria-label="MX records">{options.into_view()}</select> }
}

/// A verdict as a state. That mail doesn't come here, or only in part, is the exception and has colour,
/// unless somebody muted it.
fn verdict_state(verdict: Verdict, muted: bool, words: String) -> AnyView {
    let (which, tone) = match verdict {
        Verdict::Here => (Icon::Check, ""),
        Verdict::Unknown => (Icon::CircleHelp, ""),
        Verdict::Elsewhere | Verdict::Mixed | Verdict::None => (Icon::TriangleAlert, "warn"),
    };
    if muted { state(Icon::CircleSlash, "", format!("{words}, muted")) } else { state(which, tone, words) }
}

/// The cell of the domain list.
pub fn cell(mx: &MxState, now: i64) -> impl IntoView + use<> {
    let verdict = Verdict::parse(&mx.verdict).unwrap_or(Verdict::Unknown);
    let title = mx.checked_at.map(|at| format!("Looked up {}", age(now, at)));
    let words = if mx.checked_at.is_some() { verdict.words() } else { "Not checked yet" };
    let shown = verdict_state(verdict, mx.muted, words.to_owned());
    // What is as it should be is as old as the check says, a day at most; of the rest one wants to know.
    let old = mx
        .checked_at
        .filter(|_| verdict != Verdict::Here)
        .map(|at| view! { <span class="lo muted">{format!(" {}", age(now, at))}</span> });
    view! { <td role="cell" data-l="MX" class="nw" title=title>{shown}{old}</td> }
}

fn explained(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Here => "Mail goes to the filter.",
        Verdict::Elsewhere => "Mail goes past the filter, to other hosts.",
        Verdict::Mixed => "Some mail goes past the filter: not all of the hosts are the filter's.",
        Verdict::None => {
            "There is no MX record, or one that says the domain takes no mail. Senders may fall back to the address of the domain itself, which is not the filter's."
        }
        Verdict::Unknown => "DNS gave no answer the last time, or was not asked yet.",
    }
}

fn lines(records: &[Record]) -> AnyView {
    records
        .iter()
        .map(|record| {
            // A null MX has no host (RFC 7505).
            let host = if record.host == "." { "No host: takes no mail".to_owned() } else { record.host.clone() };
            view! { <li><span class="mono">{host}</span><span class="muted">{format!("priority {}", record.priority)}</span></li> }
        })
        .collect_view()
        .into_any()
}

/// The card on a domain's page.
pub fn card(cx: &Cx, name: &str, mx: &MxView) -> impl IntoView + use<> {
    let since = mx.checked_at.map_or_else(|| "Not checked yet".to_owned(), |at| age(cx.now, at));
    let shown = verdict_state(mx.verdict, mx.muted.is_some(), mx.verdict.words().to_owned());
    let old = mx
        .answered_at
        .filter(|_| mx.verdict == Verdict::Unknown)
        .map(|at| view! { <p class="body hint">{format!("The last answer came {}:", age(cx.now, at))}</p> });
    let muted = mx.muted.clone().map(|(who, at)| {
        view! { <dt>"Muted"</dt><dd>{format!("{who}, {}", age(cx.now, at))}</dd> }
    });
    let (path, word) = if mx.muted.is_some() { ("/do/mx/unmute", "Unmute") } else { ("/do/mx/mute", "Mute") };
    let mute = cx.actor.may(Need::ChangeDomains).then(|| {
        view! {
            <form method="post" action=path>
                <input type="hidden" name="name" value=name.to_owned()/>
                <button class="btn btn-quiet">{word}</button>
            </form>
        }
    });
    view! {
        <section class="card" id="mx" aria-labelledby="h-mx">
            <header><h2 id="h-mx">"MX records"</h2></header>
            <div class="body stack">
                <dl class="facts"><dt>"Verdict"</dt><dd>{shown}</dd><dt>"Looked up"</dt><dd>{since}</dd>{muted}</dl>
                <p class="hint">{explained(mx.verdict)}</p>
            </div>
            {old}
            {(!mx.records.is_empty()).then(|| view! { <ul class="list">{lines(&mx.records)}</ul> })}
            <footer>
                <form method="post" action="/do/mx/check">
                    <input type="hidden" name="name" value=name.to_owned()/>
                    <button class="btn">{icon(Icon::RefreshCw)}"Check now"</button>
                </form>
                {mute}
            </footer>
        </section>
    }
}

/// What deprovisioning does to the mail of a domain, by where that goes right now; `loses` is what else goes.
pub fn consequence(name: &str, now: Option<&MxNow>, loses: &str) -> AnyView {
    let also = format!("It also loses {loses}; this cannot be undone.");
    let found = now.map(|now| written(&now.records)).unwrap_or_default();
    let (tone, title, detail) = match now.map(|now| now.verdict) {
        Some(Verdict::Here) => (
            "bad",
            format!("Mail to {name} will bounce"),
            format!(
                "Its MX records point at the filter, looked up just now: {found}. Mail to it will bounce with {BOUNCE} until they point elsewhere. {also}"
            ),
        ),
        Some(Verdict::Mixed) => (
            "bad",
            format!("Some mail to {name} will bounce"),
            format!(
                "Some of its MX records point at the filter, looked up just now: {found}. Mail to it that comes to the filter will bounce with {BOUNCE} until those are removed. {also}"
            ),
        ),
        Some(Verdict::Elsewhere) => (
            "warn",
            "Its MX records point elsewhere".to_owned(),
            format!(
                "Looked up just now: {found}. Senders that remember older records may still come to the filter for a while; their mail bounces with {BOUNCE}. {also}"
            ),
        ),
        Some(Verdict::None) => (
            "warn",
            "It has no MX record".to_owned(),
            format!("Looked up just now: no mail comes to the filter by MX. {also}"),
        ),
        Some(Verdict::Unknown) => (
            "bad",
            "Its MX records could not be looked up just now".to_owned(),
            format!(
                "If they still point at the filter, mail to it will bounce with {BOUNCE} until they point elsewhere. {also}"
            ),
        ),
        None => (
            "bad",
            "Its mail bounces unless its MX records have moved".to_owned(),
            format!("MailChannels then refuses its mail with {BOUNCE}. {also}"),
        ),
    };
    alert(tone, title, detail, None)
}

/// Aliases named of those that still have mail here.
const ALIASES_NAMED: usize = 10;

/// The same for its aliases, which go with it: those that still point at the filter, and how many are not known.
pub fn aliases_consequence(here: &[String], unknown: usize) -> AnyView {
    let pointing = (!here.is_empty()).then(|| {
        let (these, them) = if here.len() == 1 { ("an alias", "it") } else { ("aliases", "them") };
        let more = here.len().saturating_sub(ALIASES_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = here.iter().take(ALIASES_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let title = format!("Mail to {these} of it will bounce too");
        let detail = format!("MX records that point at the filter, looked up just now: {names}{more}. Mail to {them} will bounce with {BOUNCE} until they point elsewhere.");
        alert("bad", title, detail, None)
    });
    let unknown = (unknown > 0).then(|| {
        let title = format!(
            "MX records of {} could not be looked up just now",
            words::count(unknown as u64, "alias", "aliases")
        );
        alert("bad", title, format!("Those that still point at the filter bounce with {BOUNCE}."), None)
    });
    view! { {pointing}{unknown} }.into_any()
}

fn written(records: &[Record]) -> String {
    records.iter().map(|record| format!("{} {}", record.priority, record.host)).collect::<Vec<_>>().join(", ")
}
