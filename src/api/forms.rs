//! What every form action does around its use case: guard, act, keep a note, redirect.

use crate::{
    api::error::AppError,
    server::{
        actor::{Need, actor, desk, guard, query_value},
        flash::{self, Flash, Tone},
    },
};
use desk::{Asker, Desk, DeskError};
use std::collections::HashMap;
use tracing::Instrument;

/// Where to go after a form action, and what to say there.
pub struct Next {
    /// A local path that we built.
    pub path: String,
    /// The note.
    pub flash: Option<Flash>,
}

impl Next {
    /// Go there and say that.
    pub fn say(path: impl Into<String>, flash: Flash) -> Self {
        Self { path: path.into(), flash: Some(flash) }
    }

    /// Go there.
    pub fn to(path: impl Into<String>) -> Self {
        Self { path: path.into(), flash: None }
    }
}

/// The form that is being answered: where its errors go, and what was typed into it.
pub struct Form {
    /// Its name on the page.
    pub name: &'static str,
    /// The page it stands on, with a fragment that leads to it.
    pub page: String,
    /// What was typed; never a secret.
    pub typed: HashMap<String, String>,
    /// Ticket or reason, as typed; empty where the form has no such field.
    pub reason: String,
}

impl Form {
    /// A form on a page.
    pub fn new(name: &'static str, page: impl Into<String>) -> Self {
        Self { name, page: page.into(), typed: HashMap::new(), reason: String::new() }
    }

    /// Keeps what was typed into a field.
    #[must_use]
    pub fn typed(mut self, field: &str, value: impl Into<String>) -> Self {
        self.typed.insert(field.to_owned(), value.into());
        self
    }

    /// Takes the ticket or reason that was typed with the change, from the field `reason`. It goes into the audit log.
    #[must_use]
    pub fn reason(mut self, typed: &str) -> Self {
        typed.clone_into(&mut self.reason);
        self.typed("reason", typed)
    }
}

/// Runs a form action.
pub async fn act<F, Fut>(need: Need, form: Form, run: F) -> Result<(), AppError>
where
    F: FnOnce(Desk, Asker) -> Fut,
    Fut: Future<Output = Result<Next, DeskError>> + Send + 'static,
{
    let (desk, actor) = match (guard(need), actor()) {
        (Ok(actor), _) => (desk(), actor),
        (Err(AppError::StepUp), Some(_)) => {
            leptos_axum::redirect(&confirm_path(&form.page));
            return Ok(());
        }
        (Err(error), Some(actor)) => {
            let flash = Flash { tone: Tone::Bad, title: error.to_string(), ..Flash::default() };
            return finish(&desk(), &actor.person, Next::say(form.page, flash)).await;
        }
        (Err(error), None) => return Err(error),
    };
    let asker = Asker::new(actor.person, actor.request_id);
    let person = asker.person.clone();
    // A task of its own: a change that has begun is brought to its end, and its outcome noted, also
    // when the browser goes away in the middle.
    let ran = match asker.because(&form.reason) {
        Ok(asker) => {
            let ran = tokio::spawn(run(desk.clone(), asker).in_current_span()).await;
            ran.unwrap_or_else(|error| Err(DeskError::storage(&error)))
        }
        Err(error) => Err(error),
    };
    let next = match ran {
        Ok(next) => next,
        Err(error) => {
            let (title, detail) = error.words();
            let errors = if let DeskError::Invalid(errors) = error { errors } else { Vec::new() };
            // A browser moves focus to the first wrong field only where the address leads to no section.
            let page = if errors.is_empty() { form.page.as_str() } else { form.page.split('#').next().unwrap_or("/") };
            let detail = if errors.is_empty() { detail } else { String::new() };
            Next::say(
                page,
                Flash {
                    form: form.name.to_owned(),
                    tone: Tone::Bad,
                    title,
                    detail,
                    undo: None,
                    errors,
                    typed: form.typed,
                },
            )
        }
    };
    finish(&desk, &person, next).await
}

async fn finish(desk: &Desk, person: &desk::Person, next: Next) -> Result<(), AppError> {
    let path = match next.flash {
        Some(flash) => {
            let id = flash::keep(desk, person, &flash).await.map_err(|_| AppError::Internal)?;
            flash::with_note(&next.path, &id)
        }
        None => next.path,
    };
    leptos_axum::redirect(&path);
    Ok(())
}

/// The page on which people confirm that it is them, and come back from.
pub fn confirm_path(back: &str) -> String {
    format!("/confirm?return={}", query_value(back))
}

/// A path segment, percent-encoded.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2E", ".")
        .replace("%2D", "-")
}

/// The page of a domain, at one of its sections.
pub fn domain_page(domain: &str, section: &str) -> String {
    let name = segment(domain);
    if section.is_empty() { format!("/domains/{name}") } else { format!("/domains/{name}#{section}") }
}
