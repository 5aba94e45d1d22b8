//! The audit log as people read it: what a change changed, text made harmless, and the reason that is typed.

use crate::{import::escape_cell, plan::write_csv};
use serde_json::Value;

/// Longest ticket or reason, in characters.
pub const REASON_MAX: usize = 200;

/// What was typed as ticket or reason: one line, or nothing.
///
/// # Errors
/// In words, when it is too long or has a control character.
pub fn parse_reason(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    if text.chars().count() > REASON_MAX {
        Err(format!("That is longer than {REASON_MAX} characters. Shorten it."))
    } else if text.chars().any(is_hidden) {
        Err("That has a line break or a control character. Remove it.".into())
    } else {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }
}

/// Characters that are not seen, or that make others look like what they are not.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text in which nothing is hidden: line breaks, control and direction characters are written out, as `\n` and
/// `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// A property that a change changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What it is called; empty when the state is a bare text.
    pub what: String,
    /// Values that went.
    pub old: Vec<String>,
    /// Values that came.
    pub new: Vec<String>,
}

/// What differs between two states. A state is the JSON of a [`crate::facet::Snapshot`], or a bare text.
#[must_use]
pub fn changes(before: Option<&str>, after: Option<&str>) -> Vec<Changed> {
    let (before, after) = (before.map(properties).unwrap_or_default(), after.map(properties).unwrap_or_default());
    let value = |of: &[(String, Vec<String>)], what: &str| {
        of.iter().find(|(name, _)| name == what).map(|(_, values)| values.clone()).unwrap_or_default()
    };
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in before.iter().chain(&after) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let changed = |name: &String| {
        let (old, new) = (value(&before, name), value(&after, name));
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|value| !those.contains(value)).cloned().collect::<Vec<_>>()
        };
        let (went, came) = (only(&old, &new), only(&new, &old));
        (!went.is_empty() || !came.is_empty()).then(|| Changed { what: name.clone(), old: went, new: came })
    };
    names.into_iter().filter_map(changed).collect()
}

fn properties(state: &str) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    match serde_json::from_str(state) {
        Ok(Value::Object(object)) => {
            let own = |name: &str| name != "what" && name != "present";
            // Of something that is there or not, such as an alias: what is not there has no properties.
            let is_thing = object.contains_key("present") && object.keys().any(|name| own(name));
            if is_thing && object.get("present") == Some(&Value::Bool(false)) {
                return out;
            }
            for (name, value) in object.iter().filter(|(name, _)| own(name) || (*name == "present" && !is_thing)) {
                flatten(name, value, &mut out);
            }
        }
        _ => out.push((String::new(), vec![state.to_owned()])),
    }
    out
}

