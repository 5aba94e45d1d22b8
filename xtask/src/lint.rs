//! Rules of the house that no other tool knows.

use crate::{Step, root};
use std::{fs, path::Path, process::Command};

/// Longest source file, in lines.
const LINES: usize = 400;

/// Text that must not stand in files with these endings, where it may, and why.
const BANNED: [(&str, &[&str], &str, &str); 3] = [
    (
        "<textarea",
        &["rs"],
        "src/components/field.rs",
        "Leptos does not escape its children on the server: use TextArea",
    ),
    ("style=\"", &["rs"], "", "the content security policy forbids style attributes"),
    ("SystemTime::now", &["rs"], "", "the time is injected"),
];

/// Checks every file that git knows.
pub(crate) fn run() -> Step {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    let mut wrong = Vec::new();
    for name in String::from_utf8_lossy(&output.stdout).lines() {
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !["rs", "mjs", "css", "py", "sql"].contains(&ending) {
            continue;
        }
        let Ok(text) = fs::read_to_string(root().join(name)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > LINES {
            wrong.push(format!("{name}: {lines} lines; look for its seam"));
        }
        for (banned, endings, allowed, why) in BANNED {
            if endings.contains(&ending)
                && name != allowed
                && !name.starts_with("xtask/")
                && !name.starts_with("tests/")
                && text.contains(banned)
            {
                wrong.push(format!("{name}: {banned} ({why})"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
