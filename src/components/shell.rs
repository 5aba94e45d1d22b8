//! The frame around a page: navigation, search, the person.

use crate::components::{Cx, Icon, icon, icon::sprite, palette};
use crate::{
    islands::{Keyboard, Palette},
    server::actor::Need,
};
use inbound::words;
use leptos::prelude::*;

/// Sections of the navigation: path, name, icon.
const SECTIONS: [(&str, &str, Icon); 15] = [
    ("/domains", "Domains", Icon::Globe),
    ("/explain", "Explain", Icon::Route),
    ("/lists", "Lists", Icon::List),
    ("/recipients", "Recipients", Icon::Users),
    ("/reports", "Reports", Icon::MessageSquareWarning),
    ("/provision", "Provision", Icon::Plus),
    ("/bulk", "Bulk changes", Icon::Upload),
    ("/jobs", "Jobs", Icon::Layers),
    ("/keys", "API keys", Icon::KeyRound),
    ("/keys/map", "Key map", Icon::Map),
    ("/subscriptions", "Subscriptions", Icon::CreditCard),
    ("/people", "People", Icon::Users),
    ("/backups", "Backups", Icon::Archive),
    ("/status", "Status", Icon::Server),
    ("/audit", "Audit log", Icon::ScrollText),
];

/// What a section needs beyond reading; who may not, doesn't see it.
fn need(path: &str) -> Need {
    match path {
        "/people" | "/backups" => Need::SeePeople,
        "/status" => Need::Operate,
        "/audit" => Need::ReadAudit,
        _ => Need::Read,
    }
}

/// The key that leads to a section after `g`.
fn go_key(path: &str) -> Option<&'static str> {
    match path {
        "/domains" => Some("d"),
        "/jobs" => Some("j"),
        "/keys" => Some("k"),
        "/lists" => Some("l"),
        "/explain" => Some("e"),
        "/recipients" => Some("r"),
        _ => None,
    }
}

/// The frame.
pub fn frame(cx: &Cx, section: &'static str, (domains, keys): (u64, usize), body: AnyView) -> impl IntoView {
    let person = cx.actor.person.clone();
    let role = person.role.as_str();
    let links = SECTIONS
        .into_iter()
        .filter(|(path, _, _)| cx.actor.may(need(path)))
        .map(|(path, name, which)| {
            let count = match path {
                "/domains" if domains > 0 => words::thousands(domains),
                "/keys" if keys > 0 => words::thousands(keys as u64),
                _ => String::new(),
            };
            view! {
                <li><a href=path data-go=go_key(path) aria-current=(path == section).then_some("page")>
                    {icon(which)}{name}
                    {(!count.is_empty()).then(|| view! { <span class="n">{count}</span> })}
                </a></li>
            }
        })
        .collect_view();
    let themes = [
        ("system", "System theme", Icon::Monitor),
        ("light", "Light theme", Icon::Sun),
        ("dark", "Dark theme", Icon::Moon),
    ]
    .into_iter()
    .map(|(value, words, which)| view! { <button class="opt" name="theme" value=value>{icon(which)}{words}</button> })
    .collect_view();
    let query = if matches!(section, "/domains" | "/lists" | "/find") {
        String::new()
    } else {
        cx.query("q").unwrap_or_default().to_owned()
    };
    let back = cx.url.clone();
    let keys = back.clone();
    let (key, shortcuts) = if cx.single_keys { ("/", "/ Control+K Meta+K") } else { ("Ctrl K", "Control+K Meta+K") };
    let (switch, switched) =
        if cx.single_keys { ("off", "Switch single keys off") } else { ("on", "Switch single keys on") };
    view! {
        <a class="skip btn" href="#main">"Skip to content"</a>
        <div class="shell">
            <nav class="rail" id="rail" popover aria-label="Main">
                <a class="brand" href="/domains">{icon(Icon::Sluice)}"Sluice"</a>
                <ul>{links}</ul>
            </nav>
            <div>
                <header class="topbar">
                    <button class="btn btn-quiet btn-icon menu-btn" popovertarget="rail" aria-label="Open navigation">{icon(Icon::Menu)}</button>
                    <form class="search" role="search" action="/search">
                        {icon(Icon::Search)}
                        <input
                            class="input"
                            type="search"
                            name="q"
                            id="search"
                            value=query
                            aria-label="Find a domain, address, page or action"
                            placeholder="Domain, address or URL"
                            autocomplete="off"
                            autocapitalize="none"
                            spellcheck="false"
                        />
                        <button type="button" class="kbd js-only" data-open="palette" aria-haspopup="dialog" aria-label=format!("{key}: find as you type") aria-keyshortcuts=shortcuts>{key}</button>
                    </form>
                    <button class="btn btn-quiet push" popovertarget="me" aria-label=format!("{}, {role}", person.name)>
                        {icon(Icon::User)}<span class="wide-only">{person.name.clone()}</span>
                    </button>
                    <div class="menu" id="me" popover>
                        <p class="menu-head">{person.name.clone()}", "{role}</p>
                        <form method="post" action="/theme">
                            <input type="hidden" name="back" value=back/>
                            {themes}
                        </form>
                        <hr/>
                        <button type="button" class="opt js-only" data-open="help">{icon(Icon::CircleHelp)}"Keyboard shortcuts"</button>
                        <form method="post" action="/shortcuts">
                            <input type="hidden" name="back" value=keys/>
                            <button class="opt" name="keys" value=switch>{icon(Icon::Keyboard)}{switched}</button>
                        </form>
                        <a class="opt" href="/preferences">{icon(Icon::Pencil)}"Preferences"</a>
                        <a class="opt" href="/sessions">{icon(Icon::Monitor)}"Your sessions"</a>
                        <hr/>
                        <form method="post" action="/sign-out"><button class="opt">{icon(Icon::LogOut)}"Sign out"</button></form>
                    </div>
                </header>
                <main id="main" tabindex="-1">{body}</main>
            </div>
        </div>
        {sprite()}
        {palette::dialogs()}
        <Palette/>
        <Keyboard/>
    }
}