fn flatten(name: &str, value: &Value, out: &mut Vec<(String, Vec<String>)>) {
    let words = || name.replace('_', " ");
    match value {
        Value::Null => {}
        Value::Object(object) => object.iter().for_each(|(inner, value)| flatten(inner, value, out)),
        Value::Array(values) => out.push((words(), values.iter().map(scalar).collect())),
        other => out.push((words(), vec![scalar(other)])),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether the head of the chain is to be printed again: once on every day of UTC. A clock that was set back waits.
#[must_use]
pub fn head_is_due(told: Option<i64>, now: i64) -> bool {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    told.is_none_or(|told| now.div_euclid(DAY) > told.div_euclid(DAY))
}

/// Columns of the export.
pub const COLUMNS: [&str; 16] = [
    "id",
    "time",
    "person",
    "person id",
    "action",
    "kind",
    "object",
    "account",
    "key",
    "key label",
    "outcome",
    "before",
    "after",
    "ticket or reason",
    "job",
    "request",
];

/// Rows of an export as CSV, the heading among them: nothing in a cell is hidden or a formula.
#[must_use]
pub fn csv<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    write_csv(rows.map(|row| row.map(|cell| escape_cell(&visible(&cell)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facet::{Snapshot, Whole};
    use proptest::prelude::*;

    fn change(what: &str, old: &[&str], new: &[&str]) -> Changed {
        let owned = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        Changed { what: what.into(), old: owned(old), new: owned(new) }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let servers =
            |servers: &[&str]| Snapshot::Servers { servers: servers.iter().map(ToString::to_string).collect() }.base();
        let (old, new) = (servers(&["10 1 25 a.example", "20 1 25 b.example"]), servers(&["10 1 25 a.example"]));
        assert_eq!(changes(Some(&old), Some(&new)), [change("servers", &["20 1 25 b.example"], &[])]);
        let settings = |policy: &str| {
            Snapshot::Settings {
                policy: Some(policy.into()),
                override_recipient: Some(false),
                header_name: None,
                header_value: None,
            }
            .base()
        };
        assert_eq!(
            changes(Some(&settings("block")), Some(&settings("flag"))),
            [change("policy", &["block"], &["flag"])]
        );
        let whole = Snapshot::Domain(Whole { aliases: vec!["www.example".into()], ..Whole::default() }).base();
        assert!(changes(None, Some(&whole)).contains(&change("aliases", &[], &["www.example"])));
        assert_eq!(changes(Some("web07"), Some("web08")), [change("", &["web07"], &["web08"])]);
        assert_eq!(changes(None, None), []);
        let alias = |present| Snapshot::Alias { alias: "www.example".into(), present }.base();
        assert_eq!(changes(Some(&alias(false)), Some(&alias(true))), [change("alias", &[], &["www.example"])]);
        assert_eq!(changes(Some(&alias(true)), Some(&alias(false))), [change("alias", &["www.example"], &[])]);
        let there = |present| Snapshot::Provisioned { present }.base();
        assert_eq!(changes(Some(&there(true)), Some(&there(false))), [change("present", &["yes"], &["no"])]);
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(parse_reason("  "), Ok(None));
        assert_eq!(parse_reason(" #4711 moved "), Ok(Some("#4711 moved".into())));
        assert!(parse_reason(&"é".repeat(200)).is_ok());
        for bad in [&"é".repeat(201), "a\nb", "a\u{202e}b", "a\u{0}b"] {
            assert!(parse_reason(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_hidden_and_plain_text_is_left_alone(text in ".*\\PC*") {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
            if !text.chars().any(is_hidden) {
                prop_assert_eq!(shown, text);
            }
        }

        #[test]
        fn a_row_of_the_export_is_one_line_and_no_formula(cell in "(\\PC|[\n\r\t\u{202e}=+@-]){0,12}") {
            let line = csv(std::iter::once([cell.clone(), cell]));
            prop_assert_eq!(line.matches('\n').count(), 1, "{}", line);
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '@', '-', '\t', '\r'])));
        }

        #[test]
        fn no_state_stops_the_page(before in "\\PC*", after in "[\\[\\]{}\":,a0n]{0,20}") {
            let _ = changes(Some(&before), Some(&after));
            prop_assert_eq!(changes(Some(&after), Some(&after)), []);
        }

        #[test]
        fn the_head_is_printed_once_on_every_day(start in 0_i64..4_000_000_000_000, steps in proptest::collection::vec(0_i64..10_000_000, 0..200)) {
            const DAY: i64 = 86_400_000;
            let (mut now, mut told, mut days) = (start, None, Vec::new());
            for step in std::iter::once(0).chain(steps) {
                now += step;
                if head_is_due(told, now) {
                    told = Some(now);
                    days.push(now / DAY);
                }
            }
            // On each day that was looked at, and never twice.
            prop_assert!(days.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!((days.first(), days.last()), (Some(&(start / DAY)), Some(&(now / DAY))));
        }

        #[test]
        fn a_clock_set_back_prints_nothing(told in 0_i64..4_000_000_000_000, back in 0_i64..1_000_000_000) {
            prop_assert!(!head_is_due(Some(told), told - back));
        }
    }
}
