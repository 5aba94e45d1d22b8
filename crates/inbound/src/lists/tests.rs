use super::*;
use proptest::{collection::vec, prelude::*, sample::select};

/// Few names, so that they meet often.
fn name() -> impl Strategy<Value = String> {
    select(vec!["a.example", "b.example", "x.a.example", "y.x.a.example", "xn--bcher-kva.example", "ba.example"])
        .prop_map(str::to_owned)
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0_u8..4).prop_map(|last| IpAddr::from([192, 0, 2, last])),
        (0_u16..4).prop_map(|last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        (select(vec!["ann", "bob"]), name()).prop_map(|(local, name)| Entry::read(&format!("{local}@{name}"))),
        name().prop_map(|name| Entry::read(&name)),
        name().prop_map(|name| Entry::read(&format!("*.{name}"))),
        ip().prop_map(Entry::Ip),
        (ip(), select(vec![0_u8, 30, 31, 32, 64, 126, 127])).prop_map(|(ip, bits)| {
            let bits = if ip.is_ipv4() { bits.min(31) } else { bits };
            Entry::Net(first_of(ip, bits), bits)
        }),
        Just(Entry::Odd("?".into())),
    ]
}

fn six() -> impl Strategy<Value = [Vec<Entry>; 6]> {
    [
        vec(entry(), 0..4),
        vec(entry(), 0..4),
        vec(entry(), 0..4),
        vec(entry(), 0..4),
        vec(entry(), 0..4),
        vec(entry(), 0..4),
    ]
}

fn mail() -> impl Strategy<Value = Mail> {
    (select(vec!["ann", "bob"]), name(), proptest::option::of(ip()))
        .prop_map(|(local, name, ip)| Mail { sender: EmailAddress::parse(&format!("{local}@{name}")).unwrap(), ip })
}

/// Every mail there is in this small world.
fn world() -> Vec<Mail> {
    let mut all = Vec::new();
    for local in ["ann", "bob", "eve"] {
        for name in [
            "a.example",
            "b.example",
            "x.a.example",
            "y.x.a.example",
            "z.b.example",
            "w.a.example",
            "w.x.a.example",
            "w.y.x.a.example",
            "xn--bcher-kva.example",
            "ba.example",
        ] {
            let mut ips: Vec<Option<IpAddr>> = vec![None];
            ips.extend((0..5).map(|last| Some(IpAddr::from([192, 0, 2, last]))));
            ips.extend((0..5).map(|last| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]))));
            ips.extend([Some("203.0.113.9".parse().unwrap()), Some("::1".parse().unwrap())]);
            for ip in ips {
                all.push(Mail { sender: EmailAddress::parse(&format!("{local}@{name}")).unwrap(), ip });
            }
        }
    }
    all
}

/// An oracle that shares no code with the rules: texts and bit strings, compared by hand.
fn oracle_matches(item: &str, mail: &Mail, rules: Rules) -> bool {
    let sender = mail.sender.to_string();
    let domain = sender.rsplit('@').next().unwrap();
    let labels = |name: &str| name.split('.').rev().map(str::to_owned).collect::<Vec<_>>();
    let bits = |bytes: &[u8]| {
        bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |at| if byte >> at & 1 == 1 { '1' } else { '0' }))
            .collect::<String>()
    };
    let binary = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => bits(&ip.octets()),
        IpAddr::V6(ip) => bits(&ip.octets()),
    };
    if item == "?" {
        false
    } else if let Some((net, bits)) = item.split_once('/') {
        let net: IpAddr = net.parse().unwrap();
        mail.ip.is_some_and(|ip| {
            let (ip, net) = (binary(&ip), binary(&net));
            ip.len() == net.len() && ip[..bits.parse().unwrap()] == net[..bits.parse().unwrap()]
        })
    } else if let Ok(wanted) = item.parse::<IpAddr>() {
        mail.ip.is_some_and(|ip| binary(&ip) == binary(&wanted))
    } else if item.contains('@') {
        item == sender
    } else if let Some(rest) = item.strip_prefix("*.") {
        labels(domain).starts_with(&labels(rest)) && domain != rest
    } else if rules.subdomains {
        labels(domain).starts_with(&labels(item))
    } else {
        domain == item
    }
}

