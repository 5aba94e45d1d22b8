//! Sign-in: in demo mode, pick one of four people.

use crate::{
    components::{Icon, alert, icon, icon::sprite},
    server::actor::local_path,
};
use desk::DEMO_PEOPLE;
use http::request::Parts;
use leptos::prelude::*;
use leptos_meta::Title;

/// The page.
#[component]
pub fn SignIn() -> impl IntoView {
    let parts = expect_context::<Parts>();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let back = query
        .iter()
        .find(|(name, _)| name == "return")
        .and_then(|(_, path)| local_path(path))
        .unwrap_or("/domains")
        .to_owned();
    let out = query.iter().any(|(name, _)| name == "out");
    let people = DEMO_PEOPLE
        .into_iter()
        .map(|person| {
            view! {
                <li>
                    <button class="btn person" name="person" value=person.subject>
                        {icon(Icon::User)}
                        <span><b>{person.name}</b><small>{person.role.as_str()}": "{person.may}</small></span>
                    </button>
                </li>
            }
        })
        .collect_view();
    view! {
        <Title text="Sign in · Sluice"/>
        <main class="login" id="main">
            <p class="brand row">{icon(Icon::Sluice)}"Sluice"</p>
            <section class="card">
                <h1>"Sign in"</h1>
                <p class="muted">"Console for MailChannels Inbound"</p>
                {out.then(|| alert("info", "You are signed out.", "", None))}
                {alert("warn", "Demo mode", "Anybody on this machine can be any of these people. Store no key that protects real mail.", None)}
                <form method="post" action="/sign-in">
                    <input type="hidden" name="return" value=back/>
                    <ul class="people">{people}</ul>
                </form>
            </section>
        </main>
        {sprite()}
    }
}
