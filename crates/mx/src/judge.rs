//! What MX records mean to us.

use serde::{Deserialize, Serialize};

/// An MX record (RFC 1035 section 3.3.9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Lower goes first.
    pub priority: u16,
    /// The host as the answer had it, without the trailing dot; `.` alone is a null MX (RFC 7505).
    pub host: String,
}

/// Where a domain's mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// To the expected hosts only.
    Here,
    /// To other hosts only.
    Elsewhere,
    /// To some of the expected hosts, and to others.
    Mixed,
    /// There is no MX record, or a null MX (RFC 7505).
    None,
    /// It was not looked up yet, or the last look-up failed.
    Unknown,
}

impl Verdict {
    /// Every verdict, in the order of filters.
    pub const ALL: [Self; 5] = [Self::Here, Self::Elsewhere, Self::Mixed, Self::None, Self::Unknown];

    /// The word in the database and in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Elsewhere => "elsewhere",
            Self::Mixed => "mixed",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// Reads [`Self::as_str`] back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }

    /// The word for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Here => "Here",
            Self::Elsewhere => "Elsewhere",
            Self::Mixed => "Mixed",
            Self::None => "No MX",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether mail still comes to the expected hosts, in whole or in part.
    #[must_use]
    pub fn comes_here(self) -> bool {
        matches!(self, Self::Here | Self::Mixed)
    }
}

/// Judges the records of an answer. Hosts are compared by name, whatever their case and trailing dot.
/// A null MX beside other records has no meaning (RFC 7505 section 3) and is passed over.
#[must_use]
pub fn judge(records: &[Record], expected: &[String]) -> Verdict {
    let (mut here, mut elsewhere) = (false, false);
    for host in records.iter().map(|record| bare(&record.host)).filter(|host| !host.is_empty()) {
        if expected.iter().any(|known| bare(known).eq_ignore_ascii_case(host)) {
            here = true;
        } else {
            elsewhere = true;
        }
    }
    match (here, elsewhere) {
        (true, true) => Verdict::Mixed,
        (true, false) => Verdict::Here,
        (false, true) => Verdict::Elsewhere,
        (false, false) => Verdict::None,
    }
}

/// Without the trailing dot; empty for the root.
fn bare(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXPECTED: [&str; 2] = ["mx1.filter.example", "MX2.filter.example."];

    fn judged(hosts: &[&str]) -> Verdict {
        let records: Vec<_> = hosts.iter().map(|host| Record { priority: 10, host: (*host).to_owned() }).collect();
        judge(&records, &EXPECTED.map(str::to_owned))
    }

    #[test]
    fn the_five_words_are_distinct_and_read_back() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
        }
        for bad in ["", "Here", "muted", "here "] {
            assert_eq!(Verdict::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_are_compared_by_name() {
        for (hosts, verdict) in [
            (&["mx1.filter.example"][..], Verdict::Here),
            (&["MX1.Filter.Example.", "mx2.filter.example"], Verdict::Here),
            (&["mx1.filter.example", "mx.elsewhere.example"], Verdict::Mixed),
            (&["mx.elsewhere.example"], Verdict::Elsewhere),
            // Neither a part of an expected name nor a name below it is that name.
            (&["x.mx1.filter.example"], Verdict::Elsewhere),
            (&["filter.example"], Verdict::Elsewhere),
            (&["mx1.filter.example.."], Verdict::Elsewhere),
            (&[], Verdict::None),
            // A null MX, alone and, against RFC 7505, with others.
            (&["."], Verdict::None),
            (&[".", "mx1.filter.example"], Verdict::Here),
            (&[".", "mx.elsewhere.example"], Verdict::Elsewhere),
        ] {
            assert_eq!(judged(hosts), verdict, "{hosts:?}");
        }
    }

    fn host() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("mx1.filter.example".to_owned()),
            Just("mx2.filter.example".to_owned()),
            Just(".".to_owned()),
            "[a-z]{1,3}\\.(here|else)\\.example",
        ]
    }

    proptest! {
        /// Neither order nor priority, nor case, nor a trailing dot, nor a repeat changes the verdict.
        #[test]
        fn how_it_is_written_does_not_matter(
            hosts in proptest::collection::vec((host(), any::<u16>(), any::<bool>(), any::<bool>()), 0..6)
        ) {
            let plain: Vec<_> = hosts.iter().map(|(host, ..)| Record { priority: 0, host: host.clone() }).collect();
            let mut odd: Vec<_> = hosts
                .iter()
                .map(|(host, priority, upper, dot)| {
                    let host = if *upper { host.to_ascii_uppercase() } else { host.clone() };
                    let host = if *dot && host != "." { format!("{host}.") } else { host };
                    Record { priority: *priority, host }
                })
                .collect();
            odd.reverse();
            odd.extend(odd.first().cloned());
            let expected = EXPECTED.map(str::to_owned);
            prop_assert_eq!(judge(&plain, &expected), judge(&odd, &expected));
        }

        /// The verdict says how many of the hosts are expected: all, some, none, or no host at all.
        #[test]
        fn it_says_how_many_are_expected(hosts in proptest::collection::vec(host(), 0..6)) {
            let real: Vec<_> = hosts.iter().filter(|host| *host != ".").collect();
            let known = real.iter().filter(|host| host.contains("filter")).count();
            let verdict = judged(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(verdict.comes_here(), known > 0);
            prop_assert_eq!(verdict == Verdict::None, real.is_empty());
            prop_assert_eq!(verdict == Verdict::Here, known > 0 && known == real.len());
            prop_assert!(verdict != Verdict::Unknown, "an answer is never unknown");
        }

        /// With nothing expected nothing is here.
        #[test]
        fn nothing_expected_is_never_here(hosts in proptest::collection::vec(host(), 0..6)) {
            let records: Vec<_> = hosts.into_iter().map(|host| Record { priority: 1, host }).collect();
            prop_assert!(!judge(&records, &[]).comes_here());
        }
    }
}
