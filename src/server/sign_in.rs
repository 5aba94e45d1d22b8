//! Signing in as somebody of demo mode, the theme, the shortcuts: small answers that set a cookie.

use crate::server::{
    actor::local_path,
    auth::{Gate, SESSION, cookie},
    headers::plain,
    state::AppState,
};
use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use desk::{Circumstances, DeskError, Mode};
use http::{StatusCode, header};
use serde::Deserialize;

/// The sign-in form.
#[derive(Deserialize)]
pub struct SignIn {
    person: String,
    #[serde(default, rename = "return")]
    back: String,
}

/// `POST /sign-in`: demo mode.
pub async fn sign_in(
    State(state): State<AppState>,
    Extension(at): Extension<Circumstances>,
    Form(form): Form<SignIn>,
) -> Response {
    if !matches!(state.auth.gate, Gate::Demo) {
        return Redirect::to("/sign-in").into_response();
    }
    let begun = async {
        let Some(person) = state.desk.demo_person(&form.person).await? else { return Ok(None) };
        state.desk.begin_session(&person, Mode::Demo, None, state.desk.now_ms(), &at).await.map(Some)
    };
    match begun.await {
        Ok(Some(token)) => {
            let back = local_path(&form.back).unwrap_or("/domains");
            ([(header::SET_COOKIE, cookie(SESSION, Some(&token)))], Redirect::to(back)).into_response()
        }
        Ok(None) => Redirect::to("/sign-in").into_response(),
        Err(error) => {
            let error: DeskError = error;
            tracing::error!(%error, "a session could not be begun");
            plain(StatusCode::SERVICE_UNAVAILABLE, "Not done: Sluice's own storage failed. Try again.\n".into())
        }
    }
}

/// The theme form.
#[derive(Deserialize)]
pub struct Theme {
    theme: String,
    #[serde(default)]
    back: String,
}

/// `POST /theme`
pub async fn theme(Form(form): Form<Theme>) -> Response {
    let cookie = match form.theme.as_str() {
        theme @ ("light" | "dark") => {
            format!("__Host-theme={theme}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax")
        }
        _ => "__Host-theme=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax".to_owned(),
    };
    let back = local_path(&form.back).unwrap_or("/domains");
    ([(header::SET_COOKIE, cookie)], Redirect::to(back)).into_response()
}

/// The form of single-key shortcuts.
#[derive(Deserialize)]
pub struct Shortcuts {
    keys: String,
    #[serde(default)]
    back: String,
}

/// `POST /shortcuts`
pub async fn shortcuts(Form(form): Form<Shortcuts>) -> Response {
    let cookie = if form.keys == "off" {
        "__Host-keys=off; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"
    } else {
        "__Host-keys=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
    };
    let back = local_path(&form.back).unwrap_or("/domains");
    ([(header::SET_COOKIE, cookie)], Redirect::to(back)).into_response()
}
