//! The only code that reaches the browser. Each island has one job and the page works without it.

pub mod copy;
pub mod drop;
pub mod keyboard;
#[cfg(feature = "hydrate")]
mod page;
pub mod palette;
pub mod pick;
pub mod progress;
pub mod servers;

pub use copy::CopyButton;
pub use drop::DropText;
pub use keyboard::Keyboard;
pub use palette::Palette;
pub use pick::PickPage;
pub use progress::{LiveProgress, Progress};
pub use servers::{ServerLine, ServersEditor};
