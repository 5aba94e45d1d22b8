//! The only code that reaches the browser. Each island has one job and the page works without it.
//!
//! None of them shows anything: the server writes all that there is to see, and an island, which has no properties,
//! brings it to life by plain calls to the browser. So neither the code that makes views nor that which reads JSON
//! has to be loaded.

pub mod copy;
pub mod drop;
pub mod keyboard;
#[cfg(feature = "hydrate")]
mod page;
pub mod palette;
pub mod pick;
pub mod progress;
pub mod servers;

#[cfg(feature = "ssr")]
pub use {copy::CopyButton, drop::DropText, pick::PickPage, progress::LiveProgress, servers::ServersEditor};
pub use {keyboard::Keyboard, palette::Palette, progress::Progress, servers::ServerLine};
