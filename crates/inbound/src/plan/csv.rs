//! Outcomes as CSV: all rows, or those that failed in a form that is imported again unedited.

use super::{Kind, Wish, input::entry_kind};
use crate::{import::escape_cell, lists::Tier};

/// How a row ended, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it was; for a line that can't be understood, its text.
    pub wish: Wish,
    /// In a word or two.
    pub outcome: String,
    /// Why, when there is something to say.
    pub reason: String,
    /// The one next step.
    pub next: String,
    /// When, as RFC 3339; empty when nothing was done.
    pub time: String,
}

/// All rows: line, object, entry, outcome, reason, next step, time.
#[must_use]
pub fn results_csv<'a>(kind: Kind, rows: impl Iterator<Item = &'a Outcome>) -> String {
    let object = if kind.is_entries() { "for" } else { "domain" };
    let heading = ["line", object, "detail", "outcome", "reason", "next step", "time"].map(str::to_owned);
    let lines = rows.map(|row| {
        let wish = &row.wish;
        let detail = match &wish.entry {
            Some((list, item)) => format!("{} {item}", list.as_str()),
            None => wish.aliases.join("|"),
        };
        [
            wish.line.to_string(),
            wish.object.clone(),
            detail,
            row.outcome.clone(),
            row.reason.clone(),
            row.next.clone(),
            row.time.clone(),
        ]
    });
    write_escaped(std::iter::once(heading).chain(lines))
}

/// Rows in the columns of the import, and behind them why they failed, which the import passes over.
#[must_use]
pub fn failed_csv<'a>(kind: Kind, rows: impl Iterator<Item = &'a Outcome>) -> String {
    if kind.is_entries() {
        let heading = ["tier", "for", "list", "type", "entry", "reason", "next step"].map(str::to_owned);
        let lines = rows.map(|row| {
            let tier = if row.wish.object.contains('@') { Tier::User } else { Tier::Domain };
            let (list, item) =
                row.wish.entry.clone().map_or_else(Default::default, |(list, item)| (list.as_str(), item));
            let kind = entry_kind(&item);
            [
                tier.as_str().to_owned(),
                row.wish.object.clone(),
                list.to_owned(),
                kind.to_owned(),
                item,
                row.reason.clone(),
                row.next.clone(),
            ]
        });
        return write_escaped(std::iter::once(heading).chain(lines));
    }
    let heading = ["domain", "servers", "policy", "aliases", "admins", "reason", "next step"].map(str::to_owned);
    let lines = rows.map(|row| {
        let wish = &row.wish;
        [
            wish.object.clone(),
            wish.servers.clone().unwrap_or_default().join("|"),
            wish.policy.clone().unwrap_or_default(),
            wish.aliases.join("|"),
            wish.admins.join("|"),
            row.reason.clone(),
            row.next.clone(),
        ]
    });
    write_escaped(std::iter::once(heading).chain(lines))
}

/// Login links: domain, link, and what became of it.
#[must_use]
pub fn links_csv(rows: impl Iterator<Item = [String; 3]>) -> String {
    write_escaped(std::iter::once(["domain", "link", "outcome"].map(str::to_owned)).chain(rows))
}

fn write_escaped<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    write(rows.map(|row| row.map(|cell| escape_cell(&cell))))
}

/// Cells as they are, for callers that have made formulas harmless.
pub(crate) fn write<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Memory takes everything.
        let _ = writer.write_record(row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
