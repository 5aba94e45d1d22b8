//! The HTTP server: configuration, who is asking, and the rules that hold on every response.

pub mod actor;
pub mod assets;
pub mod audit;
pub mod audit_cli;
pub mod auth;
pub mod backup;
pub mod bulk;
pub mod clock;
pub mod command;
pub mod config;
pub mod csrf;
pub mod export;
pub mod find;
pub mod flash;
pub mod headers;
pub mod host;
pub mod jobs;
pub mod listen;
pub mod login_link;
pub mod login_links;
pub mod metrics;
pub mod places;
pub mod preferences;
pub mod ready;
pub mod report;
pub mod router;
pub mod run;
pub mod sign_in;
pub mod spool;
pub mod state;
pub mod totals;
pub mod version;

pub use run::{healthcheck, serve};
pub use version::version;
