use super::*;
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
    sample::{select, subsequence},
};

fn names(text: &str) -> Vec<(usize, String)> {
    parse(text, 1000).rows.into_iter().map(|row| (row.line, row.domain.to_string())).collect()
}

fn errors(text: &str) -> Vec<(usize, String, String)> {
    parse(text, 1000).errors.into_iter().map(|error| (error.line, error.text, error.message)).collect()
}

#[test]
fn lines_and_csv() {
    assert_eq!(names("a.example\n\n # no\r\nB.example\r\n"), [(1, "a.example".into()), (4, "b.example".into())]);
    assert_eq!(names("\u{feff}Policy;Domain\nblock;a.example"), [(2, "a.example".into())]);
    let import = parse(template(), 1000);
    let row = &import.rows[0];
    assert_eq!(
        (import.errors.len(), row.servers.as_ref().unwrap().len(), row.policy, row.aliases.len(), row.admins.len()),
        (0, 2, Some(Policy::Quarantine), 1, 1)
    );
    let quoted = parse("domain,servers\na.example,\"mx-a.example\nmx-b.example:26\"\nb.example,\n", 1000);
    assert_eq!(quoted.rows[0].servers.as_ref().map(Vec::len), Some(2));
    assert_eq!(quoted.rows[1].line, 4);
    let semicolons = parse("Domain;Target\na.example;\"mx-a.example;mx-b.example\"", 1000);
    assert_eq!(semicolons.rows[0].servers.as_ref().map(Vec::len), Some(2));
}

#[test]
fn headers() {
    let import = parse("Customer,Spam policy,Domain name\n17,flag,a.example\n", 1000);
    assert_eq!((import.rows[0].policy, import.ignored_columns), (Some(Policy::Flag), vec!["Customer".to_owned()]));
    // A word that is also a column's name does not make a header of a row.
    assert_eq!(parse("a.example,mx.example,name", 1000).total_rows, 1);
    assert_eq!(
        errors("policy,servers\nblock,"),
        [(1, "policy,servers".into(), "The header has no column named domain. Name one.".into())]
    );
    assert_eq!(errors("domain,policy\n"), [(0, String::new(), "There is no domain. Enter one a line.".into())]);
}

#[test]
fn every_error_of_every_line() {
    let import = parse(
        "ok.example\nspace d.example\nOK.example\nx.example,mx.example:99999,maybe,-a.example,nobody\ny.example,,,,,z\nz.example,\"\n",
        1000,
    );
    let lines: Vec<_> = import.errors.iter().map(|error| error.line).collect();
    assert_eq!(lines, [2, 3, 4, 4, 4, 4, 5, 6]);
    assert_eq!(import.errors[1].message, "Same domain as line 1.");
    assert_eq!(
        (import.errors[2].text.as_str(), import.errors[2].message.as_str()),
        ("mx.example:99999", "Port: 99999 is not a whole number from 1 to 65535.")
    );
    assert!(import.errors[7].message.starts_with("A quote is opened"));
    assert_eq!((import.rows.len(), import.total_rows), (1, 6));
    assert_eq!(errors(&format!("{}!", "a".repeat(300)))[0].1.len(), 120);
}

#[test]
fn names_and_servers_that_come_twice() {
    let said = |text: &str| errors(text).into_iter().map(|error| (error.0, error.2)).collect::<Vec<_>>();
    assert_eq!(said("a.example,,,A.example"), [(1, "Alias: this is the domain itself. Remove it.".into())]);
    assert_eq!(
        said("a.example,,,b.example\nb.example\nc.example,,,b.example a.example"),
        [
            (2, "Same name as an alias on line 1.".into()),
            (3, "Alias: this name is on line 1 already. Remove one.".into()),
            (3, "Alias: this name is on line 1 already. Remove one.".into()),
        ]
    );
    assert_eq!(
        said("a.example,mx.example|10 5 25 MX.example."),
        [(1, "This server is there twice, with the same priority and port. Remove one.".into())]
    );
    let servers = |n: usize| (0..n).map(|n| format!("mx{n}.example")).collect::<Vec<_>>().join("|");
    assert_eq!(said(&format!("a.example,{}", servers(10))), []);
    assert_eq!(
        said(&format!("a.example,{}", servers(12))),
        [(1, "12 servers; a domain has at most 10. Remove 2.".into())]
    );
}

