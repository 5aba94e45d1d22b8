//! The frame of every signed-in page: guard, load, then show, in exactly one Suspense, so that the
//! status code and the title are right and nothing is streamed half-done.

use crate::{
    components::{Icon, alert, empty, icon, note, shell},
    server::{
        actor::{Actor, Need, desk, guard},
        flash::{self, Flash},
        preferences,
    },
};
use desk::{Desk, DeskError, OwnKeys};
use http::{StatusCode, request::Parts};
use leptos::{prelude::*, tachys::html::InertElement};
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::OnceCell;
use tracing::Instrument;

/// What a page is made from.
pub struct Cx {
    /// The use cases.
    pub desk: Desk,
    /// Who looks.
    pub actor: Actor,
    /// The note of the action that led here.
    pub flash: Option<Flash>,
    /// The query of the URL.
    pub query: HashMap<String, String>,
    /// Path and query of the URL.
    pub url: String,
    /// When the page is made, unix milliseconds.
    pub now: i64,
    /// The chosen theme; none follows the system.
    pub theme: Option<&'static str>,
    /// Whether single-key shortcuts are on.
    pub single_keys: bool,
    keys: OnceCell<OwnKeys>,
}

impl Cx {
    /// The keys of who looks, read once a page.
    pub async fn keys(&self) -> Result<&OwnKeys, DeskError> {
        self.keys.get_or_try_init(|| self.desk.own_keys(&self.actor.person)).await
    }

    /// A query value; empty counts as absent.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The error beside a field.
    pub fn error(&self, form: &str, field: &str) -> Option<String> {
        self.flash.as_ref()?.error(form, field).map(str::to_owned)
    }

    /// All errors beside a field.
    pub fn errors(&self, form: &str, field: &str) -> Vec<String> {
        let flash = self.flash.iter().filter(|flash| flash.form == form);
        let errors = flash.flat_map(|flash| &flash.errors).filter(|error| error.field == field);
        errors.map(|error| error.message.clone()).collect()
    }

    /// What was typed into a field before an error, or else `value`.
    pub fn typed(&self, form: &str, field: &str, value: &str) -> String {
        self.flash.as_ref().and_then(|flash| flash.typed(form, field)).unwrap_or(value).to_owned()
    }

    /// Whether a form of the page is being shown again after an error.
    pub fn again(&self, form: &str) -> bool {
        self.flash.as_ref().is_some_and(|flash| flash.form == form)
    }
}

/// A page that is ready to be shown.
pub struct Page {
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: StatusCode,
    /// What it shows.
    pub body: AnyView,
}

impl Page {
    /// A page.
    pub fn new(title: impl Into<String>, body: impl IntoView + 'static) -> Self {
        Self { title: title.into(), status: StatusCode::OK, body: body.into_any() }
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

/// Shows a page after its guard.
pub fn page<F, Fut>(section: &'static str, need: Need, load: F) -> impl IntoView
where
    F: FnOnce(Arc<Cx>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page, DeskError>> + Send + 'static,
{
    let response = expect_context::<ResponseOptions>();
    let parts = expect_context::<Parts>();
    let found = guard(need).map(|actor| (desk(), actor));
    // Whichever task goes on with the page, its calls are logged under its request.
    let request = tracing::Span::current();
    view! {
        <Suspense fallback=|| ()>
            {Suspend::new(async move {
                let (desk, actor) = match found {
                    Ok(found) => found,
                    Err(error) => {
                        response.set_status(StatusCode::FORBIDDEN);
                        return refused(&error.to_string()).into_any();
                    }
                };
                let query: HashMap<_, _> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                    .into_owned()
                    .collect();
                let flash = match query.get("f") {
                    Some(id) => flash::find(&desk, &actor.person, id).await,
                    None => None,
                };
                let url = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
                let (theme, single_keys) = preferences::of(&parts);
                let keys = OnceCell::new();
                let now = desk.now_ms();
                let cx = Arc::new(Cx { desk, actor, flash, query, url, now, theme, single_keys, keys });
                let page = match load(cx.clone()).instrument(request).await {
                    Ok(page) => page,
                    Err(error) => failed(&cx, &error),
                };
                response.set_status(page.status);
                let counts = match cx.keys().await {
                    Ok(keys) => cx.desk.reach_count(keys).await.unwrap_or_default(),
                    Err(_) => (0, 0),
                };
                let title = format!("{} · Sluice", page.title);
                // All is loaded, so the page is written in one go: to write a view that could still wait costs
                // several times as much, with a future for every element.
                let html = shell::frame(&cx, section, counts, page.body).to_html();
                view! {
                    <Title text=title/>
                    {InertElement::new(html)}
                }
                .into_any()
            })}
        </Suspense>
    }
}

fn failed(cx: &Cx, error: &DeskError) -> Page {
    let (what, next) = error.reading_words();
    let status = match error {
        DeskError::NotFound(_) | DeskError::Gone(_) => StatusCode::NOT_FOUND,
        DeskError::Upstream(_) | DeskError::Unread(_) | DeskError::Unconfirmed(_) | DeskError::NotAsked(..) => {
            StatusCode::BAD_GATEWAY
        }
        DeskError::Invalid(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let request = cx.actor.request_id.clone();
    Page::new(
        "Not shown",
        view! {
            <h1>"Not shown"</h1>
            {note(cx.flash.as_ref())}
            <div class="gap">{alert("bad", what, next, None)}</div>
            <p class="hint gap">"Request "<span class="mono">{request}</span></p>
        },
    )
    .status(status)
}

fn refused(words: &str) -> impl IntoView {
    let words = words.to_owned();
    view! {
        <Title text="Not allowed · Sluice"/>
        <main id="main" class="alone">
            <h1 class="vh">"Not allowed"</h1>
            {empty(Icon::Lock, "Your role does not allow this", words, Some(view! { <a class="btn" href="/domains">{icon(Icon::Globe)}"Domains"</a> }.into_any()))}
        </main>
    }
}
