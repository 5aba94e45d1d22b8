//! What handlers share.

use crate::server::{
    auth::Auth, backup::Backups, config::Origin, find::Rate, host::Host, metrics::Metrics, ready::Readiness,
};
use axum::extract::FromRef;
use desk::Desk;
use leptos::config::LeptosOptions;
use std::{path::Path, sync::Arc};
use tokio::sync::Semaphore;

/// Shared by all handlers; cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases.
    pub desk: Desk,
    /// Names of the browser files.
    pub leptos: LeptosOptions,
    /// Room for messages in passage.
    pub reports: Arc<Semaphore>,
    /// Where messages in passage are spooled: next to the database.
    pub spool_dir: Arc<Path>,
    /// How often people search as they type.
    pub finds: Arc<Rate>,
    /// How people sign in.
    pub auth: Arc<Auth>,
    /// Whether work can be done.
    pub ready: Arc<Readiness>,
    /// What is counted for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// The process and the disk.
    pub host: Arc<Host>,
    /// Where backups go.
    pub backups: Arc<Backups>,
    /// The public origin.
    pub origin: Arc<Origin>,
}
