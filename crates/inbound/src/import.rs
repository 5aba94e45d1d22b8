//! Domains to provision, one a line or as CSV, checked whole before anything is sent.

mod cells;
pub(crate) mod records;

pub use cells::{escape_cell, unescape_cell};

use crate::{
    downstream::{self, Server, parse_compact},
    name::{DomainName, EmailAddress},
    settings::Policy,
    words::{count, thousands},
};
use std::collections::{HashMap, HashSet, hash_map::Entry};

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
    /// Line of the text, from 1; 0 for the text as a whole.
    pub line: usize,
    /// The text in question, cut to 120 characters.
    pub text: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl LineError {
    fn new(line: usize, text: &str, message: impl Into<String>) -> Self {
        Self { line, text: text.chars().take(120).collect(), message: message.into() }
    }
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
    /// Names of columns that mean nothing here; what stands in them was passed over.
    pub ignored_columns: Vec<String>,
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
        match text.to_lowercase().replace([' ', '_', '-'], "").as_str() {
            "domain" | "domains" | "domainname" | "name" => Self::Domain,
            "servers"
            | "server"
            | "downstream"
            | "downstreams"
            | "downstreamaddress"
            | "downstreamaddresses"
            | "target"
            | "targets"
            | "host"
            | "hosts" => Self::Servers,
            "policy" | "abusepolicy" | "spampolicy" => Self::Policy,
            "aliases" | "alias" => Self::Aliases,
            "admins" | "admin" => Self::Admins,
            _ => Self::Other,
        }
    }
}

/// Reads lines or CSV, at most `max` rows. Blank lines and lines that begin with `#` are passed over.
///
/// Without a header the columns are domain, servers, policy, aliases, admins. Several servers in a
/// cell stand apart by `|`, a line break or, where cells are not separated by it, `;`.
#[must_use]
pub fn parse(text: &str, max: usize) -> Import {
    read(text, max, false)
}

/// The same, but a domain may stand on several lines, such as once for each alias.
#[must_use]
pub fn parse_repeating(text: &str, max: usize) -> Import {
    read(text, max, true)
}

fn read(text: &str, max: usize, repeats: bool) -> Import {
    let mut import = Import::default();
    let mut columns = ORDER.to_vec();
    let mut named = HashMap::new();
    let records = records::records(text);
    // Far too many are counted, not read: that alone would take a while.
    let excessive = records.len() > max.saturating_add(1);
    for (index, record) in records.into_iter().enumerate() {
        let line = record.line;
        let cells = record.cells.map(|cells| cells.iter().map(|cell| unescape_cell(cell)).collect::<Vec<_>>());
        match cells {
            Ok(cells) if cells.iter().all(String::is_empty) => {}
            Ok(cells) if index == 0 && is_header(&cells) => {
                columns = cells.iter().map(|cell| Column::named(cell)).collect();
                if !columns.contains(&Column::Domain) {
                    let message = "The header has no column named domain. Name one.";
                    import.errors.push(LineError::new(line, &cells.join(","), message));
                    return import;
                }
                let unknown = |cell: &String| !cell.is_empty() && Column::named(cell) == Column::Other;
                import.ignored_columns = cells.into_iter().filter(unknown).collect();
            }
            cells => {
                import.total_rows += 1;
                if excessive || import.total_rows > max {
                    continue;
                }
                match cells.map(|cells| {
                    Reading { line, columns: &columns, cells, errors: Vec::new(), repeats }.row(&mut named)
                }) {
                    Ok(Ok(row)) => import.rows.push(row),
                    Ok(Err(mut errors)) => import.errors.append(&mut errors),
                    Err(raw) => {
                        let message = "A quote is opened and not closed. Close it, or remove it.";
                        import.errors.push(LineError::new(line, &raw, message));
                    }
                }
            }
        }
    }
    if import.total_rows > max {
        let message = format!(
            "{}; at most {} go in one batch. Remove {}.",
            count(import.total_rows as u64, "row", "rows"),
            thousands(max as u64),
            thousands((import.total_rows - max) as u64)
        );
        import.errors.insert(0, LineError::new(0, "", message));
    } else if import.total_rows == 0 {
        import.errors.push(LineError::new(0, "", "There is no domain. Enter one a line."));
    }
    import
}

/// A header names a column and has nothing that is a domain.
fn is_header(cells: &[String]) -> bool {
    cells.iter().any(|cell| Column::named(cell) != Column::Other)
        && !cells.iter().any(|cell| DomainName::parse(cell).is_ok())
}

/// What a name of the text is, and where.
type Named = HashMap<DomainName, (Column, usize)>;

/// One record being read.
struct Reading<'a> {
    line: usize,
    columns: &'a [Column],
    cells: Vec<String>,
    errors: Vec<LineError>,
    /// A domain may stand on several lines.
    repeats: bool,
}

