//! Domains to provision, one a line or as CSV, checked whole before anything is sent.

use crate::{
    downstream::{MAX, Server, parse_compact},
    name::{DomainName, EmailAddress},
    settings::Policy,
    words::thousands,
};
use std::collections::HashMap;

/// One domain to provision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line of the text, from 1.
    pub line: usize,
    /// The domain.
    pub domain: DomainName,
    /// Its servers, when given.
    pub servers: Option<Vec<Server>>,
    /// Its policy, when given.
    pub policy: Option<Policy>,
    /// Its aliases.
    pub aliases: Vec<DomainName>,
    /// Its admins.
    pub admins: Vec<EmailAddress>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Line of the text, from 1.
    pub line: usize,
    /// The text in question, cut to 120 characters.
    pub text: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The good rows.
    pub rows: Vec<Row>,
    /// Every error of every line.
    pub errors: Vec<LineError>,
    /// Rows in all, good or not.
    pub total_rows: usize,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Domain,
    Servers,
    Policy,
    Aliases,
    Admins,
    Other,
}

/// The order of columns without a header.
const ORDER: [Column; 5] = [Column::Domain, Column::Servers, Column::Policy, Column::Aliases, Column::Admins];

impl Column {
    fn named(text: &str) -> Self {
        match text.trim().to_lowercase().as_str() {
            "domain" | "domains" | "name" => Self::Domain,
            "servers" | "server" | "downstream" | "downstreams" | "target" | "targets" | "host" => Self::Servers,
            "policy" | "abuse policy" | "abusepolicy" => Self::Policy,
            "aliases" | "alias" => Self::Aliases,
            "admins" | "admin" => Self::Admins,
            _ => Self::Other,
        }
    }
}

/// Reads lines or CSV. Blank lines and lines that begin with `#` are passed over.
#[must_use]
pub fn parse(text: &str, max: usize) -> Import {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut import = Import::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter(text))
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let mut columns: Vec<Column> = ORDER.to_vec();
    let mut first_seen = HashMap::new();
    for (index, record) in reader.records().enumerate() {
        let Ok(record) = record else { continue };
        // The reader counts from 1 and gives where a record begins, also after quoted line breaks.
        let line =
            record.position().map_or(index + 1, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        let line = first_line(text, line, &record);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if import.total_rows == 0
            && import.errors.is_empty()
            && Column::named(record.get(0).unwrap_or_default()) != Column::Other
            || import.total_rows == 0 && record.iter().any(|cell| Column::named(cell) == Column::Domain)
        {
            columns = record.iter().map(Column::named).collect();
            if !columns.contains(&Column::Domain) {
                import.errors.push(error(
                    line,
                    &record.iter().collect::<Vec<_>>().join(","),
                    "The header has no column named domain.",
                ));
                return import;
            }
            continue;
        }
        import.total_rows += 1;
        if import.total_rows > max {
            continue;
        }
        read(line, &record, &columns, &mut first_seen, &mut import);
    }
    if import.total_rows > max {
        let over = thousands((import.total_rows - max) as u64);
        let message = format!(
            "{} rows; at most {} go in one batch. Remove {over}.",
            thousands(import.total_rows as u64),
            thousands(max as u64)
        );
        import.errors.insert(0, LineError { line: 0, text: String::new(), message });
    } else if import.total_rows == 0 && import.errors.is_empty() {
        import.errors.push(LineError {
            line: 0,
            text: String::new(),
            message: "There is no domain. Enter one a line.".into(),
        });
    }
    import
}

/// The reader reports where it began to look, which may be blank lines or comments before the record.
fn first_line(text: &str, from: usize, record: &csv::StringRecord) -> usize {
    let first = record.iter().find(|cell| !cell.is_empty()).and_then(|cell| cell.lines().next()).unwrap_or_default();
    text.lines()
        .enumerate()
        .skip(from.saturating_sub(1))
        .find(|(_, line)| !line.trim().is_empty() && !line.starts_with('#') && line.contains(first.trim()))
        .map_or(from, |(index, _)| index + 1)
}

fn delimiter(text: &str) -> u8 {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    [b'\t', b',', b';'].into_iter().find(|byte| line.as_bytes().contains(byte)).unwrap_or(b',')
}

fn error(line: usize, text: &str, message: impl Into<String>) -> LineError {
    LineError { line, text: text.chars().take(120).collect(), message: message.into() }
}

