//! Cells that no spreadsheet takes for a formula.

/// What begins a formula in some spreadsheet, and the quote that tells it is none.
const ESCAPED: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// A cell for export: a spreadsheet would run what begins like a formula.
#[must_use]
pub fn escape_cell(cell: &str) -> String {
    if cell.starts_with(ESCAPED) { format!("'{cell}") } else { cell.to_owned() }
}

/// The opposite of [`escape_cell`].
#[must_use]
pub fn unescape_cell(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(ESCAPED) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        for (cell, escaped) in [("=1+1", "'=1+1"), ("-a", "'-a"), ("a=b", "a=b"), ("'tis", "''tis"), ("", "")] {
            assert_eq!(escape_cell(cell), escaped);
        }
        assert_eq!(unescape_cell("'tis"), "'tis", "a quote that escapes nothing stays");
    }

    proptest! {
        #[test]
        fn cells_come_back(cell in "['=+@\t\r-]{0,3}\\PC{0,10}") {
            prop_assert_eq!(unescape_cell(&escape_cell(&cell)), cell.clone());
            prop_assert!(!escape_cell(&cell).starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