impl Reading<'_> {
    fn row(mut self, named: &mut Named) -> Result<Row, Vec<LineError>> {
        let domain = self.domain(named);
        let servers = self.servers();
        let policy = self.policy();
        let aliases = self.aliases(domain.as_ref(), named);
        let admins = self.admins();
        if let Some(beyond) = self.cells.iter().skip(self.columns.len()).find(|cell| !cell.is_empty()) {
            let message = "This stands beyond the last column. Quote a cell that has a separator in it.";
            self.errors.push(LineError::new(self.line, beyond, message));
        }
        match domain {
            Some(domain) if self.errors.is_empty() => {
                let servers = (!servers.is_empty()).then_some(servers);
                Ok(Row { line: self.line, domain, servers, policy, aliases, admins })
            }
            _ => Err(self.errors),
        }
    }

    fn wrong(&mut self, text: &str, message: impl Into<String>) {
        self.errors.push(LineError::new(self.line, text, message));
    }

    fn cell(&self, wanted: Column) -> String {
        let index = self.columns.iter().position(|column| *column == wanted);
        index.and_then(|index| self.cells.get(index)).cloned().unwrap_or_default()
    }

    fn parts(&self, wanted: Column, separators: &[char]) -> Vec<String> {
        let cell = self.cell(wanted);
        let parts = cell.split(separators).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    fn domain(&mut self, named: &mut Named) -> Option<DomainName> {
        let text = self.cell(Column::Domain);
        let domain = match DomainName::parse(&text) {
            Ok(domain) => domain,
            Err(wrong) => {
                self.wrong(&text, wrong.to_string());
                return None;
            }
        };
        match named.entry(domain.clone()) {
            Entry::Occupied(earlier) if self.repeats && earlier.get().0 == Column::Domain => {}
            Entry::Occupied(earlier) => {
                let (column, line) = *earlier.get();
                let what =
                    if column == Column::Aliases { "Same name as an alias on line" } else { "Same domain as line" };
                self.wrong(&text, format!("{what} {line}."));
            }
            Entry::Vacant(free) => {
                free.insert((Column::Domain, self.line));
            }
        }
        Some(domain)
    }

    fn servers(&mut self) -> Vec<Server> {
        let mut servers: Vec<Server> = Vec::new();
        let mut seen = HashSet::new();
        let parts = self.parts(Column::Servers, &['|', ';', '\n']);
        for part in &parts {
            match parse_compact(part) {
                Ok(server) if seen.insert((server.priority, server.port, server.target.clone())) => {
                    servers.push(server);
                }
                Ok(_) => self.wrong(part, "This server is there twice, with the same priority and port. Remove one."),
                Err(message) => self.wrong(part, message),
            }
        }
        if parts.len() > downstream::MAX {
            self.wrong(&self.cell(Column::Servers), downstream::too_many(parts.len()));
        }
        servers
    }

    fn policy(&mut self) -> Option<Policy> {
        let text = self.cell(Column::Policy);
        let policy = Policy::parse(&text);
        if policy.is_none() && !text.is_empty() {
            self.wrong(&text, "The policy is block, flag or quarantine.");
        }
        policy
    }

    fn aliases(&mut self, domain: Option<&DomainName>, named: &mut Named) -> Vec<DomainName> {
        let mut aliases = Vec::new();
        for part in self.parts(Column::Aliases, &['|', ';', '\n', ' ', ',']) {
            match DomainName::parse(&part) {
                Ok(alias) if domain == Some(&alias) => {
                    self.wrong(&part, "Alias: this is the domain itself. Remove it.");
                }
                Ok(alias) => match named.entry(alias.clone()) {
                    Entry::Occupied(earlier) => {
                        let line = earlier.get().1;
                        self.wrong(&part, format!("Alias: this name is on line {line} already. Remove one."));
                    }
                    Entry::Vacant(free) => {
                        free.insert((Column::Aliases, self.line));
                        aliases.push(alias);
                    }
                },
                Err(wrong) => self.wrong(&part, format!("Alias: {wrong}")),
            }
        }
        aliases
    }

    fn admins(&mut self) -> Vec<EmailAddress> {
        let mut admins: Vec<EmailAddress> = Vec::new();
        for part in self.parts(Column::Admins, &['|', ';', '\n', ' ', ',']) {
            match EmailAddress::parse(&part) {
                // The same admin twice does no harm.
                Ok(admin) if admins.contains(&admin) => {}
                Ok(admin) => admins.push(admin),
                Err(wrong) => self.wrong(&part, format!("Admin: {wrong}")),
            }
        }
        admins
    }
}

/// A file to start from.
#[must_use]
pub fn template() -> &'static str {
    "domain,servers,policy,aliases,admins\r\nbikeshop.example,10 100 25 mx-a.web07.example|20 100 25 mx-b.web07.example,quarantine,bikes.example,owner@bikeshop.example\r\n"
}

#[cfg(test)]
mod tests;
