//! Finding anything, as a page: what the palette does, without scripts.

use crate::{
    components::{Cx, Icon, empty, icon, icon::named, note, page, page::Page},
    server::{
        actor::{Need, query_value},
        find::{Line, lines},
        places,
    },
};
use inbound::{find::Sought, words};
use leptos::prelude::*;
use std::sync::Arc;

/// Most that is shown.
const SHOWN: u32 = 50;

/// The page.
#[component]
pub fn Find() -> impl IntoView {
    page("/find", Need::Read, async |cx: Arc<Cx>| {
        let text = cx.query("q").unwrap_or_default().trim().to_owned();
        let found = cx.desk.look_for(&cx.actor.person, &text, &places::of(&cx.actor), SHOWN).await?;
        Ok(Page::new("Find", body(&cx, &text, lines(found))))
    })
}

fn body(cx: &Cx, text: &str, groups: Vec<(&'static str, Vec<Line>)>) -> impl IntoView + use<> {
    let count = groups.iter().map(|(_, lines)| lines.len() as u64).sum::<u64>();
    let said = (!text.is_empty() && count > 0).then(|| {
        let words = if count >= u64::from(SHOWN) {
            format!("The nearest {}", words::thousands(count))
        } else {
            format!("{} found", words::thousands(count))
        };
        view! { <p class="meta sm">{words}</p> }
    });
    let nothing = (count == 0).then(|| {
        empty(
            Icon::Search,
            "Nothing is found",
            format!("Nothing within your keys’ reach is called “{text}”. Recipients are found once they were opened, created or explained here."),
            Some(view! { <a class="btn" href="/domains">{icon(Icon::Globe)}"Domains"</a> }.into_any()),
        )
    });
    let domains = format!("/domains?q={}", query_value(&Sought::read(text).text));
    let groups = groups.into_iter().map(|(group, lines)| section(group, lines, &domains)).collect_view();
    view! {
        <div class="page-head">
            <h1>"Find"</h1>
            <p>"Domains and aliases within your keys’ reach, recipients that were opened here in the last 90 days, your keys, pages and actions."</p>
        </div>
        {note(cx.flash.as_ref())}
        <form class="row filters" action="/find" role="search" aria-label="Find anything">
            <span class="search">{icon(Icon::Search)}
                <input class="input" type="search" name="q" value=text.to_owned() aria-label="A name, address, page or action" autocomplete="off" autocapitalize="none" spellcheck="false"/>
            </span>
            <button class="btn">"Find"</button>
        </form>
        {said}
        {nothing}
        <div class="stack">{groups}</div>
    }
}

fn section(group: &'static str, lines: Vec<Line>, domains: &str) -> impl IntoView + use<> {
    let id = format!("h-{}", group.to_lowercase().replace(' ', "-"));
    let filter = (group == "Domains")
        .then(|| view! { <a class="linkish push" href=domains.to_owned()>"All in the list of domains"</a> });
    let rows = lines
        .into_iter()
        .map(|line| {
            view! {
                <li>
                    <a class="found" href=line.path>{named(line.icon)}<span class=line.mono.then_some("mono")>{line.title}</span></a>
                    {(!line.note.is_empty()).then(|| view! { <span class="muted">{line.note}</span> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby=id.clone()>
            <header><h2 id=id.clone()>{group}</h2>{filter}</header>
            <ul class="list">{rows}</ul>
        </section>
    }
}
