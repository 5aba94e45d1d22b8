//! What part of the mail each server gets.

use super::Server;
use std::{cmp::Reverse, fmt};

/// A server's part of the mail, while every server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Per cent of the mail, rounded so that all together are 100; 0 stands for less than one.
    Percent(u32),
    /// Weight 0 beside greater ones: next to nothing (RFC 2782), or nothing `[?]`.
    Rarely,
    /// A higher priority number: used when no server of the lowest one answers.
    Backup,
}

impl Share {
    /// Why it is so, where the number alone does not tell.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Percent(_) => None,
            Self::Rarely => Some("Its weight is 0 and others have more. Give it a weight to use it."),
            Self::Backup => Some("Used when no server of the lowest priority number answers."),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(0) => f.write_str("under 1%"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Rarely => f.write_str("rarely"),
            Self::Backup => f.write_str("backup"),
        }
    }
}

/// The share of each server, in the order given.
///
/// Only the lowest priority number is used, in proportion to the weights `[spec]`. Where all of
/// those have weight 0 they share alike (RFC 2782).
#[must_use]
pub fn shares(servers: &[Server]) -> Vec<Share> {
    let Some(lowest) = servers.iter().map(|server| server.priority).min() else {
        return Vec::new();
    };
    let used = |server: &&Server| server.priority == lowest;
    let alike = servers.iter().filter(used).all(|server| server.weight == 0);
    let weight = |server: &Server| if alike { 1 } else { u64::from(server.weight) };
    let total: u64 = servers.iter().filter(used).map(weight).sum();
    let mut parts = Vec::with_capacity(servers.len());
    // Index and what was cut off, of those that may be rounded up.
    let mut cut: Vec<(usize, u64)> = Vec::new();
    let mut left = 100_u32;
    for (index, server) in servers.iter().enumerate() {
        let weight = weight(server);
        parts.push(if server.priority != lowest {
            Share::Backup
        } else if weight == 0 {
            Share::Rarely
        } else {
            let percent = u32::try_from(weight * 100 / total).unwrap_or(100);
            left = left.saturating_sub(percent);
            cut.push((index, weight * 100 % total));
            Share::Percent(percent)
        });
    }
    // The sort is stable: of equal remainders the first rows get what is left.
    cut.sort_by_key(|(_, remainder)| Reverse(*remainder));
    for (index, _) in cut.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(Share::Percent(percent)) = parts.get_mut(index) {
            *percent += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::parse_compact;
    use proptest::{collection::vec, prelude::*};

    fn of(lines: &[&str]) -> Vec<String> {
        let servers: Vec<_> = lines.iter().map(|line| parse_compact(line).unwrap()).collect();
        shares(&servers).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn examples() {
        // The spec's own example.
        assert_eq!(of(&["10 40 25 a.example", "10 10 25 b.example"]), ["80%", "20%"]);
        assert_eq!(of(&["20 1 25 a.example", "5 1 25 b.example"]), ["backup", "100%"]);
        assert_eq!(of(&["1 0 25 a.example", "1 0 25 b.example", "1 0 25 c.example"]), ["34%", "33%", "33%"]);
        assert_eq!(of(&["1 0 25 a.example", "1 9 25 b.example"]), ["rarely", "100%"]);
        assert_eq!(of(&["1 1 25 a.example", "1 65535 25 b.example"]), ["under 1%", "100%"]);
        assert_eq!(of(&[]), Vec::<String>::new());
        assert!(Share::Rarely.reason().is_some_and(|why| why.contains("weight is 0")));
        assert_eq!(Share::Percent(50).reason(), None);
    }

    proptest! {
        #[test]
        fn all_of_the_mail_goes_somewhere(
            rows in vec((0..3_u32, prop_oneof![Just(0), 0..5_u32, any::<u32>()]), 1..10),
        ) {
            let target = parse_compact("a.example").unwrap();
            let server = |(priority, weight): &(u32, u32)| Server { priority: *priority, weight: *weight, ..target.clone() };
            let lowest = rows.iter().map(|row| row.0).min().unwrap();
            let total: f64 = rows.iter().filter(|row| row.0 == lowest).map(|row| f64::from(row.1)).sum();
            let shares = shares(&rows.iter().map(server).collect::<Vec<_>>());
            let mut sum = 0;
            for ((priority, weight), share) in rows.iter().zip(&shares) {
                prop_assert_eq!(*share == Share::Backup, *priority != lowest);
                prop_assert_eq!(*share == Share::Rarely, *priority == lowest && *weight == 0 && total > 0.0);
                if let Share::Percent(percent) = share {
                    sum += percent;
                    if total > 0.0 {
                        prop_assert!((f64::from(*percent) - f64::from(*weight) * 100.0 / total).abs() < 1.0 + 1e-9);
                    }
                }
            }
            prop_assert_eq!((sum, shares.len()), (100, rows.len()));
        }
    }
}
