//! Downstream servers: where filtered mail is delivered.

mod share;

pub use share::{Share, shares};

use crate::name::HostName;
use std::{collections::HashSet, fmt};

/// Most servers of a domain `[spec]`.
pub const MAX: usize = 10;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// Lowest is tried first.
    pub priority: u32,
    /// Share within a priority.
    pub weight: u32,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// Host name.
    pub target: HostName,
}

impl Server {
    /// One line: `10 100 25 mx.example`.
    #[must_use]
    pub fn to_compact(&self) -> String {
        format!("{} {} {} {}", self.priority, self.weight, self.port, self.target)
    }
}

/// A row of the form as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFields {
    /// Priority.
    pub priority: String,
    /// Weight.
    pub weight: String,
    /// Port.
    pub port: String,
    /// Target.
    pub target: String,
}

impl ServerFields {
    fn is_blank(&self) -> bool {
        [&self.priority, &self.weight, &self.port, &self.target].iter().all(|text| text.trim().is_empty())
    }
}

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerField {
    /// Priority.
    Priority,
    /// Weight.
    Weight,
    /// Port.
    Port,
    /// Target.
    Target,
}

impl ServerField {
    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Priority => "Priority",
            Self::Weight => "Weight",
            Self::Port => "Port",
            Self::Target => "Server",
        }
    }
}

impl fmt::Display for ServerField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Priority => "priority",
            Self::Weight => "weight",
            Self::Port => "port",
            Self::Target => "target",
        })
    }
}

/// What is wrong with a field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// Index of the row.
    pub row: usize,
    /// The field.
    pub field: ServerField,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Reads the rows of a form; blank rows don't count. Every error at once.
pub fn parse_servers(rows: &[ServerFields]) -> Result<Vec<Server>, Vec<ServerError>> {
    let mut errors = Vec::new();
    let mut servers = Vec::new();
    let mut seen = HashSet::new();
    let filled: Vec<_> = rows.iter().enumerate().filter(|(_, fields)| !fields.is_blank()).collect();
    for &(row, fields) in &filled {
        let before = errors.len();
        let mut wrong = |field, message: String| errors.push(ServerError { row, field, message });
        let priority =
            number(&fields.priority, 0).map_err(|message| wrong(ServerField::Priority, message)).unwrap_or_default();
        let weight =
            number(&fields.weight, 0).map_err(|message| wrong(ServerField::Weight, message)).unwrap_or_default();
        let port = number(&fields.port, 1).map_err(|message| wrong(ServerField::Port, message)).unwrap_or_default();
        let target = HostName::parse(&fields.target).map_err(|error| wrong(ServerField::Target, error.to_string()));
        let (Ok(target), true) = (target, errors.len() == before) else {
            continue;
        };
        if !seen.insert((priority, port, target.clone())) {
            errors.push(ServerError {
                row,
                field: ServerField::Target,
                message: "This server stands above already, with the same priority and port. Remove one.".into(),
            });
            continue;
        }
        servers.push(Server { priority: priority.into(), weight: weight.into(), port, target });
    }
    if let Some((row, _)) = filled.get(MAX) {
        let field = ServerField::Target;
        errors.push(ServerError { row: *row, field, message: too_many(filled.len()) });
    }
    if errors.is_empty() { Ok(servers) } else { Err(errors) }
}

/// What to say of more servers than [`MAX`].
pub(crate) fn too_many(count: usize) -> String {
    format!("{count} servers; a domain has at most {MAX}. Remove {}.", count.saturating_sub(MAX))
}

fn number(text: &str, least: u16) -> Result<u16, String> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(number) if digits && number >= least => Ok(number),
        _ if text.is_empty() => Err(format!("Enter a number from {least} to 65535.")),
        _ => Err(format!("{} is not a whole number from {least} to 65535.", text.chars().take(20).collect::<String>())),
    }
}

/// Reads `10 100 25 mx.example`, or just a host (then 10 100 25), or `host:port`.
pub fn parse_compact(text: &str) -> Result<Server, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let fields = match words.as_slice() {
        [priority, weight, port, target] => [*priority, *weight, *port, *target],
        [host] => match host.rsplit_once(':') {
            Some((host, port)) => ["10", "100", port, host],
            None => ["10", "100", "25", *host],
        },
        _ => return Err("A server is a host, host:port, or priority weight port target.".into()),
    };
    let [priority, weight, port, target] = fields.map(str::to_owned);
    let mut servers = parse_servers(&[ServerFields { priority, weight, port, target }]).map_err(|errors| {
        errors
            .into_iter()
            .map(|error| format!("{}: {}", error.field.label(), error.message))
            .collect::<Vec<_>>()
            .join(" ")
    })?;
    servers.pop().ok_or_else(|| "Enter a server.".into())
}

