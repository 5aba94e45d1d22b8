//! What would change a verdict: each entry that could be added, at each tier, and what it would come to.

use crate::{
    components::{Cx, Icon, badge, icon},
    pages::{
        entries::reach,
        explain::{Asked, Question, chip, outcome_word},
    },
    server::actor::{Need, query_value},
};
use desk::Tiers;
use inbound::{
    lists::{Entry, List, Outcome, Place, Tier, Walk, becomes},
    sender::{Advice, Warning, Width, advise},
};
use leptos::prelude::*;

/// This question on another page.
pub fn explain_here(path: &str, asked: &Asked) -> String {
    format!("{path}?from={}&to={}", query_value(&asked.mail.sender.to_string()), query_value(&asked.to.to_string()))
}

/// The URL of a question.
fn url(question: &Question, want: &str) -> String {
    let pairs = [
        ("from", question.from.as_str()),
        ("ip", &question.ip),
        ("to", &question.to),
        ("sub", if question.subdomains { "yes" } else { "" }),
        ("want", want),
    ];
    let query: Vec<_> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", query_value(value)))
        .collect();
    format!("/explain?{}", query.join("&"))
}

/// One way to change the verdict.
struct Way {
    tier: Tier,
    entry: Entry,
    outcome: Outcome,
    /// A list that is asked earlier could not be read, or has an entry that is not understood and says otherwise.
    doubtful: bool,
}

/// Entries that could be added for a sender, the best first.
fn candidates(asked: &Asked, advice: &Advice) -> Vec<Entry> {
    let sender = &asked.mail.sender;
    let (address, domain) = (Entry::Address(sender.clone()), Entry::Domain(sender.domain().clone()));
    let mut entries = if advice.preselect == Width::Domain { vec![domain, address] } else { vec![address, domain] };
    entries.extend(asked.mail.ip.map(Entry::Ip));
    entries
}

