//! The addresses of signing in and out: the way to the provider and back, step-up, links, logout by the provider.

use super::{Auth, BEGUN, Gate, SESSION, cookie, peer, token};
use crate::server::{
    actor::{Actor, is_fresh, local_path, query_value},
    headers::plain,
    state::AppState,
};
use axum::{
    Extension, Form,
    extract::{Path, Request, State},
    response::{IntoResponse, Redirect, Response},
};
use desk::{Circumstances, DeskError, Mode, NotAdmitted, Token};
use http::{HeaderMap, StatusCode, header};
use identity::oidc::{Answer, Flow, OidcError, Provider};
use serde::Deserialize;
use store::TokenHash;

/// Why a sign-in did not come about, as the sign-in page says it: a closed set, since it comes back in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The provider is down.
    Down,
    /// The provider, or the person there, said no.
    Refused,
    /// It took too long, was begun elsewhere, or was used already.
    Stale,
    /// What the provider sent is not to be believed.
    Token,
    /// None of their groups has a role.
    NoRole,
    /// Shut out.
    Disabled,
    /// Too many tries.
    Often,
    /// The link does not count.
    Link,
    /// Somebody else signed in at step-up, or not afresh.
    StepUp,
    /// Our storage failed.
    Storage,
}

impl Why {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Down, "down"),
        (Self::Refused, "refused"),
        (Self::Stale, "stale"),
        (Self::Token, "token"),
        (Self::NoRole, "role"),
        (Self::Disabled, "disabled"),
        (Self::Often, "often"),
        (Self::Link, "link"),
        (Self::StepUp, "step-up"),
        (Self::Storage, "storage"),
    ];

    /// Its word in an address.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(why, _)| *why == self).map_or("", |(_, word)| word)
    }

    /// The opposite of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(why, _)| why)
    }

    /// What happened and the one next step.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Down => (
                "The sign-in service does not answer.",
                "Try again in a minute. If it goes on, tell your administrator.",
            ),
            Self::Refused => ("The sign-in service did not let you in.", "Try again, or ask your administrator."),
            Self::Stale => ("This sign-in took too long, or was begun elsewhere.", "Begin again here."),
            Self::Token => (
                "The sign-in service answered with something that can’t be trusted.",
                "Nobody was signed in. Tell your administrator; the log has the reason.",
            ),
            Self::NoRole => (
                "You are known, but have no role in Sluice.",
                "Ask your administrator to add you to one of the groups that have one.",
            ),
            Self::Disabled => ("You can’t sign in: an administrator has shut you out.", "Ask your administrator."),
            Self::Often => ("Too many sign-ins from your address.", "Wait a minute, then try again."),
            Self::Link => {
                ("This link does not count any more.", "A link counts once, and for ten minutes. Ask for another one.")
            }
            Self::StepUp => {
                ("It was not confirmed that it is you.", "Sign in as the same person, afresh. Nothing was changed.")
            }
            Self::Storage => ("Sluice’s own storage failed.", "Nobody was signed in. Try again."),
        }
    }
}

fn failed(why: Why, back: &str) -> Response {
    Redirect::to(&format!("/sign-in?why={}&return={}", why.as_str(), query_value(back))).into_response()
}

fn storage(error: &DeskError) -> Why {
    tracing::error!(%error, "a sign-in failed");
    Why::Storage
}

/// A form that only says where to go then.
#[derive(Deserialize)]
pub struct Back {
    #[serde(default, rename = "return")]
    back: String,
}

impl Back {
    fn path(&self) -> &str {
        local_path(&self.back).unwrap_or("/domains")
    }
}

/// `POST /auth/start`: off to the provider.
pub async fn start(
    State(state): State<AppState>,
    Extension(at): Extension<Circumstances>,
    Form(form): Form<Back>,
) -> Response {
    let Gate::Oidc(provider) = &state.auth.gate else { return missing() };
    begin(&state, provider, &at, form.path(), None).await
}

async fn begin(
    state: &AppState,
    provider: &Provider,
    at: &Circumstances,
    back: &str,
    session: Option<&Token>,
) -> Response {
    if !state.auth.may_try(&at.address) {
        return failed(Why::Often, back);
    }
    let begun = async {
        let (one, two, three) = (state.desk.random()?, state.desk.random()?, state.desk.random()?);
        let mut random = [one, two, three].into_iter();
        let flow = Flow::new(|| random.next().unwrap_or_default());
        let token = state.desk.begin_sign_in(&flow, back, session).await?;
        Ok::<_, DeskError>((flow, token))
    };
    let (flow, token) = match begun.await {
        Ok(begun) => begun,
        Err(error) => return failed(storage(&error), back),
    };
    match provider.begin(&flow, session.is_some(), state.desk.now_ms()).await {
        Ok(url) => ([(header::SET_COOKIE, cookie(BEGUN, Some(&token)))], Redirect::to(url.as_str())).into_response(),
        Err(error) => {
            tracing::error!(%error, "a sign-in could not be begun");
            failed(Why::Down, back)
        }
    }
}

