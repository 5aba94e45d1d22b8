//! `GET /lists/export.csv`: the lists of a view, so that they can be imported again unedited.

use crate::{
    pages::lists::{View, load},
    server::{
        actor::{Actor, Need},
        audit,
        headers::plain,
        state::AppState,
    },
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use desk::{Tiers, Whose, account_label};
use http::{StatusCode, header};
use inbound::lists::export;
use std::collections::HashMap;

/// The handler.
pub async fn lists(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Response {
    let query: HashMap<_, _> = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    if !actor.may(Need::Read) {
        audit::refused_at(&state.desk, &actor, "GET /lists/export.csv", Need::Read);
        return plain(StatusCode::FORBIDDEN, "Your role does not allow this.\n".into());
    }
    let view = View::of(&query);
    let (tiers, rows) = match load(&state.desk, &actor.person, &view).await {
        Ok(found) => found,
        Err(error) => {
            let (what, next) = error.words();
            return plain(StatusCode::BAD_GATEWAY, format!("{what} {next}\n"));
        }
    };
    if let Some((place, (what, next))) = tiers.iter().flat_map(Tiers::failed).next() {
        // A file with a list missing would look whole.
        return plain(StatusCode::BAD_GATEWAY, format!("The {place} could not be read. {what} {next}\n"));
    }
    let accounts: Vec<_> = match state.desk.accounts(&actor.person).await {
        Ok(accounts) => accounts.into_iter().map(|(id, name, _)| (id, name)).collect(),
        Err(error) => {
            let (what, next) = error.words();
            return plain(StatusCode::BAD_GATEWAY, format!("{what} {next}\n"));
        }
    };
    let csv = export(rows.iter().map(|row| {
        let whose = match &row.whose {
            Whose::Account(id) => account_label(id, &accounts).to_owned(),
            whose => whose.to_string(),
        };
        (row.place.tier, whose, row.place.list, row.listed.item.as_str())
    }));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"lists.csv\""),
    ];
    (headers, csv).into_response()
}
