//! The note that a form action left for the page.

use crate::{
    components::{Icon, alert, icon},
    server::flash::{Flash, TakeBack},
};
use leptos::prelude::*;

/// Shows the note, with Undo where the change can be taken back.
pub fn note(flash: Option<&Flash>) -> Option<AnyView> {
    let flash = flash?.clone();
    let undo = flash.undo.map(|undo| {
        let (action, field, value, change) = match undo {
            TakeBack::Domain { name, change } => ("/do/domains/undo", "name", name, change),
            TakeBack::Entry { change, back } => ("/do/lists/undo", "back", back, change),
        };
        view! {
            <form method="post" action=action>
                <input type="hidden" name=field value=value/>
                <input type="hidden" name="change" value=change.to_string()/>
                <button class="btn btn-sm">{icon(Icon::Undo2)}"Undo"</button>
            </form>
        }
        .into_any()
    });
    Some(
        view! { <div class="note" id="note">{alert(flash.tone.as_str(), flash.title, flash.detail, undo)}</div> }
            .into_any(),
    )
}
