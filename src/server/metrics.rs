//! `/metrics`: numbers for Prometheus, on a listener of its own. Labels are patterns, states and the beginnings of
//! fingerprints; never a name, a domain or a key.

use crate::server::{backup::newest, headers::plain, state::AppState, totals::Totals};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use desk::{Counted, short_fingerprint};
use http::{StatusCode, header};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Upper bounds of the histograms, in seconds: pages take milliseconds, a place in the budget up to minutes.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// States of jobs and of their rows: each has a number, be it 0.
const JOB_STATES: [&str; 6] = ["planned", "queued", "running", "paused", "done", "cancelled"];
const ROW_STATES: [&str; 6] = ["planned", "sent", "done", "failed", "unknown", "left"];

const SUM_UP_EVERY: Duration = Duration::from_secs(5);

/// What is counted as it happens. Each server has its own, so that two in one process don't mix.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // Only an empty list is refused.
        let builder = builder.set_buckets(&BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || {
            describe_counter!("sluice_http_requests_total", "Requests by route pattern and status");
            describe_histogram!("sluice_http_request_seconds", "Time until an answer began");
            describe_counter!("sluice_upstream_calls_total", "Calls to MailChannels, after their tries");
            describe_histogram!("sluice_upstream_wait_seconds", "Wait for a place in a customer's budget of calls");
        });
        Self { recorder, handle }
    }

    /// Sums up what was counted, for as long as it is polled: every time that is measured stays in memory until then, and
    /// it may be that nobody ever scrapes.
    pub async fn keep_summed_up(&self) {
        loop {
            tokio::time::sleep(SUM_UP_EVERY).await;
            self.handle.run_upkeep();
        }
    }

    /// The same for people.
    pub fn totals(&self) -> Totals {
        Totals::read(&self.so_far())
    }

    fn so_far(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

impl mailchannels::Observer for Metrics {
    fn ended(&self, operation: &'static str, outcome: &'static str) {
        with_local_recorder(&self.recorder, || {
            counter!("sluice_upstream_calls_total", "operation" => operation, "outcome" => outcome).increment(1);
        });
    }

    fn waited(&self, waited: Duration) {
        with_local_recorder(&self.recorder, || histogram!("sluice_upstream_wait_seconds").record(waited));
    }
}

/// The middleware that counts requests. What no route matches is one route: its paths are anybody's choice.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16().to_string();
    with_local_recorder(&metrics.recorder, || {
        counter!("sluice_http_requests_total", "route" => route.clone(), "status" => status).increment(1);
        histogram!("sluice_http_request_seconds", "route" => route).record(began.elapsed());
    });
    response
}

/// The routes of the listener.
pub fn router(state: AppState) -> Router {
    Router::new().route("/metrics", get(render)).with_state(state)
}

async fn render(State(state): State<AppState>) -> Response {
    let mut text = state.metrics.so_far();
    let ready = state.ready.checks().await.iter().all(|check| check.wrong.is_none());
    let counted = state.desk.counted().await.map_err(|error| tracing::warn!(%error, "nothing could be counted")).ok();
    // Gauges are taken anew each time, so that a key that is gone leaves no number behind.
    let moment = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&moment, || gauges(&state, ready, counted.as_ref()));
    text.push_str(&moment.handle().render());
    if let Some(counted) = counted {
        // The facade has no counters of parts.
        text.extend([format!(
            "# HELP sluice_sqlite_busy_seconds_total Time that transactions waited for the writer\n\
             # TYPE sluice_sqlite_busy_seconds_total counter\n\
             sluice_sqlite_busy_seconds_total {}\n",
            counted.waited.as_secs_f64()
        )]);
    }
    let mut response = plain(StatusCode::OK, text).into_response();
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[expect(clippy::cast_precision_loss, reason = "numbers of Prometheus are floating")]
fn gauges(state: &AppState, ready: bool, counted: Option<&Counted>) {
    describe_gauge!("sluice_ready", "1 while /readyz answers 200");
    gauge!("sluice_ready").set(if ready { 1.0 } else { 0.0 });
    describe_gauge!("sluice_build_info", "1, with the version");
    gauge!("sluice_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let facts = state.host.look();
    let sizes = [
        ("process_resident_memory_bytes", "Memory of the process that is in RAM", facts.memory),
        ("process_open_fds", "Open files and connections", facts.files),
        ("sluice_disk_free_bytes", "Free bytes of the disk that has the database", facts.disk_free),
    ];
    for (name, about, size) in sizes {
        if let Some(size) = size {
            describe_gauge!(name, about);
            gauge!(name).set(size as f64);
        }
    }
    describe_gauge!("process_start_time_seconds", "When the process started, unix seconds");
    gauge!("process_start_time_seconds").set(state.host.started_at() as f64 / 1_000.0);
    let now = state.desk.now_ms();
    if let Ok(backups) = state.backups.list()
        && let Some(last) = newest(&backups, now)
    {
        describe_gauge!("sluice_last_backup_seconds", "When the newest backup was made, unix seconds");
        gauge!("sluice_last_backup_seconds").set(last as f64 / 1_000.0);
    }
    let Some(counted) = counted else { return };
    let census = &counted.census;
    let number = |counts: &[(String, i64)], state: &str| {
        counts.iter().find(|(known, _)| known == state).map_or(0, |(_, number)| *number) as f64
    };
    describe_gauge!("sluice_jobs", "Plans and jobs by state");
    for name in JOB_STATES {
        gauge!("sluice_jobs", "state" => name).set(number(&census.jobs, name));
    }
    describe_gauge!("sluice_job_rows", "Rows of jobs by state; those of plans don't count");
    for name in ROW_STATES {
        gauge!("sluice_job_rows", "state" => name).set(number(&census.job_rows, name));
    }
    describe_gauge!("sluice_mirror_age_seconds", "Since a key's domains were last read whole");
    for key in &census.mirrors {
        let age = (now - key.synced_at.unwrap_or(key.since)).max(0) as f64 / 1_000.0;
        gauge!("sluice_mirror_age_seconds", "key" => short_fingerprint(&key.fingerprint)).set(age);
    }
    describe_gauge!("sluice_sessions", "Sessions that are alive");
    gauge!("sluice_sessions").set(census.sessions as f64);
    describe_gauge!("sluice_database_bytes", "Size of the database");
    gauge!("sluice_database_bytes").set(census.bytes as f64);
}
