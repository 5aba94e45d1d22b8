//! From what is pasted or uploaded to wishes, each with its line; and from a selection of names.

use super::{Kind, ROWS_MAX};
use crate::{
    downstream::Server,
    import::{self, Row, records::records, unescape_cell},
    lists::{self, Entry, List, Whose, lower},
    name::{DomainName, EmailAddress},
    words::{count, thousands},
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a row of the input says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// Line of the text, from 1; of a selection, the place in it.
    pub line: usize,
    /// A domain, A-label, or a recipient.
    pub object: String,
    /// Its servers, as compact lines, when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<String>>,
    /// Its policy, when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its aliases, A-label.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Its admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    /// An entry of one of its lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<(List, String)>,
}

impl Wish {
    /// The domain that decides which key speaks: itself, or the recipient's.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.object.rsplit_once('@').map_or(self.object.as_str(), |(_, domain)| domain)
    }
}

/// A line that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// The text in question.
    pub text: String,
    /// What is wrong, and the fix.
    pub message: String,
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The rows.
    pub wishes: Vec<Wish>,
    /// Every error of every line.
    pub wrong: Vec<Wrong>,
    /// Names of columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// Reads what was pasted or uploaded. `entry` is what rows without an entry of their own get.
///
/// # Errors
/// What is wrong with the text as a whole: nothing in it, or too much.
pub fn read(kind: Kind, text: &str, entry: Option<&(List, String)>) -> Result<Input, String> {
    if kind.is_entries() {
        return read_entries(text, entry);
    }
    let repeats = matches!(kind, Kind::AddAliases | Kind::RemoveAliases);
    let import = if repeats { import::parse_repeating(text, ROWS_MAX) } else { import::parse(text, ROWS_MAX) };
    if let Some(whole) = import.errors.iter().find(|error| error.line == 0) {
        return Err(whole.message.clone());
    }
    let wrong =
        import.errors.into_iter().map(|error| Wrong { line: error.line, text: error.text, message: error.message });
    let ignored =
        import.ignored_columns.into_iter().filter(|name| !OWN_COLUMNS.contains(&name.to_lowercase().as_str()));
    Ok(Input { wishes: import.rows.iter().map(wish).collect(), wrong: wrong.collect(), ignored: ignored.collect() })
}

/// Columns of our own exports that say how a row ended: passed over without a word.
const OWN_COLUMNS: [&str; 5] = ["line", "outcome", "reason", "next step", "time"];

fn wish(row: &Row) -> Wish {
    let servers = row.servers.as_ref().map(|servers| {
        let mut lines: Vec<_> = servers.iter().map(Server::to_compact).collect();
        lines.sort();
        lines
    });
    let mut admins: Vec<_> = row.admins.iter().map(ToString::to_string).collect();
    admins.sort();
    Wish {
        line: row.line,
        object: row.domain.as_str().to_owned(),
        servers,
        policy: row.policy.map(|policy| policy.as_str().to_owned()),
        aliases: row.aliases.iter().map(|alias| alias.as_str().to_owned()).collect(),
        admins,
        entry: None,
    }
}

/// The names of a selection, in its order.
#[must_use]
pub fn from_names(names: &[String], entry: Option<&(List, String)>) -> Input {
    let wish = |(index, name): (usize, &String)| Wish {
        line: index + 1,
        object: name.clone(),
        entry: entry.cloned(),
        ..Wish::default()
    };
    Input { wishes: names.iter().enumerate().map(wish).collect(), ..Input::default() }
}

/// Entries: a CSV that names them (as the lists page exports it), or domains and recipients that all get one.
fn read_entries(text: &str, entry: Option<&(List, String)>) -> Result<Input, String> {
    let records = records(text);
    let heading = records.first().and_then(|record| record.cells.as_ref().ok());
    let has_entry = heading.is_some_and(|cells| {
        cells.iter().any(|cell| matches!(cell.to_lowercase().as_str(), "entry" | "item" | "value"))
    });
    let input = if has_entry {
        from_batch(text, entry)
    } else {
        let Some(entry) = entry else {
            return Err("Enter the entry, or give a CSV with a column named entry.".into());
        };
        everybody(records, entry)
    };
    let rows = input.wishes.len() + input.wrong.len();
    if rows > ROWS_MAX {
        return Err(format!(
            "{}; at most {} go in one plan. Split them.",
            count(rows as u64, "row", "rows"),
            thousands(ROWS_MAX as u64)
        ));
    }
    if rows == 0 {
        return Err("There is no domain and no recipient. Enter one a line.".into());
    }
    Ok(input)
}

