//! Backups on demand.

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act},
    },
    server::{
        actor::Need,
        flash::{Flash, Tone},
        state::AppState,
    },
};
use leptos::{prelude::expect_context, server};

/// Makes a backup now.
#[server(prefix = "/do", endpoint = "backups/make")]
pub async fn make_backup() -> Result<(), AppError> {
    let backups = expect_context::<AppState>().backups;
    act(Need::SeePeople, Form::new("backups", "/backups"), async move |desk, asker| {
        let flash = match backups.make(&desk, &asker).await {
            Ok(copied) => Flash::done(format!(
                "The backup {} is made and checked.",
                copied.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
            )),
            Err(error) => {
                tracing::error!(%error, "a backup could not be made");
                Flash {
                    tone: Tone::Bad,
                    title: "No backup was made.".into(),
                    detail: "Is the folder there, writable, and is there room? The log has the reason.".into(),
                    ..Flash::default()
                }
            }
        };
        Ok(Next::say("/backups", flash))
    })
    .await
}
