//! Login links for several domains at once.

use crate::{
    components::{Cx, Icon, TextArea, alert, icon, note, page, page::Page},
    islands::CopyButton,
    server::{actor::Need, login_links::Shown},
};
use inbound::words;
use leptos::prelude::*;
use std::sync::Arc;

/// The page; after the form was sent, with the links, this once.
#[component]
pub fn LinksPage() -> impl IntoView {
    let shown = use_context::<Arc<Shown>>();
    page("/domains", Need::LoginLink, async move |cx: Arc<Cx>| {
        Ok(Page::new("Login links", body(&cx, shown.as_deref())))
    })
}

fn body(cx: &Cx, shown: Option<&Shown>) -> impl IntoView + use<> {
    let errors = shown.map(|shown| shown.errors.clone()).unwrap_or_default();
    let first = match errors.len() {
        0 => None,
        1 => errors.first().cloned(),
        count => Some(format!("Nothing was sent: {} to correct.", words::count(count as u64, "line", "lines"))),
    };
    let all = (errors.len() > 1).then(|| {
        view! { <ul class="err">{errors.into_iter().map(|error| view! { <li>{error}</li> }).collect_view()}</ul> }
    });
    let links = shown.filter(|shown| !shown.links.is_empty()).map(links);
    let typed = shown.map(|shown| shown.typed.clone()).unwrap_or_default();
    view! {
        <div class="page-head">
            <p><a class="linkish" href="/domains">{icon(Icon::ChevronLeft)}"Domains"</a></p>
            <h1>"Login links"</h1>
            <p>"A link signs whoever opens it in to the Domain Console of one domain, as its admin. Links are shown once and are not kept."</p>
        </div>
        {note(cx.flash.as_ref())}
        {links}
        <section class="card gap" aria-labelledby="h-for">
            <header><h2 id="h-for">"For which domains"</h2></header>
            <form class="body stack" method="post" action="/login-links">
                <TextArea name="domains" label="Domains, one a line or with commas between" rows=6 value=typed error=first
                    hint="At most 100. Each link is noted in the history of its domain."/>
                {all}
                <div class="row"><button class="btn btn-primary push">"Create login links"</button></div>
            </form>
        </section>
    }
}

fn links(shown: &Shown) -> impl IntoView + use<> {
    let made = shown.links.iter().filter(|(_, link)| link.is_ok()).count();
    let rows = shown
        .links
        .iter()
        .map(|(domain, link)| {
            let outcome = match link {
                Ok(url) => view! {
                    <span class="mono link-once">{url.clone()}</span>
                    <CopyButton text=url.clone() label=format!("Copy the link for {domain}")/>
                }
                .into_any(),
                Err((what, next)) => view! { <span class="bad">{icon(Icon::CircleX)}" "{what.clone()}</span><small>{next.clone()}</small> }.into_any(),
            };
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main mono">{domain.clone()}</th>
                    <td role="cell" class="wide">{outcome}</td>
                </tr>
            }
        })
        .collect_view();
    let title =
        format!("{} of {}", words::thousands(made as u64), words::count(shown.links.len() as u64, "link", "links"));
    view! {
        {alert("info", "Whoever has a link is that domain’s admin", "Send each to nobody but that admin. They are shown this once and expire.", None)}
        <section class="card gap" aria-labelledby="h-links">
            <header><h2 id="h-links">{title}</h2></header>
            <div class="tw"><table role="table" class="table cards" aria-labelledby="h-links">
                <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">"Domain"</th><th role="columnheader" scope="col">"Link"</th></tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
}
