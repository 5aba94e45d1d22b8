//! Who is asking, and what they may do. Every page and every server function starts here.

use crate::api::error::AppError;
use crate::server::{
    auth::{FRESH_MS, SESSION, cookie, identify::Nobody, peer},
    headers::plain,
    state::AppState,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use desk::{Person, Role, SignedIn};
use http::{Method, StatusCode, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What an action needs. One table decides, and everything asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// See what one's own keys reach.
    Read,
    /// Rename and remove one's own keys.
    OwnKeys,
    /// Add and replace one's own keys, and let others use them: with a fresh sign-in.
    StoreKeys,
    /// Mint a Domain Console login link.
    LoginLink,
    /// Add and remove list entries, create recipients.
    Lists,
    /// Change a domain: settings, servers, aliases, admins, association; provision, deprovision.
    ChangeDomains,
    /// Read the audit log.
    ReadAudit,
    /// Take the audit log away as a file: with a fresh sign-in.
    ExportAudit,
    /// See people, their sessions and the keys that those who are shut out left behind.
    SeePeople,
    /// See how the program does: its disk, database, backups, and numbers of everybody's keys and jobs.
    Operate,
    /// Shut people out, let them in again, sign them out: with a fresh sign-in.
    People,
}

impl Need {
    /// Every need, for tests and for the page that explains roles.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::OwnKeys,
        Self::StoreKeys,
        Self::LoginLink,
        Self::Lists,
        Self::ChangeDomains,
        Self::ReadAudit,
        Self::ExportAudit,
        Self::SeePeople,
        Self::Operate,
        Self::People,
    ];

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
            Self::OwnKeys | Self::StoreKeys | Self::LoginLink | Self::Lists => Role::Agent,
            Self::ChangeDomains | Self::ReadAudit | Self::ExportAudit => Role::Lead,
            Self::SeePeople | Self::Operate | Self::People => Role::Admin,
        }
    }

    /// Whether it takes a sign-in of the last ten minutes.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::StoreKeys | Self::ExportAudit | Self::People)
    }
}

/// The signed-in person of this request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person.
    pub person: Person,
    /// The request's id, for the log, the audit and error pages.
    pub request_id: String,
    /// What pages call the session.
    pub session: String,
    /// How they signed in.
    pub mode: String,
    /// Whether they proved who they are in the last ten minutes.
    pub is_fresh: bool,
}

impl Actor {
    /// Whether this person may do it now, by their role and, where it takes one, their fresh sign-in; or why not.
    pub fn check(&self, need: Need) -> Result<(), AppError> {
        if !self.may(need) {
            Err(AppError::NotAllowed { needs: need.least().as_str().to_owned() })
        } else if need.is_grave() && !self.is_fresh {
            Err(AppError::StepUp)
        } else {
            Ok(())
        }
    }

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
    match actor.check(need) {
        Ok(()) => Ok(actor),
        Err(error) => {
            if matches!(error, AppError::NotAllowed { .. }) {
                tracing::warn!(person = %actor.person.id, role = %actor.person.role, ?need, "refused");
                crate::server::audit::refused(&actor, need);
            }
            Err(error)
        }
    }
}

/// The use cases, from the context of the current page or server function.
pub fn desk() -> desk::Desk {
    expect_context::<AppState>().desk
}