fn read(
    line: usize,
    record: &csv::StringRecord,
    columns: &[Column],
    first_seen: &mut HashMap<DomainName, usize>,
    import: &mut Import,
) {
    let cell = |wanted: Column| {
        columns
            .iter()
            .position(|column| *column == wanted)
            .and_then(|index| record.get(index))
            .map(unescape_cell)
            .unwrap_or_default()
    };
    let parts = |wanted: Column, extra: &'static [char]| -> Vec<String> {
        let text = cell(wanted);
        text.split(|c| c == '|' || c == ';' || c == '\n' || extra.contains(&c))
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut errors = Vec::new();
    let name = cell(Column::Domain);
    let domain = DomainName::parse(&name).map_err(|wrong| errors.push(error(line, &name, wrong.to_string()))).ok();
    if let Some(domain) = &domain {
        if let Some(first) = first_seen.get(domain) {
            errors.push(error(line, &name, format!("Same domain as line {first}.")));
        } else {
            first_seen.insert(domain.clone(), line);
        }
    }
    let mut servers = Vec::new();
    for part in parts(Column::Servers, &[]) {
        match parse_compact(&part) {
            Ok(server) => servers.push(server),
            Err(message) => errors.push(error(line, &part, message)),
        }
    }
    if servers.len() > MAX {
        errors.push(error(
            line,
            &cell(Column::Servers),
            format!("{} servers; a domain has at most {MAX}.", servers.len()),
        ));
    }
    let policy_text = cell(Column::Policy);
    let policy = Policy::parse(&policy_text);
    if policy.is_none() && !policy_text.is_empty() {
        errors.push(error(line, &policy_text, "The policy is block, flag or quarantine."));
    }
    let mut aliases = Vec::new();
    for part in parts(Column::Aliases, &[' ', ',']) {
        match DomainName::parse(&part) {
            Ok(alias) => aliases.push(alias),
            Err(wrong) => errors.push(error(line, &part, format!("Alias: {wrong}"))),
        }
    }
    let mut admins = Vec::new();
    for part in parts(Column::Admins, &[' ', ',']) {
        match EmailAddress::parse(&part) {
            Ok(admin) => admins.push(admin),
            Err(wrong) => errors.push(error(line, &part, format!("Admin: {wrong}"))),
        }
    }
    match domain {
        Some(domain) if errors.is_empty() => import.rows.push(Row {
            line,
            domain,
            servers: (!servers.is_empty()).then_some(servers),
            policy,
            aliases,
            admins,
        }),
        _ => import.errors.append(&mut errors),
    }
}

/// A file to start from.
#[must_use]
pub fn template() -> &'static str {
    "domain,servers,policy,aliases,admins\r\nbikeshop.example,10 100 25 mx-a.web07.example|20 100 25 mx-b.web07.example,quarantine,bikes.example,owner@bikeshop.example\r\n"
}

/// A cell for export: a spreadsheet would run what begins like a formula.
#[must_use]
pub fn escape_cell(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) { format!("'{cell}") } else { cell.to_owned() }
}

/// The opposite of [`escape_cell`].
#[must_use]
pub fn unescape_cell(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn names(text: &str) -> Vec<(usize, String)> {
        parse(text, 1000).rows.into_iter().map(|row| (row.line, row.domain.to_string())).collect()
    }

    #[test]
    fn lines_and_csv() {
        assert_eq!(names("a.example\n\n# no\r\nB.example\r\n"), [(1, "a.example".into()), (4, "b.example".into())]);
        assert_eq!(names("\u{feff}Policy;Domain\nblock;a.example"), [(2, "a.example".into())]);
        let import = parse(template(), 1000);
        let row = &import.rows[0];
        assert_eq!(
            (import.errors.len(), row.servers.as_ref().unwrap().len(), row.policy, row.aliases.len(), row.admins.len()),
            (0, 2, Some(Policy::Quarantine), 1, 1)
        );
        let quoted = parse("domain,servers\na.example,\"mx-a.example\nmx-b.example:26\"\nb.example,\n", 1000);
        assert_eq!(quoted.rows[0].servers.as_ref().map(Vec::len), Some(2));
        assert_eq!(quoted.rows[1].line, 4);
    }

    #[test]
    fn every_error_of_every_line() {
        let import = parse(
            "ok.example\nspace d.example\nok.example\nx.example,mx.example:99999,maybe,-a.example,nobody\n",
            1000,
        );
        let lines: Vec<_> = import.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 4, 4, 4]);
        assert_eq!(import.errors[1].message, "Same domain as line 1.");
        assert_eq!((import.rows.len(), import.total_rows), (1, 4));
    }

    #[test]
    fn too_many_and_none() {
        let text = (0..1001).map(|n| format!("d{n}.example")).collect::<Vec<_>>().join("\n");
        assert_eq!(parse(&text, 1000).errors[0].message, "1,001 rows; at most 1,000 go in one batch. Remove 1.");
        assert!(parse(&text, 1001).errors.is_empty());
        assert_eq!(parse(" \n#x\n", 1000).errors.len(), 1);
        assert!(parse("policy,servers\nblock,", 1000).errors[0].message.contains("no column named domain"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", lines in vec("[a-z.,;|\"\t#' -]{0,30}", 0..8)) {
            let _ = (parse(&text, 1000), parse(&lines.join("\n"), 1000));
        }

        #[test]
        fn every_row_ends_good_or_with_an_error(lines in vec("[a-c-]{0,3}(\\.example)?(,[a-c.: ]{0,6})?", 0..20)) {
            let import = parse(&lines.join("\n"), 1000);
            let wrong: std::collections::BTreeSet<_> = import.errors.iter().map(|error| error.line).filter(|line| *line > 0).collect();
            prop_assert_eq!(import.rows.len() + wrong.len(), import.total_rows);
        }

        #[test]
        fn cells_come_back(cell in "['=+@\t\r-]{0,3}\\PC{0,10}") {
            prop_assert_eq!(unescape_cell(&escape_cell(&cell)), cell.clone());
            prop_assert!(!escape_cell(&cell).starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
