//! The palette: finds as one types, over any page. The dialog comes with the page; this opens it, asks, and moves
//! among what was found. What is found are links, so that a mouse or a finger needs none of this.

use leptos::prelude::*;

/// Makes buttons that open a dialog open it, and the palette find.
#[island]
pub fn Palette() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
pub(crate) use run::open;

#[cfg(feature = "hydrate")]
mod run {
    use crate::islands::page::{Page, element, find, on};
    use leptos::prelude::{document, set_timeout};
    use std::{
        sync::atomic::{AtomicU32, Ordering::Relaxed},
        time::Duration,
    };
    use web_sys::{
        Element, HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, Response, ScrollIntoViewOptions,
        ScrollLogicalPosition,
        js_sys::{Array, Reflect, encode_uri_component},
        wasm_bindgen::{JsCast, JsValue},
    };

    /// How long typing rests before the server is asked.
    const REST: Duration = Duration::from_millis(80);
    /// Where the list keeps the text that it is the answer to.
    const ANSWERS: &str = "data-answers";

    /// Counts questions; an answer to any but the last is dropped.
    static ASKED: AtomicU32 = AtomicU32::new(0);

    fn text_field() -> Option<HtmlInputElement> {
        find("#palette-text")
    }

    fn list() -> Option<Element> {
        find("#palette-list")
    }

    /// Opens a dialog, and with the palette its list. What stands in the search box comes along.
    pub(crate) fn open(id: &str) {
        let Some(dialog) = find::<HtmlDialogElement>(&format!("#{id}")) else { return };
        if !dialog.open() && dialog.show_modal().is_err() {
            return;
        }
        if id == "palette"
            && let Some(field) = text_field()
        {
            if let Some(box_) = find::<HtmlInputElement>("#search").filter(|box_| !box_.value().trim().is_empty()) {
                field.set_value(&box_.value());
            }
            field.select();
            if list().and_then(|list| list.get_attribute(ANSWERS)) != Some(field.value()) {
                ask(Duration::ZERO);
            }
        }
    }

    /// Asks after a rest, unless something else was asked meanwhile.
    fn ask(rest: Duration) {
        let question = ASKED.fetch_add(1, Relaxed) + 1;
        set_timeout(
            move || {
                if ASKED.load(Relaxed) == question
                    && let Some(field) = text_field()
                {
                    wasm_bindgen_futures::spawn_local(async move {
                        let text = field.value();
                        let answer = fetch(&text).await;
                        if ASKED.load(Relaxed) == question {
                            let _ = show(&text, answer.as_ref().ok());
                        }
                    });
                }
            },
            rest,
        );
    }

    async fn fetch(text: &str) -> Result<Array, JsValue> {
        use wasm_bindgen_futures::JsFuture;
        let window = web_sys::window().ok_or(JsValue::NULL)?;
        let url = format!("/find.json?q={}", String::from(encode_uri_component(text)));
        let response: Response = JsFuture::from(window.fetch_with_str(&url)).await?.dyn_into()?;
        if !response.ok() {
            return Err(JsValue::NULL);
        }
        JsFuture::from(response.json()?).await?.dyn_into()
    }

    /// Shows an answer, or that there was none.
    fn show(text: &str, answer: Option<&Array>) -> Result<(), JsValue> {
        let (Some(list), Some(field)) = (list(), text_field()) else { return Ok(()) };
        list.set_text_content(None);
        let mut count = 0;
        for (index, group) in answer.into_iter().flat_map(Array::iter).map(|group| Array::from(&group)).enumerate() {
            let id = format!("palette-group-{index}");
            let name = group.get(0).as_string().unwrap_or_default();
            let members = element("div", &[("role", "group"), ("aria-labelledby", &id)], "")?;
            members.append_child(&*element(
                "div",
                &[("class", "group"), ("role", "presentation"), ("id", &id)],
                &name,
            )?)?;
            for line in Array::from(&group.get(1)).iter() {
                members.append_child(&*option(&line, count)?)?;
                count += 1;
            }
            list.append_child(&members)?;
        }
        let said = match (answer, count) {
            (None, _) => "Not found out: the server did not answer. Press Enter to search on its own page.".to_owned(),
            (_, 0) => "Nothing is found.".to_owned(),
            _ => format!("{count} found"),
        };
        if let Some(place) = find::<Element>("#palette-said") {
            place.set_text_content(Some(&said));
        }
        list.toggle_attribute_with_force("hidden", count == 0)?;
        list.set_scroll_top(0);
        field.set_attribute("aria-expanded", if count > 0 { "true" } else { "false" })?;
        match answer {
            Some(_) => list.set_attribute(ANSWERS, text)?,
            None => list.remove_attribute(ANSWERS)?,
        }
        choose(0)
    }

