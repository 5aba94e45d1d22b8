//! Sign-in, in each mode, and the page of a break-glass link.

use crate::{
    components::{Icon, alert, icon, icon::sprite},
    server::{
        actor::local_path,
        auth::{Gate, routes::Why},
        state::AppState,
    },
};
use desk::DEMO_PEOPLE;
use http::request::Parts;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

/// The page.
#[component]
pub fn SignIn() -> impl IntoView {
    let parts = expect_context::<Parts>();
    let state = expect_context::<AppState>();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let back = value("return").and_then(local_path).unwrap_or("/domains").to_owned();
    let why = value("why").and_then(Why::parse).map(|why| {
        let (title, next) = why.words();
        alert("bad", title, next, None)
    });
    let note = if why.is_some() {
        why
    } else if value("out").is_some() {
        Some(alert("info", "You are signed out.", "", None))
    } else {
        (back != "/domains").then(|| alert("info", "You are not signed in", format!("You will return to {back}"), None))
    };
    let way = match &state.auth.gate {
        Gate::Demo => demo(back).into_any(),
        Gate::Oidc(provider) => provider_way(provider.name(), back).into_any(),
        Gate::Signed { .. } | Gate::Trusted(_) => view! {
            <p>"You sign in at your company’s own page, in front of Sluice. Open Sluice by its usual address."</p>
            <p><a class="btn btn-primary" href=back>"Try again"</a></p>
        }
        .into_any(),
    };
    around("Sign in", "Console for MailChannels Inbound", view! { {note} {way} }.into_any())
}

fn around(title: &'static str, words: &'static str, body: AnyView) -> impl IntoView {
    view! {
        <Title text=format!("{title} · Sluice")/>
        <main class="login" id="main">
            <p class="brand row">{icon(Icon::Sluice)}"Sluice"</p>
            <section class="card">
                <h1>{title}</h1>
                <p class="muted">{words}</p>
                {body}
            </section>
        </main>
        {sprite()}
    }
}

fn demo(back: String) -> impl IntoView {
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
        {alert("warn", "Demo mode", "Anybody on this machine can be any of these people. Store no key that protects real mail.", None)}
        <form method="post" action="/sign-in">
            <input type="hidden" name="return" value=back/>
            <ul class="people">{people}</ul>
        </form>
    }
}

fn provider_way(name: String, back: String) -> impl IntoView {
    view! {
        <form method="post" action="/auth/start">
            <input type="hidden" name="return" value=back/>
            <button class="btn btn-primary btn-wide">"Continue with single sign-on"</button>
        </form>
        <p class="muted sm">"Uses your account at "<span class="mono">{name}</span>". If it does not work, ask whoever runs Sluice for a sign-in link."</p>
    }
}

/// The page of a break-glass link: a button, so that a program that looks at links uses none up.
#[component]
pub fn LinkPage() -> impl IntoView {
    let token = use_params_map().read_untracked().get("token").unwrap_or_default();
    // What a token has; anything else is no link of ours, and is not repeated.
    let good =
        token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let body = if good {
        view! {
            <form method="post" action=format!("/auth/link/{token}")>
                <button class="btn btn-primary btn-wide">"Sign in"</button>
            </form>
            <p class="muted sm">"The link counts once, and for ten minutes after it was made. That it was used is in the audit log."</p>
        }
        .into_any()
    } else {
        let (title, next) = Why::Link.words();
        alert("bad", title, next, None)
    };
    around("Sign in by link", "For when single sign-on does not work", body)
}
