//! The theme, and keys that work on every page.

use crate::{
    components::{Cx, Icon, icon, note, page, page::Page, palette},
    server::actor::Need,
};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Preferences() -> impl IntoView {
    page("/preferences", Need::Read, async |cx: Arc<Cx>| Ok(Page::new("Preferences", body(&cx))))
}

fn body(cx: &Cx) -> impl IntoView + use<> {
    let theme = cx.theme.unwrap_or("system");
    let themes = [("system", "System", Icon::Monitor), ("light", "Light", Icon::Sun), ("dark", "Dark", Icon::Moon)]
        .map(|(value, words, which)| {
            let chosen = value == theme;
            view! { <button class="btn" name="theme" value=value aria-pressed=if chosen { "true" } else { "false" }>{icon(which)}{words}{chosen.then(|| icon(Icon::Check))}</button> }
        });
    let state = if cx.single_keys { "Single-key shortcuts are on." } else { "Single-key shortcuts are off." };
    view! {
        <div class="page-head"><h1>"Preferences"</h1><p>"Kept in this browser, for whoever signs in with it."</p></div>
        {note(cx.flash.as_ref())}
        <section class="card" id="theme" aria-labelledby="h-theme">
            <header><h2 id="h-theme">"Theme"</h2></header>
            <form class="body row" method="post" action="/theme">
                <input type="hidden" name="back" value="/preferences"/>
                {themes.into_view()}
            </form>
        </section>
        <section class="card gap" id="keys" aria-labelledby="h-keys">
            <header><h2 id="h-keys">"Keyboard shortcuts"</h2></header>
            <form class="body row" method="post" action="/shortcuts">
                <input type="hidden" name="back" value="/preferences"/>
                <p>{state}" They never act while you type in a field. Ctrl K and ⌘ K always work."</p>
                <button class="btn push" name="keys" value=if cx.single_keys { "off" } else { "on" }>
                    {if cx.single_keys { "Switch single keys off" } else { "Switch single keys on" }}
                </button>
            </form>
            <div class="body" inner_html=palette::shortcuts()></div>
        </section>
    }
}
