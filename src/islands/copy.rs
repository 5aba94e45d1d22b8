//! A button that copies a text, such as a domain name.

use leptos::prelude::*;

/// Copies `text`; says so for two seconds. Without scripts there is nothing to press, so it is hidden then.
#[cfg(feature = "ssr")]
#[component]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// The accessible name, such as "Copy domain".
    label: String,
) -> impl IntoView {
    view! {
        <button type="button" class="btn btn-quiet btn-sm js-only" data-copy=text aria-label=label>
            <span aria-live="polite">"Copy"</span>
            <CopyPressed/>
        </button>
    }
}

/// Makes all such buttons of the page copy.
#[island]
pub fn CopyPressed() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
mod run {
    use crate::islands::page::{Once, closest, on};
    use leptos::prelude::{document, set_timeout};
    use std::time::Duration;
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{Element, Event};

    static ONCE: Once = Once::new();

    fn say(button: &Element, text: &str) {
        if let Ok(Some(place)) = button.query_selector("span") {
            place.set_text_content(Some(text));
        }
    }

    fn copy(button: Element) {
        let (Some(window), Some(text)) = (web_sys::window(), button.get_attribute("data-copy")) else { return };
        let written = window.navigator().clipboard().write_text(&text);
        spawn_local(async move {
            if JsFuture::from(written).await.is_ok() {
                say(&button, "Copied");
                set_timeout(move || say(&button, "Copy"), Duration::from_secs(2));
            }
        });
    }

    pub(super) fn start() {
        if ONCE.is_first() {
            on(&document(), "click", |event: Event| {
                if let Some(button) = closest(&event, "[data-copy]") {
                    copy(button);
                }
            });
        }
    }
}
