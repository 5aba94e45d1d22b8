//! What a bounce says, in words that help: the texts that the service and its edge answer with `[doc]`.

/// A reason that a bounce names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Its code, as the vendor's pages have it.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// The next step.
    pub next: &'static str,
    /// Whether a false-positive report helps.
    pub report: bool,
    /// Whether a list entry can help.
    pub lists: bool,
}

/// A row: texts that must all occur near each other, in lower case, and what they mean.
struct Row {
    needles: &'static [&'static [&'static str]],
    bounce: Bounce,
}

const ROWS: [Row; 8] = [
    Row {
        needles: &[&["450", "[s09]"]],
        bounce: Bounce {
            code: "450 [S09]",
            meaning: "Greylisted: the first try of an unknown sender is put off.",
            next: "Wait. The sender's server tries again by itself, usually within minutes.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[&["550", "[s10]"], &["[s10]", "blocked"]],
        bounce: Bounce {
            code: "550 [S10] Blocked",
            meaning: "The IP address that sent it is blocked by MailChannels.",
            next: "The owner of that IP address has to contact MailChannels.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[
            &["550", "5.1.8"],
            &["5.1.8", "domain not found"],
            &["550", "domain not found"],
            &["status:", "5.1.8"],
        ],
        bounce: Bounce {
            code: "550 5.1.8 Domain not found",
            meaning: "The sender's domain does not exist in DNS.",
            next: "The sender has to correct the address or the DNS of the domain.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[&["554", "relay access denied"]],
        bounce: Bounce {
            code: "554 5.7.1 Relay access denied",
            meaning: "The recipient's domain is not provisioned, but its MX records point at the filter.",
            next: "Provision the domain, or point its MX records elsewhere.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[&["550", "5.7.1", "message rejected"]],
        bounce: Bounce {
            code: "550 5.7.1 Message rejected",
            meaning: "It was judged to be spam, phishing or malware.",
            next: "Report it as a false positive, and have the sender send it again.",
            report: true,
            lists: true,
        },
    },
    Row {
        needles: &[&["[ib_feb]"], &["552", "5.3.4"]],
        bounce: Bounce {
            code: "[IB_FEB], 552 5.3.4",
            meaning: "An attachment has a forbidden type, or the message is larger than 40 MB.",
            next: "The sender has to send the file another way.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[&["spf policy"], &["dmarc policy"]],
        bounce: Bounce {
            code: "… SPF policy, … DMARC policy",
            meaning: "The sender's own domain says that this server may not send for it.",
            next: "The sender has to correct SPF, DKIM or DMARC of the domain.",
            report: false,
            lists: false,
        },
    },
    Row {
        needles: &[&["4.5.3", "recipient policy mismatch"], &["452", "recipient policy mismatch"]],
        bounce: Bounce {
            code: "452 4.5.3 Recipient policy mismatch",
            meaning: "The message has recipients with different policies.",
            next: "Wait. The sender's server tries the recipients one by one.",
            report: false,
            lists: false,
        },
    },
];

/// How far the parts of one row may stand apart, in bytes.
const NEAR: usize = 200;
/// How much of a text is read, in bytes.
const READ_MAX: usize = 1 << 20;

/// Every reason that a text names, in its order, each once. Letter case, spaces and folded lines don't matter.
#[must_use]
pub fn decode(text: &str) -> Vec<Bounce> {
    let mut end = text.len().min(READ_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let flat = text[..end].split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut found: Vec<(usize, Bounce)> = ROWS
        .iter()
        .filter_map(|row| {
            let at = row.needles.iter().filter_map(|needles| together(&flat, needles)).min()?;
            Some((at, row.bounce))
        })
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, bounce)| bounce).collect()
}

/// Where all of these stand close together, in order.
fn together(flat: &str, needles: &[&str]) -> Option<usize> {
    let (first, rest) = needles.split_first()?;
    // A code is a word of its own: 5.7.1 is not in 15.7.12.
    let whole = |at: usize, needle: &str| {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '.');
        let numeric = needle.starts_with(|c: char| c.is_ascii_digit());
        // A full stop may follow; a further number makes it something else, such as an IP address.
        let mut after = flat[at + needle.len()..].chars();
        let after = match (after.next(), after.next()) {
            (Some('.'), next) if next.is_none_or(|c| !c.is_ascii_digit()) => None,
            (next, _) => next,
        };
        !numeric || edge(flat[..at].chars().next_back()) && edge(after)
    };
    flat.match_indices(first).map(|(at, _)| at).filter(|at| whole(*at, first)).find(|at| {
        let mut from = at + first.len();
        rest.iter().all(|needle| {
            let mut to = (from + NEAR).min(flat.len());
            while !flat.is_char_boundary(to) {
                to -= 1;
            }
            let hit = flat[from..to].match_indices(needle).map(|(at, _)| from + at).find(|at| whole(*at, needle));
            if let Some(hit) = hit {
                from = hit + needle.len();
            }
            hit.is_some()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codes(text: &str) -> Vec<&'static str> {
        decode(text).into_iter().map(|bounce| bounce.code).collect()
    }

    #[test]
    fn every_row_of_the_table() {
        for (text, code) in [
            ("450 4.7.1 [S09] Try again later", "450 [S09]"),
            ("550 5.7.1 [S10] Blocked - see …", "550 [S10] Blocked"),
            ("550 5.1.8 <a@b.example>: Domain not found", "550 5.1.8 Domain not found"),
            ("554 5.7.1 <a@b.example>: Relay access denied", "554 5.7.1 Relay access denied"),
            ("550-5.7.1\r\n Message   Rejected", "550 5.7.1 Message rejected"),
            ("552 5.3.4 [IB_FEB] not allowed", "[IB_FEB], 552 5.3.4"),
            ("550 rejected by the DMARC policy of b.example", "… SPF policy, … DMARC policy"),
            ("452 4.5.3 Recipient Policy Mismatch", "452 4.5.3 Recipient policy mismatch"),
        ] {
            assert_eq!(codes(text), [code], "{text}");
        }
        assert_eq!(codes("all is well, 250 2.0.0 Ok"), [""; 0]);
        for text in [
            "host mx.b.example [5.1.8.44] said: 421 try later, 550",
            "550 at 192.5.1.8",
            "550 refused by 5.1.8.44",
            "5.1.8 of the software",
        ] {
            assert_eq!(codes(text), [""; 0], "{text}");
        }
        assert_eq!(codes("It said 550 5.1.8."), ["550 5.1.8 Domain not found"]);
        assert_eq!(codes("port 15.7.12, then much later Message rejected"), [""; 0]);
        assert_eq!(codes("554 Relay access denied, before that 450 [S09]")[1], "450 [S09]");
    }

    proptest! {
        #[test]
        fn folding_and_case_do_not_matter(row in 0_usize..8, gaps in proptest::collection::vec("[ \r\n\t]{1,3}", 8), upper: bool) {
            let mut gaps = gaps.into_iter().cycle();
            let words = ROWS[row].needles[0].join(" ");
            let mut text = String::from("said: ");
            for word in words.split(' ') {
                text.push_str(word);
                text.push_str(&gaps.next().unwrap());
            }
            let text = if upper { text.to_uppercase() } else { text };
            prop_assert_eq!(codes(&text), [ROWS[row].bounce.code]);
        }

        #[test]
        fn never_panics_and_says_each_once(text in "\\PC{0,80}(550|5\\.7\\.1|Message rejected|\\[S10\\]){0,6}\\PC{0,20}") {
            let found = codes(&text);
            prop_assert!(found.iter().enumerate().all(|(at, code)| !found[..at].contains(code)));
        }
    }
}