/// `GET /auth/callback`: back from the provider.
pub async fn callback(
    State(state): State<AppState>,
    Extension(at): Extension<Circumstances>,
    request: Request,
) -> Response {
    let Gate::Oidc(provider) = &state.auth.gate else { return missing() };
    let answer = Answer::from_query(request.uri().query().unwrap_or_default());
    let taken = match token(request.headers(), BEGUN) {
        Some(token) => state.desk.take_sign_in(&token).await,
        None => Ok(None),
    };
    let mut response = match taken {
        Ok(Some((flow, back, session))) => {
            let step_up = session.filter(|_| token(request.headers(), SESSION).is_some());
            let ended = finish(&state, provider, &at, (&flow, &answer), step_up).await;
            match ended {
                Ok(renewed) => {
                    ([(header::SET_COOKIE, cookie(SESSION, Some(&renewed)))], Redirect::to(&back)).into_response()
                }
                Err(why) if session.is_some() && why == Why::StepUp => {
                    Redirect::to(&format!("/confirm?why=1&return={}", query_value(&back))).into_response()
                }
                Err(why) => failed(why, &back),
            }
        }
        // Another browser's code, or the same one twice.
        Ok(None) => {
            note(&state, Mode::Oidc, "it was not begun by this browser", &at).await;
            failed(Why::Stale, "/domains")
        }
        Err(error) => failed(storage(&error), "/domains"),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie(BEGUN, None));
    response
}

async fn note(state: &AppState, mode: Mode, why: &str, at: &Circumstances) {
    if let Err(error) = state.desk.note_refused(mode, &identity::Vouched::default(), why, at).await {
        tracing::error!(%error, "a refusal could not be recorded");
    }
}

async fn finish(
    state: &AppState,
    provider: &Provider,
    at: &Circumstances,
    (flow, answer): (&Flow, &Answer),
    step_up: Option<TokenHash>,
) -> Result<Token, Why> {
    let now = state.desk.now_ms();
    let (vouched, id_token) = match provider.finish(flow, answer, now).await {
        Ok(said) => said,
        Err(error) => {
            tracing::warn!(%error, "a sign-in did not come about");
            let why = match error {
                OidcError::Fetch(_) | OidcError::Metadata(_) => Why::Down,
                OidcError::Refused(_) => Why::Refused,
                OidcError::State | OidcError::Code(_) => Why::Stale,
                OidcError::Issuer | OidcError::Token(_) => Why::Token,
            };
            note(state, Mode::Oidc, &error.to_string(), at).await;
            return Err(why);
        }
    };
    let person = match state.desk.admit(&vouched, &state.auth.map, Mode::Oidc, at).await {
        Ok(person) => person,
        Err(NotAdmitted::NoRole(_)) => return Err(Why::NoRole),
        Err(NotAdmitted::Disabled) => return Err(Why::Disabled),
        Err(NotAdmitted::Failed(error)) => return Err(storage(&error)),
    };
    let asked = step_up.is_some() && state.auth.by_proxy;
    let proved_at = match vouched.auth_time {
        Some(time) => time.saturating_mul(1_000),
        // The provider was asked for a fresh sign-in and never says when people sign in; the operator takes its word.
        None if asked => now,
        None => 0,
    };
    let said = Some((&vouched, &id_token));
    let Some(hash) = step_up else {
        return state
            .desk
            .begin_session(&person, Mode::Oidc, said, proved_at, at)
            .await
            .map_err(|error| storage(&error));
    };
    // A provider that ignores the wish for a fresh sign-in says so by its auth_time, or says nothing.
    if !is_fresh(now, proved_at) {
        note(state, Mode::Oidc, "the provider did not say that the sign-in is fresh", at).await;
        return Err(Why::StepUp);
    }
    let renewed = state.desk.step_up(hash, &person, Mode::Oidc, said, proved_at, at).await;
    renewed.map_err(|error| storage(&error))?.ok_or(Why::StepUp)
}

