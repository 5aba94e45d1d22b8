//! The router: routes, and around them the rules that hold on every response.

use crate::{
    app,
    server::{
        actor, assets, audit, auth::routes, bulk, csrf, export, find, headers, jobs, login_link, login_links, metrics,
        ready, report, sign_in, state::AppState,
    },
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::Redirect,
    routing::{get, post},
};
use http::{HeaderName, StatusCode};
use http_body_util::BodyExt;
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::time::Duration;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::RequestBodyTimeoutLayer,
    trace::TraceLayer,
};

/// Largest body of a form, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Largest body of the forms that take many rows or a pasted message, in bytes.
const BATCH_LIMIT: usize = 1024 * 1024;
/// How much of a refused body is read before the answer.
const DRAIN_LIMIT: usize = 8 * 1024 * 1024;

/// All routes. Clients may take so long between two pieces of a body.
pub fn router(state: AppState, read: Duration) -> Router {
    let context = {
        let state = state.clone();
        move || leptos::prelude::provide_context(state.clone())
    };
    let routes = generate_route_list(app::App);
    let request_id = HeaderName::from_static("x-request-id");
    Router::new()
        .route("/", get(|| async { Redirect::to("/domains") }))
        .route("/search", get(find::search))
        .route("/find.json", get(find::json))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(routes::sign_out))
        .route("/auth/start", post(routes::start))
        .route("/auth/callback", get(routes::callback))
        .route("/auth/step-up", post(routes::step_up))
        .route("/auth/link/{token}", post(routes::link))
        .route("/theme", post(sign_in::theme))
        .route("/shortcuts", post(sign_in::shortcuts))
        .route("/reports", post(report::post).layer(DefaultBodyLimit::disable()))
        .route("/audit.csv", get(audit::csv))
        .route("/lists/export.csv", get(export::lists))
        .route("/login-links", post(login_links::mint))
        .route("/provision/many", get(|| async { Redirect::to("/bulk/provision") }))
        .route("/domains/select", post(bulk::select))
        .route("/bulk/{act}", post(bulk::plan).layer(DefaultBodyLimit::disable()))
        .route("/bulk/{act}/template.csv", get(bulk::template_csv))
        .route("/jobs/{number}/results.csv", get(jobs::results))
        .route("/jobs/{number}/failed.csv", get(jobs::failed))
        .route("/jobs/{number}/events", get(jobs::events))
        .route("/jobs/{number}/links", post(jobs::links))
        .route("/domains/{name}/login-link", post(login_link::mint))
        .leptos_routes_with_context(&state, routes, context, app::shell)
        .layer(from_fn(limit_body))
        .layer(from_fn_with_state(state.clone(), actor::find))
        .route("/pkg/{file}", get(assets::pkg))
        .route("/favicon.svg", get(assets::favicon))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready::readyz))
        .fallback(app::missing)
        .layer(from_fn_with_state(state.origin.clone(), csrf::guard))
        // A message between servers, which no browser sends and which proves itself.
        .route("/auth/back-channel", post(routes::back_channel))
        .layer(from_fn_with_state(state.origin.clone(), csrf::own_host))
        .layer(from_fn_with_state(state.ready.clone(), ready::guard))
        .layer(from_fn(headers::secure))
        .layer(RequestBodyTimeoutLayer::new(read))
        .layer(from_fn(limit_time))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            headers::plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something failed in Sluice. Open the page again.\n".into(),
            )
        }))
        .layer(from_fn_with_state(state.metrics.clone(), metrics::count))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &http::Request<_>| {
            // The path only: what people search for stays out of the log.
            tracing::info_span!(
                "request",
                method = %request.method(),
                path = logged_path(request),
                id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default(),
            )
        }))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(from_fn(own_request_id))
        .with_state(state)
}

/// A path without the secret that a break-glass link has in it.
fn logged_path<B>(request: &http::Request<B>) -> &str {
    let path = request.uri().path();
    if path.starts_with("/auth/link/") { "/auth/link/…" } else { path }
}

/// Ends a request that takes too long. A message of 40 MB over a slow line, and on to the service, takes minutes.
async fn limit_time(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let minutes = match request.uri().path() {
        "/reports" => 15,
        // A thousand entries, each read, written and read back, at the pace that the service allows.
        "/do/lists/send" | "/do/lists/undo-all" => 5,
        _ => 1,
    };
    match tokio::time::timeout(Duration::from_mins(minutes), next.run(request)).await {
        Ok(response) => response,
        Err(_) => headers::plain(
            StatusCode::GATEWAY_TIMEOUT,
            "It took too long. Open the page again and look whether it was done.\n".into(),
        ),
    }
}

/// Refuses bodies that are too large, by what they claim or, where they claim nothing, as they come.
async fn limit_body(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let limit = match request.uri().path() {
        "/do/explain/read" | "/do/lists/add" => BATCH_LIMIT,
        "/reports" => report::BODY_MAX,
        path if path.starts_with("/bulk/") => bulk::BODY_MAX,
        _ => BODY_LIMIT,
    };
    let claimed = request
        .headers()
        .get(http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if claimed.is_some_and(|length| length > limit) {
        // A browser that is still sending would show a broken connection instead of these words.
        let drain = if limit == report::BODY_MAX { 2 * limit } else { DRAIN_LIMIT };
        let mut rest = http_body_util::Limited::new(request.into_body(), drain);
        while let Some(Ok(_)) = rest.frame().await {}
        return headers::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Not done: that is more than {} KB. Go back and shorten it; nothing was sent.\n", limit / 1024),
        );
    }
    let request = request.map(|body| axum::body::Body::new(http_body_util::Limited::new(body, limit)));
    next.run(request).await
}

/// A request id from outside is replaced, so that nobody chooses what our log and audit say.
async fn own_request_id(mut request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    request.headers_mut().remove("x-request-id");
    next.run(request).await
}
