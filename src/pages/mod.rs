//! Pages, one module an area.

pub mod batch;
pub mod deprovision;
pub mod domain;
pub mod domain_facts;
pub mod domain_mx;
pub mod domains;
pub mod entries;
pub mod entries_review;
pub mod explain;
pub mod explain_change;
pub mod explain_paste;
pub mod find;
pub mod history;
pub mod key;
pub mod keys;
pub mod lists;
pub mod login_links;
pub mod not_found;
pub mod preferences;
pub mod provision;
pub mod recipients;
pub mod reports;
pub mod servers;
pub mod sign_in;
pub mod subscriptions;