/// Middleware: finds who is asking, and sends the signed-out to the sign-in page.
pub async fn find(State(state): State<AppState>, request: Request, next: Next) -> Response {
    // In parts, since a body can't be lent while something is waited for.
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path == "/sign-in" {
        state.auth.look(state.desk.now_ms()).await;
    }
    let peer = peer(&parts.extensions);
    let at = state.auth.circumstances(&parts.headers, peer);
    let (found, begun) = match state.auth.identify(&state.desk, &parts.headers, peer, &at).await {
        Ok(Ok(Some((found, token)))) => (Some(found), token),
        Ok(Ok(None)) => (None, None),
        Ok(Err(nobody)) if is_open(path) => {
            tracing::info!(%nobody, "nobody is signed in");
            (None, None)
        }
        Ok(Err(nobody)) => return unauthorized(&nobody),
        Err(error) => {
            tracing::error!(%error, "the session could not be read");
            return plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Sluice's own storage failed. Open the page again in a moment.\n".into(),
            );
        }
    };
    match found {
        Some(found) => {
            let actor = actor_of(found, at.request_id.clone(), state.auth.by_proxy, state.desk.now_ms());
            parts.extensions.insert(actor);
        }
        None if !is_open(path) => return sign_in_first(&parts),
        None => {}
    }
    parts.extensions.insert(at);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(token) = begun {
        response.headers_mut().append(header::SET_COOKIE, cookie(SESSION, Some(&token)));
    }
    response
}

fn is_open(path: &str) -> bool {
    matches!(path, "/sign-in" | "/auth/start" | "/auth/callback" | "/theme") || path.starts_with("/auth/link/")
}

/// Whether somebody proved who they are in the last ten minutes. Not in the future either, but for a minute by which
/// clocks differ: after the clock was set back, an old proof must not look new for hours.
pub fn is_fresh(now: i64, proved_at: i64) -> bool {
    (-60_000..FRESH_MS).contains(&(now - proved_at))
}

fn actor_of(found: SignedIn, request_id: String, by_proxy: bool, now: i64) -> Actor {
    let header_mode = matches!(found.mode.as_str(), "signed-header" | "trusted-header");
    Actor {
        is_fresh: is_fresh(now, found.proved_at) || (by_proxy && header_mode),
        person: found.person,
        request_id,
        session: found.session,
        mode: found.mode,
    }
}

/// What somebody reads whom the proxy does not vouch for, or who has no role.
fn unauthorized(nobody: &Nobody) -> Response {
    let (status, words) = match nobody {
        Nobody::NotAdmitted(desk::NotAdmitted::Disabled) => {
            (StatusCode::FORBIDDEN, "An administrator has shut you out.")
        }
        Nobody::NotAdmitted(_) => (
            StatusCode::FORBIDDEN,
            "You are known, but have no role in Sluice. Ask your administrator to add you to one of the groups that have one.",
        ),
        Nobody::Keys => {
            (StatusCode::SERVICE_UNAVAILABLE, "The sign-in service does not answer. Try again in a minute.")
        }
        _ => (
            StatusCode::UNAUTHORIZED,
            "You are not signed in. Open Sluice by its usual address, through your company's sign-in.",
        ),
    };
    plain(status, format!("{words}\n"))
}

const QUERY_VALUE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'&').add(b'+').add(b'%').add(b'?').add(b'=');

/// Percent-encodes a value for a query string.
pub fn query_value(value: &str) -> String {
    utf8_percent_encode(value, QUERY_VALUE).to_string()
}

fn sign_in_first(request: &Parts) -> Response {
    let wants_page = request.method == Method::GET
        && request
            .headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    if wants_page || request.method == Method::POST {
        // A form that was sent after the session ended returns to the page, not to the action.
        let back = if request.method == Method::GET {
            request.uri.path_and_query().map_or("/", |path| path.as_str())
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
    fn a_proof_is_fresh_for_ten_minutes_whatever_the_clock_does() {
        let now = 1_000_000_000;
        for (ago, fresh) in [(0, true), (599_999, true), (600_000, false), (-59_999, true), (-60_001, false)] {
            assert_eq!(is_fresh(now, now - ago), fresh, "{ago}");
        }
        assert!(!is_fresh(now, 0), "nobody says when");
    }

    #[test]
    fn roles_and_needs() {
        let table: Vec<_> = [Role::Viewer, Role::Agent, Role::Lead, Role::Admin]
            .into_iter()
            .map(|role| (role, Need::ALL.into_iter().filter(|need| role >= need.least()).count()))
            .collect();
        assert_eq!(table, [(Role::Viewer, 1), (Role::Agent, 5), (Role::Lead, 8), (Role::Admin, 11)]);
    }
}
