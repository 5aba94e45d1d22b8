//! What a browser keeps of how its person likes things: cookies, read when a page is made.

use http::{header, request::Parts};
use leptos::prelude::use_context;

/// The theme (none follows the system), and whether single-key shortcuts are on. Anything else than what our forms
/// set counts as not set.
pub fn of(parts: &Parts) -> (Option<&'static str>, bool) {
    let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let (mut theme, mut single_keys) = (None, true);
    for cookie in cookies.flat_map(|value| value.split("; ")) {
        match cookie {
            "__Host-theme=light" => theme = Some("light"),
            "__Host-theme=dark" => theme = Some("dark"),
            "__Host-keys=off" => single_keys = false,
            _ => {}
        }
    }
    (theme, single_keys)
}

/// Those of the current request.
pub fn here() -> (Option<&'static str>, bool) {
    use_context::<Parts>().map_or((None, true), |parts| of(&parts))
}
