//! The table: every row a ratio or a count against a budget.

use std::fmt;

/// What a row's figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Measured by reference.
    Times,
    /// An exact count.
    Count,
    /// Kilobytes of 1,024 bytes.
    Kilobytes,
    /// Megabytes of 1,048,576 bytes.
    Megabytes,
    /// Milliseconds; where the budget itself is a time.
    Milliseconds,
    /// Round trips to the service.
    RoundTrips,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    name: String,
    measured: String,
    reference: String,
    figure: (f64, Unit),
    budget: Option<f64>,
}

impl Row {
    /// A row whose figure is measured / reference.
    pub(crate) fn ratio(name: impl Into<String>, measured: (f64, &str), reference: (f64, &str)) -> Self {
        let (ours, theirs) = (measured.0, reference.0);
        let figure = (if theirs > 0.0 { ours / theirs } else { f64::INFINITY }, Unit::Times);
        Self { name: name.into(), measured: shown(measured), reference: shown(reference), figure, budget: None }
    }

    /// A row with a figure of its own; the rest is context.
    pub(crate) fn figure(name: impl Into<String>, figure: f64, unit: Unit) -> Self {
        let (measured, reference) = (String::new(), String::new());
        Self { name: name.into(), measured, reference, figure: (figure, unit), budget: None }
    }

    /// An exact count.
    pub(crate) fn count(name: impl Into<String>, count: usize) -> Self {
        Self::figure(name, as_f64(count), Unit::Count)
    }

    /// What the figure was made from.
    pub(crate) fn measured(mut self, words: impl Into<String>) -> Self {
        self.measured = words.into();
        self
    }

    /// What it is compared with.
    pub(crate) fn reference(mut self, words: impl Into<String>) -> Self {
        self.reference = words.into();
        self
    }

    /// The figure may be as large as this.
    pub(crate) fn at_most(mut self, budget: f64) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Whether the budget is kept; without one it always is.
    pub(crate) fn kept(&self) -> bool {
        self.budget.is_none_or(|budget| self.figure.0 <= budget)
    }
}

fn shown((value, unit): (f64, &str)) -> String {
    format!("{} {unit}", short(value))
}

/// A number to three digits or so.
fn short(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A number of things as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted beyond 2^52")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

impl Unit {
    fn shown(self, value: f64) -> String {
        let number = short(value);
        match self {
            Self::Times => format!("{value:.2} ×"),
            Self::Count => number,
            Self::Kilobytes => format!("{number} KB"),
            Self::Megabytes => format!("{number} MB"),
            Self::Milliseconds => format!("{number} ms"),
            Self::RoundTrips => format!("{value:.2} round trips"),
        }
    }
}

/// Rows as a Markdown table.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines =
            vec![["Row", "Measured", "Reference", "Ratio or count", "Budget", "Verdict"].map(str::to_owned)];
        lines.extend(self.0.iter().map(|row| {
            let (figure, unit) = row.figure;
            let verdict = match row.budget {
                None => "no budget",
                Some(_) if row.kept() => "kept",
                Some(_) => "**over**",
            };
            let budget = row.budget.map_or_else(String::new, |budget| format!("≤ {}", unit.shown(budget)));
            let cells = [&row.name, &row.measured, &row.reference, &unit.shown(figure), &budget, verdict];
            cells.map(|cell| cell.replace('|', "\\|"))
        }));
        for (index, cells) in lines.iter().enumerate() {
            writeln!(f, "| {} |", cells.join(" | "))?;
            if index == 0 {
                writeln!(f, "|---|---|---|---:|---:|---|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_it_was_made_from_and_keeps_its_budget_up_to_the_edge() {
        let list = Row::ratio("List page", (3.0, "ms CPU"), (1.0, "ms CPU")).at_most(3.0);
        assert!(list.kept());
        assert!(!Row::ratio("", (3.01, ""), (1.0, "")).at_most(3.0).kept());
        assert!(!Row::ratio("", (1.0, ""), (0.0, "")).at_most(3.0).kept(), "nothing measured is not good");
        assert!(Row::count("", 7).kept(), "no budget");
        let rows = [
            list,
            Row::count("Refused", 1).measured("1,000 calls").at_most(0.0),
            Row::figure("A | b", 61.25, Unit::Megabytes).reference("x").at_most(64.0),
            Row::figure("Explainer", 1.0, Unit::RoundTrips),
        ];
        assert_eq!(
            Table(&rows).to_string(),
            "| Row | Measured | Reference | Ratio or count | Budget | Verdict |\n\
             |---|---|---|---:|---:|---|\n\
             | List page | 3 ms CPU | 1 ms CPU | 3.00 × | ≤ 3.00 × | kept |\n\
             | Refused | 1,000 calls |  | 1 | ≤ 0 | **over** |\n\
             | A \\| b |  | x | 61.2 MB | ≤ 64 MB | kept |\n\
             | Explainer |  |  | 1.00 round trips |  | no budget |\n"
        );
    }
}
