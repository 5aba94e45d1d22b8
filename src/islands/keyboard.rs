//! Keys that work on every page. Single keys can be switched off (WCAG 2.1.4); Ctrl or ⌘ with K stays.

use leptos::prelude::*;

/// Listens for keys outside of fields and dialogs.
#[island]
pub fn Keyboard() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

/// The key as its letter or sign: as it is written on the keyboard, or, where that is not a Latin letter or sign, by
/// where it is. Letters are large with Shift and only then, whatever Caps Lock makes of them.
#[cfg_attr(not(feature = "hydrate"), allow(dead_code, reason = "only the browser has keys"))]
fn sign(key: &str, code: &str, shift: bool) -> String {
    if key.chars().count() != 1 {
        return key.to_owned();
    }
    let sign = match code {
        _ if key.is_ascii() => key,
        "Slash" if shift => "?",
        "Slash" => "/",
        "BracketLeft" => "[",
        "BracketRight" => "]",
        _ => code.strip_prefix("Key").unwrap_or_default(),
    };
    if shift { sign.to_ascii_uppercase() } else { sign.to_ascii_lowercase() }
}

#[cfg(feature = "hydrate")]
mod run {
    use super::sign;
    use crate::islands::{
        page::{Page, find, on},
        palette,
    };
    use leptos::prelude::document;
    use std::cell::{Cell, RefCell};
    use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent, wasm_bindgen::JsCast};

    /// How long after `g` its second key is waited for, milliseconds.
    const PATIENCE: f64 = 1_500.0;
    /// What a row is gone to by: its link, or else what selects it.
    const GOALS: [&str; 2] = [".main a, th a", "input[type=checkbox]"];

    thread_local! {
        /// When `g` was pressed.
        static GO: Cell<f64> = const { Cell::new(f64::MIN) };
        /// The row selected last.
        static SELECTED: RefCell<Option<Element>> = const { RefCell::new(None) };
    }

    fn is_field(element: &Element) -> bool {
        const FIELDS: &str = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
        element.closest(FIELDS).is_ok_and(|field| field.is_some())
    }

    fn click(selector: &str) -> bool {
        find::<HtmlElement>(selector).inspect(HtmlElement::click).is_some()
    }

    fn focus(selector: &str) -> bool {
        find::<HtmlElement>(selector).inspect(|element| drop(element.focus())).is_some()
    }

    fn goal_of(row: &Element) -> Option<Element> {
        GOALS.iter().find_map(|goal| row.query_selector(goal).ok().flatten())
    }

    /// Rows that one can go to, and the one that focus is in.
    fn rows() -> (Vec<Element>, Option<usize>) {
        let rows: Vec<Element> = Page::all("main tbody tr").into_iter().filter(|row| goal_of(row).is_some()).collect();
        let here = document().active_element().and_then(|at| at.closest("main tbody tr").ok().flatten());
        let at = here.and_then(|here| rows.iter().position(|row| *row == here));
        (rows, at)
    }

    fn go_to_row(down: bool) -> bool {
        let (rows, at) = rows();
        let to = match (at, down) {
            (None, _) => 0,
            (Some(at), true) => at + 1,
            (Some(at), false) => at.saturating_sub(1),
        };
        let goal = rows.get(to).and_then(goal_of);
        let goal = goal.and_then(|goal| goal.dyn_into::<HtmlElement>().ok());
        goal.inspect(|goal| drop(goal.focus())).is_some()
    }

    fn selector_of(row: &Element) -> Option<HtmlInputElement> {
        row.query_selector("input[type=checkbox]").ok().flatten()?.dyn_into().ok()
    }

    /// Selects the row with focus, or not; with `range` all from the one selected last, like that one.
    fn select(range: bool) -> bool {
        let (rows, Some(at)) = rows() else { return false };
        let Some(tick) = selector_of(&rows[at]) else { return false };
        let from = SELECTED.with_borrow(|last| rows.iter().position(|row| Some(row) == last.as_ref()));
        match from.filter(|_| range) {
            Some(from) => {
                let checked = selector_of(&rows[from]).is_some_and(|tick| tick.checked());
                for tick in rows[from.min(at)..=from.max(at)].iter().filter_map(selector_of) {
                    if tick.checked() != checked {
                        tick.click();
                    }
                }
            }
            None => tick.click(),
        }
        SELECTED.replace(Some(rows[at].clone()));
        true
    }

    /// Does what a single key is for; says whether there was anything to do.
    fn act(key: &str, now: f64, again: bool) -> bool {
        let going = now - GO.replace(f64::MIN) < PATIENCE;
        match key {
            "d" | "j" | "k" | "l" | "e" | "r" if going => click(&format!("[data-go={key}]")),
            "j" | "k" => go_to_row(key == "j"),
            _ if again => false,
            "g" => {
                GO.set(now);
                true
            }
            "/" => {
                palette::open("palette");
                true
            }
            "?" => {
                palette::open("help");
                true
            }
            "x" => select(false),
            "X" => select(true),
            "[" => click("main a[rel=prev]"),
            "]" => click("main a[rel=next]"),
            "a" => click("main [data-key=a]") || focus("#add textarea"),
            "l" | "e" => click(&format!("main [data-key={key}]")),
            "b" => focus(".bulk :is(button, a, input, select):not([disabled])"),
            "Escape" => match document().active_element().and_then(|at| at.dyn_into::<HtmlElement>().ok()) {
                Some(at) if rows().1.is_some() => at.blur().is_ok(),
                _ => false,
            },
            _ => false,
        }
    }

    fn key(event: &KeyboardEvent) {
        // 229 is what some browsers say while a word is being composed.
        if event.is_composing() || event.key_code() == 229 || event.default_prevented() {
            return;
        }
        let (ctrl, meta, alt, shift) = (event.ctrl_key(), event.meta_key(), event.alt_key(), event.shift_key());
        let sign = sign(&event.key(), &event.code(), shift);
        if ctrl != meta && !alt && !shift && sign.eq_ignore_ascii_case("k") {
            if Page::dialog().is_none_or(|dialog| dialog.id() == "palette") {
                palette::open("palette");
            }
            event.prevent_default();
            return;
        }
        // On some keyboards a bracket takes the right Alt key, which counts as Ctrl and Alt at once.
        let written = event.get_modifier_state("AltGraph") && matches!(sign.as_str(), "[" | "]" | "/" | "?");
        let others = (ctrl || meta || alt) && !written;
        let typing = event.target().and_then(|target| target.dyn_into().ok()).is_some_and(|at| is_field(&at));
        let off = document().document_element().is_some_and(|root| root.has_attribute("data-keys"));
        if others || typing || off || Page::dialog().is_some() {
            return;
        }
        if act(&sign, event.time_stamp(), event.repeat()) {
            event.prevent_default();
        }
    }

    pub(super) fn start() {
        on(&document(), "keydown", |event: KeyboardEvent| key(&event));
    }
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn keys_are_what_is_written_on_them_or_where_they_are() {
        for (key, code, shift, expected) in [
            ("j", "KeyJ", false, "j"),
            ("J", "KeyJ", false, "j"),
            ("x", "KeyX", true, "X"),
            // Dvorak: written j, elsewhere.
            ("j", "KeyC", false, "j"),
            // Cyrillic and Greek: by place.
            ("о", "KeyJ", false, "j"),
            ("Ч", "KeyX", true, "X"),
            ("ξ", "KeyJ", false, "j"),
            ("х", "BracketLeft", false, "["),
            // German: a slash is on 7, a bracket needs the right Alt key.
            ("/", "Digit7", true, "/"),
            ("ö", "Semicolon", false, ""),
            ("Escape", "Escape", false, "Escape"),
            ("Dead", "Quote", false, "Dead"),
        ] {
            assert_eq!(sign(key, code, shift), expected, "{key} {code}");
        }
    }
}
