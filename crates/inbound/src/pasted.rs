//! What an agent pastes: a domain, an address, a header, a URL; defanged or dressed up.

use crate::name::{DomainName, EmailAddress};

/// What was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The domain.
    pub domain: DomainName,
    /// The address it was part of.
    pub address: Option<EmailAddress>,
}

/// Finds the first domain in a pasted text; an address goes before a bare name.
#[must_use]
pub fn find_domain(text: &str) -> Option<Pasted> {
    let text = refang(text.get(..text.floor_char_boundary(2000))?);
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || "<>\"'(),;`|“”„«»".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let address = words.iter().find_map(|word| as_address(word));
    if let Some(address) = address {
        return Some(Pasted { domain: address.domain().clone(), address: Some(address) });
    }
    words.iter().find_map(|word| as_name(word)).map(|domain| Pasted { domain, address: None })
}

/// Undoes the spellings by which people keep a name from being clickable.
fn refang(text: &str) -> String {
    text.replace("[.]", ".")
        .replace("(.)", ".")
        .replace("[dot]", ".")
        .replace("(dot)", ".")
        .replace("[at]", "@")
        .replace("(at)", "@")
        .replace("hxxp", "http")
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| "[]{}.:!?*".contains(c))
}

fn as_address(word: &str) -> Option<EmailAddress> {
    if word.contains("://") {
        return None;
    }
    let word = bare(word);
    let word = word.strip_prefix("mailto:").unwrap_or(word);
    EmailAddress::parse(word.split('?').next()?).ok()
}

fn as_name(word: &str) -> Option<DomainName> {
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    let host = word.split(['/', '?', '#', '\\']).next()?;
    let host = host.rsplit('@').next()?;
    let host = bare(host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    DomainName::parse(host).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_paste() {
        for text in [
            "shop.example",
            "SHOP.example.",
            " shop.example ",
            "info@shop.example",
            "Info <info@shop.example>",
            "mailto:info@shop.example?subject=x",
            "https://shop.example/a?b#c",
            "http://user:pw@shop.example:8080/",
            "\"shop.example\"",
            "info[at]shop[.]example",
            "hxxps://shop[.]example/",
            "my customer (shop.example) gets nothing",
            "To: info@shop.example,",
        ] {
            assert_eq!(
                find_domain(text).map(|found| found.domain.to_string()).as_deref(),
                Some("shop.example"),
                "{text}"
            );
        }
        for text in ["", "shop", "where is my mail", "192.0.2.1", "https://192.0.2.1/x", "@@@", "://"] {
            assert_eq!(find_domain(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = find_domain(&text);
        }

        #[test]
        fn finds_what_is_dressed_up(name in "[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?\\.example", dress in 0..6) {
            let text = match dress {
                0 => format!("https://{name}/x"),
                1 => format!("<a.b@{name}>"),
                2 => format!("“{name}”"),
                3 => format!("{}.", name.to_uppercase()),
                4 => format!("ftp://u@{name}:21"),
                _ => name.replace('.', "[.]"),
            };
            prop_assert_eq!(find_domain(&text).map(|found| found.domain.to_string()), Some(name));
        }
    }
}