#[test]
fn too_many_and_none() {
    let text = (0..1001).map(|n| format!("d{n}.example")).collect::<Vec<_>>().join("\n");
    let import = parse(&text, 1000);
    assert_eq!(import.errors[0].message, "1,001 rows; at most 1,000 go in one batch. Remove 1.");
    assert_eq!((import.total_rows, import.errors.len()), (1001, 1));
    assert!(parse(&text, 1001).errors.is_empty());
    assert_eq!(parse(" \n#x\n,,\n", 1000).errors.len(), 1);
}

/// Rows as an export would hold them, in the columns' order given.
fn export(rows: &[Row], order: &[&str], delimiter: u8) -> String {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(order).unwrap();
    for row in rows {
        let join = |parts: Vec<String>| parts.join("|");
        let cell = |column: &&str| match *column {
            "domain" => row.domain.to_unicode(),
            "servers" => join(row.servers.iter().flatten().map(Server::to_compact).collect()),
            "policy" => row.policy.map_or_else(String::new, |policy| policy.as_str().to_owned()),
            "aliases" => join(row.aliases.iter().map(ToString::to_string).collect()),
            _ => join(row.admins.iter().map(ToString::to_string).collect()),
        };
        writer.write_record(order.iter().map(cell).map(|cell| escape_cell(&cell))).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let servers = btree_set((0..40_u32, 1..=u16::MAX, "mx-[a-d]"), 1..4).prop_flat_map(|places| {
        let n = places.len();
        (Just(places), vec(0..200_u32, n))
    });
    let servers = servers.prop_map(|(places, weights)| {
        let server = |((priority, port, label), weight)| {
            parse_compact(&format!("{priority} {weight} {port} {label}.example")).unwrap()
        };
        places.into_iter().zip(weights).map(server).collect::<Vec<_>>()
    });
    let policy = select(vec![None, Some(Policy::Block), Some(Policy::Flag), Some(Policy::Quarantine)]);
    // Local parts that a spreadsheet would run among them.
    let admins = btree_set("[a-z=+'-][a-z0-9=+']{0,5}", 0..3);
    vec((proptest::option::of(servers), policy, 0..3_usize, admins), 1..8).prop_map(|rows| {
        let name = |text: String| DomainName::parse(&text).unwrap();
        rows.into_iter()
            .enumerate()
            .map(|(index, (servers, policy, aliases, admins))| Row {
                line: index + 2,
                domain: name(format!("bücher{index}.example")),
                servers,
                policy,
                aliases: (0..aliases).map(|alias| name(format!("alias{alias}-{index}.example"))).collect(),
                admins: admins
                    .iter()
                    .map(|local| EmailAddress::parse(&format!("{local}@a{index}.example")).unwrap())
                    .collect(),
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,200}", lines in vec("[a-z.,;|\"\t\r#' -]{0,30}", 0..8), max in 0..4_usize) {
        let _ = (parse(&text, 1000), parse(&lines.join("\n"), max));
    }

    #[test]
    fn every_row_ends_good_or_with_an_error(lines in vec("[a-c-]{0,3}(\\.example)?(,\"?[a-c.: ]{0,6}\"?)?", 0..20)) {
        let import = parse(&lines.join("\n"), 1000);
        let wrong: std::collections::BTreeSet<_> = import.errors.iter().map(|error| error.line).filter(|line| *line > 0).collect();
        prop_assert_eq!(import.rows.len() + wrong.len(), import.total_rows);
        prop_assert!(import.rows.iter().all(|row| !wrong.contains(&row.line)));
    }

    #[test]
    fn exported_rows_come_back(
        rows in rows(),
        order in Just(vec!["domain", "servers", "policy", "aliases", "admins"]).prop_shuffle(),
        delimiter in select(vec![b',', b';', b'\t']),
    ) {
        let import = parse(&export(&rows, &order, delimiter), rows.len());
        prop_assert_eq!(import.errors, vec![]);
        prop_assert_eq!(import.rows, rows);
    }

    /// Blank lines and comments move rows and change nothing else.
    #[test]
    fn lines_are_counted_as_an_editor_does(gaps in vec(subsequence(vec!["", "# x", "  "], 0..=3), 1..6)) {
        let mut lines = Vec::new();
        let mut expected = Vec::new();
        for (index, gap) in gaps.iter().enumerate() {
            lines.extend(gap.iter().map(|line| (*line).to_owned()));
            lines.push(format!("d{index}.example"));
            expected.push((lines.len(), format!("d{index}.example")));
        }
        prop_assert_eq!(names(&lines.join("\r\n")), expected);
    }
}
