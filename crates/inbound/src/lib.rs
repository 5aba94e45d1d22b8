//! Pure rules of MailChannels Inbound: names, servers, settings, association, import, plans of many changes. No I/O.

pub mod association;
pub mod audit;
pub mod bounce;
pub mod complaint;
pub mod downstream;
pub mod facet;
pub mod find;
pub mod import;
pub mod keymap;
pub mod lists;
pub mod message;
pub mod name;
pub mod pasted;
pub mod plan;
pub mod rescue;
pub mod sender;
pub mod settings;
pub mod tamper;
pub mod words;
