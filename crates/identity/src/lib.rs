//! Who somebody is: what identity providers and access proxies say, whether it is to be believed, and which role
//! follows from it.
//!
//! What decides is pure and takes the time as an argument: [`jwt`] (signatures), [`claims`] (what a token may say),
//! [`proxy`] (headers of a proxy) and [`role`] (groups to roles). Only [`oidc`] and [`jwks`] speak to anybody.

pub mod claims;
pub mod fetch;
pub mod jwks;
pub mod jwt;
pub mod oidc;
pub mod proxy;
pub mod role;

pub use jsonwebtoken::Algorithm;
pub use role::{Role, RoleMap};

/// What somebody trusted says about a person, before a role is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// Who says it: the issuer of a token, or `proxy`.
    pub issuer: String,
    /// The person's name at the issuer, which stays the same for life.
    pub subject: String,
    /// Name to show.
    pub name: String,
    /// For display, and for allowed domains when [`Self::email_verified`].
    pub email: Option<String>,
    /// Whether the issuer checked that the address is theirs.
    pub email_verified: bool,
    /// Names of groups.
    pub groups: Vec<String>,
    /// When the person last proved who they are, unix seconds; only where the issuer says so.
    pub auth_time: Option<i64>,
    /// The issuer's name of the session, for back-channel logout.
    pub session: Option<String>,
}
