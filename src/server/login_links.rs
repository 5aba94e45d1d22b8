//! `POST /login-links`: links for several domains, shown once, in the answer itself, like the single one.

use crate::{
    app,
    server::{
        actor::{Actor, Need},
        audit,
        headers::plain,
        state::AppState,
    },
};
use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Response},
};
use desk::{Asker, DeskError};
use http::{Method, Request, StatusCode, request::Parts};
use serde::Deserialize;
use std::sync::Arc;

/// The form.
#[derive(Deserialize)]
pub struct Domains {
    #[serde(default)]
    domains: String,
}

/// A link, or what happened and the next step.
pub type Link = Result<String, (String, String)>;

/// What the page shows; it lives as long as the answer.
#[derive(Default)]
pub struct Shown {
    /// What was typed, when it is to be sent again.
    pub typed: String,
    /// What is wrong with it.
    pub errors: Vec<String>,
    /// A domain and its link, or what happened and the next step.
    pub links: Vec<(String, Link)>,
}

/// The handler.
pub async fn mint(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    parts: Parts,
    Form(form): Form<Domains>,
) -> Response {
    if !actor.may(Need::LoginLink) {
        audit::refused_at(&state.desk, &actor, "POST /login-links", Need::LoginLink);
        return plain(StatusCode::FORBIDDEN, "Not done: your role may not create login links.\n".into());
    }
    let asker = Asker::new(actor.person, actor.request_id);
    let mut shown = Shown::default();
    match state.desk.login_links(&asker, &form.domains).await {
        Ok(outcomes) => {
            // What the service sends becomes a link, so it must be one.
            let web = |url: &str| url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            let odd = || ("MailChannels sent something that is not a web address.".into(), "Try again.".into());
            shown.links = outcomes
                .into_iter()
                .map(|outcome| {
                    let link = outcome.link.map(desk::MintedLink::into_url);
                    (outcome.domain, link.and_then(|url| if web(&url) { Ok(url) } else { Err(odd()) }))
                })
                .collect();
            // Nothing came of it, so it is asked again.
            if shown.links.iter().all(|(_, link)| link.is_err()) {
                shown.typed = form.domains;
            }
        }
        Err(DeskError::Invalid(errors)) => {
            shown.errors = errors.into_iter().map(|error| error.message).collect();
            shown.typed = form.domains;
        }
        Err(error) => {
            let (what, next) = error.words();
            shown.errors = vec![format!("{what} {next}")];
            shown.typed = form.domains;
        }
    }
    let status = if shown.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mut again = Request::from_parts(parts, axum::body::Body::empty());
    *again.method_mut() = Method::GET;
    let shown = Arc::new(shown);
    let context = move || {
        leptos::prelude::provide_context(state.clone());
        leptos::prelude::provide_context(shown.clone());
    };
    let mut response = leptos_axum::render_app_async_with_context(context, app::shell)(again).await.into_response();
    *response.status_mut() = status;
    response
}
