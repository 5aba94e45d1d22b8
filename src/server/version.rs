//! Which build this is.

use std::sync::LazyLock;

/// The release and, where the build was told one (`SLUICE_COMMIT`), the commit: `0.1.0 (3468fc7c1a2b)`.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| named(env!("CARGO_PKG_VERSION"), option_env!("SLUICE_COMMIT").unwrap_or_default()));
    &VERSION
}

fn named(release: &str, commit: &str) -> String {
    if commit.is_empty() { release.to_owned() } else { format!("{release} ({commit})") }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_build_that_was_told_its_commit_names_it() {
        assert_eq!(named("0.1.0", "3468fc7c1a2b"), "0.1.0 (3468fc7c1a2b)");
        assert_eq!(named("0.1.0", ""), "0.1.0");
    }
}
