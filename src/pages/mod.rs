//! Pages, one module an area.

pub mod batch;
pub mod deprovision;
pub mod domain;
pub mod domain_facts;
pub mod domain_mx;
pub mod domains;
pub mod history;
pub mod key;
pub mod keys;
pub mod not_found;
pub mod provision;
pub mod servers;
pub mod sign_in;
pub mod subscriptions;
