//! Lists at three tiers in one table.

use crate::{
    components::{Cx, Field, Icon, empty, icon, note, page, page::Page},
    pages::{
        audit_view,
        entries::{Row, add_form, contains, failures, rows, table},
    },
    server::actor::{Need, query_value},
};
use desk::{Age, Desk, DeskError, Person, Scope, Tiers, Whose};
use inbound::{
    lists::{List, Tier},
    words,
};
use leptos::prelude::*;
use std::{collections::HashMap, sync::Arc};

/// Rows of a page.
const PAGE: usize = 50;

/// The filters, all in the URL.
#[derive(Clone, Debug, Default)]
pub struct View {
    whose: String,
    tier: String,
    list: String,
    kind: String,
    text: String,
    key: String,
    page: usize,
}

impl View {
    /// Reads them.
    pub fn of(query: &HashMap<String, String>) -> Self {
        let get = |name: &str| query.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        Self {
            whose: get("for"),
            tier: get("tier"),
            list: get("list"),
            kind: get("type"),
            text: get("q"),
            key: get("key"),
            page: get("page").parse().unwrap_or(1).max(1),
        }
    }

    fn url(&self, path: &str, page: usize) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let pairs = [
            ("for", &self.whose),
            ("tier", &self.tier),
            ("list", &self.list),
            ("type", &self.kind),
            ("q", &self.text),
            ("key", &self.key),
            ("page", &page),
        ];
        let query: Vec<_> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", query_value(value)))
            .collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    fn is_filtered(&self) -> bool {
        [&self.tier, &self.list, &self.kind, &self.text, &self.key].iter().any(|value| !value.is_empty())
    }

    /// Whether a row is wanted.
    fn wants(&self, row: &Row) -> bool {
        Tier::parse(&self.tier).is_none_or(|tier| row.place.tier == tier)
            && List::parse(&self.list).is_none_or(|list| row.place.list == list)
            && (self.kind.is_empty() || row.listed.entry.kind() == self.kind)
            && (self.text.is_empty() || contains(&row.listed.entry, &self.text))
    }
}

/// The lists that a view is about: somebody's and those above, or the accounts'.
async fn read(desk: &Desk, person: &Person, view: &View) -> Result<Vec<Tiers>, DeskError> {
    let whose = Whose::parse(&view.whose).map_err(|error| DeskError::field("for", error))?;
    let keys = desk.key_refs(person).await?;
    // With a key chosen its account's lists are meant, and it is the key that reads.
    let wanted = keys.iter().find(|key| key.id == view.key && !key.account.is_empty());
    let whose = whose.or_else(|| wanted.map(|key| Whose::Account(key.account.clone())));
    match (whose, wanted) {
        (Some(whose), Some(key)) => return Ok(vec![desk.tiers_with(person, &whose, &key.id).await?]),
        (Some(whose), None) => {
            let age = if matches!(whose, Whose::Account(_)) { Age::Now } else { Age::ASecond };
            return Ok(vec![desk.tiers(person, &whose, age).await?]);
        }
        (None, _) => {}
    }
    let accounts = desk.accounts(person).await?;
    let reads =
        accounts.into_iter().map(|(id, ..)| async move { desk.tiers(person, &Whose::Account(id), Age::Now).await });
    futures::future::join_all(reads).await.into_iter().collect()
}

/// The rows of a view, for the page and the export.
pub async fn load(desk: &Desk, person: &Person, view: &View) -> Result<(Vec<Tiers>, Vec<Row>), DeskError> {
    let tiers = read(desk, person, view).await?;
    let rows = tiers.iter().flat_map(rows).filter(|row| view.wants(row)).collect();
    Ok((tiers, rows))
}