    /// A line as a link. Names are other people's: they are set as text.
    fn option(found: &JsValue, index: u32) -> Result<Element, JsValue> {
        let get = |name: &str| Ok::<_, JsValue>(Reflect::get(found, &name.into())?.as_string().unwrap_or_default());
        let (id, path) = (format!("palette-{index}"), get("path")?);
        let link = element(
            "a",
            &[
                ("class", "opt"),
                ("role", "option"),
                ("tabindex", "-1"),
                ("aria-selected", "false"),
                ("id", &id),
                ("href", &path),
            ],
            "",
        )?;
        // An icon is copied from one that is there, which is shorter than making one of another namespace.
        if let Some(icon) = find::<Element>("#palette .i") {
            let icon: Element = icon.clone_node_with_deep(true)?.dyn_into()?;
            if let Some(used) = icon.query_selector("use")? {
                used.set_attribute("href", &format!("#i-{}", get("icon")?))?;
            }
            link.append_child(&icon)?;
        }
        let mono = Reflect::get(found, &"mono".into())?.is_truthy();
        link.append_child(&*element("span", if mono { &[("class", "mono")] } else { &[] }, &get("title")?)?)?;
        let note = get("note")?;
        if !note.is_empty() {
            link.append_child(&*element("span", &[("class", "n")], &note)?)?;
        }
        Ok(link)
    }

    /// What was found, one after the other.
    fn options() -> Vec<HtmlElement> {
        Page::all("#palette-list [role=option]")
    }

    fn chosen() -> Option<HtmlElement> {
        find("#palette-list [aria-selected=true]")
    }

    /// Chooses the option at a place; beyond the last is the first, before the first the last.
    fn choose(at: i32) -> Result<(), JsValue> {
        let (options, Some(field)) = (options(), text_field()) else { return Ok(()) };
        if let Some(before) = chosen() {
            before.set_attribute("aria-selected", "false")?;
        }
        let place = i32::try_from(options.len()).ok().and_then(|count| at.checked_rem_euclid(count));
        let Some(option) = place.and_then(|at| options.get(usize::try_from(at).ok()?)) else {
            return field.remove_attribute("aria-activedescendant");
        };
        option.set_attribute("aria-selected", "true")?;
        field.set_attribute("aria-activedescendant", &option.id())?;
        let nearest = ScrollIntoViewOptions::new();
        nearest.set_block(ScrollLogicalPosition::Nearest);
        option.scroll_into_view_with_scroll_into_view_options(&nearest);
        Ok(())
    }

    /// Keys within the text field.
    fn key(event: &KeyboardEvent) {
        // 229 is what some browsers say while a word is being composed.
        if event.is_composing() || event.key_code() == 229 || event.alt_key() || event.shift_key() {
            return;
        }
        let command = event.ctrl_key() || event.meta_key();
        let options = options();
        let at = chosen().and_then(|chosen| options.iter().position(|option| *option == chosen));
        let at = at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1);
        match event.key().as_str() {
            "ArrowDown" if !command => drop(choose(at + 1)),
            "ArrowUp" if !command => drop(choose(at.max(0) - 1)),
            "Home" if !command => drop(choose(0)),
            "End" if !command => drop(choose(-1)),
            "Enter" => {
                // Of an answer to an earlier text nothing is opened: the form then asks the server.
                let current =
                    list().and_then(|list| list.get_attribute(ANSWERS)) == text_field().map(|field| field.value());
                let (Some(option), true) = (chosen(), current) else { return };
                if command {
                    let target = option.get_attribute("href").unwrap_or_default();
                    if let Some(window) = web_sys::window() {
                        let _ = window.open_with_url_and_target_and_features(&target, "_blank", "noopener");
                    }
                } else {
                    Page::close_dialog();
                    option.click();
                }
            }
            _ => return,
        }
        event.prevent_default();
    }

    pub(super) fn start() {
        let Some(field) = text_field() else { return };
        on(&field, "input", |_: web_sys::Event| ask(REST));
        on(&field, "keydown", |event: KeyboardEvent| key(&event));
        on(&document(), "click", |event: web_sys::Event| {
            let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
            if let Ok(Some(button)) = target.closest("[data-open]") {
                open(&button.get_attribute("data-open").unwrap_or_default());
            } else if target.tag_name() == "DIALOG" || target.closest("[data-close]").is_ok_and(|close| close.is_some())
            {
                // The dialog itself is clicked where it shows nothing: beside it.
                Page::close_dialog();
            }
        });
    }
}
