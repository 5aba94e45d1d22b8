use super::*;
use proptest::prelude::*;

#[test]
fn what_is_pasted_is_its_domain() {
    let read = |typed: &str| {
        let sought = Sought::read(typed);
        (sought.text, sought.address.map(|address| address.to_string()))
    };
    let of = |text: &str, address: Option<&str>| (text.to_owned(), address.map(str::to_owned));
    assert_eq!(read(" Shop "), of("shop", None));
    assert_eq!(read("Shop.Example"), of("shop.example", None));
    assert_eq!(read("https://shop.example/a?b"), of("shop.example", None));
    assert_eq!(read("Bücher.example"), of("xn--bcher-kva.example", None));
    assert_eq!(read("Ann <Ann@shop.example>"), of("shop.example", Some("ann@shop.example")));
    assert_eq!(read("550 5.7.1 <jo@b.example>: rejected"), of("b.example", Some("jo@b.example")));
    assert_eq!(read("Provision many"), of("provision many", None));
    assert_eq!(read("jo@bikes"), of("jo@bikes", None));
    assert_eq!(read(""), of("", None));
}

#[test]
fn nearness_of_names() {
    for (text, name, expected) in [
        ("shop.example", "Shop.example", Some(Near::Exact)),
        ("shop", "shop.example", Some(Near::Begins)),
        ("shop", "bike-shop.example", Some(Near::Part)),
        ("shop", "workshop.shop.example", Some(Near::Part)),
        ("shop", "workshop.example", Some(Near::Within)),
        ("op", "workshop.example", None),
        ("ex", "workshop.example", Some(Near::Part)),
        ("jo", "ann.jo@shop.example", Some(Near::Part)),
        ("bü", "bücher.example", Some(Near::Begins)),
        ("ücher", "bücher.example", Some(Near::Within)),
        ("", "a.example", None),
        ("zzz", "a.example", None),
    ] {
        assert_eq!(near(text, name), expected, "{text} {name}");
    }
}

#[test]
fn nearness_of_titles() {
    for (text, title, expected) in [
        ("provision many", "Provision many", Some(Near::Exact)),
        ("prov", "Provision many", Some(Near::Begins)),
        ("man pro", "Provision many", Some(Near::Part)),
        ("bulk", "Provision many", Some(Near::Part)),
        ("any", "Provision many", None),
        ("many keys", "Provision many", None),
        ("", "Provision many", Some(Near::Part)),
    ] {
        assert_eq!(near_title(text, title, "bulk CSV import"), expected, "{text} {title}");
    }
}

fn candidates() -> impl Strategy<Value = Vec<Candidate<usize>>> {
    let nears = [Near::Exact, Near::Begins, Near::Part, Near::Within];
    let one = (0..Kind::ALL.len(), 0..nears.len(), "[ab]{1,3}")
        .prop_map(move |(kind, near, name)| (Kind::ALL[kind], nears[near], name));
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered.map(|(item, (kind, near, name))| Candidate { kind, near, name, item }).collect()
    })
}

proptest! {
    #[test]
    fn the_nearest_come_first_and_no_more_than_asked_for(found in candidates(), limit in 0usize..40) {
        let ranked = rank(found.clone(), limit);
        prop_assert_eq!(ranked.len(), limit.min(found.len()));
        prop_assert!(ranked.windows(2).all(|pair| (pair[0].near, pair[0].kind) <= (pair[1].near, pair[1].kind)));
        if limit > 0 {
            prop_assert_eq!(ranked.first().map(|first| first.near), found.iter().map(|one| one.near).min());
        }
        for candidate in &ranked {
            prop_assert!(found.contains(candidate));
        }
    }

    /// Nothing of a kind is left out while something less near of that kind is shown.
    #[test]
    fn what_is_left_out_is_not_nearer(found in candidates(), limit in 0usize..40) {
        let ranked = rank(found.clone(), limit);
        for one in found.iter().filter(|one| !ranked.contains(one)) {
            prop_assert!(ranked.iter().filter(|shown| shown.kind == one.kind).all(|shown| shown.near <= one.near));
        }
    }

    /// A hundred domains do not hide the page of the same name.
    #[test]
    fn every_kind_has_its_share(found in candidates(), limit in SHARE * Kind::ALL.len()..40) {
        let ranked = rank(found.clone(), limit);
        for kind in Kind::ALL {
            let (of, shown) = (
                found.iter().filter(|one| one.kind == kind).count(),
                ranked.iter().filter(|one| one.kind == kind).count(),
            );
            prop_assert!(shown >= of.min(SHARE), "{:?}: {} of {}", kind, shown, of);
        }
    }

    /// The order in which things were found decides only between equals.
    #[test]
    fn the_order_is_stable(found in candidates(), limit in 0usize..40, seed in any::<u64>()) {
        let ranked = rank(found.clone(), limit);
        prop_assert_eq!(&rank(ranked.clone(), limit), &ranked);
        let equals = |pair: &[Candidate<usize>]| (pair[0].near, pair[0].kind, &pair[0].name) == (pair[1].near, pair[1].kind, &pair[1].name);
        prop_assert!(ranked.windows(2).filter(|pair| equals(pair)).all(|pair| pair[0].item < pair[1].item));
        let mut shuffled = found;
        shuffled.sort_by_key(|one| (one.item as u64).wrapping_mul(seed | 1));
        let keys = |ranked: &[Candidate<usize>]| ranked.iter().map(|one| (one.near, one.kind, one.name.clone())).collect::<Vec<_>>();
        prop_assert_eq!(keys(&rank(shuffled, limit)), keys(&ranked));
    }

    #[test]
    fn groups_hold_the_same_in_the_same_order(found in candidates()) {
        let ranked = rank(found, 100);
        let groups = grouped(ranked.clone());
        let mut names: Vec<_> = groups.iter().map(|(name, _)| *name).collect();
        names.dedup();
        prop_assert_eq!(names.len(), groups.len());
        prop_assert_eq!(groups.first().and_then(|(_, members)| members.first()), ranked.first());
        for (name, members) in groups {
            let of: Vec<_> = ranked.iter().filter(|one| one.kind.group() == name).cloned().collect();
            prop_assert_eq!(members, of);
        }
    }

    #[test]
    fn never_panics(text in "\\PC{0,12}", name in "\\PC{0,20}") {
        let text = Sought::read(&text).text;
        let _ = (near(&text, &name), near_title(&text, &name, &name));
        if let Some(how) = near(&text, &name) {
            prop_assert_eq!(how == Near::Exact, name.to_lowercase() == text);
        }
    }
}
