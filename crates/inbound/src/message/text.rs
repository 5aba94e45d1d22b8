//! Strangers' text made plain.

use crate::name::EmailAddress;

/// Control characters, and those that turn the direction of the text around them.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// One line without control characters, at most so long.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let clean: String = text.chars().map(|c| if unseen(c) { ' ' } else { c }).take(max).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text with its line breaks and nothing else that is not seen.
pub(super) fn shown(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let clean: String = lines.chars().map(|c| if unseen(c) && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

/// The e-mail addresses in a text, each once, in order.
pub(crate) fn addresses_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let edge = |c: char| c.is_whitespace() || "<>()[],;:\"'`“”„‘’|\\".contains(c);
    for word in text.split(edge) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !"_+-=/#".contains(c));
        if word.len() > 320 || !word.contains('@') {
            continue;
        }
        if let Ok(address) = EmailAddress::parse(word) {
            let address = address.to_string();
            if !found.contains(&address) {
                found.push(address);
            }
        }
        if found.len() == 50 {
            break;
        }
    }
    found
}
