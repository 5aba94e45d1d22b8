//! How far a job is, live: told by the server, shown in place, announced now and then.

use leptos::prelude::*;

/// How a job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "ssr", derive(serde::Serialize))]
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
    /// The bar: done, unknown, failed, each with its place and width, in hundredths of a percent.
    fn bar(&self) -> [(&'static str, u64, u64); 3] {
        let share = |rows: u64| rows * 10_000 / self.total.max(1);
        let (done, unknown, failed) = (share(self.done), share(self.unknown), share(self.failed));
        [("ok", 0, done), ("idle", done, unknown), ("bad", done + unknown, failed)]
    }

    /// The figures, each with its name.
    fn figures(&self) -> [(&'static str, u64); 5] {
        [
            ("total", self.total),
            ("done", self.done),
            ("failed", self.failed),
            ("open", self.open),
            ("unknown", self.unknown),
        ]
    }

    fn words(&self) -> String {
        let ended = self.done + self.failed;
        format!("{ended} of {} ended, {} failed", self.total, self.failed)
    }
}

/// Hundredths of a percent as SVG has lengths: without fractions of floating point, whose writing is a large part of
/// what a browser would have to load.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Bar and figures, kept up to date from `url`; when the job runs no more the page is loaded again, because then its
/// buttons and rows are others.
#[cfg(feature = "ssr")]
#[component]
pub fn LiveProgress(
    /// Where the server tells of it.
    url: String,
    /// How it stood when the page was made.
    start: Progress,
    /// How a row that was done is called.
    done: String,
) -> impl IntoView {
    let bar = start.bar().map(|(class, x, width)| {
        view! { <rect class=class x=percent(x) width=percent(width) height="100%"></rect> }
    });
    let labels = ["Rows".to_owned(), done, "Failed".into(), "Waiting".into(), "Not known yet".into()];
    let figures = labels.into_iter().zip(start.figures());
    let figures =
        figures.map(|(label, (name, count))| view! { <div><dt>{label}</dt><dd data-figure=name>{count}</dd></div> });
    view! {
        <div
            role="progressbar"
            id="progress"
            data-url=start.active.then_some(url)
            aria-label="Rows ended"
            aria-valuemin="0"
            aria-valuemax=start.total
            aria-valuenow=start.done + start.failed
            aria-valuetext=start.words()
        >
            <svg class="bar" preserveAspectRatio="none" aria-hidden="true">{bar.into_view()}</svg>
        </div>
        <dl class="stats">{figures.collect_view()}</dl>
        <p class="vh" role="status" id="progress-said"></p>
        <ProgressTold/>
    }
}

/// Shows what the server tells.
#[island]
pub fn ProgressTold() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
mod run {
    use super::{Progress, percent};
    use crate::islands::page::{Page, find, on};
    use web_sys::{
        Element, EventSource, MessageEvent,
        js_sys::{JSON, Reflect},
        wasm_bindgen::JsValue,
    };

    /// Announcements are at least so far apart, milliseconds.
    const QUIET: f64 = 5_000.0;

    fn read(text: &str) -> Result<Progress, JsValue> {
        let told = JSON::parse(text)?;
        let get = |name: &str| Reflect::get(&told, &name.into());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a count of rows")]
        let count = |name: &str| get(name).map(|value| value.as_f64().unwrap_or_default() as u64);
        Ok(Progress {
            state: String::new(),
            active: get("active")?.is_truthy(),
            total: count("total")?,
            done: count("done")?,
            failed: count("failed")?,
            open: count("open")?,
            unknown: count("unknown")?,
        })
    }

    fn show(bar: &Element, now: &Progress) {
        let words = [
            ("aria-valuemax", now.total.to_string()),
            ("aria-valuenow", (now.done + now.failed).to_string()),
            ("aria-valuetext", now.words()),
        ];
        for (name, value) in words {
            let _ = bar.set_attribute(name, &value);
        }
        for (part, (_, x, width)) in Page::all::<Element>("#progress rect").into_iter().zip(now.bar()) {
            let _ = part.set_attribute("x", &percent(x));
            let _ = part.set_attribute("width", &percent(width));
        }
        for (place, (_, count)) in Page::all::<Element>("[data-figure]").into_iter().zip(now.figures()) {
            place.set_text_content(Some(&count.to_string()));
        }
    }

    pub(super) fn start() {
        let Some(bar) = find::<Element>("#progress") else { return };
        let Some(source) = bar.get_attribute("data-url").and_then(|url| EventSource::new(&url).ok()) else { return };
        let mut last = 0.0;
        on(&source.clone(), "message", move |event: MessageEvent| {
            let Some(Ok(now)) = event.data().as_string().map(|text| read(&text)) else { return };
            show(&bar, &now);
            if event.time_stamp() - last > QUIET || !now.active {
                last = event.time_stamp();
                if let Some(place) = find::<Element>("#progress-said") {
                    place.set_text_content(Some(&now.words()));
                }
            }
            if !now.active {
                source.close();
                if let Some(window) = web_sys::window() {
                    let _ = window.location().reload();
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_bar_lie_side_by_side() {
        let now = Progress { total: 3, done: 1, failed: 1, unknown: 1, ..Progress::default() };
        assert_eq!(now.bar(), [("ok", 0, 3_333), ("idle", 3_333, 3_333), ("bad", 6_666, 3_333)]);
        assert_eq!([0, 5, 3_333, 10_000].map(percent), ["0.00%", "0.05%", "33.33%", "100.00%"]);
        assert_eq!(Progress::default().bar()[2], ("bad", 0, 0), "of nothing");
    }
}
