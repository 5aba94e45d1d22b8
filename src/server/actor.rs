//! Who is asking, and what they may do. Every page and every server function starts here.

use crate::api::error::AppError;
use crate::server::state::AppState;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use desk::{Person, Role};
use http::{Method, StatusCode, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower_sessions::Session;

/// Session entry: the person's id.
pub const PERSON: &str = "person";
/// Session entry: the person's epoch at sign-in; a later epoch (disabled, role changed) ends the session.
pub const EPOCH: &str = "epoch";
/// Session entry: unix milliseconds of the sign-in; a session ends 8 hours later however busy it is.
pub const STARTED: &str = "started";
/// Session entry: unix milliseconds of the last request that was noted.
const SEEN: &str = "seen";

/// Longest life of a session, in milliseconds.
pub const ABSOLUTE_MS: i64 = 8 * 60 * 60 * 1000;
/// A session is written at most once in this time, so that reading pages doesn't write.
const NOTE_EVERY_MS: i64 = 60 * 1000;

/// What an action needs. One table decides, and everything asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// See what one's own keys reach.
    Read,
    /// Add, replace, rename and remove one's own keys.
    OwnKeys,
    /// Mint a Domain Console login link.
    LoginLink,
    /// Add and remove list entries, create recipients.
    Lists,
    /// Change a domain: settings, servers, aliases, admins, association; provision, deprovision.
    ChangeDomains,
    /// Read the audit log of everybody.
    ReadAudit,
}

impl Need {
    /// Every need, for tests and for the page that explains roles.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::OwnKeys, Self::LoginLink, Self::Lists, Self::ChangeDomains, Self::ReadAudit];

    /// What a bulk change of this kind needs.
    pub fn bulk(kind: inbound::plan::Kind) -> Self {
        use inbound::plan::Kind;
        match kind {
            Kind::AddEntries | Kind::RemoveEntries => Self::Lists,
            Kind::LoginLinks => Self::LoginLink,
            _ => Self::ChangeDomains,
        }
    }

    /// The least role that may.
    pub fn least(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::OwnKeys | Self::LoginLink | Self::Lists => Role::Agent,
            Self::ChangeDomains | Self::ReadAudit => Role::Lead,
        }
    }
}

/// The signed-in person of this request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person.
    pub person: Person,
    /// The request's id, for the log, the audit and error pages.
    pub request_id: String,
}

impl Actor {
    /// Whether this person's role is enough.
    pub fn may(&self, need: Need) -> bool {
        self.person.role >= need.least()
    }
}

/// The actor of the current page or server function, if somebody is signed in.
pub fn actor() -> Option<Actor> {
    use_context::<Parts>()?.extensions.get::<Actor>().cloned()
}

/// The guard: the signed-in person, or why not.
pub fn guard(need: Need) -> Result<Actor, AppError> {
    let actor = actor().ok_or(AppError::SignedOut)?;
    if actor.may(need) {
        Ok(actor)
    } else {
        tracing::warn!(person = %actor.person.id, role = %actor.person.role, ?need, "refused");
        crate::server::audit::refused(&actor, need);
        Err(AppError::NotAllowed { needs: need.least().as_str().to_owned() })
    }
}

/// The use cases, from the context of the current page or server function.
pub fn desk() -> desk::Desk {
    expect_context::<AppState>().desk
}

/// Middleware: finds the person behind the session, and sends the signed-out to the sign-in page.
pub async fn find(State(state): State<AppState>, session: Session, mut request: Request, next: Next) -> Response {
    match signed_in(&state, &session).await {
        Ok(Some(person)) => {
            let request_id = request_id(&request);
            request.extensions_mut().insert(Actor { person, request_id });
        }
        Ok(None) => {
            let path = request.uri().path();
            let open = path == "/sign-in" || path == "/healthz" || path == "/favicon.svg" || path.starts_with("/pkg/");
            if !open {
                return sign_in_first(&request);
            }
        }
        Err(error) => {
            tracing::error!(%error, "the session could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    next.run(request).await
}

fn request_id(request: &Request) -> String {
    request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("unknown").to_owned()
}

async fn signed_in(state: &AppState, session: &Session) -> Result<Option<Person>, desk::DeskError> {
    let read = async {
        Ok::<_, tower_sessions::session::Error>((
            session.get::<String>(PERSON).await?,
            session.get::<i64>(EPOCH).await?,
            session.get::<i64>(STARTED).await?,
            session.get::<i64>(SEEN).await?,
        ))
    };
    let (Some(id), Some(epoch), Some(started), seen) = read.await.map_err(|error| desk::DeskError::storage(&error))?
    else {
        return Ok(None);
    };
    let now = state.desk.now_ms();
    let person = state.desk.person(&id).await?;
    let valid = person.filter(|person| person.epoch == epoch && !person.disabled && now - started < ABSOLUTE_MS);
    if valid.is_none() {
        let _ = session.flush().await;
        return Ok(None);
    }
    if seen.is_none_or(|seen| now - seen >= NOTE_EVERY_MS) {
        session.insert(SEEN, now).await.map_err(|error| desk::DeskError::storage(&error))?;
    }
    Ok(valid)
}

const QUERY_VALUE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'&').add(b'+').add(b'%').add(b'?').add(b'=');

/// Percent-encodes a value for a query string.
pub fn query_value(value: &str) -> String {
    utf8_percent_encode(value, QUERY_VALUE).to_string()
}

fn sign_in_first(request: &Request) -> Response {
    let wants_page = *request.method() == Method::GET
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    if wants_page || request.method() == Method::POST {
        // A form that was sent after the session ended returns to the page, not to the action.
        let back = if request.method() == Method::GET {
            request.uri().path_and_query().map_or("/", |path| path.as_str())
        } else {
            "/"
        };
        return Redirect::to(&format!("/sign-in?return={}", query_value(back))).into_response();
    }
    StatusCode::UNAUTHORIZED.into_response()
}

/// A return path from a query or form: kept only when it is a path on this server.
pub fn local_path(path: &str) -> Option<&str> {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/do/")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    local.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_paths_are_local() {
        for good in ["/", "/domains?q=a%20b", "/domains/bikeshop.example#spam"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:1",
            "/a b",
            "/a\r\nSet-Cookie: x",
            "/\u{e9}",
            "/do/sign-out",
            "domains",
        ] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn roles_and_needs() {
        let table: Vec<_> = [Role::Viewer, Role::Agent, Role::Lead, Role::Admin]
            .into_iter()
            .map(|role| (role, Need::ALL.into_iter().filter(|need| role >= need.least()).count()))
            .collect();
        assert_eq!(table, [(Role::Viewer, 1), (Role::Agent, 4), (Role::Lead, 6), (Role::Admin, 6)]);
    }
}
