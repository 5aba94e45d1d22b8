//! `/readyz`: can work be done here? For whoever decides where requests go, and for alerts.
//!
//! `/healthz` says only that the program answers: restarting it would not free a disk.

use crate::server::headers::plain;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use desk::{Check, Desk};
use http::{HeaderValue, StatusCode, header};
use std::{io::Write, path::Path, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use tokio_util::sync::CancellationToken;

/// An answer counts this long, so that nobody keeps the disk busy by asking.
const FRESH: Duration = Duration::from_secs(1);
/// What is written to see that the disk takes it, in bytes.
const PROBE: usize = 64 * 1024;

/// Looks whether work can be done.
pub struct Readiness {
    desk: Desk,
    folder: Arc<Path>,
    stopping: CancellationToken,
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Readiness {
    /// For these use cases, whose database is in that folder, until `stopping`.
    pub fn new(desk: Desk, folder: Arc<Path>, stopping: CancellationToken) -> Self {
        Self { desk, folder, stopping, last: Mutex::default() }
    }

    /// What was looked at, and what is wrong with it.
    pub async fn checks(&self) -> Vec<Check> {
        let mut checks = self.looked().await;
        let running = if self.stopping.is_cancelled() { Err("stopping".to_owned()) } else { Ok(()) };
        checks.push(Check::new("running", running));
        checks
    }

    async fn looked(&self) -> Vec<Check> {
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return checks.clone();
        }
        let mut checks = self.desk.checks().await;
        let folder = self.folder.clone();
        let disk = tokio::task::spawn_blocking(move || probe(&folder)).await;
        let disk = disk.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        checks.push(Check::new("disk writable", disk.map_err(|error| error.to_string())));
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}

/// Writes a file without a name where the database is, and lets it go.
fn probe(folder: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![0; PROBE])?;
    file.sync_data()
}

/// `GET /readyz`
pub async fn readyz(State(ready): State<Arc<Readiness>>) -> Response {
    let checks = ready.checks().await;
    let status =
        if checks.iter().all(|check| check.wrong.is_none()) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let lines = checks.iter().map(|check| format!("{}: {}\n", check.name, check.wrong.as_deref().unwrap_or("ok")));
    plain(status, lines.collect())
}

/// The middleware that turns away what comes while the server stops: nothing is begun that could not be ended.
pub async fn guard(State(ready): State<Arc<Readiness>>, request: Request, next: Next) -> Response {
    if !ready.stopping.is_cancelled() || matches!(request.uri().path(), "/healthz" | "/readyz") {
        return next.run(request).await;
    }
    let words = "Not done: Sluice is being restarted. Open the page again in a moment.\n";
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, words.into()).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
