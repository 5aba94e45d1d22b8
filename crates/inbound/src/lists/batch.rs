//! Many entries at once: comma, line or CSV; and the CSV that goes out.

use super::{Entry, List, Tier};
use crate::{
    import::{escape_cell, unescape_cell},
    name::{DomainName, EmailAddress},
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Columns of an export: `for` is the recipient, the domain, or the account's name.
const CSV_COLUMNS: [&str; 5] = ["tier", "for", "list", "type", "entry"];

/// Longest entry that is sent as it was exported, in bytes; an address has 254 (RFC 5321 4.5.3.1.3).
const ITEM_MAX: usize = 320;

/// An entry to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Line it stood on, from 1.
    pub line: usize,
    /// Its own tier and list, when it came from a CSV that names them; else the form's count.
    pub place: Option<(Tier, List)>,
    /// Its own recipient or domain, canonical, or its account; empty when the form's counts.
    pub whose: String,
    /// As it is sent.
    pub item: String,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineError {
    /// From 1.
    pub line: usize,
    /// The text.
    pub text: String,
    /// What is wrong, and the fix.
    pub message: String,
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What can be added.
    pub rows: Vec<Row>,
    /// Lines whose entry stood above already, and was taken once.
    pub repeated: Vec<usize>,
    /// Every error.
    pub errors: Vec<LineError>,
}

/// The CSV of some entries as the service has them, each with its tier, whose it is and its list.
#[must_use]
pub fn export<'a>(rows: impl Iterator<Item = (Tier, String, List, &'a str)>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heading = CSV_COLUMNS.map(str::to_owned);
    let lines = rows.map(|(tier, whose, list, item)| {
        let entry = Entry::read(item);
        // One that is read but could not be typed, such as a network with host bits, goes out as it is.
        let item = if Entry::parse(item).is_ok() { entry.item() } else { item.to_owned() };
        [tier.as_str(), &whose, list.as_str(), entry.kind(), &item].map(escape_cell)
    });
    for line in std::iter::once(heading).chain(lines) {
        // Memory takes everything.
        let _ = writer.write_record(line);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Reads entries: one a line, several with commas or semicolons between, or CSV with a heading that has `entry`.
#[must_use]
pub fn parse_batch(text: &str) -> Batch {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = [b',', b';', b'\t'].into_iter().max_by_key(|byte| first.bytes().filter(|b| b == byte).count());
    let cells: Vec<_> = first
        .split(char::from(separator.unwrap_or(b',')))
        .map(|cell| cell.trim().trim_matches('"').to_lowercase())
        .collect();
    let column = |names: &[&str]| cells.iter().position(|cell| names.contains(&cell.as_str()));
    let mut batch = Batch::default();
    let mut seen = HashSet::new();
    if let Some(entry) = column(&["entry", "item", "value"]) {
        let columns = Columns {
            tier: column(&["tier"]),
            whose: column(&["for", "recipient", "whose"]),
            list: column(&["list", "action"]),
            kind: column(&["type"]),
            entry,
        };
        table(text, separator.unwrap_or(b','), &columns, &mut batch, &mut seen);
    } else {
        for (index, line) in text.lines().enumerate() {
            for part in line.split([',', ';', '\t']).map(str::trim).filter(|part| !part.is_empty()) {
                batch.take(index + 1, part, None, String::new(), &mut seen);
            }
        }
    }
    batch
}

type Seen = HashSet<(Option<(Tier, List)>, String, String)>;

impl Batch {
    fn take(&mut self, line: usize, text: &str, place: Option<(Tier, List)>, whose: String, seen: &mut Seen) {
        match Entry::parse(text).map(|entry| entry.item()) {
            Ok(item) => self.push(line, item, place, whose, seen),
            Err(error) => self.error(line, text, error.to_string()),
        }
    }

    /// Takes what the service had, also where it could not be typed.
    fn take_exported(
        &mut self,
        line: usize,
        text: &str,
        kind: &str,
        place: (Tier, List),
        whose: String,
        seen: &mut Seen,
    ) {
        let text = text.trim();
        let plain = !text.is_empty() && text.len() <= ITEM_MAX && !text.contains(char::is_control);
        let known = Entry::parse(text).is_err()
            && plain
            && match Entry::read(text) {
                Entry::Odd(_) => kind.eq_ignore_ascii_case("other"),
                _ => true,
            };
        if known {
            self.push(line, text.to_owned(), Some(place), whose, seen);
        } else {
            self.take(line, text, Some(place), whose, seen);
        }
    }

    fn push(&mut self, line: usize, item: String, place: Option<(Tier, List)>, whose: String, seen: &mut Seen) {
        if seen.insert((place, whose.clone(), item.clone())) {
            self.rows.push(Row { line, place, whose, item });
        } else {
            self.repeated.push(line);
        }
    }

    fn error(&mut self, line: usize, text: &str, message: String) {
        self.errors.push(LineError { line, text: text.chars().take(200).collect(), message });
    }
}

struct Columns {
    tier: Option<usize>,
    whose: Option<usize>,
    list: Option<usize>,
    kind: Option<usize>,
    entry: usize,
}

fn table(text: &str, separator: u8, columns: &Columns, batch: &mut Batch, seen: &mut Seen) {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
                batch.error(line, "", "The line can't be read as CSV. Look for a quote that is not closed.".into());
                continue;
            }
        };
        let line = record.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
        let cell = |column: Option<usize>| unescape_cell(column.and_then(|at| record.get(at)).unwrap_or_default());
        let (tier, list, text) = (cell(columns.tier), cell(columns.list), cell(Some(columns.entry)));
        if record.iter().all(str::is_empty) {
            continue;
        }
        match own_place(&tier, &list, &cell(columns.whose)) {
            Ok((Some(place), whose)) => batch.take_exported(line, &text, &cell(columns.kind), place, whose, seen),
            Ok((None, whose)) => batch.take(line, &text, None, whose, seen),
            Err(message) => batch.error(line, &text, message),
        }
    }
}

/// The place a line names for itself, and whose it is.
fn own_place(tier: &str, list: &str, whose: &str) -> Result<(Option<(Tier, List)>, String), String> {
    if tier.is_empty() && list.is_empty() && whose.is_empty() {
        return Ok((None, String::new()));
    }
    let tier = Tier::parse(tier).ok_or_else(|| format!("“{tier}” is no tier: write user, domain or account."))?;
    let list = List::parse(list).ok_or_else(|| format!("“{list}” is no list: write safelist or blocklist."))?;
    let whose = match tier {
        Tier::User => EmailAddress::parse(whose)
            .map(|address| super::lower(&address).to_string())
            .map_err(|error| format!("For whom: {error}"))?,
        Tier::Domain => DomainName::parse(whose)
            .map(|name| name.as_str().to_owned())
            .map_err(|error| format!("For which domain: {error}"))?,
        Tier::Account => whose.trim().to_owned(),
    };
    Ok((Some((tier, list)), whose))
}
