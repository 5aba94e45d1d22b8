//! Rows of the three tiers' lists, and the form that adds to them; for every page that shows lists.

use crate::{
    api::forms::segment,
    components::{Cx, Icon, TextArea, alert, badge, heads, icon, reason_field, state, together},
    pages::lists::account_reach,
    server::actor::{Need, query_value},
};
use desk::{Listed, Scope, Tiers, Whose};
use inbound::{
    lists::{Entry, List, Place, Rules, Standing, Standings, Tier},
    words,
};
use leptos::prelude::*;

/// An entry of one of the lists shown.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// Whose list that is.
    pub whose: Whose,
    /// The same, in words.
    pub name: String,
    /// Label of the key that read it.
    pub key: String,
    /// The entry.
    pub listed: Listed,
    /// What it counts for, as far as the lists could be read, if domain entries match their own domain only.
    pub standing: Standing,
    /// The same if they match sub-domains too, where that makes a difference: MailChannels does not say.
    pub with_subdomains: Option<Standing>,
    /// A list that is asked earlier could not be read.
    pub unsure: bool,
}

/// All entries that were read, in the order in which they are asked.
pub fn rows(tiers: &Tiers) -> Vec<Row> {
    let entries = tiers.entries();
    let [standings, wider] = [false, true].map(|subdomains| Standings::new(&entries, Rules { subdomains }));
    let unread = tiers.failed().first().map(|(place, _)| *place);
    let mut rows = Vec::new();
    for place in Place::WALK {
        let Some(whose) = tiers.scope.at(place.tier) else {
            continue;
        };
        for (index, listed) in tiers.at(place).iter().enumerate() {
            let (standing, wider) = (standings.of(place, index), wider.of(place, index));
            rows.push(Row {
                place,
                whose: whose.clone(),
                name: tiers.scope.name_at(place.tier),
                key: tiers.scope.key.label.clone(),
                listed: listed.clone(),
                with_subdomains: (wider != standing).then_some(wider),
                standing,
                unsure: unread.is_some_and(|unread| unread < place),
            });
        }
    }
    rows
}

/// The name of a tier, as a chip.
pub fn tier_badge(tier: Tier) -> AnyView {
    match tier {
        Tier::User => badge(Icon::User, "User"),
        Tier::Domain => badge(Icon::Globe, "Domain"),
        Tier::Account => badge(Icon::Users, "Account"),
    }
}

/// The name of a list, as a chip.
pub fn list_badge(list: List) -> AnyView {
    match list {
        List::Safelist => badge(Icon::Check, "Safelist"),
        List::Blocklist => badge(Icon::Ban, "Blocklist"),
    }
}

fn standing(standing: &Standing, unsure: bool) -> AnyView {
    match standing {
        Standing::Counts if unsure => view! {
            {state(Icon::CircleHelp, "warn", "Not sure")}<small>"A list that is asked earlier could not be read"</small>
        }
        .into_any(),
        Standing::Counts => state(Icon::Check, "", "Counts"),
        Standing::Shadowed { by, entry } => view! {
            {state(Icon::CircleSlash, "", "Shadowed")}<small>"The "{by.to_string()}" has "<span class="mono">{entry.shown()}</span>", which is asked first"</small>
        }
        .into_any(),
        Standing::Duplicate { of, entry } => view! {
            {state(Icon::Equal, "", "Duplicate")}<small>"The "{of.to_string()}" has "<span class="mono">{entry.shown()}</span>", which does the same"</small>
        }
        .into_any(),
        Standing::Unknown => state(Icon::CircleHelp, "", "Not understood"),
    }
}

/// What an entry counts for, both ways where sub-domains decide.
fn effect(row: &Row) -> AnyView {
    let wider = row.with_subdomains.as_ref().map(|wider| {
        view! { <small>"If domain entries match sub-domains too:"</small>{standing(wider, row.unsure)} }
    });
    view! { {standing(&row.standing, row.unsure)}{wider} }.into_any()
}

