//! The kit: small server-rendered parts that every page is made of.

pub mod field;
pub mod icon;
pub mod note;
pub mod page;
pub mod palette;
pub mod shell;
pub mod status;

pub use field::{Field, SelectField, TextArea, field_error, put_escaped, reason_field};
pub use icon::{Icon, icon};
pub use note::note;
pub use page::{Cx, page};
pub use status::{age, alert, badge, empty, heads, policy_badge, state, together};
