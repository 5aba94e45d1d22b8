//! The search box, and what the palette asks while one types.

use crate::{
    api::forms::{domain_page, segment},
    components::Icon,
    pages::entries::explain_url,
    server::{
        actor::{Actor, Need, query_value},
        headers::plain,
        places,
        state::AppState,
    },
};
use axum::{
    Extension, Json,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use desk::{Hit, shown_address};
use http::{StatusCode, header};
use inbound::find::{Candidate, Sought, grouped};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Answers of the palette, at most.
const SHOWN: u32 = 20;
/// Answers a second for one person, over all their pages: somebody who types asks for ten.
const A_SECOND: u32 = 30;

/// How often people were answered in the current second.
#[derive(Debug, Default)]
pub struct Rate(Mutex<(i64, HashMap<String, u32>)>);

impl Rate {
    /// Whether one more is within the rate. The time is in unix milliseconds.
    fn allows(&self, person: &str, now: i64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.div_euclid(1_000);
        if state.0 != second {
            *state = (second, HashMap::new());
        }
        let count = state.1.entry(person.to_owned()).or_default();
        *count += 1;
        *count <= A_SECOND
    }
}

/// Something found, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it leads.
    pub path: String,
    /// What it is called.
    pub title: String,
    /// What else is to be said.
    pub note: String,
    /// Whether the title is a name or an address.
    pub mono: bool,
    /// Its icon's name.
    pub icon: &'static str,
}

impl Line {
    /// A line.
    pub fn of(hit: Hit) -> Self {
        let (icon, path, title, note, mono) = match hit {
            Hit::Domain { name, display } => (Icon::Globe, domain_page(&name, ""), display, String::new(), true),
            Hit::Alias { alias, name, display } => {
                (Icon::Equal, domain_page(&name, ""), alias, format!("Alias of {display}"), true)
            }
            Hit::Recipient { address } => {
                (Icon::User, format!("/recipients/{}", segment(&address)), shown_address(&address), String::new(), true)
            }
            Hit::Key { id, label } => (Icon::KeyRound, format!("/keys/{}", segment(&id)), label, String::new(), false),
            Hit::Job { number, title } => {
                (Icon::Layers, format!("/jobs/{number}"), title, format!("Job {number}"), false)
            }
            Hit::Explain { to } => {
                let path =
                    if to.contains('@') { explain_url("", &to) } else { format!("/explain?at={}", query_value(&to)) };
                (Icon::Route, path, format!("Explain a mail to {}", shown_address(&to)), String::new(), false)
            }
            Hit::Place(place) => {
                let icon = if place.action { Icon::Pencil } else { Icon::List };
                (icon, place.path.to_owned(), place.title.to_owned(), String::new(), false)
            }
        };
        Self { path, title, note, mono, icon: icon.id() }
    }
}

/// Lines by groups, the group of the nearest first.
pub fn lines(found: Vec<Candidate<Hit>>) -> Vec<(&'static str, Vec<Line>)> {
    let lines = |members: Vec<Candidate<Hit>>| members.into_iter().map(|found| Line::of(found.item)).collect();
    grouped(found).into_iter().map(|(group, members)| (group, lines(members))).collect()
}

/// What is looked for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /find.json`: what the palette shows.
pub async fn json(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Query(search): Query<Search>,
) -> Response {
    if !actor.may(Need::Read) {
        return plain(StatusCode::FORBIDDEN, "Your role does not allow this.\n".into());
    }
    if !state.finds.allows(&actor.person.id, state.desk.now_ms()) {
        let text = "Too many searches in a second. Try again.\n".to_owned();
        return ([(header::RETRY_AFTER, "1")], plain(StatusCode::TOO_MANY_REQUESTS, text)).into_response();
    }
    match state.desk.look_for(&actor.person, &search.q, &places::of(&actor), SHOWN).await {
        Ok(found) => Json(lines(found)).into_response(),
        Err(error) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.words().0)),
    }
}

/// `GET /search`: a whole domain, address or URL opens the domain. Anything else filters the list of domains, unless
/// it is the name of something else too.
pub async fn search(
    State(state): State<AppState>,
    actor: Option<Extension<Actor>>,
    Query(search): Query<Search>,
) -> Response {
    let text = search.q.trim();
    let Some(Extension(actor)) = actor else { return Redirect::to("/domains").into_response() };
    if let Some(pasted) = inbound::pasted::find_domain(text) {
        // A bare name that is only part of names we know is a search, not a domain to open.
        let name = pasted.domain.as_str();
        let known = state.desk.knows(&actor.person, name).await.unwrap_or(false);
        let bare = text.eq_ignore_ascii_case(name);
        let parts = bare && !known && state.desk.matches(&actor.person, text).await.unwrap_or(false);
        if !parts {
            return Redirect::to(&domain_page(name, "")).into_response();
        }
    } else if !text.is_empty() {
        let found = state.desk.look_for(&actor.person, text, &places::of(&actor), SHOWN).await.unwrap_or_default();
        let sought = Sought::read(text).text;
        if found.iter().any(|found| found.item.is_elsewhere(&sought)) {
            return Redirect::to(&format!("/find?q={}", query_value(text))).into_response();
        }
    }
    Redirect::to(&format!("/domains?q={}", query_value(text))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_s_haste_is_theirs_alone() {
        let rate = Rate::default();
        let answered = |person: &str, now: i64| (0..100).filter(|_| rate.allows(person, now)).count();
        assert_eq!(answered("ann", 1_000), 30);
        assert_eq!(answered("bob", 1_999), 30);
        assert_eq!(answered("ann", 1_999), 0);
        assert_eq!(answered("ann", 2_000), 30);
    }
}