/// What replacing a list does to one of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffKind {
    /// Stays.
    Keep,
    /// Goes.
    Remove,
    /// Comes.
    Add,
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What happens.
    pub kind: DiffKind,
    /// To which server.
    pub server: Server,
}

/// What replacing `before` by `after` does: first what was there, in its order, then what comes.
#[must_use]
pub fn diff(before: &[Server], after: &[Server]) -> Vec<DiffLine> {
    let mut coming: Vec<&Server> = after.iter().collect();
    let mut lines = Vec::with_capacity(before.len() + after.len());
    for server in before {
        let stays = coming.iter().position(|other| *other == server);
        let kind = if stays.is_some() { DiffKind::Keep } else { DiffKind::Remove };
        if let Some(index) = stays {
            coming.remove(index);
        }
        lines.push(DiffLine { kind, server: server.clone() });
    }
    lines.extend(coming.into_iter().map(|server| DiffLine { kind: DiffKind::Add, server: server.clone() }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn fields(text: &str) -> ServerFields {
        let mut words = text.split('|').map(str::to_owned);
        let mut next = || words.next().unwrap_or_default();
        ServerFields { priority: next(), weight: next(), port: next(), target: next() }
    }

    #[test]
    fn every_wrong_field_is_named_and_blank_rows_are_not() {
        let wrong = parse_servers(&[
            fields("10|100|25|a.example"),
            fields("|||"),
            fields("-1|x|0|a b"),
            fields("10|5|25|A.example."),
        ])
        .unwrap_err();
        let said: Vec<_> = wrong.iter().map(|error| (error.row, error.field.to_string())).collect();
        assert_eq!(
            said,
            [
                (2, "priority".into()),
                (2, "weight".into()),
                (2, "port".into()),
                (2, "target".into()),
                (3, "target".into())
            ]
        );
        assert!(parse_servers(&[fields("10|100|65536|a.example")]).is_err());
        assert!(parse_servers(&[fields("+1|100|25|a.example")]).is_err(), "a sign is not a digit");
        let many: Vec<_> = (0..11).map(|n| fields(&format!("10|100|25|m{n}.example"))).collect();
        assert_eq!(
            parse_servers(&many),
            Err(vec![ServerError {
                row: 10,
                field: ServerField::Target,
                message: "11 servers; a domain has at most 10. Remove 1.".into()
            }])
        );
        let mut gap = many.clone();
        gap.insert(3, fields(" | | |"));
        gap[0] = fields("x|100|25|m0.example");
        let rows: Vec<_> = parse_servers(&gap).unwrap_err().iter().map(|error| error.row).collect();
        assert_eq!(rows, [0, 11], "blank rows don't count, wrong ones do");
        assert_eq!(parse_servers(&many[..10]).unwrap().len(), 10);
    }

    #[test]
    fn compact_forms() {
        let text = |form: &str| parse_compact(form).map(|server| server.to_compact());
        assert_eq!(text("mx.example").unwrap(), "10 100 25 mx.example");
        assert_eq!(text("MX.example:2525").unwrap(), "10 100 2525 mx.example");
        assert_eq!(text(" 0  1 26 mx.example. ").unwrap(), "0 1 26 mx.example");
        for bad in ["", "a b", "mx.example:99999", "1 2 3"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }

    fn server() -> impl Strategy<Value = Server> {
        (0..3_u32, 0..3_u32, 24..27_u16, "[ab]").prop_map(|(priority, weight, port, label)| Server {
            priority,
            weight,
            port,
            target: HostName::parse(&format!("{label}.example")).unwrap(),
        })
    }

    proptest! {
        #[test]
        fn a_difference_applied_to_before_is_after(before in vec(server(), 0..8), after in vec(server(), 0..8)) {
            let lines = diff(&before, &after);
            let of = |kinds: &[DiffKind]| {
                let mut of: Vec<_> = lines.iter().filter(|line| kinds.contains(&line.kind)).map(|line| line.server.clone()).collect();
                of.sort();
                of
            };
            let sorted = |servers: &[Server]| { let mut servers = servers.to_vec(); servers.sort(); servers };
            prop_assert_eq!(of(&[DiffKind::Keep, DiffKind::Remove]), sorted(&before));
            prop_assert_eq!(of(&[DiffKind::Keep, DiffKind::Add]), sorted(&after));
        }

        #[test]
        fn compact_reads_back(server in server()) {
            prop_assert_eq!(parse_compact(&server.to_compact()), Ok(server));
        }

        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = parse_compact(&text);
        }
    }
}