/// The table of entries. `own`: the tier that the page is about, whose name need not be repeated.
pub fn table(cx: &Cx, rows: Vec<Row>, back: &str) -> AnyView {
    let may = cx.actor.may(Need::Lists);
    let depends = rows.iter().any(|row| row.with_subdomains.is_some());
    let lines = rows
        .into_iter()
        .map(|row| {
            let shadowed = matches!(row.standing, Standing::Shadowed { .. });
            let shown = row.listed.shown();
            let effect = effect(&row);
            let text = if shadowed {
                view! { <s class="mono">{shown.clone()}</s> }.into_any()
            } else {
                view! { <span class="mono">{shown.clone()}</span> }.into_any()
            };
            let to = match &row.whose {
                Whose::User(address) => format!("/recipients/{}", segment(&address.to_string())),
                Whose::Domain(name) => format!("/domains/{}#lists", segment(name.as_str())),
                Whose::Account(_) => "/lists?tier=account".to_owned(),
            };
            let remove = may.then(|| {
                let asks = row.place.tier == Tier::Account;
                let label = format!("Remove {shown} from the {}", row.place);
                view! {
                    <form method="post" action="/do/lists/remove">
                        <input type="hidden" name="tier" value=row.place.tier.as_str()/>
                        <input type="hidden" name="whose" value=row.whose.to_string()/>
                        <input type="hidden" name="list" value=row.place.list.as_str()/>
                        <input type="hidden" name="item" value=row.listed.item.clone()/>
                        <input type="hidden" name="back" value=back.to_owned()/>
                        <button class="btn btn-quiet btn-sm" aria-label=label>{icon(Icon::Trash2)}{if asks { "Remove…" } else { "Remove" }}</button>
                    </form>
                }
            });
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main">{text}</th>
                    <td role="cell" data-l="List">{list_badge(row.place.list)}</td>
                    <td role="cell" data-l="Tier">{tier_badge(row.place.tier)}</td>
                    <td role="cell" data-l="For" class="lo"><a class="mono" href=to>{row.name}</a></td>
                    <td role="cell" data-l="Type" class="lo muted">{row.listed.entry.kind()}</td>
                    <td role="cell" class="wide">{effect}</td>
                    <td role="cell" data-l="Key" class="lo muted nw">{row.key}</td>
                    <td role="cell" class="end">{remove}</td>
                </tr>
            }
        })
        .collect_view();
    let both = depends.then(|| {
        view! { <p class="body hint">"MailChannels does not say whether domain entries match sub-domains. Where that matters, the effect is told both ways."</p> }
    });
    let columns =
        [("Entry", ""), ("List", ""), ("Tier", ""), ("For", "lo"), ("Type", "lo"), ("Effect", ""), ("Key", "lo")];
    view! {
        <div class="tw"><table role="table" class="table cards" aria-label="Entries">
            <thead role="rowgroup"><tr role="row">{heads(&columns)}<th role="columnheader" scope="col"><span class="vh">"Remove"</span></th></tr></thead>
            <tbody role="rowgroup">{lines}</tbody>
        </table></div>
        {both}
    }
    .into_any()
}

/// Lists that could not be read.
pub fn failures(tiers: &Tiers) -> AnyView {
    let asked = tiers.lists.iter().flatten().count();
    together(tiers.failed().into_iter().map(|(place, words)| (place.to_string(), words)))
        .into_iter()
        .map(|(places, (what, next))| {
            let title = if places.len() == asked {
                format!("None of the {asked} lists could be read. {what}")
            } else {
                format!("The {} could not be read. {what}", words::list(&places))
            };
            alert("warn", title, next, None)
        })
        .collect_view()
        .into_any()
}

/// Whether what is shown of lists is all there is.
pub fn read_state(tiers: &Tiers) -> AnyView {
    if tiers.failed().is_empty() {
        state(Icon::Clock, "", "Read just now")
    } else {
        state(Icon::TriangleAlert, "warn", "Not all read")
    }
    .into_any()
}

/// What a tier reaches, in words.
pub fn reach(scope: &Scope, tier: Tier) -> String {
    match tier {
        Tier::User => "1 mailbox".to_owned(),
        Tier::Domain => {
            let aliases = scope.row.as_ref().map_or(0, |row| row.aliases);
            match aliases {
                0 => "every mailbox of the domain".to_owned(),
                count => format!(
                    "every mailbox of the domain and of its {}",
                    words::count(u64::from(count), "alias", "aliases")
                ),
            }
        }
        Tier::Account => account_reach(scope),
    }
}