/// `POST /auth/step-up`: prove again who you are.
pub async fn step_up(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Extension(at): Extension<Circumstances>,
    headers: HeaderMap,
    Form(form): Form<Back>,
) -> Response {
    let Some(session) = token(&headers, SESSION) else { return missing() };
    match &state.auth.gate {
        Gate::Oidc(provider) if actor.mode == Mode::Oidc.as_str() => {
            begin(&state, provider, &at, form.path(), Some(&session)).await
        }
        Gate::Demo => {
            let (hash, now) = (TokenHash::of(session.expose()), state.desk.now_ms());
            match state.desk.step_up(hash, &actor.person, Mode::Demo, None, now, &at).await {
                Ok(Some(token)) => {
                    ([(header::SET_COOKIE, cookie(SESSION, Some(&token)))], Redirect::to(form.path())).into_response()
                }
                Ok(None) => failed(Why::Stale, form.path()),
                Err(error) => failed(storage(&error), form.path()),
            }
        }
        // A proxy signs people in there, and a link can't be used twice: the page says what to do.
        _ => Redirect::to(&format!("/confirm?return={}", query_value(form.path()))).into_response(),
    }
}

/// `POST /auth/back-channel` (`OpenID Connect Back-Channel Logout 1.0`). No browser sends this: the provider does, with
/// a signed token, and no cookie is looked at. So it stands outside the protection against other sites.
pub async fn back_channel(State(state): State<AppState>, request: Request) -> Response {
    let Gate::Oidc(provider) = &state.auth.gate else { return missing() };
    let at = state.auth.circumstances(request.headers(), peer(request.extensions()));
    let body = axum::body::to_bytes(request.into_body(), 64 * 1024).await.unwrap_or_default();
    let Some(form) = url::form_urlencoded::parse(&body).find(|(name, _)| name == "logout_token") else {
        return plain(StatusCode::BAD_REQUEST, "No logout_token.\n".into());
    };
    let logout = match provider.logout(&form.1, state.desk.now_ms()).await {
        Ok(logout) => logout,
        Err(error) => {
            tracing::warn!(%error, "a logout token was refused");
            note(&state, Mode::Oidc, &format!("logout token: {error}"), &at).await;
            return plain(StatusCode::BAD_REQUEST, "The logout token was not accepted.\n".into());
        }
    };
    match state.desk.provider_logout(provider.issuer(), &logout, &at).await {
        Ok(Some(ended)) => {
            tracing::info!(ended, "the provider ended sessions");
            StatusCode::OK.into_response()
        }
        Ok(None) => plain(StatusCode::BAD_REQUEST, "The logout token was used before.\n".into()),
        Err(error) => {
            tracing::error!(%error, "sessions could not be ended");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// `POST /auth/link/{token}`: a break-glass link is used by a button, so that a program that looks at links uses none up.
pub async fn link(
    State(state): State<AppState>,
    Extension(at): Extension<Circumstances>,
    Path(link): Path<String>,
) -> Response {
    if !state.auth.may_try(&at.address) {
        return failed(Why::Often, "/domains");
    }
    match state.desk.use_link(&Token::new(&link), &at).await {
        Ok(Some(token)) => {
            ([(header::SET_COOKIE, cookie(SESSION, Some(&token)))], Redirect::to("/domains")).into_response()
        }
        Ok(None) => failed(Why::Link, "/domains"),
        Err(error) => failed(storage(&error), "/domains"),
    }
}

/// `POST /sign-out`
pub async fn sign_out(
    State(state): State<AppState>,
    Extension(at): Extension<Circumstances>,
    headers: HeaderMap,
) -> Response {
    let ended = match token(&headers, SESSION) {
        Some(token) => state.desk.sign_out(&token, &at).await,
        None => Ok(None),
    };
    let hint = match ended {
        Ok(hint) => hint,
        Err(error) => {
            tracing::error!(%error, "a session could not be ended");
            return plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not done: Sluice's own storage failed. Try again.\n".into(),
            );
        }
    };
    let to = elsewhere(&state.auth, hint.as_ref(), &state.origin.origin, state.desk.now_ms()).await;
    let to = to.unwrap_or_else(|| "/sign-in?out=1".to_owned());
    ([(header::SET_COOKIE, cookie(SESSION, None))], Redirect::to(&to)).into_response()
}

/// Where signing out goes on: at the provider that signed in, or at the proxy.
async fn elsewhere(auth: &Auth, hint: Option<&secrecy::SecretString>, origin: &str, now: i64) -> Option<String> {
    use secrecy::ExposeSecret;
    match &auth.gate {
        Gate::Oidc(provider) => {
            let then = format!("{origin}/sign-in?out=1");
            let hint = hint.map(ExposeSecret::expose_secret)?;
            provider.end(Some(hint), &then, now).await.map(|url| url.to_string())
        }
        _ => auth.sign_out.as_ref().map(ToString::to_string),
    }
}

fn missing() -> Response {
    plain(StatusCode::NOT_FOUND, "There is no such page.\n".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_a_closed_set() {
        for (why, word) in Why::ALL {
            assert_eq!((why.as_str(), Why::parse(word)), (word, Some(why)));
        }
        assert_eq!(Why::parse("<b>"), None);
    }
}
