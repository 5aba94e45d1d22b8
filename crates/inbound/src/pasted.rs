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

/// How much of a text is looked at, in bytes: a domain stands at its start or not at all.
const LOOKED_AT: usize = 2000;

/// What parts words beside white space: what stands around names in headers, sentences and JSON.
const AROUND: &str = "<>\"'(),;`|“”‘’‚„«»‹›…";

/// Spellings that keep a name from being clickable. Blanks around them go too.
const DEFANGED: [(&str, &str); 16] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("<dot>", "."),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("<at>", "@"),
    ("[@]", "@"),
    ("(@)", "@"),
    ("[://]", "://"),
    ("[:]", ":"),
    ("[/]", "/"),
];

/// Finds the first domain in a pasted text; an address goes before a bare name.
///
/// A name whose last part is one character or begins with a digit is passed over, since no such
/// top-level domain exists: `e.g.`, `v1.2b`.
#[must_use]
pub fn find_domain(text: &str) -> Option<Pasted> {
    let text = refang(start(text));
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || AROUND.contains(c)).filter(|word| !word.is_empty()).collect();
    let address = words.iter().find_map(|word| as_address(word));
    if let Some(address) = address {
        return Some(Pasted { domain: address.domain().clone(), address: Some(address) });
    }
    words.iter().find_map(|word| as_name(word)).map(|domain| Pasted { domain, address: None })
}

/// The start of a long text, without the word the cut goes through.
fn start(text: &str) -> &str {
    let text = text.trim_start();
    let cut = &text[..text.floor_char_boundary(LOOKED_AT)];
    if cut.len() == text.len() {
        return text;
    }
    cut.rfind(char::is_whitespace).map_or(cut, |end| &cut[..end])
}

fn refang(text: &str) -> String {
    DEFANGED.iter().fold(text.to_owned(), |text, (from, to)| replace(&text, from, to))
}

/// Replaces in any case, with the blanks on both sides; `from` is lower-case ASCII.
fn replace(text: &str, from: &str, to: &str) -> String {
    let blanks = [' ', '\t'];
    // Lowering ASCII keeps every offset.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in lower.match_indices(from) {
        let between = text[rest..at].trim_end_matches(blanks);
        out.push_str(if rest > 0 { between.trim_start_matches(blanks) } else { between });
        out.push_str(to);
        rest = at + from.len();
    }
    out.push_str(if rest > 0 { text[rest..].trim_start_matches(blanks) } else { text });
    out
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| "[]{}.:!?*/".contains(c))
}

fn is_likely(domain: &DomainName) -> bool {
    let last = domain.as_str().rsplit('.').next().unwrap_or_default();
    last.len() > 1 && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn as_address(word: &str) -> Option<EmailAddress> {
    if word.contains("://") {
        return None;
    }
    let word = bare(word).split('?').next()?;
    let (local, domain) = word.rsplit_once('@')?;
    // Before a colon stands `mailto`, `SMTP` or the name of a header.
    let local = local.rsplit(':').next()?;
    EmailAddress::parse(&format!("{local}@{domain}")).ok().filter(|address| is_likely(address.domain()))
}

fn as_name(word: &str) -> Option<DomainName> {
    let word = word.split_once("://").map_or(word, |(_, rest)| rest).trim_start_matches('/');
    let host = word.split(['/', '?', '#', '\\']).next()?;
    let host = bare(host.rsplit('@').next()?);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        // `domain:shop.example`.
        Some((_, name)) => name,
        None => host,
    };
    DomainName::parse(host).ok().filter(is_likely)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Option<String> {
        find_domain(text).map(|found| found.domain.to_string())
    }

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
            "https://shop.example/?to=someone@else.example",
            "//shop.example/x",
            "\"shop.example\"",
            "info[at]shop[.]example",
            "Info [AT] shop [Dot] example",
            "hxxps://shop[.]example/",
            "hXXps[:]//shop(.)example/",
            "hxxp[://]shop[.]example",
            "my customer (shop.example) gets nothing",
            "a customer, e.g. shop.example",
            "since v1.2b at 10.30 shop.example",
            "To: info@shop.example,",
            "domain:shop.example",
            "‘shop.example’…",
        ] {
            assert_eq!(found(text).as_deref(), Some("shop.example"), "{text}");
        }
        for text in
            ["", "shop", "where is my mail", "192.0.2.1", "https://192.0.2.1/x", "@@@", "://", "[2001:db8::1]:25"]
        {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found("hxxp.example").as_deref(), Some("hxxp.example"), "a name is not a scheme");
    }

    #[test]
    fn an_address_is_kept_whole() {
        for text in [
            "SMTP:Jo.Doe+x@shop.example",
            "MAILTO:Jo.Doe+x@shop.example?cc=b@b.example",
            "x.example: <Jo.Doe+x[@]shop.example>",
        ] {
            let address = find_domain(text).and_then(|found| found.address).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some("Jo.Doe+x@shop.example"), "{text}");
        }
        let beyond = find_domain("jörg@shop.example").unwrap();
        assert_eq!(beyond.address.map(|address| address.to_string()).as_deref(), Some("jörg@shop.example"));
        let odd = find_domain("j..g@shop.example").unwrap();
        assert_eq!((odd.domain.as_str(), odd.address), ("shop.example", None));
    }

    #[test]
    fn a_long_text_is_not_cut_through_a_name() {
        let text = format!("{} shop.example.org", "x ".repeat(LOOKED_AT / 2 - 6));
        assert!(text.len() > LOOKED_AT && text[..LOOKED_AT].contains("shop."));
        assert_eq!(found(&text), None);
        assert_eq!(found(&format!("https://shop.example/{}", "ü".repeat(LOOKED_AT))).as_deref(), Some("shop.example"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", odd in "([a-z.@:/ ]|\\[dot\\]|\\[AT\\]|ü|İ){0,40}") {
            let _ = (find_domain(&text), find_domain(&odd), find_domain(&text.repeat(20)));
        }

        #[test]
        fn finds_what_is_dressed_up(
            name in "[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?(\\.[a-z]{1,8})?\\.example",
            before in "(|see |\\(|“|- |Domain: )", after in "(|,|\\.|\\)|”| now|!|;)", dress in 0..8,
        ) {
            let text = match dress {
                0 => format!("https://{name}/x"),
                1 => format!("<a.b@{name}>"),
                2 => name.clone(),
                3 => format!("{}.", name.to_uppercase()),
                4 => format!("ftp://u@{name}:21"),
                5 => format!("mailto:x@{name}?subject=y"),
                6 => name.replace('.', " [dot] "),
                _ => name.replace('.', "[.]"),
            };
            prop_assert_eq!(found(&format!("{before}{text}{after}")), Some(name));
        }
    }
}