/// The card.
pub fn changes(
    cx: &Cx,
    question: &Question,
    asked: &Asked,
    tiers: &Tiers,
    (walked, ip): (&Walk, Option<Warning>),
) -> AnyView {
    let now = walked.outcome();
    // Somebody who asks about blocked mail wants it, and the other way round.
    let list =
        List::parse(&question.want).unwrap_or(if now == Outcome::Allowed { List::Blocklist } else { List::Safelist });
    let wanted = if list == List::Safelist { Outcome::Allowed } else { Outcome::Blocked };
    let own = tiers.scope.row.iter().flat_map(|row| row.detail.aliases.iter().cloned().chain([row.name.clone()]));
    let own: Vec<_> = own.collect();
    let advice = advise(&asked.mail.sender.to_string(), |domain| own.iter().any(|name| name == domain));
    let failed = tiers.failed();
    let ways: Vec<_> = candidates(asked, &advice)
        .into_iter()
        .flat_map(|entry| {
            // A recipient that MailChannels does not know has no lists to add to.
            let open = Tier::ALL.into_iter().filter(|tier| *tier != Tier::User || !tiers.unknown_recipient);
            let failed = &failed;
            open.map(move |tier| {
                let place = Place { tier, list };
                let outcome = becomes(walked, place, &entry, &asked.mail, asked.rules);
                let before = |at: Place| at < place;
                let doubtful = failed.iter().any(|(at, _)| before(*at))
                    || walked
                        .steps
                        .iter()
                        .any(|step| before(step.place) && step.place.list != list && !step.odd.is_empty());
                Way { tier, entry: entry.clone(), outcome, doubtful }
            })
        })
        .collect();
    // The best form at the narrowest tier that gets there.
    let narrowest =
        (now != wanted).then(|| ways.iter().position(|way| way.outcome == wanted && !way.doubtful)).flatten();
    let may = cx.actor.may(Need::Lists);
    let back = url(question, list.as_str());
    let rows = ways
        .iter()
        .enumerate()
        .map(|(index, way)| way_row(way, list, narrowest == Some(index), (now, wanted), tiers, &back, may))
        .collect_view();
    let safelisted = if list == List::Safelist { advice.warnings.as_slice() } else { &[] };
    // A changing address matches as little on a blocklist; an IP of many senders stops too many.
    let offered = if advice.preselect == Width::Domain { " So the domain is offered first." } else { "" };
    let verp = advice.verp.clone().map(|why| format!("{why}{offered}"));
    let careful: Vec<_> = safelisted.iter().chain(&ip).map(|warning| warning.words().to_owned()).chain(verp).collect();
    let careful =
        careful.into_iter().map(|text| crate::components::alert("warn", "Careful", text, None)).collect_view();
    let switch = List::ALL.map(|which| {
        let word = if which == List::Safelist { "To let it through" } else { "To stop it" };
        view! { <a href=url(question, which.as_str()) aria-current=(which == list).then_some("true")>{word}</a> }
    });
    view! {
        <section class="card" aria-labelledby="h-if">
            <header><h2 id="h-if">"What would change it"</h2><nav class="seg push" aria-label="Aim">{switch.into_view()}</nav></header>
            <div class="stack">{careful}</div>
            {removal(tiers, walked, &back, may)}
            <div class="tw"><table role="table" class="table cards wraps" aria-labelledby="h-if">
                <thead role="rowgroup"><tr role="row">
                    {["Entry", "Tier", "Reaches", "Result"].map(|label| view! { <th role="columnheader" scope="col">{label}</th> }).into_view()}
                    <th role="columnheader" scope="col"><span class="vh">"Add"</span></th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
    .into_any()
}

fn result(outcome: Outcome, now: Outcome) -> AnyView {
    match (outcome, outcome == now) {
        (Outcome::Allowed, false) => chip("ok", Icon::Check, "Becomes allowed"),
        (Outcome::Blocked, false) => chip("bad", Icon::Ban, "Becomes blocked"),
        (Outcome::Allowed, true) => badge(Icon::Check, "Stays allowed"),
        (Outcome::Blocked, true) => badge(Icon::Ban, "Stays blocked"),
        (Outcome::Undecided, false) => badge(Icon::Minus, "Left to the filter"),
        (Outcome::Undecided, true) => badge(Icon::Minus, "Stays undecided"),
    }
}

fn way_row(
    way: &Way,
    list: List,
    narrowest: bool,
    (now, wanted): (Outcome, Outcome),
    tiers: &Tiers,
    back: &str,
    may: bool,
) -> AnyView {
    let scope = &tiers.scope;
    let tier = way.tier.as_str();
    let works = way.outcome == wanted && now != wanted;
    let add = (may && works).then(|| {
        let ellipsis = if way.tier == Tier::Account { "…" } else { "" };
        let class = if narrowest { "btn btn-primary btn-sm" } else { "btn btn-sm" };
        let label = format!("Add {} to the {tier} {}", way.entry.shown(), list.as_str());
        view! {
            <form method="post" action="/do/lists/add">
                <input type="hidden" name="tier" value=tier/>
                <input type="hidden" name="whose" value=scope.whose.to_string()/>
                <input type="hidden" name="account" value=scope.account.clone()/>
                <input type="hidden" name="list" value=list.as_str()/>
                <input type="hidden" name="text" value=way.entry.item()/>
                <input type="hidden" name="back" value=back.to_owned()/>
                <button class=class aria-label=label>{icon(Icon::Plus)}{format!("Add{ellipsis}")}</button>
            </form>
        }
    });
    view! {
        <tr role="row" class:gone=!works>
            <th role="rowheader" scope="row" class="main mono">{way.entry.shown()}</th>
            <td role="cell" data-l="Tier">{crate::pages::entries::tier_badge(way.tier)}</td>
            <td role="cell" data-l="Reaches" class="wide">{reach(scope, way.tier)}{narrowest.then(|| view! { <small>"Narrowest that works"</small> })}</td>
            <td role="cell" data-l="Result">{if way.doubtful { badge(Icon::CircleHelp, "Not sure") } else { result(way.outcome, now) }}</td>
            <td role="cell" class="end">{add}</td>
        </tr>
    }
    .into_any()
}

/// Taking the deciding entry away, when it is the only one of its list.
fn removal(tiers: &Tiers, walked: &Walk, back: &str, may: bool) -> Option<AnyView> {
    let step = walked.decides()?;
    let then = outcome_word(walked.without(step.place));
    let hit = step.hits.first()?;
    let listed = tiers.at(step.place).get(hit.index)?;
    let whose = tiers.scope.at(step.place.tier)?;
    let reach = reach(&tiers.scope, step.place.tier);
    if step.hits.len() > 1 {
        let text = format!("{} entries of the {} match; all of them would have to go.", step.hits.len(), step.place);
        return Some(view! { <p class="body hint">{text}</p> }.into_any());
    }
    let ellipsis = if step.place.tier == Tier::Account { "…" } else { "" };
    let button = may.then(|| {
        view! {
            <form method="post" action="/do/lists/remove">
                <input type="hidden" name="tier" value=step.place.tier.as_str()/>
                <input type="hidden" name="whose" value=whose.to_string()/>
                <input type="hidden" name="list" value=step.place.list.as_str()/>
                <input type="hidden" name="item" value=listed.item.clone()/>
                <input type="hidden" name="back" value=back.to_owned()/>
                <button class="btn btn-sm">{icon(Icon::Trash2)}{format!("Remove{ellipsis}")}</button>
            </form>
        }
    });
    Some(
        view! {
            <div class="body row">
                <p class="sm">"Without "<b class="mono">{listed.shown()}</b>{format!(" on the {}, which reaches {reach}, the result is “{then}”.", step.place)}</p>
                <div class="push">{button}</div>
            </div>
        }
        .into_any(),
    )
}
