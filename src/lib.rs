//! Sluice: a console with which a hosting company's support staff run MailChannels Inbound.
//!
//! Pages are rendered on the server and are whole without scripts; only [`islands`] reaches the
//! browser, so everything else is compiled for the server alone (feature `ssr`).
#![recursion_limit = "256"]

pub mod islands;

#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod app;
#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod server;

/// Entry of the browser code: makes the islands of the page known; the page's loader then starts each.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
