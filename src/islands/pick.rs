//! The selection in a table: the box in its head ticks the page, and the bar says how many are ticked.

use leptos::prelude::*;

/// The box in the head of a table whose rows have boxes named `pick`, in the form `picks`; how many are ticked is
/// said in `picked`.
#[cfg(feature = "ssr")]
#[component]
pub fn PickPage() -> impl IntoView {
    view! {
        <input class="js-only" type="checkbox" id="pick-page" aria-label="Tick all of this page"/>
        <Picked/>
    }
}

/// Makes it tick and count.
#[island]
pub fn Picked() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
mod run {
    use crate::islands::page::{Page, closest, find, on};
    use web_sys::{Element, Event, HtmlInputElement};

    fn boxes() -> Vec<HtmlInputElement> {
        Page::all("#picks input[name=pick]")
    }

    fn show(head: &HtmlInputElement) {
        let boxes = boxes();
        let ticked = boxes.iter().filter(|one| one.checked()).count();
        head.set_checked(ticked > 0 && ticked == boxes.len());
        head.set_indeterminate(ticked > 0 && ticked < boxes.len());
        if let Some(place) = find::<Element>("#picked") {
            place.set_text_content(Some(&ticked.to_string()));
        }
    }

    pub(super) fn start() {
        let (Some(form), Some(head)) = (find::<Element>("#picks"), find::<HtmlInputElement>("#pick-page")) else {
            return;
        };
        // Also at the start: a browser that goes back keeps what was ticked.
        show(&head);
        on(&form, "change", move |event: Event| {
            if closest(&event, "#pick-page").is_some() {
                for one in boxes() {
                    one.set_checked(head.checked());
                }
            }
            show(&head);
        });
    }
}