/// The form that adds entries. The narrowest tier is chosen unless something was typed.
pub fn add_form(cx: &Cx, scope: &Scope, back: &str) -> Option<AnyView> {
    if !cx.actor.may(Need::Lists) {
        return None;
    }
    let chosen = cx.typed("entries", "tier", scope.whose.tier().as_str());
    let list = cx.typed("entries", "list", cx.query("add").unwrap_or("safelist"));
    let tiers = Tier::ALL
        .into_iter()
        .filter(|tier| scope.at(*tier).is_some())
        .map(|tier| {
            let word = match tier {
                Tier::User => "User",
                Tier::Domain => "Domain",
                Tier::Account => "Account…",
            };
            view! {
                <label class="check">
                    <input type="radio" name="tier" value=tier.as_str() checked=chosen == tier.as_str()/>
                    <span><b>{word}</b><small>"Reaches "{reach(scope, tier)}</small></span>
                </label>
            }
        })
        .collect_view();
    let lists = List::ALL
        .map(|which| {
            let (word, text) = match which {
                List::Safelist => ("Safelist", "Let through"),
                List::Blocklist => ("Blocklist", "Stopped"),
            };
            view! {
                <label class="check">
                    <input type="radio" name="list" value=which.as_str() checked=list == which.as_str()/>
                    <span><b>{word}</b><small>{text}</small></span>
                </label>
            }
        })
        .into_view();
    let errors = cx.errors("entries", "text");
    let first = match errors.len() {
        0 => None,
        1 => errors.first().cloned(),
        count => Some(format!("Nothing was added: {} to correct.", words::count(count as u64, "line", "lines"))),
    };
    let all = (errors.len() > 1).then(|| {
        view! { <ul class="err">{errors.into_iter().map(|error| view! { <li>{error}</li> }).collect_view()}</ul> }
    });
    let others = ["whose", "tier", "list"]
        .map(|field| crate::components::field_error(format!("entries-{field}-err"), cx.error("entries", field)));
    let whose = scope.whose.to_string();
    Some(
        view! {
            <section class="card" id="add" aria-labelledby="h-add">
                <header><h2 id="h-add">"Add entries"</h2></header>
                <form class="body stack" method="post" action="/do/lists/add">
                    <input type="hidden" name="whose" value=whose/>
                    <input type="hidden" name="account" value=scope.account.clone()/>
                    <input type="hidden" name="back" value=back.to_owned()/>
                    <TextArea name="text" form="entries" label="Addresses, domains or IP addresses" rows=3
                        value=cx.typed("entries", "text", "") error=first
                        hint="One a line, with commas between, or CSV as exported here. At most 1,000."/>
                    {all}
                    <fieldset class="cols tight"><legend class="label">"List"</legend>{lists}</fieldset>
                    <fieldset class="stack tight"><legend class="label">"Tier"</legend>{tiers}</fieldset>
                    {others.into_view()}
                    {reason_field(cx, "entries", "")}
                    <div class="row"><button class="btn btn-primary push">"Add"</button></div>
                </form>
            </section>
        }
        .into_any(),
    )
}

/// The address of the explainer for an entry's sender, where it names one.
pub fn explain_url(from: &str, to: &str) -> String {
    format!("/explain?from={}&to={}", query_value(from), query_value(to))
}

/// So many rows, fairly: no list is left out because those that are asked before it are long.
fn some_of_each(rows: Vec<Row>, shown: usize) -> Vec<Row> {
    let mut taken = [0_usize; 6];
    let mut counts = [0_usize; 6];
    for row in &rows {
        counts[row.place.order()] += 1;
    }
    let mut left = shown.min(rows.len());
    while left > 0 {
        for (taken, count) in taken.iter_mut().zip(counts) {
            if *taken < count && left > 0 {
                *taken += 1;
                left -= 1;
            }
        }
    }
    rows.into_iter()
        .filter(|row| {
            let left = &mut taken[row.place.order()];
            let wanted = *left > 0;
            *left = left.saturating_sub(1);
            wanted
        })
        .collect()
}

/// The entries of one tier and of those above and below it, for the page of a domain or recipient.
pub fn card(cx: &Cx, tiers: &Tiers, back: &str, shown: usize) -> AnyView {
    let all = rows(tiers);
    let total = all.len();
    let rest = (total > shown).then(|| {
        let text = format!("{shown} of {} are shown here, some of each list.", words::thousands(total as u64));
        view! { <p class="body hint">{text}" "<a href=format!("/lists?for={}", query_value(&tiers.scope.whose.to_string()))>"Show all"</a></p> }
    });
    let own = tiers.scope.whose.tier();
    let failed = tiers.failed();
    let counted = Tier::ALL
        .into_iter()
        .filter(|tier| tiers.scope.at(*tier).is_some())
        .map(|tier| {
            let count = all.iter().filter(|row| row.place.tier == tier).count();
            let unread = failed.iter().any(|(place, _)| place.tier == tier);
            let count = if unread { "unread".to_owned() } else { words::thousands(count as u64) };
            format!("{count} {}", if tier == own { "here" } else { tier.as_str() })
        })
        .collect::<Vec<_>>()
        .join(", ");
    let whole = format!("/lists?for={}", query_value(&tiers.scope.whose.to_string()));
    let body = if total == 0 {
        let none = "There are no entries. The filter alone judges.";
        failed.is_empty().then(|| view! { <p class="body hint">{none}</p> }).into_any()
    } else {
        table(cx, some_of_each(all, shown), back)
    };
    let above = (own == Tier::Domain).then(|| {
        view! { <p class="body hint">"Entries of single recipients stand above these. MailChannels does not list its recipients: open one by its address."</p> }
    });
    view! {
        <section class="card gap" id="lists" aria-labelledby="h-li">
            <header><h2 id="h-li">"Safelist and blocklist"</h2><span class="hint">{counted}</span>
                <a class="linkish push" href=whole>{if total > shown { format!("All {}", words::thousands(total as u64)) } else { "Filter, add, export".to_owned() }}</a>
            </header>
            <div class="stack">{failures(tiers)}</div>
            {body}
            {rest}
            {above}
        </section>
    }
    .into_any()
}

/// Whether an entry reads as one that a filter by text means.
pub fn contains(entry: &Entry, text: &str) -> bool {
    let text = text.trim().to_lowercase();
    entry.item().to_lowercase().contains(&text) || entry.shown().to_lowercase().contains(&text)
}
