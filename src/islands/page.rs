//! What the islands that work on the whole page share: plain calls to the browser, none of which can fail loudly.

use leptos::prelude::document;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use web_sys::{
    Element, Event, EventTarget, HtmlDialogElement,
    wasm_bindgen::{JsCast, JsValue, closure::Closure, convert::FromWasmAbi},
};

/// The first element of a kind.
pub(crate) fn find<T: JsCast>(selector: &str) -> Option<T> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}

/// An element with attributes and a text.
pub(crate) fn element(tag: &str, attributes: &[(&str, &str)], text: &str) -> Result<Element, JsValue> {
    let element = document().create_element(tag)?;
    for (name, value) in attributes {
        element.set_attribute(name, value)?;
    }
    element.set_text_content(Some(text));
    Ok(element)
}

/// Listens for as long as the document lives: a navigation loads a new one.
pub(crate) fn on<E: FromWasmAbi + 'static>(target: &EventTarget, event: &str, act: impl FnMut(E) + 'static) {
    let act = Closure::<dyn FnMut(E)>::new(act).into_js_value();
    let _ = target.add_event_listener_with_callback(event, act.unchecked_ref());
}

/// The nearest element of a kind around where an event happened.
pub(crate) fn closest(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// Of an island that is there several times and works on the whole page, the first.
pub(crate) struct Once(AtomicBool);

impl Once {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(crate) fn is_first(&self) -> bool {
        !self.0.swap(true, Relaxed)
    }
}

/// The page as a whole.
pub(crate) struct Page;

impl Page {
    /// All elements of a kind.
    pub(crate) fn all<T: JsCast>(selector: &str) -> Vec<T> {
        let Ok(nodes) = document().query_selector_all(selector) else { return Vec::new() };
        (0..nodes.length()).filter_map(|index| nodes.get(index)?.dyn_into().ok()).collect()
    }

    /// The dialog that is open.
    pub(crate) fn dialog() -> Option<HtmlDialogElement> {
        find("dialog[open]")
    }

    /// Closes it; the browser gives focus back to where it was.
    pub(crate) fn close_dialog() {
        if let Some(dialog) = Self::dialog() {
            dialog.close();
        }
    }
}
