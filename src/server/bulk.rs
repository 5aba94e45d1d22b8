//! `POST /bulk/{act}`: rows pasted, uploaded or selected become a plan. `POST /domains/select`: names are frozen.
//! `GET /bulk/{act}/template.csv`: a file to start from.

use crate::{
    pages::domains_view::View,
    server::{
        actor::{Actor, Need},
        audit,
        flash::{self, Flash, Tone},
        headers::plain,
        state::AppState,
    },
};
use axum::{
    Extension,
    extract::{Multipart, Path, RawForm, State, multipart::Field},
    response::{IntoResponse, Redirect, Response},
};
use desk::{Asker, DeskError, PlanInput, Rows, Selection};
use http::{StatusCode, header};
use inbound::plan::{Kind, template};
use std::collections::HashMap;

/// Largest body of a plan: 100,000 rows.
pub const BODY_MAX: usize = 16 * 1024 * 1024;
/// Largest text that is put back into its field after an error.
const PASTE_BACK: usize = 256 * 1024;
/// Largest other field.
const FIELD_MAX: usize = 16 * 1024;
/// Kind of the draft that keeps a selection.
pub const SELECTION: &str = "selection";

/// A bulk form as it came.
#[derive(Default)]
struct Upload {
    fields: HashMap<String, String>,
    text: String,
    file: String,
    file_name: String,
}

/// `POST /bulk/{act}`
pub async fn plan(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(act): Path<String>,
    form: Multipart,
) -> Response {
    let Some(kind) = Kind::parse(&act).filter(|kind| Kind::ALL.contains(kind)) else {
        return plain(StatusCode::NOT_FOUND, "There is no such change.\n".into());
    };
    let need = Need::bulk(kind);
    if !actor.may(need) {
        audit::refused_at(&state.desk, &actor, &format!("POST /bulk/{act}"), need);
        return plain(StatusCode::FORBIDDEN, format!("Not done: this needs the role {}.\n", need.least()));
    }
    let upload = match receive(form).await {
        Ok(upload) => upload,
        Err(why) => return plain(StatusCode::BAD_REQUEST, format!("Nothing was sent: {why}\n")),
    };
    let asker = Asker::new(actor.person, actor.request_id);
    match make(&state, &asker, kind, &upload).await {
        Ok(number) => Redirect::to(&format!("/plans/{number}")).into_response(),
        Err(error) => refused(&state, &asker, kind, upload, &error).await,
    }
}

async fn make(state: &AppState, asker: &Asker, kind: Kind, upload: &Upload) -> Result<i64, DeskError> {
    let field = |name: &str| upload.fields.get(name).cloned().unwrap_or_default();
    let (act, entry) = state.desk.act_of(&asker.person, kind, &upload.fields).await?;
    let selection = field("selection");
    let rows = if !selection.is_empty() {
        let kept: Option<Selection> = flash::kept(&state.desk, &asker.person, SELECTION, &selection).await;
        Rows::Selected(kept.ok_or_else(|| {
            DeskError::field("text", "The selection is gone; it is kept for a day. Select the domains again.")
        })?)
    } else if !field("rescue").is_empty() {
        Rows::Selected(state.desk.select_of_rescue(&asker.person, &field("rescue")).await?)
    } else if !field("from").is_empty() {
        Rows::Selected(state.desk.select_of_key(&asker.person, &field("from")).await?)
    } else if upload.file.is_empty() {
        Rows::Text { text: upload.text.clone(), file: String::new() }
    } else if upload.text.trim().is_empty() {
        Rows::Text { text: upload.file.clone(), file: upload.file_name.clone() }
    } else {
        return Err(DeskError::field("text", "There is a file and a pasted text. Send one of the two."));
    };
    let input = PlanInput { act, entry, rows, reason: field("reason"), request: field("request") };
    if input.request.is_empty() {
        return Err(DeskError::field("text", "The form could not be read. Open the page again."));
    }
    let number = state.desk.plan(asker, input, Need::bulk(kind).least()).await?;
    if !field("rescue").is_empty() {
        state.desk.rescue_planned(asker, &field("rescue"), number).await?;
    }
    Ok(number)
}

