//! `GET /audit.csv`, and the one place where refusals are noted.

use crate::{
    api::{error::AppError, forms::confirm_path},
    pages::audit_view::View,
    server::{
        actor::{Actor, Need, desk},
        headers::plain,
        state::AppState,
    },
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use desk::{Asker, Desk, DeskError, audit_cells};
use futures::{Stream, stream};
use http::{StatusCode, header, request::Parts};
use inbound::audit;
use leptos::prelude::use_context;
use store::{AuditCursor, AuditFilter};

/// Rows of one piece of the file.
const PIECE: u32 = 500;

/// Notes that the person of the current page or server function was refused.
pub fn refused(actor: &Actor, need: Need) {
    let what = use_context::<Parts>()
        .map_or_else(|| "unknown".to_owned(), |parts| format!("{} {}", parts.method, parts.uri.path()));
    refused_at(&desk(), actor, &what, need);
}

/// Notes that a person was refused: method and path, without the query.
pub fn refused_at(desk: &Desk, actor: &Actor, what: &str, need: Need) {
    let asker = Asker::new(actor.person.clone(), actor.request_id.clone());
    desk.refuse(&asker, &what.chars().take(300).collect::<String>(), need.least());
}

/// The handler: the rows of a view, streamed. That they were taken is a row itself.
pub async fn csv(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Response {
    match actor.check(Need::ExportAudit) {
        Ok(()) => {}
        Err(AppError::StepUp) => return Redirect::to(&confirm_path("/audit")).into_response(),
        Err(_) => {
            refused_at(&state.desk, &actor, "GET /audit.csv", Need::ExportAudit);
            return plain(StatusCode::FORBIDDEN, "Your role does not allow this.\n".into());
        }
    }
    let view = View::of_query(&query.unwrap_or_default());
    let filter = match view.filter() {
        Ok(filter) => filter,
        Err(why) => return plain(StatusCode::BAD_REQUEST, format!("{why}\n")),
    };
    let asker = Asker::new(actor.person, actor.request_id);
    if let Err(error) = state.desk.audit_export(&asker, &view.query()).await {
        let (what, next) = error.words();
        return plain(StatusCode::SERVICE_UNAVAILABLE, format!("{what} {next}\n"));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    (headers, Body::from_stream(pieces(state.desk, filter))).into_response()
}

/// Where the file goes on.
enum At {
    Heading,
    Rows(Option<AuditCursor>),
}

/// The file in pieces. One that cannot be read breaks the download off, so that half a file doesn't look whole.
fn pieces(desk: Desk, filter: AuditFilter) -> impl Stream<Item = Result<Bytes, DeskError>> {
    stream::try_unfold(Some(At::Heading), move |at| {
        let (desk, filter) = (desk.clone(), filter.clone());
        async move {
            let before = match at {
                None => return Ok(None),
                Some(At::Heading) => {
                    let heading = audit::csv(std::iter::once(audit::COLUMNS.map(str::to_owned)));
                    return Ok(Some((Bytes::from(heading), Some(At::Rows(None)))));
                }
                Some(At::Rows(before)) => before,
            };
            let page = desk.audit_page(&filter, before, PIECE).await?;
            let rows = page.rows.iter().map(|entry| audit_cells(&entry.row, entry.outcome()));
            Ok(Some((Bytes::from(audit::csv(rows)), page.next.map(|next| At::Rows(Some(next))))))
        }
    })
}