/// The page.
#[component]
pub fn Lists() -> impl IntoView {
    page("/lists", Need::Read, async |cx: Arc<Cx>| {
        let view = View::of(&cx.query);
        let keys = cx.keys().await?.refs();
        if keys.is_empty() {
            return Ok(Page::new("Lists", view! { {note(cx.flash.as_ref())}{crate::pages::provision::no_key()} }));
        }
        let options = keys.into_iter().map(|key| (key.id, key.label)).collect();
        let (error, found) = match load(&cx.desk, &cx.actor.person, &view).await {
            Ok(found) => (None, Some(found)),
            Err(DeskError::Invalid(errors)) => (errors.first().map(|error| error.message.clone()), None),
            Err(DeskError::NotFound(what)) => (Some(format!("None of your keys reaches {what}.")), None),
            Err(error) => return Err(error),
        };
        Ok(Page::new("Lists", body(&cx, &view, options, error, found)))
    })
}

fn body(
    cx: &Cx,
    view: &View,
    keys: Vec<(String, String)>,
    error: Option<String>,
    found: Option<(Vec<Tiers>, Vec<Row>)>,
) -> impl IntoView + use<> {
    let history = found.as_ref().and_then(|(tiers, _)| match &tiers[..] {
        [tiers] => audit_view::link(cx, tiers.scope.whose.kind(), &tiers.scope.whose.to_string()),
        _ => None,
    });
    let shown = found.map(|(tiers, rows)| results(cx, view, &tiers, rows));
    view! {
        <div class="row page-head">
            <div><h1>"Lists"</h1><p>"User entries are asked first, then the domain's, then the account's; within a tier the safelist before the blocklist."</p></div>
            <div class="acts">{history}<a class="btn" href="/explain">{icon(Icon::Route)}"Explain a mail"</a></div>
        </div>
        {note(cx.flash.as_ref())}
        {filters(view, keys, error)}
        {shown}
    }
}

fn filters(view: &View, keys: Vec<(String, String)>, error: Option<String>) -> impl IntoView + use<> {
    let option = |chosen: &str, value: &str, words: &str| {
        let selected = chosen == value;
        view! { <option value=value.to_owned() selected=selected>{words.to_owned()}</option> }
    };
    let tiers = [("", "Any tier"), ("user", "User"), ("domain", "Domain"), ("account", "Account")]
        .map(|(value, words)| option(&view.tier, value, words));
    let lists = [("", "Both lists"), ("safelist", "Safelist"), ("blocklist", "Blocklist")]
        .map(|(value, words)| option(&view.list, value, words));
    let kinds = [("", "Any type"), ("address", "Address"), ("domain", "Domain"), ("ip", "IP address")]
        .map(|(value, words)| option(&view.kind, value, words));
    let keys: Vec<_> = std::iter::once(option(&view.key, "", "Any key"))
        .chain(keys.iter().map(|(id, label)| option(&view.key, id, label)))
        .collect();
    view! {
        <form action="/lists" role="search" aria-label="Filter lists">
            <div class="cols">
                <Field name="for" form="filter" label="Recipient or domain" mono=true value=view.whose.clone() error=error
                    hint="Empty shows the account tier"/>
                <Field name="q" form="filter" label="Part of an entry" mono=true value=view.text.clone()/>
            </div>
            <div class="row filters gap">
                <select class="input" name="tier" aria-label="Tier">{tiers.into_view()}</select>
                <select class="input" name="list" aria-label="List">{lists.into_view()}</select>
                <select class="input" name="type" aria-label="Type">{kinds.into_view()}</select>
                <select class="input" name="key" aria-label="Read with this key">{keys}</select>
                <button class="btn">"Show"</button>
            </div>
        </form>
    }
}

