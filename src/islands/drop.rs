//! Drop a file of lines or CSV on a text field.

use leptos::prelude::*;

/// Fills the text field `target` from a dropped or chosen file. Nothing is sent by it.
#[cfg(feature = "ssr")]
#[component]
pub fn DropText(
    /// Id of the text field.
    #[prop(into)]
    target: String,
    /// Largest file, in bytes.
    limit: u32,
    /// Takes the first `limit` bytes of a larger file instead of refusing it.
    head: bool,
    /// Kinds of files that the chooser offers.
    #[prop(into)]
    accept: String,
) -> impl IntoView {
    view! {
        <label class="drop js-only" data-target=target data-limit=limit data-head=head.then_some("")>
            <input class="vh" type="file" accept=accept/>
            <span><b>"Choose a file"</b>" or drop it here"</span>
            <span class="hint" role="status"></span>
            <FileDropped/>
        </label>
    }
}

/// Makes such fields of the page take files.
#[island]
pub fn FileDropped() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
mod run {
    use crate::islands::page::{Once, Page, on};
    use leptos::prelude::document;
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{
        Blob, DragEvent, Element, Event, FileList, HtmlInputElement, HtmlTextAreaElement, wasm_bindgen::JsCast,
    };

    static ONCE: Once = Once::new();

    fn say(drop: &Element, text: &str) {
        if let Ok(Some(place)) = drop.query_selector("[role=status]") {
            place.set_text_content(Some(text));
        }
    }

    fn over(drop: &Element, over: bool) {
        let list = drop.class_list();
        let _ = if over { list.add_1("over") } else { list.remove_1("over") };
    }

    fn load(drop: &Element, files: Option<FileList>) {
        let Some(file) = files.and_then(|files| files.get(0)) else { return };
        let text = |name: &str| drop.get_attribute(name).unwrap_or_default();
        let limit: u32 = text("data-limit").parse().unwrap_or_default();
        let over_limit = file.size() > f64::from(limit);
        if over_limit && !drop.has_attribute("data-head") {
            say(drop, &format!("{} is larger than {} KB. Split it.", file.name(), limit / 1024));
            return;
        }
        let (drop, target) = (drop.clone(), text("data-target"));
        spawn_local(async move {
            let part = if over_limit { file.slice_with_f64_and_f64(0.0, f64::from(limit)).ok() } else { None };
            let text = part.as_ref().map_or_else(|| file.text(), Blob::text);
            let Ok(text) = JsFuture::from(text).await else {
                say(&drop, &format!("{} could not be read.", file.name()));
                return;
            };
            let field = document().get_element_by_id(&target).and_then(|field| field.dyn_into().ok());
            let field: Option<HtmlTextAreaElement> = field;
            if let (Some(field), Some(text)) = (field, text.as_string()) {
                field.set_value(&text);
                say(&drop, &format!("{}, {} lines", file.name(), text.lines().count()));
            }
        });
    }

    pub(super) fn start() {
        if !ONCE.is_first() {
            return;
        }
        for drop in Page::all::<Element>(".drop") {
            let place = drop.clone();
            on(&drop, "dragover", move |event: DragEvent| {
                event.prevent_default();
                over(&place, true);
            });
            let place = drop.clone();
            on(&drop, "dragleave", move |_: DragEvent| over(&place, false));
            let place = drop.clone();
            on(&drop, "drop", move |event: DragEvent| {
                event.prevent_default();
                over(&place, false);
                load(&place, event.data_transfer().and_then(|data| data.files()));
            });
            let place = drop.clone();
            on(&drop, "change", move |event: Event| {
                let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
                load(&place, input.and_then(|input| input.files()));
            });
        }
    }
}
