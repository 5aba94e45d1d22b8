//! The dialogs that every page has: the palette, and the keys that work everywhere. Closed they show nothing; only
//! scripts open them, and the pages `/find` and `/preferences` do the same without.

use crate::components::{Icon, icon};
use leptos::prelude::*;
use std::{fmt::Write, sync::LazyLock};

/// Keys, and what they do.
const SHORTCUTS: [(&[&str], &str); 17] = [
    (&["/", "Ctrl K"], "Find anything"),
    (&["?"], "Show these keys"),
    (&["j", "k"], "Next row, row before"),
    (&["Enter"], "Open the row"),
    (&["x"], "Select the row, or not"),
    (&["Shift x"], "Select all rows from the last one selected"),
    (&["b"], "Go to what can be done with selected rows"),
    (&["[", "]"], "Page before, next page"),
    (&["a"], "Add a list entry, on a domain or recipient"),
    (&["l"], "Show a login link, on a domain"),
    (&["e"], "Explain a mail, on a domain or recipient"),
    (&["g d"], "Go to Domains"),
    (&["g j"], "Go to Jobs"),
    (&["g k"], "Go to API keys"),
    (&["g l", "g e"], "Go to Lists, to Explain"),
    (&["g r"], "Go to Recipients"),
    (&["Esc"], "Close"),
];

/// The keys as a list, made once.
pub fn shortcuts() -> &'static str {
    static HTML: LazyLock<String> = LazyLock::new(|| {
        let mut html = "<dl class=\"keys\">".to_owned();
        for (keys, words) in SHORTCUTS {
            let keys: Vec<_> = keys
                .iter()
                .map(|keys| {
                    let keys = keys.split(' ').map(|key| format!("<kbd class=\"kbd\">{key}</kbd>"));
                    keys.collect::<Vec<_>>().join(" ")
                })
                .collect();
            let _ =
                write!(html, "<div><dt>{}</dt><dd>{words}</dd></div>", keys.join(" <span class=\"muted\">or</span> "));
        }
        html.push_str("</dl>");
        html
    });
    &HTML
}

/// Both dialogs.
pub fn dialogs() -> impl IntoView {
    view! {
        <dialog class="dialog palette" id="palette" aria-label="Find anything">
            <form class="row" action="/search">
                <span class="search">{icon(Icon::Search)}
                    <input
                        class="input"
                        id="palette-text"
                        name="q"
                        role="combobox"
                        aria-label="What to find"
                        aria-expanded="false"
                        aria-autocomplete="list"
                        aria-controls="palette-list"
                        placeholder="Domain, address, page or action"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        enterkeyhint="go"
                    />
                </span>
                <button type="button" class="btn btn-quiet btn-icon" data-close aria-label="Close">{icon(Icon::X)}</button>
            </form>
            <div class="options" id="palette-list" role="listbox" aria-label="Found" hidden></div>
            <p class="hint" id="palette-said" role="status"></p>
        </dialog>
        <dialog class="dialog" id="help" aria-labelledby="h-help">
            <header class="row">
                <h2 id="h-help">"Keyboard shortcuts"</h2>
                <button type="button" class="btn btn-quiet btn-icon push" data-close aria-label="Close">{icon(Icon::X)}</button>
            </header>
            <div inner_html=shortcuts()></div>
            <p class="hint"><a href="/preferences#keys">"Switch single keys on or off"</a></p>
        </dialog>
    }
}
