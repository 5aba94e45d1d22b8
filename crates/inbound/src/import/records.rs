//! From text to records: lines, comments, separators and quotes, with line numbers kept.

/// Lines a quoted cell may go over. A quote that was never closed must not swallow the file.
const CELL_LINES: usize = 200;

/// The cells of one record.
pub(crate) struct Record {
    /// Line of the text it begins on, from 1.
    pub(crate) line: usize,
    /// Trimmed cells, or the line whose quote is not closed.
    pub(crate) cells: Result<Vec<String>, String>,
}

/// Splits a text into records. Blank lines, and lines that begin with `#`, are passed over.
pub(crate) fn records(text: &str) -> Vec<Record> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let delimiter = delimiter(&lines);
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        let line = at + 1;
        if is_passed_over(first) {
            at += 1;
            continue;
        }
        let mut place = Place::Start;
        let end = lines.iter().skip(at).take(CELL_LINES).position(|line| {
            place = line.chars().fold(place.next_line(), |place, c| place.after(c, c == delimiter));
            place != Place::Quoted
        });
        let Some(more) = end else {
            records.push(Record { line, cells: Err((*first).to_owned()) });
            at += 1;
            continue;
        };
        let whole = lines.get(at..=at + more).unwrap_or_default().join("\n");
        records.push(Record { line, cells: Ok(cells(&whole, delimiter)) });
        at += more + 1;
    }
    records
}

fn is_passed_over(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Where in a record a character stands, as the `csv` crate reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a cell: only here a quote opens.
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted cell: its end, or the first of two.
    Closing,
}

impl Place {
    fn after(self, c: char, separates: bool) -> Self {
        match (self, c) {
            (Self::Quoted, '"') => Self::Closing,
            (Self::Start | Self::Closing, '"') | (Self::Quoted, _) => Self::Quoted,
            _ if separates => Self::Start,
            _ => Self::Plain,
        }
    }

    fn next_line(self) -> Self {
        if self == Self::Quoted { Self::Quoted } else { Self::Start }
    }
}

/// The separator of the first line that has one outside quotes: tab, then comma, then semicolon,
/// since semicolons part servers within a cell.
fn delimiter(lines: &[&str]) -> char {
    let candidates = ['\t', ',', ';'];
    let mut place = Place::Start;
    for line in lines {
        place = place.next_line();
        if place == Place::Start && is_passed_over(line) {
            continue;
        }
        let mut found = [false; 3];
        for c in line.trim().chars() {
            let candidate = candidates.iter().position(|candidate| *candidate == c);
            if let (Some(found), true) = (candidate.and_then(|index| found.get_mut(index)), place != Place::Quoted) {
                *found = true;
            }
            place = place.after(c, candidate.is_some());
        }
        if let Some((candidate, _)) = candidates.into_iter().zip(found).find(|(_, found)| *found) {
            return candidate;
        }
    }
    ','
}

fn cells(record: &str, delimiter: char) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .buffer_capacity(record.len().clamp(1, 1024))
        .from_reader(record.as_bytes());
    let first = reader.records().next().and_then(Result::ok).unwrap_or_default();
    first.iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text)
            .into_iter()
            .map(|record| (record.line, record.cells.unwrap_or_else(|line| vec!["?".into(), line])))
            .collect()
    }

    fn one(line: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn every_kind_of_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["\u{feff}a,b", "", " # no, \"", "c,\"d", "", "#e\"", "f"].join(end);
            assert_eq!(read(&text), [one(1, &["a", "b"]), one(4, &["c", "d\n\n#e"]), one(7, &["f"])], "{end:?}");
        }
    }

    #[test]
    fn the_separator_is_found_outside_quotes() {
        assert_eq!(read("a\n\"b,b\";c"), [one(1, &["a"]), one(2, &["b,b", "c"])]);
        assert_eq!(read("a,b;c"), [one(1, &["a", "b;c"])]);
        assert_eq!(read("a\tb,c;d"), [one(1, &["a", "b,c;d"])]);
    }

    #[test]
    fn a_stray_quote_costs_its_own_line_only() {
        assert_eq!(read("a,\"b\nc\nd"), [one(1, &["?", "a,\"b"]), one(2, &["c"]), one(3, &["d"])]);
        assert_eq!(read("a,5\" x\nb"), [one(1, &["a", "5\" x"]), one(2, &["b"])]);
        assert_eq!(read("a,\"say \"\"x\"\"\"\nb"), [one(1, &["a", "say \"x\""]), one(2, &["b"])]);
    }

    proptest! {
        /// What a writer writes is read, record by record, on the lines where it stands.
        #[test]
        fn reads_what_csv_writes(
            rows in vec(vec("[a-z\",;\n]{0,6}x", 2..4), 1..8), delimiter in proptest::sample::select(vec![b',', b';', b'\t']),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).delimiter(delimiter).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            let mut expected = Vec::new();
            let mut line = 1;
            for row in &rows {
                writer.write_record(row).unwrap();
                expected.push((line, row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()));
                line += 1 + row.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(read(&text), expected);
        }

        #[test]
        fn every_line_is_passed_over_or_in_one_record(lines in vec("[a,\"# ]{0,6}", 0..12)) {
            let read = read(&lines.join("\n"));
            prop_assert!(read.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(read.iter().all(|(line, _)| !is_passed_over(&lines[line - 1])));
            if lines.iter().all(|line| !line.contains('"')) {
                prop_assert_eq!(read.len(), lines.iter().filter(|line| !is_passed_over(line)).count());
            }
        }
    }
}