fn oracle(lists: &[Vec<Entry>; 6], mail: &Mail, rules: Rules) -> Outcome {
    for (index, list) in lists.iter().enumerate() {
        if list.iter().any(|entry| oracle_matches(&entry.item(), mail, rules)) {
            return if index % 2 == 0 { Outcome::Allowed } else { Outcome::Blocked };
        }
    }
    Outcome::Undecided
}

proptest! {
    #[test]
    fn the_walk_agrees_with_an_oracle(lists in six(), mail in mail(), subdomains: bool) {
        let rules = Rules { subdomains };
        let walk = walk(&lists, &mail, rules);
        prop_assert_eq!(walk.outcome(), oracle(&lists, &mail, rules));
        for step in &walk.steps {
            for (index, entry) in lists[step.place.order()].iter().enumerate() {
                let hit = step.hits.iter().any(|hit| hit.index == index);
                prop_assert_eq!(hit, oracle_matches(&entry.item(), &mail, rules), "{:?}", entry);
            }
        }
    }

    #[test]
    fn what_would_become_of_it_is_what_becomes_of_it(
        lists in six(), mail in mail(), added in entry(), at in 0_usize..6, subdomains: bool
    ) {
        let rules = Rules { subdomains };
        let before = walk(&lists, &mail, rules);
        let said = becomes(&before, Place::WALK[at], &added, &mail, rules);
        let mut lists = lists;
        lists[at].push(added);
        prop_assert_eq!(said, oracle(&lists, &mail, rules));
    }

    #[test]
    fn without_a_list_s_hits(lists in six(), mail in mail(), at in 0_usize..6) {
        let rules = Rules::default();
        let said = walk(&lists, &mail, rules).without(Place::WALK[at]);
        let mut lists = lists;
        lists[at].retain(|entry| !oracle_matches(&entry.item(), &mail, rules));
        prop_assert_eq!(said, oracle(&lists, &mail, rules));
    }

    /// Brute force: whichever entry that can't be read is taken to match.
    #[test]
    fn what_cannot_be_read_makes_it_unsure(lists in six(), mail in mail(), subdomains: bool) {
        let rules = Rules { subdomains };
        let plain = oracle(&lists, &mail, rules);
        let matching = Entry::Address(mail.sender.clone());
        let differs = (0..6).flat_map(|list| (0..lists[list].len()).map(move |index| (list, index))).any(|(list, index)| {
            let mut lists = lists.clone();
            let odd = matches!(lists[list][index], Entry::Odd(_));
            lists[list][index] = matching.clone();
            odd && oracle(&lists, &mail, rules) != plain
        });
        prop_assert_eq!(walk(&lists, &mail, rules).unsure().is_some(), differs);
    }

    /// Brute force: every entry with every other.
    #[test]
    fn standings_agree_with_comparing_all_with_all(lists in six(), subdomains: bool) {
        let rules = Rules { subdomains };
        let standings = Standings::new(&lists, rules);
        let all: Vec<_> = Place::WALK.into_iter().flat_map(|place| (0..lists[place.order()].len()).map(move |index| (place, index))).collect();
        for (place, index) in &all {
            let entry = &lists[place.order()][*index];
            let first = all.iter().find(|(at, other)| {
                let wide = &lists[at.order()][*other];
                let here = at == place && other != index && (!entry.covers(wide, rules) || other < index);
                (at < place || here) && wide.covers(entry, rules)
            });
            let said = match standings.of(*place, *index) {
                Standing::Counts | Standing::Unknown => None,
                Standing::Shadowed { by: at, entry } | Standing::Duplicate { of: at, entry } => Some((at, entry)),
            };
            prop_assert_eq!(said, first.map(|(at, other)| (*at, lists[at.order()][*other].clone())), "{:?}", entry);
        }
    }

    #[test]
    fn host_bits_are_masked(ip: u32, bits in 0_u8..32, other: u32) {
        let entry = Entry::read(&format!("{}/{bits}", std::net::Ipv4Addr::from(ip)));
        let mail = Mail { sender: EmailAddress::parse("a@b.example").unwrap(), ip: Some(IpAddr::V4(other.into())) };
        let same = (0..bits).all(|bit| (ip ^ other) >> (31 - bit) & 1 == 0);
        prop_assert_eq!(entry.matches(&mail, Rules::default()).is_some(), same);
    }

    #[test]
    fn entries_come_back(entry in entry()) {
        prop_assert_eq!(Entry::read(&entry.item()), entry.clone());
        prop_assert_eq!(Entry::read(&entry.shown()), entry);
    }

    #[test]
    fn a_batch_never_panics_and_loses_no_line(text in "([a-c@./*:,;\"\n 0-9]|entry){0,60}") {
        let batch = parse_batch(&text);
        prop_assert!(batch.rows.iter().all(|row| Entry::parse(&row.item).is_ok()));
    }

    #[test]
    fn an_export_comes_back_unedited(rows in vec((0_usize..6, entry()), 1..20)) {
        let mut sent = Vec::new();
        let mut lines = Vec::new();
        for (at, entry) in rows {
            let place = Place::WALK[at];
            let whose = match place.tier {
                Tier::User => "ann@shop.example",
                Tier::Domain => "shop.example",
                Tier::Account => "Harbourline, demo",
            };
            lines.push((place.tier, whose.to_owned(), place.list, entry.item()));
            let row = (Some((place.tier, place.list)), whose.to_owned(), entry.item());
            if !sent.contains(&row) {
                sent.push(row);
            }
        }
        let text = export(lines.iter().map(|(tier, whose, list, item)| (*tier, whose.clone(), *list, item.as_str())));
        let batch = parse_batch(&text);
        prop_assert_eq!(&batch.errors, &[]);
        let read: Vec<_> = batch.rows.into_iter().map(|row| (row.place, row.whose, row.item)).collect();
        prop_assert_eq!(read, sent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// An entry that doesn't count can be taken away without any mail being judged otherwise.
    #[test]
    fn what_does_not_count_can_go(lists in six(), subdomains: bool) {
        let rules = Rules { subdomains };
        let standings = Standings::new(&lists, rules);
        for place in Place::WALK {
            for index in 0..lists[place.order()].len() {
                if matches!(standings.of(place, index), Standing::Shadowed { .. } | Standing::Duplicate { .. }) {
                    let mut fewer = lists.clone();
                    fewer[place.order()].remove(index);
                    for mail in world() {
                        prop_assert_eq!(oracle(&lists, &mail, rules), oracle(&fewer, &mail, rules), "{} {}", place, index);
                    }
                }
            }
        }
    }
}

/// What covers another is found wherever the two stand, and covers it for every mail there is.
#[test]
fn covered_entries_are_found() {
    let entries = [
        "ann@a.example",
        "bob@x.a.example",
        "a.example",
        "x.a.example",
        "y.x.a.example",
        "*.a.example",
        "*.x.a.example",
        "ba.example",
        "192.0.2.1",
        "192.0.2.0/30",
        "192.0.2.0/31",
        "0.0.0.0/0",
        "2001:db8::1",
        "2001:db8::/64",
        "::/0",
    ]
    .map(Entry::read);
    let world = world();
    let mut covered = 0;
    for subdomains in [false, true] {
        let rules = Rules { subdomains };
        for (wide, narrow) in entries.iter().flat_map(|wide| entries.iter().map(move |narrow| (wide, narrow))) {
            let narrowed = world.iter().filter(|mail| oracle_matches(&narrow.item(), mail, rules));
            let all = narrowed.clone().all(|mail| oracle_matches(&wide.item(), mail, rules));
            assert_eq!(wide.covers(narrow, rules), all && narrowed.count() > 0, "{wide:?} {narrow:?} {rules:?}");
            if !wide.covers(narrow, rules) {
                continue;
            }
            covered += 1;
            let mut lists: [Vec<Entry>; 6] = Default::default();
            lists[1].push(wide.clone());
            lists[4].push(narrow.clone());
            let standing = Standings::new(&lists, rules).of(Place::WALK[4], 0);
            assert_eq!(standing, Standing::Shadowed { by: Place::WALK[1], entry: wide.clone() });
        }
    }
    assert!(covered > 40, "{covered}");
}

/// Three tiers with 10,000 networks a list: far from comparing all with all, which took 26 s.
#[test]
fn ten_thousand_networks_at_each_place_are_ranked() {
    for lists in [
        std::array::from_fn(|_| {
            (0..10_000_u32)
                .map(|n| Entry::read(&format!("10.{}.{}.{}/30", n >> 14, n >> 6 & 255, (n & 63) * 4)))
                .collect::<Vec<_>>()
        }),
        // All the same network, each written another way.
        std::array::from_fn(|_| {
            (0..10_000_u32).map(|n| Entry::read(&format!("10.0.{}.{}/8", n >> 8, n & 255))).collect()
        }),
    ] {
        let start = std::time::Instant::now();
        let standings = Standings::new(&lists, Rules { subdomains: true });
        let counts = Place::WALK
            .iter()
            .flat_map(|place| (0..10_000).map(|index| standings.of(*place, index)))
            .filter(|standing| *standing == Standing::Counts)
            .count();
        assert!(counts == 10_000 || counts == 1, "{counts}");
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}

#[test]
fn places_are_in_order() {
    assert!(Place::WALK.is_sorted());
    assert!(Place::WALK.iter().enumerate().all(|(index, place)| place.order() == index));
    assert_eq!(Place::WALK[3].to_string(), "domain blocklist");
}

#[test]
fn what_people_type() {
    for (typed, kind, item) in [
        (" Ann.Smith@Bücher.example ", "address", "ann.smith@xn--bcher-kva.example"),
        ("<ann@b.example>", "address", "ann@b.example"),
        ("Bücher.example", "domain", "xn--bcher-kva.example"),
        ("@b.example", "domain", "b.example"),
        ("*.b.example", "domain", "*.b.example"),
        ("192.0.2.7", "ip", "192.0.2.7"),
        ("[192.0.2.7]", "ip", "192.0.2.7"),
        ("::ffff:192.0.2.7", "ip", "192.0.2.7"),
        ("2001:DB8::7", "ip", "2001:db8::7"),
        ("192.0.2.0/24", "ip", "192.0.2.0/24"),
        ("192.0.2.7/32", "ip", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "ip", "192.0.2.0/24"),
    ] {
        let entry = Entry::parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!((entry.kind(), entry.item().as_str()), (kind, item), "{typed}");
    }
    for wrong in ["", "ann@", "example", "192.0.2.1/24", "192.0.2.0/33", "a b.example", "192.0.2.0/", "2001:db8::/129"]
    {
        assert!(Entry::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn lines_commas_and_csv() {
    let batch = parse_batch("a@b.example, b.example\n\nnot a domain\n192.0.2.1;b.example");
    let rows: Vec<_> = batch.rows.iter().map(|row| (row.line, row.item.as_str())).collect();
    assert_eq!(rows, [(1, "a@b.example"), (1, "b.example"), (4, "192.0.2.1")]);
    assert_eq!(batch.repeated, [4]);
    assert_eq!((batch.errors.len(), batch.errors[0].line), (1, 3));
    let csv = "\u{feff}Tier,For,List,Type,Entry\r\nuser,Ann@shop.example,safelist,address,x@y.example\r\naccount,,blocklist,,y.example\r\nmoon,,safelist,,y.example\r\n,,,,z.example\r\n";
    let batch = parse_batch(csv);
    assert_eq!(batch.rows.len(), 3, "{batch:?}");
    assert_eq!(batch.rows[0].whose, "ann@shop.example");
    assert_eq!(batch.rows[1].place, Some((Tier::Account, List::Blocklist)));
    assert_eq!(batch.rows[2].place, None);
    assert_eq!(batch.errors[0].message, "“moon” is no tier: write user, domain or account.");
}

#[test]
fn ten_thousand_at_each_place_are_ranked() {
    let lists: [Vec<Entry>; 6] =
        std::array::from_fn(|_| (0..10_000).map(|n| Entry::read(&format!("ann@d{n}.example"))).collect());
    let standings = Standings::new(&lists, Rules { subdomains: true });
    assert_eq!(standings.of(Place::WALK[0], 9_999), Standing::Counts);
    assert!(matches!(standings.of(Place::WALK[5], 9_999), Standing::Shadowed { by, .. } if by == Place::WALK[0]));
    assert!(matches!(standings.of(Place::WALK[4], 9_999), Standing::Duplicate { of, .. } if of == Place::WALK[0]));
}

#[test]
fn what_is_wrong_is_said_of_an_entry_and_not_of_a_name() {
    let why = |text| Entry::parse(text).unwrap_err().to_string();
    assert!(why("999.1.1.1").starts_with("This is not an IP address."), "{}", why("999.1.1.1"));
    assert!(why("@@").starts_with("This has more than one @."), "{}", why("@@"));
    assert!(why("@a@b.example").starts_with("This has more than one @."));
    assert!(why("two words").contains("space"));
}
