//! Tables that what was measured is kept as.

use crate::{Step, root};
use std::fs;

/// A place for a table in a document.
pub(crate) struct Place {
    /// The document, from the workspace's folder.
    pub(crate) document: &'static str,
    /// After what it stands.
    pub(crate) begin: &'static str,
    /// Before what it stands.
    pub(crate) end: &'static str,
}

impl Place {
    /// Puts a table where the last one was.
    pub(crate) fn put(&self, table: &str) -> Step {
        let path = root().join(self.document);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(failed)?;
        let no_place = || format!("{} has no {} and {}", self.document, self.begin.trim(), self.end);
        let (before, rest) = text.split_once(self.begin).ok_or_else(no_place)?;
        let (_, after) = rest.split_once(self.end).ok_or_else(no_place)?;
        fs::write(&path, [before, self.begin, "\n", table.trim(), "\n\n", self.end, after].concat()).map_err(failed)
    }
}
