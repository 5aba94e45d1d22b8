//! The selection in a table: the box in its head ticks the page, and the bar says how many are ticked.

#![expect(missing_docs, reason = "the macro makes a struct of the properties, which the island documents")]

use leptos::prelude::*;

/// The box in the head of a table whose rows have boxes named `pick`, in the form `form`.
#[island]
pub fn PickPage(
    /// Id of the form.
    form: String,
    /// Id of what says how many are ticked.
    count: String,
) -> impl IntoView {
    let head = NodeRef::<leptos::html::Input>::new();
    #[cfg(feature = "hydrate")]
    {
        use web_sys::wasm_bindgen::{JsCast, closure::Closure};
        let boxes = {
            let form = form.clone();
            move || {
                let found = document().query_selector_all(&format!("#{form} input[name=pick]")).ok();
                let found = found.into_iter().flat_map(|list| (0..list.length()).filter_map(move |at| list.item(at)));
                found.filter_map(|node| node.dyn_into::<web_sys::HtmlInputElement>().ok()).collect::<Vec<_>>()
            }
        };
        let show = {
            let boxes = boxes.clone();
            move || {
                let boxes = boxes();
                let ticked = boxes.iter().filter(|one| one.checked()).count();
                if let Some(head) = head.get_untracked() {
                    head.set_checked(ticked > 0 && ticked == boxes.len());
                    head.set_indeterminate(ticked > 0 && ticked < boxes.len());
                }
                if let Some(place) = document().get_element_by_id(&count) {
                    place.set_text_content(Some(&ticked.to_string()));
                }
            }
        };
        Effect::new({
            let show = show.clone();
            // Also at the start: a browser that goes back keeps what was ticked.
            move || show()
        });
        let changed = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
            let target = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
            if let Some(target) = target.filter(|target| target.id() == "pick-page") {
                for one in boxes() {
                    one.set_checked(target.checked());
                }
            }
            show();
        });
        if let Some(form) = document().get_element_by_id(&form) {
            let _ = form.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        }
        // The page is the island's whole life.
        changed.forget();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (form, count);
    view! { <input class="js-only" type="checkbox" id="pick-page" aria-label="Tick all of this page" node_ref=head/> }
}
