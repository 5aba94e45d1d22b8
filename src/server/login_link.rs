//! `POST /domains/{name}/login-link`: mints a link and shows it once, in the answer itself.
//! It is never stored, so it can't be redirected to; the answer is not cacheable and leaves no referrer.

use crate::{
    components::{Icon, alert, icon, icon::sprite},
    islands::CopyButton,
    server::{
        actor::{Actor, Need},
        assets, audit,
        headers::page_policy,
        state::AppState,
    },
};
use axum::{
    Extension, Form,
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use desk::Asker;
use http::{StatusCode, header};
use inbound::name::DomainName;
use leptos::{nonce::Nonce, prelude::*};
use serde::Deserialize;

/// What to do with the link: `open` goes there at once, anything else shows it.
#[derive(Deserialize)]
pub struct Then {
    #[serde(default)]
    then: String,
}

/// The handler.
pub async fn mint(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    Form(form): Form<Then>,
) -> Response {
    if !actor.may(Need::LoginLink) {
        audit::refused_at(&state.desk, &actor, &format!("POST /domains/{name}/login-link"), Need::LoginLink);
        return answer(
            StatusCode::FORBIDDEN,
            &name,
            Err(("Not done: your role may not create login links.".into(), "Ask an agent or a lead.".into())),
            false,
        );
    }
    let asker = Asker::new(actor.person, actor.request_id);
    let minted = match DomainName::parse(&name) {
        Ok(domain) => state.desk.login_link(&asker, domain.as_str()).await.unwrap_or_else(|error| Err(error.words())),
        Err(error) => Err(("That is not a domain name.".into(), error.to_string())),
    };
    match minted {
        Ok(link) => {
            let url = link.into_url();
            // What the service sends becomes a link, so it must be one.
            let web = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if web {
                answer(StatusCode::OK, &name, Ok(url), form.then == "open")
            } else {
                let words = (
                    "MailChannels sent something that is not a web address.".into(),
                    "Try again; if it stays, ask MailChannels support.".into(),
                );
                answer(StatusCode::BAD_GATEWAY, &name, Err(words), false)
            }
        }
        Err(words) => answer(StatusCode::BAD_GATEWAY, &name, Err(words), false),
    }
}

fn answer(status: StatusCode, name: &str, link: Result<String, (String, String)>, go: bool) -> Response {
    let owner = Owner::new();
    let html = owner.with(|| {
        let nonce = Nonce::new();
        (page_policy(&nonce, &[]), page(name, link, go, nonce).to_html())
    });
    let (policy, html) = html;
    (
        status,
        [(header::CONTENT_SECURITY_POLICY, policy), (header::REFERRER_POLICY, "no-referrer".to_owned())],
        Html(html),
    )
        .into_response()
}

fn page(name: &str, link: Result<String, (String, String)>, go: bool, nonce: Nonce) -> impl IntoView {
    let base = format!("/pkg/sluice.{}", assets::hash());
    let loader = crate::app::loader(&base);
    let refresh = link
        .as_ref()
        .ok()
        .filter(|_| go)
        .map(|url| view! { <meta http-equiv="refresh" content=format!("0; url={url}")/> });
    let body = match link {
        Ok(url) => view! {
            {alert("info", format!("You will be {name}'s admin"), "Whoever has this link is too, so send it to nobody but that admin. It is shown once and expires.", None)}
            <p class="mono link-once">{url.clone()}</p>
            <div class="row">
                <a class="btn btn-primary" href=url.clone() rel="noreferrer noopener">{icon(Icon::ExternalLink)}"Open Domain Console"</a>
                <CopyButton text=url label="Copy the login link".into()/>
            </div>
        }
        .into_any(),
        Err((what, next)) => alert("bad", what, next, None).into_any(),
    };
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <title>"Login link · Sluice"</title>
                {refresh}
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=format!("{base}.css")/>
                <script type="module" nonce=nonce inner_html=loader></script>
            </head>
            <body>
                <main class="login" id="main"><section class="card stack"><h1>"Login link"</h1>{body}</section></main>
                {sprite()}
            </body>
        </html>
    }
}
