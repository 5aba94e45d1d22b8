//! Where a page of the domain list starts: the last row's place in the order, as one opaque word.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::DomainRow;

/// An order of the domain list. Ties go by name, then id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sort {
    /// By name.
    #[default]
    Name,
    /// By number of servers.
    Servers,
    /// By number of aliases.
    Aliases,
    /// By policy; those without one first.
    Policy,
    /// By subscription handle.
    Subscription,
}

impl Sort {
    /// The column it goes by, before name and id.
    pub(crate) fn column(self) -> Option<&'static str> {
        match self {
            Self::Name => None,
            Self::Servers => Some("servers"),
            Self::Aliases => Some("aliases"),
            Self::Policy => Some("policy_key"),
            Self::Subscription => Some("subscription"),
        }
    }
}

/// A place in the order of the domain list. Prints as an opaque word that needs no escaping in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub(crate) sort: Sort,
    pub(crate) value: Value,
    pub(crate) name: String,
    pub(crate) id: i64,
}

/// The value of the column sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
}

/// The word is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list")]
pub struct BadCursor;

/// Longer than any cursor of ours: a name has at most 253 characters, a handle some more.
const LENGTH_MAX: usize = 2_048;

impl Cursor {
    /// The place of a row in an order.
    pub fn of(row: &DomainRow, sort: Sort) -> Self {
        let value = match sort {
            Sort::Name => Value::Number(0),
            Sort::Servers => Value::Number(row.servers.into()),
            Sort::Aliases => Value::Number(row.aliases.into()),
            Sort::Policy => Value::Text(row.policy.clone().unwrap_or_default()),
            Sort::Subscription => Value::Text(row.subscription.clone()),
        };
        Self { sort, value, name: row.name.clone(), id: row.id }
    }

    /// Reads the printed form. What comes from a URL may be anything.
    ///
    /// # Errors
    /// [`BadCursor`] for anything that was not printed by a cursor.
    pub fn parse(text: &str) -> Result<Self, BadCursor> {
        if text.is_empty() || text.len() > LENGTH_MAX {
            return Err(BadCursor);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let (sort, value, name, id) = serde_json::from_slice(&json).map_err(|_| BadCursor)?;
        let numeric = matches!(value, Value::Number(_));
        if numeric == matches!(sort, Sort::Policy | Sort::Subscription) {
            return Err(BadCursor);
        }
        Ok(Self { sort, value, name, id })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&(self.sort, &self.value, &self.name, self.id)).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        let place = prop_oneof![
            (Just(Sort::Name), Just(Value::Number(0))),
            (Just(Sort::Servers), any::<i64>().prop_map(Value::Number)),
            (Just(Sort::Aliases), any::<i64>().prop_map(Value::Number)),
            (Just(Sort::Policy), ".{0,12}".prop_map(Value::Text)),
            (Just(Sort::Subscription), ".{0,12}".prop_map(Value::Text)),
        ];
        (place, ".{0,40}", any::<i64>()).prop_map(|((sort, value), name, id)| Cursor { sort, value, name, id })
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(cursor in any_cursor()) {
            let word = cursor.to_string();
            prop_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(Cursor::parse(&word), Ok(cursor));
        }

        #[test]
        fn garbage_is_refused_not_feared(text in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            // What happens to parse must be something that prints and reads back.
            for word in [text, URL_SAFE_NO_PAD.encode(bytes)] {
                if let Ok(cursor) = Cursor::parse(&word) {
                    prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
                }
            }
        }
    }

    #[test]
    fn a_cursor_of_the_wrong_shape_is_refused() {
        for json in
            [r#"["Policy",3,"a.example",1]"#, r#"["Servers","x","a.example",1]"#, "[]", "{}", r#"["Name",0,"a"]"#]
        {
            assert_eq!(Cursor::parse(&URL_SAFE_NO_PAD.encode(json)), Err(BadCursor), "{json}");
        }
        assert_eq!(Cursor::parse(""), Err(BadCursor));
        assert_eq!(Cursor::parse(&"A".repeat(LENGTH_MAX + 1)), Err(BadCursor));
    }
}