fn from_batch(text: &str, entry: Option<&(List, String)>) -> Input {
    let batch = lists::parse_batch(text);
    let mut input = Input::default();
    for error in batch.errors {
        input.wrong.push(Wrong { line: error.line, text: error.text, message: error.message });
    }
    for row in batch.rows {
        let list = row.place.map(|(_, list)| list).or_else(|| entry.map(|(list, _)| *list));
        let wrong = |message: &str| Wrong { line: row.line, text: row.item.clone(), message: message.to_owned() };
        match (row.place, list) {
            (Some((lists::Tier::Account, _)), _) => {
                input.wrong.push(wrong("Account-wide entries are changed on the Lists page."));
            }
            _ if row.whose.is_empty() => input.wrong.push(wrong("Whose list? The row names no domain or recipient.")),
            (_, None) => input.wrong.push(wrong("Which list? The row names neither safelist nor blocklist.")),
            (_, Some(list)) => input.wishes.push(Wish {
                line: row.line,
                object: row.whose,
                entry: Some((list, row.item)),
                ..Wish::default()
            }),
        }
    }
    input
}

/// Domains and recipients, one a line or the first cell of each record; all get the same entry.
fn everybody(records: Vec<import::records::Record>, entry: &(List, String)) -> Input {
    let mut input = Input::default();
    let mut seen = HashSet::new();
    for (index, record) in records.into_iter().enumerate() {
        let line = record.line;
        let cell = match &record.cells {
            Ok(cells) => unescape_cell(cells.first().map(String::as_str).unwrap_or_default()),
            Err(raw) => raw.clone(),
        };
        let heading = ["domain", "domains", "for", "recipient", "recipients", "address", "email", "name"];
        if index == 0 && heading.contains(&cell.to_lowercase().as_str()) {
            continue;
        }
        let wrong = |message: String| Wrong { line, text: cell.chars().take(120).collect(), message };
        let object = if cell.contains('@') {
            EmailAddress::parse(&cell).map(|address| Whose::User(lower(&address))).map_err(|error| error.to_string())
        } else {
            DomainName::parse(&cell).map(Whose::Domain).map_err(|error| error.to_string())
        };
        match object {
            Ok(whose) if seen.insert(whose.to_string()) => input.wishes.push(Wish {
                line,
                object: whose.to_string(),
                entry: Some(entry.clone()),
                ..Wish::default()
            }),
            Ok(_) => input.wrong.push(wrong("It stands above already. Remove one.".into())),
            Err(message) => input.wrong.push(wrong(message)),
        }
    }
    input
}

/// A file to start from.
#[must_use]
pub fn template(kind: Kind) -> &'static str {
    match kind {
        Kind::Provision | Kind::Undo => import::template(),
        Kind::Deprovision | Kind::Associate | Kind::LoginLinks => "domain\r\nbikeshop.example\r\n",
        Kind::Settings => "domain,policy\r\nbikeshop.example,quarantine\r\n",
        Kind::Servers => {
            "domain,servers\r\nbikeshop.example,10 100 25 mx-a.web07.example|20 100 25 mx-b.web07.example\r\n"
        }
        Kind::Admins => "domain,admins\r\nbikeshop.example,owner@bikeshop.example\r\n",
        Kind::AddAliases | Kind::RemoveAliases => "domain,aliases\r\nbikeshop.example,bikes.example\r\n",
        Kind::AddEntries | Kind::RemoveEntries => {
            "tier,for,list,type,entry\r\ndomain,bikeshop.example,safelist,email_address,billing@parcelhub.example\r\nuser,owner@bikeshop.example,blocklist,domain,spam.example\r\n"
        }
    }
}

/// Entries as they are sent: read by the rules of the lists.
pub(super) fn entry_kind(item: &str) -> &'static str {
    Entry::read(item).kind()
}
