//! A button that copies a text, such as a domain name.

#![expect(missing_docs, reason = "the macro makes a struct of the properties, which the island documents")]

use leptos::prelude::*;

/// Copies `text`; says so for two seconds. Without scripts there is nothing to press, so it is hidden then.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// The accessible name, such as "Copy domain".
    label: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        if let Some(window) = web_sys::window() {
            let promise = window.navigator().clipboard().write_text(&text);
            wasm_bindgen_futures::spawn_local(async move {
                if wasm_bindgen_futures::JsFuture::from(promise).await.is_ok() {
                    copied.set(true);
                    set_timeout(move || copied.set(false), std::time::Duration::from_secs(2));
                }
            });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (&text, copied);
    };
    view! {
        <button type="button" class="btn btn-quiet btn-sm js-only" on:click=copy aria-label=label>
            <span aria-live="polite">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
        </button>
    }
}
