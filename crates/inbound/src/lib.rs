//! Pure rules of MailChannels Inbound: names, servers, settings, association, import. No I/O.

pub mod association;
pub mod bounce;
pub mod complaint;
pub mod downstream;
pub mod find;
pub mod import;
pub mod lists;
pub mod message;
pub mod name;
pub mod pasted;
pub mod sender;
pub mod settings;
pub mod words;
