//! Notes from a server function to the page it redirects to: the outcome, the errors beside their
//! fields, and what was typed. Kept on the server under a random id, readable only by their person.

use desk::{Desk, FieldError, Person};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How a note looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// It was done.
    #[default]
    Ok,
    /// Nothing was changed, for a harmless reason.
    Info,
    /// Look at it.
    Warn,
    /// It failed.
    Bad,
}

impl Tone {
    /// The tone's name in the style sheet.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A change that can be taken back, by its audit id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TakeBack {
    /// Of a domain.
    Domain {
        /// Its name.
        name: String,
        /// Audit id.
        change: i64,
    },
    /// Of an entry on a list.
    Entry {
        /// Audit id.
        change: i64,
        /// The page to return to.
        back: String,
    },
}

/// A note.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Flash {
    /// Which form of the page it belongs to.
    pub form: String,
    /// How it looks.
    pub tone: Tone,
    /// What happened.
    pub title: String,
    /// The next step.
    pub detail: String,
    /// A change that can be taken back.
    pub undo: Option<TakeBack>,
    /// Errors beside their fields.
    pub errors: Vec<FieldError>,
    /// What was typed, by field name. Never a secret.
    pub typed: HashMap<String, String>,
}

impl Flash {
    /// A note that something was done.
    pub fn done(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The error beside a field of a form, when this note is that form's.
    pub fn error(&self, form: &str, field: &str) -> Option<&str> {
        if self.form != form {
            return None;
        }
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    /// What was typed into a field of a form, when this note is that form's.
    pub fn typed(&self, form: &str, field: &str) -> Option<&str> {
        if self.form != form {
            return None;
        }
        self.typed.get(field).map(String::as_str)
    }
}

/// Kind of the drafts that notes are kept as.
const KIND: &str = "flash";

/// Keeps a note and returns its id. Where nothing can be written, memory has to do: what the note says may be just that.
pub async fn keep(desk: &Desk, person: &Person, flash: &Flash) -> Result<String, desk::DeskError> {
    match keep_as(desk, person, KIND, flash).await {
        Err(desk::DeskError::Unwritable) => {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let body = serde_json::to_string(flash).map_err(|error| desk::DeskError::storage(&error))?;
            desk.remember_note(person, &id, body);
            Ok(id)
        }
        kept => kept,
    }
}

/// Keeps anything for a later page of the same person.
pub async fn keep_as<T: Serialize>(
    desk: &Desk,
    person: &Person,
    kind: &str,
    value: &T,
) -> Result<String, desk::DeskError> {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let body = serde_json::to_string(value).map_err(|error| desk::DeskError::storage(&error))?;
    desk.store().put_draft(&id, &person.id, kind, &body, desk.now_ms()).await?;
    Ok(id)
}

/// Finds what was kept; `None` when it isn't there (any more) or is somebody else's.
pub async fn kept<T: for<'de> Deserialize<'de>>(desk: &Desk, person: &Person, kind: &str, id: &str) -> Option<T> {
    let body = desk.store().draft(id, &person.id, kind).await.ok().flatten()?;
    serde_json::from_str(&body).ok()
}

/// Finds a note.
pub async fn find(desk: &Desk, person: &Person, id: &str) -> Option<Flash> {
    match desk.remembered_note(person, id) {
        Some(body) => serde_json::from_str(&body).ok(),
        None => kept(desk, person, KIND, id).await,
    }
}

/// Adds a note's id to a local path that may have a query and a fragment.
pub fn with_note(path: &str, id: &str) -> String {
    let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
    let joint = if path.contains('?') { '&' } else { '?' };
    let mut whole = format!("{path}{joint}f={id}");
    if let Some(fragment) = fragment {
        whole.push('#');
        whole.push_str(fragment);
    }
    whole
}

/// Puts something back under the id it had, after it was taken and not used.
pub async fn put_back<T: Serialize>(
    desk: &Desk,
    person: &Person,
    kind: &str,
    id: &str,
    value: &T,
) -> Result<(), desk::DeskError> {
    let body = serde_json::to_string(value).map_err(|error| desk::DeskError::storage(&error))?;
    Ok(desk.store().put_draft(id, &person.id, kind, &body, desk.now_ms()).await?)
}
