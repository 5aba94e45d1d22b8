//! What handlers share.

use crate::server::config::Origin;
use axum::extract::FromRef;
use desk::Desk;
use leptos::config::LeptosOptions;
use std::sync::Arc;

/// Shared by all handlers; cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases.
    pub desk: Desk,
    /// Names of the browser files.
    pub leptos: LeptosOptions,
    /// The public origin.
    pub origin: Arc<Origin>,
}