/// Back to the form, with every error beside its field and what was typed.
async fn refused(state: &AppState, asker: &Asker, kind: Kind, upload: Upload, error: &DeskError) -> Response {
    let (title, detail) = error.words();
    let errors = if let DeskError::Invalid(errors) = error { errors.clone() } else { Vec::new() };
    let mut typed = upload.fields;
    if upload.text.len() <= PASTE_BACK {
        typed.insert("text".into(), upload.text);
    }
    let flash = Flash {
        form: "bulk".into(),
        tone: Tone::Bad,
        title: if errors.is_empty() { title } else { "No plan was made: some fields need attention.".into() },
        detail: if errors.is_empty() { detail } else { String::new() },
        errors,
        typed: typed.clone(),
        ..Flash::default()
    };
    let query: Vec<_> = ["selection", "from", "to", "rescue"]
        .into_iter()
        .filter_map(|name| Some((name, typed.get(name).filter(|value| !value.is_empty())?)))
        .map(|(name, value)| format!("{name}={}", crate::api::forms::segment(value)))
        .collect();
    let joint = if query.is_empty() { "" } else { "?" };
    let page = format!("/bulk/{}{joint}{}", kind.as_str(), query.join("&"));
    match flash::keep(&state.desk, &asker.person, &flash).await {
        Ok(id) => Redirect::to(&flash::with_note(&page, &id)).into_response(),
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "No plan was made: Sluice's own storage failed.\n".into()),
    }
}

async fn receive(mut form: Multipart) -> Result<Upload, &'static str> {
    const BROKEN: &str = "the upload broke off.";
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.map_err(|_| BROKEN)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" => {
                let file_name = field.file_name().unwrap_or_default().to_owned();
                upload.file = text(field, BODY_MAX).await?;
                // A name is shown, so it is short and has nothing in it that isn't seen.
                upload.file_name = file_name.chars().filter(|c| !c.is_control()).take(80).collect();
            }
            "text" => upload.text = text(field, BODY_MAX).await?,
            _ => {
                let value = text(field, FIELD_MAX).await?;
                upload.fields.insert(name, value);
            }
        }
    }
    Ok(upload)
}

async fn text(mut field: Field<'_>, most: usize) -> Result<String, &'static str> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| "the upload broke off.")? {
        if bytes.len() + chunk.len() > most {
            return Err("a field is too long. Go back and shorten it.");
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "the file is not in UTF-8. Save it as CSV UTF-8 and choose it again.")
}

/// `POST /domains/select`: the ticked names, or all that match the view, frozen now.
pub async fn select(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    RawForm(body): RawForm,
) -> Response {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let view = View::of_query(get("view").unwrap_or_default());
    let frozen = if get("scope") == Some("all") {
        let Ok(keys) = state.desk.key_refs(&actor.person).await else { return unavailable() };
        state.desk.select_matching(&actor.person, view.query(&keys), &view.words(&keys)).await
    } else {
        let names: Vec<_> = pairs.iter().filter(|(key, _)| key == "pick").map(|(_, value)| value.clone()).collect();
        state.desk.select_names(&actor.person, &names, "ticked in the list").await
    };
    let Ok(selection) = frozen else { return unavailable() };
    if selection.names.is_empty() {
        let flash = Flash {
            tone: Tone::Info,
            title: "Nothing is selected: tick some domains first.".into(),
            ..Flash::default()
        };
        return match flash::keep(&state.desk, &actor.person, &flash).await {
            Ok(id) => Redirect::to(&flash::with_note(&view.url(None), &id)).into_response(),
            Err(_) => unavailable(),
        };
    }
    let act = get("act").and_then(Kind::parse).filter(|kind| Kind::ALL.contains(kind));
    match flash::keep_as(&state.desk, &actor.person, SELECTION, &selection).await {
        Ok(id) => {
            let path = act.map_or_else(|| "/bulk".to_owned(), |kind| format!("/bulk/{}", kind.as_str()));
            Redirect::to(&format!("{path}?selection={id}")).into_response()
        }
        Err(_) => unavailable(),
    }
}

fn unavailable() -> Response {
    plain(StatusCode::SERVICE_UNAVAILABLE, "Not done: Sluice's own storage failed. Try again.\n".into())
}

/// `GET /bulk/{act}/template.csv`
pub async fn template_csv(Path(act): Path<String>) -> Response {
    match Kind::parse(&act) {
        Some(kind) => csv(&format!("{}.csv", kind.as_str()), template(kind).to_owned()),
        None => plain(StatusCode::NOT_FOUND, "There is no such change.\n".into()),
    }
}

/// A CSV to be saved; `name` is one of ours.
pub fn csv(name: &str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, body).into_response()
}
