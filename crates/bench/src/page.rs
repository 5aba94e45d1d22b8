//! A page as it came, cut open where its rows stand, so that other rows can be written in their place.

use store::DomainRow;

/// A value of a row that the page shows as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Name,
    Display,
    Subscription,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Row(usize, Value),
}

/// A page with holes for the values of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

impl Value {
    const ALL: [Self; 3] = [Self::Name, Self::Display, Self::Subscription];

    fn of(self, row: &DomainRow) -> &str {
        match self {
            Self::Name => &row.name,
            Self::Display => &row.display,
            Self::Subscription => &row.subscription,
        }
    }
}

impl Template {
    /// Cuts a page open at the values of its rows, in their order below the table's head. Nothing when a row
    /// isn't there: the page is of other rows.
    pub(crate) fn cut(page: &str, rows: &[DomainRow]) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut from = 0;
        let mut at = page.find("<tbody")?;
        for (index, row) in rows.iter().enumerate() {
            let end = at + page[at..].find("</tr>")?;
            let mut holes = 0;
            while let Some((place, value)) = first(&page[at..end], row) {
                pieces.push(Piece::Text(page[from..at + place].to_owned()));
                pieces.push(Piece::Row(index, value));
                from = at + place + value.of(row).len();
                at = from;
                holes += usize::from(value != Value::Subscription);
            }
            // The link and its words.
            if holes < 2 {
                return None;
            }
            at = end + "</tr>".len();
        }
        pieces.push(Piece::Text(page[from..].to_owned()));
        Some(Self(pieces))
    }

    /// The page with these rows.
    pub(crate) fn write(&self, rows: &[DomainRow]) -> String {
        let mut page = String::with_capacity(64 << 10);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => page.push_str(text),
                Piece::Row(index, value) => page.push_str(rows.get(*index).map_or("", |row| value.of(row))),
            }
        }
        page
    }
}

/// The first value of a row in a text, and which.
fn first(text: &str, row: &DomainRow) -> Option<(usize, Value)> {
    Value::ALL
        .into_iter()
        .filter(|value| !value.of(row).is_empty())
        .filter_map(|value| Some((text.find(value.of(row))?, value)))
        .min_by_key(|(place, _)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{MirrorDetail, MxState};

    fn row(name: &str, display: &str) -> DomainRow {
        DomainRow {
            id: 1,
            account_id: "a".into(),
            name: name.into(),
            display: display.into(),
            subscription: "main".into(),
            policy: None,
            policy_override: None,
            header_name: None,
            header_value: None,
            servers: 1,
            aliases: 0,
            detail: MirrorDetail::default(),
            association: "free".into(),
            holder: None,
            seen_by_keys: Vec::new(),
            synced_at: 0,
            mx: MxState { verdict: "here".into(), checked_at: None, muted: false },
        }
    }

    fn tr(row: &DomainRow) -> String {
        format!("<tr><td><a href=\"/domains/{}\">{}</a><td>{}</tr>", row.name, row.display, row.subscription)
    }

    fn page(rows: &[DomainRow]) -> String {
        let rows: String = rows.iter().map(tr).collect();
        format!("<option>main</option><table><thead><tr></tr><tbody>{rows}</tbody></table>a.example to b.example")
    }

    #[test]
    fn a_page_takes_other_rows_in_the_place_of_its_own() {
        let rows = [row("a.example", "a.example"), row("xn--bcher-kva.example", "bücher.example")];
        let template = Template::cut(&page(&rows), &rows).unwrap();
        assert_eq!(template.write(&rows), page(&rows));
        let others = [row("c.example", "c.example"), row("d.example", "d.example")];
        assert_eq!(template.write(&others), page(&others), "only the table is theirs");
    }

    #[test]
    fn a_page_of_other_rows_is_noticed() {
        let rows = [row("a.example", "a.example"), row("b.example", "b.example")];
        assert_eq!(Template::cut(&page(&rows[..1]), &rows), None, "one is missing");
        assert_eq!(Template::cut(&page(&[rows[1].clone(), rows[0].clone()]), &rows), None, "another order");
        assert_eq!(Template::cut("Nothing matches", &rows), None);
    }
}
