//! How far a job is, live: told by the server, shown in place, announced now and then.

#![expect(missing_docs, reason = "the macro makes a struct of the properties, which the island documents")]

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// How a job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// `queued`, `running`, `paused`, `done`, `cancelled`.
    pub state: String,
    /// Whether there is more to come.
    pub active: bool,
    /// Rows that are to be sent, in all.
    pub total: u64,
    /// Rows done.
    pub done: u64,
    /// Rows failed.
    pub failed: u64,
    /// Rows that wait, or are under way.
    pub open: u64,
    /// Rows of which it isn't known whether they were done.
    pub unknown: u64,
}

#[cfg(feature = "ssr")]
impl Progress {
    /// From what the journal counts.
    pub fn of(state: &str, counts: &desk::Counts) -> Self {
        Self {
            state: state.to_owned(),
            active: matches!(state, "queued" | "running"),
            total: counts.acting(),
            done: counts.done,
            failed: counts.failed,
            open: counts.waiting + counts.sent,
            unknown: counts.unknown,
        }
    }
}

impl Progress {
    /// The bar: done, unknown, failed, each with its place and width in percent.
    fn bar(&self) -> [(&'static str, f64, f64); 3] {
        #[expect(clippy::cast_precision_loss, reason = "percent of a bar")]
        let percent = |rows: u64| rows as f64 * 100.0 / self.total.max(1) as f64;
        let (done, unknown, failed) = (percent(self.done), percent(self.unknown), percent(self.failed));
        [("ok", 0.0, done), ("idle", done, unknown), ("bad", done + unknown, failed)]
    }

    fn words(&self) -> String {
        let ended = self.done + self.failed;
        format!("{ended} of {} ended, {} failed", self.total, self.failed)
    }
}

/// Bar and figures, kept up to date from `url`; when the job runs no more the page is loaded again, because then its
/// buttons and rows are others.
#[island]
pub fn LiveProgress(
    /// Where the server tells of it.
    url: String,
    /// How it stood when the page was made.
    start: Progress,
    /// How a row that was done is called.
    done: String,
) -> impl IntoView {
    let progress = RwSignal::new(start);
    let spoken = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    if progress.get_untracked().active {
        listen(&url, progress, spoken);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = url;
    let count = move |which: fn(&Progress) -> u64| move || progress.with(which).to_string();
    let bar = move || {
        progress.with(Progress::bar).map(|(class, x, width)| {
            view! { <rect class=class x=format!("{x:.2}%") width=format!("{width:.2}%") height="100%"></rect> }
        })
    };
    view! {
        <div
            role="progressbar"
            aria-label="Rows ended"
            aria-valuemin="0"
            aria-valuemax=move || progress.with(|now| now.total)
            aria-valuenow=move || progress.with(|now| now.done + now.failed)
            aria-valuetext=move || progress.with(Progress::words)
        >
            <svg class="bar" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>
        </div>
        <dl class="stats">
            <div><dt>"Rows"</dt><dd>{count(|now| now.total)}</dd></div>
            <div><dt>{done}</dt><dd>{count(|now| now.done)}</dd></div>
            <div><dt>"Failed"</dt><dd>{count(|now| now.failed)}</dd></div>
            <div><dt>"Waiting"</dt><dd>{count(|now| now.open)}</dd></div>
            <div><dt>"Not known yet"</dt><dd>{count(|now| now.unknown)}</dd></div>
        </dl>
        <p class="vh" role="status">{move || spoken.get()}</p>
    }
}

#[cfg(feature = "hydrate")]
fn listen(url: &str, progress: RwSignal<Progress>, spoken: RwSignal<String>) {
    use web_sys::wasm_bindgen::{JsCast, closure::Closure};
    /// Announcements are at least so far apart, milliseconds.
    const QUIET: f64 = 5_000.0;
    let Ok(source) = web_sys::EventSource::new(url) else { return };
    let mut last = 0.0;
    let told = Closure::<dyn FnMut(web_sys::MessageEvent)>::new({
        let source = source.clone();
        move |event: web_sys::MessageEvent| {
            let Some(now) = event.data().as_string().and_then(|text| serde_json::from_str::<Progress>(&text).ok())
            else {
                return;
            };
            let (active, words) = (now.active, now.words());
            progress.set(now);
            if event.time_stamp() - last > QUIET || !active {
                last = event.time_stamp();
                spoken.set(words);
            }
            if !active {
                source.close();
                if let Some(window) = web_sys::window() {
                    let _ = window.location().reload();
                }
            }
        }
    });
    source.set_onmessage(Some(told.as_ref().unchecked_ref()));
    // The page is the island's whole life.
    told.forget();
    std::mem::forget(source);
}