fn results(cx: &Cx, view: &View, tiers: &[Tiers], rows: Vec<Row>) -> impl IntoView + use<> {
    let total = rows.len();
    let pages = total.div_ceil(PAGE).max(1);
    let at = view.page.min(pages);
    let back = view.url("/lists", at);
    let export = view.url("/lists/export.csv", 1);
    let failed = tiers.iter().map(failures).collect_view();
    let unknown = tiers.iter().any(|tiers| tiers.unknown_recipient).then(|| unknown_recipient(&view.whose));
    let alias =
        tiers.iter().find_map(|tiers| tiers.scope.alias.clone().map(|alias| (alias, tiers.scope.whose.clone())));
    let alias = alias.map(|(alias, whose)| {
        view! { <p class="hint gap">{format!("{alias} is an alias; its lists are those of {whose}.")}</p> }
    });
    let asked = tiers.iter().flat_map(|tiers| tiers.lists.iter().flatten());
    let (reads, asked) = (asked.clone().filter(|read| read.is_ok()).count(), asked.count());
    let of = if reads < asked { format!("{reads} of ") } else { String::new() };
    let counted = format!(
        "{}, read just now from {of}{}",
        words::count(total as u64, "entry", "entries"),
        words::count(asked as u64, "list", "lists")
    );
    let list = if rows.is_empty() && reads == 0 {
        ().into_any()
    } else if rows.is_empty() {
        let text =
            if view.is_filtered() { "No entry has all of these." } else { "No list that was read has an entry." };
        let action = view.is_filtered().then(|| {
            let clear = View { whose: view.whose.clone(), ..View::default() }.url("/lists", 1);
            view! { <a class="btn" href=clear>{icon(Icon::X)}"Clear filters"</a> }.into_any()
        });
        empty(Icon::List, "No entries", text, action)
    } else {
        table(cx, rows.into_iter().skip((at - 1) * PAGE).take(PAGE).collect(), &back)
    };
    let turn = |to: usize, word: &'static str, which: Icon| {
        if (1..=pages).contains(&to) && to != at {
            let way = if to < at { "prev" } else { "next" };
            view! { <a class="btn btn-sm" href=view.url("/lists", to) rel=way>{icon(which)}{word}</a> }.into_any()
        } else {
            view! { <span class="btn btn-sm" aria-disabled="true">{icon(which)}{word}</span> }.into_any()
        }
    };
    let forms = tiers.first().and_then(|tiers| add_form(cx, &tiers.scope, &back)).filter(|_| tiers.len() == 1);
    let choose = (tiers.len() > 1).then(|| {
        view! { <p class="hint gap">"Your keys belong to several accounts. Choose a key above to add to one account's lists."</p> }
    });
    view! {
        <div class="stack gap">{failed}{unknown}</div>
        {alias}
        {(reads > 0).then(|| view! {
            <div class="row meta sm">
                <p>{counted}</p>
                {(reads == asked).then(|| view! {
                    <a class="btn btn-quiet btn-sm push" href=export download="lists.csv">{icon(Icon::Download)}"Export CSV"</a>
                })}
            </div>
        })}
        {list}
        {(pages > 1).then(|| view! {
            <nav class="row sm gap" aria-label="Pages">
                <p>{format!("Page {at} of {pages}")}</p>
                <div class="row push">{turn(at - 1, "Previous", Icon::ChevronLeft)}{turn(at + 1, "Next", Icon::ChevronRight)}</div>
            </nav>
        })}
        {choose}
        <div class="gap">{forms}</div>
    }
}

/// The note that the service knows nothing of a recipient yet.
pub fn unknown_recipient(address: &str) -> AnyView {
    let create = format!("/recipients?address={}", query_value(address));
    crate::components::alert(
        "info",
        format!("MailChannels does not know {address} yet"),
        "Recipients appear with their first mail, so it has no entries of its own. Create it to add some now.",
        Some(view! { <a class="btn btn-sm" href=create>"Create recipient"</a> }.into_any()),
    )
}

/// Whom the account tier of a scope reaches. Domains of keys that Sluice does not know are not counted.
pub fn account_reach(scope: &Scope) -> String {
    format!("at least {}, and any added later", words::count(scope.domains, "domain", "domains"))
}
