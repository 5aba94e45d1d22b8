//! Drop a file of lines or CSV on a text field.

#![expect(missing_docs, reason = "the macro makes a struct of the properties, which the island documents")]

use leptos::prelude::*;

/// Fills the text field `target` from a dropped or chosen file. Nothing is sent by it.
#[island]
pub fn DropText(
    /// Id of the text field.
    target: String,
    /// Largest file, in bytes.
    limit: u32,
    /// Takes the first `limit` bytes of a larger file instead of refusing it.
    head: bool,
    /// Kinds of files that the chooser offers.
    accept: String,
) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let over = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    let load = {
        use web_sys::wasm_bindgen::JsCast;
        move |files: Option<web_sys::FileList>| {
            let Some(file) = files.and_then(|files| files.get(0)) else {
                return;
            };
            let over_limit = file.size() > f64::from(limit);
            if over_limit && !head {
                said.set(format!("{} is larger than {} KB. Split it.", file.name(), limit / 1024));
                return;
            }
            let target = target.clone();
            wasm_bindgen_futures::spawn_local(async move {
                let part = if over_limit { file.slice_with_f64_and_f64(0.0, f64::from(limit)).ok() } else { None };
                let text = part.as_ref().map_or_else(|| file.text(), web_sys::Blob::text);
                let Ok(text) = wasm_bindgen_futures::JsFuture::from(text).await else {
                    said.set(format!("{} could not be read.", file.name()));
                    return;
                };
                let field = document()
                    .get_element_by_id(&target)
                    .and_then(|element| element.dyn_into::<web_sys::HtmlTextAreaElement>().ok());
                if let (Some(field), Some(text)) = (field, text.as_string()) {
                    field.set_value(&text);
                    said.set(format!("{}, {} lines", file.name(), text.lines().count()));
                }
            });
        }
    };
    #[cfg(feature = "hydrate")]
    let (on_drop, on_change) = {
        use web_sys::wasm_bindgen::JsCast;
        let (dropped, chosen) = (load.clone(), load);
        (
            move |event: leptos::ev::DragEvent| {
                event.prevent_default();
                over.set(false);
                dropped(event.data_transfer().and_then(|data| data.files()));
            },
            move |event: leptos::ev::Event| {
                let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
                chosen(input.and_then(|input| input.files()));
            },
        )
    };
    #[cfg(not(feature = "hydrate"))]
    let (on_drop, on_change) = {
        let _ = (target, limit, head);
        (|_: leptos::ev::DragEvent| (), |_: leptos::ev::Event| ())
    };
    view! {
        <label
            class="drop js-only"
            class:over=move || over.get()
            on:dragover=move |event| { event.prevent_default(); over.set(true); }
            on:dragleave=move |_| over.set(false)
            on:drop=on_drop
        >
            <input class="vh" type="file" accept=accept on:change=on_change/>
            <span><b>"Choose a file"</b>" or drop it here"</span>
            <span class="hint" role="status">{move || said.get()}</span>
        </label>
    }
}
