//! Signing in and out, the theme, the shortcuts: small answers that need the session or a redirect.

use crate::server::{
    actor::{EPOCH, PERSON, STARTED, local_path},
    headers::plain,
    state::AppState,
};
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use tower_sessions::Session;

/// The sign-in form.
#[derive(Deserialize)]
pub struct SignIn {
    person: String,
    #[serde(default, rename = "return")]
    back: String,
}

/// `POST /sign-in`: demo mode.
pub async fn sign_in(State(state): State<AppState>, session: Session, Form(form): Form<SignIn>) -> Response {
    let person = match state.desk.demo_person(&form.person).await {
        Ok(Some(person)) => person,
        Ok(None) => return Redirect::to("/sign-in").into_response(),
        Err(_) => return unavailable(),
    };
    let begun = async {
        // A new id at sign-in: an id planted before it is worth nothing.
        session.cycle_id().await?;
        session.insert(PERSON, &person.id).await?;
        session.insert(EPOCH, person.epoch).await?;
        session.insert(STARTED, state.desk.now_ms()).await
    };
    if let Err(error) = begun.await {
        tracing::error!(%error, "a session could not be begun");
        return unavailable();
    }
    tracing::info!(person = %person.id, role = %person.role, "signed in");
    Redirect::to(local_path(&form.back).unwrap_or("/domains")).into_response()
}

/// `POST /sign-out`
pub async fn sign_out(session: Session) -> Response {
    if let Err(error) = session.flush().await {
        tracing::error!(%error, "a session could not be ended");
        return unavailable();
    }
    Redirect::to("/sign-in?out=1").into_response()
}

fn unavailable() -> Response {
    plain(StatusCode::SERVICE_UNAVAILABLE, "Not done: Sluice's own storage failed. Try again.\n".into())
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
