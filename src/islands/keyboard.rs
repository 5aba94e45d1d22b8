//! Keys that work on every page: `/` goes to the search box.

use leptos::prelude::*;

/// Listens for `/` outside of text fields and moves focus to the search box.
#[island]
pub fn Keyboard() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    {
        use web_sys::wasm_bindgen::JsCast;
        let handle = window_event_listener(leptos::ev::keydown, |event: web_sys::KeyboardEvent| {
            let typing =
                event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).is_some_and(|element| {
                    element
                        .closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]")
                        .ok()
                        .flatten()
                        .is_some()
                });
            if typing || event.ctrl_key() || event.meta_key() || event.alt_key() || event.key() != "/" {
                return;
            }
            let search = document()
                .get_element_by_id("search")
                .and_then(|element| element.dyn_into::<web_sys::HtmlInputElement>().ok());
            if let Some(search) = search {
                event.prevent_default();
                let _ = search.focus();
                search.select();
            }
        });
        // The page is the island's whole life: a navigation loads a new document.
        std::mem::forget(handle);
    }
}
