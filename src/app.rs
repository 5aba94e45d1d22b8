//! Document shell and route table.

use crate::{
    pages,
    server::{actor::actor, assets, headers::page_policy, preferences, state::AppState},
};
use http::{HeaderValue, StatusCode, header};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

/// Loads the browser code only where an island waits for it.
const LOADER: &str = r#"
const islands = document.querySelectorAll("leptos-island");
if (islands.length) {
  const code = await import(BASE + ".js");
  await code.default({ module_or_path: BASE + ".wasm" });
  code.hydrate();
  for (const island of islands) code[island.dataset.component]?.(island);
  document.documentElement.dataset.ready = "";
}"#;

/// The loader for the browser files named `base`.
pub fn loader(base: &str) -> String {
    LOADER.replace("BASE", &format!("{base:?}"))
}

/// The document around every page.
pub fn shell() -> impl IntoView {
    let nonce = use_nonce();
    let forms = use_context::<AppState>().map(|state| state.auth.form_origins()).unwrap_or_default();
    if let (Some(nonce), Some(response)) = (&nonce, use_context::<ResponseOptions>())
        && let Ok(policy) = HeaderValue::from_str(&page_policy(nonce, &forms))
    {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    let base = format!("/pkg/sluice.{}", assets::hash());
    // The sign-in page has no islands and gets no code at all.
    let loader = actor().is_some().then(|| {
        view! { <script type="module" nonce=nonce inner_html=loader(&base)></script> }
    });
    let (theme, single_keys) = preferences::here();
    view! {
        <!DOCTYPE html>
        <html lang="en" dir="ltr" data-theme=theme data-keys=(!single_keys).then_some("off")>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=format!("{base}.css")/>
                {loader}
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The routes. Each is rendered whole before its first byte is sent, so that its status is true.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title text="Sluice"/>
        <Router>
            <Routes fallback=not_found>
                <Route path=path!("/sign-in") view=pages::sign_in::SignIn ssr=SsrMode::Async/>
                <Route path=path!("/auth/link/:token") view=pages::sign_in::LinkPage ssr=SsrMode::Async/>
                <Route path=path!("/confirm") view=pages::confirm::Confirm ssr=SsrMode::Async/>
                <Route path=path!("/sessions") view=pages::people::Sessions ssr=SsrMode::Async/>
                <Route path=path!("/status") view=pages::status::StatusPage ssr=SsrMode::Async/>
                <Route path=path!("/backups") view=pages::backups::Backups ssr=SsrMode::Async/>
                <Route path=path!("/people") view=pages::people::People ssr=SsrMode::Async/>
                <Route path=path!("/domains") view=pages::domains::Domains ssr=SsrMode::Async/>
                <Route path=path!("/domains/:name") view=pages::domain::DomainPage ssr=SsrMode::Async/>
                <Route path=path!("/domains/:name/servers") view=pages::servers::ReviewServers ssr=SsrMode::Async/>
                <Route path=path!("/domains/:name/deprovision") view=pages::deprovision::Deprovision ssr=SsrMode::Async/>
                <Route path=path!("/explain") view=pages::explain::Explain ssr=SsrMode::Async/>
                <Route path=path!("/find") view=pages::find::Find ssr=SsrMode::Async/>
                <Route path=path!("/preferences") view=pages::preferences::Preferences ssr=SsrMode::Async/>
                <Route path=path!("/lists") view=pages::lists::Lists ssr=SsrMode::Async/>
                <Route path=path!("/lists/review") view=pages::entries_review::ReviewEntries ssr=SsrMode::Async/>
                <Route path=path!("/lists/outcome/:id") view=pages::entries_review::EntriesOutcome ssr=SsrMode::Async/>
                <Route path=path!("/recipients") view=pages::recipients::Recipients ssr=SsrMode::Async/>
                <Route path=path!("/recipients/:address") view=pages::recipients::RecipientPage ssr=SsrMode::Async/>
                <Route path=path!("/login-links") view=pages::login_links::LinksPage ssr=SsrMode::Async/>
                <Route path=path!("/reports") view=pages::reports::Reports ssr=SsrMode::Async/>
                <Route path=path!("/keys") view=pages::keys::Keys ssr=SsrMode::Async/>
                <Route path=path!("/keys/map") view=pages::key_map::KeyMapPage ssr=SsrMode::Async/>
                <Route path=path!("/keys/:id/leaked") view=pages::rescue::Leaked ssr=SsrMode::Async/>
                <Route path=path!("/keys/:id") view=pages::key::KeyPage ssr=SsrMode::Async/>
                <Route path=path!("/provision") view=pages::provision::ProvisionOne ssr=SsrMode::Async/>
                <Route path=path!("/bulk") view=pages::bulk::Bulk ssr=SsrMode::Async/>
                <Route path=path!("/bulk/:act") view=pages::bulk::BulkForm ssr=SsrMode::Async/>
                <Route path=path!("/plans/:number") view=pages::plan::PlanPage ssr=SsrMode::Async/>
                <Route path=path!("/jobs") view=pages::jobs::Jobs ssr=SsrMode::Async/>
                <Route path=path!("/jobs/:number") view=pages::job::JobPage ssr=SsrMode::Async/>
                <Route path=path!("/audit") view=pages::audit::Audit ssr=SsrMode::Async/>
                <Route path=path!("/subscriptions") view=pages::subscriptions::Subscriptions ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

/// Handler for every address outside the route table.
pub async fn missing(request: axum::extract::Request) -> axum::response::Response {
    use axum::response::IntoResponse;
    let mut response = leptos_axum::render_app_async(shell)(request).await.into_response();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn not_found() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
    pages::not_found::view()
}
