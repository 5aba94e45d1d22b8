use super::*;
use crate::{
    MirrorDomain,
    testing::{Fixture, domain, handles},
};
use proptest::prelude::*;
use sqlx::Row as _;

fn of(name: &str, display: &str, aliases: &[&str]) -> MirrorDomain {
    let mut domain = domain(name);
    domain.display = display.into();
    domain.detail.aliases = handles(aliases);
    domain
}

async fn seeing(domains: Vec<MirrorDomain>) -> Fixture {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    fixture.store.apply_sync("f1", &account, domains, 10).await.unwrap();
    fixture
}

async fn names(store: &Store, keys: &[&str], text: &str, limit: u32) -> Vec<String> {
    let found = store.find_names(&handles(keys), text, limit).await.unwrap();
    found.into_iter().map(|found| found.name).collect()
}

#[tokio::test]
async fn the_exact_comes_first_then_beginnings_then_parts_then_the_rest() {
    let fixture = seeing(vec![
        of("workshop.example", "workshop.example", &[]),
        of("shop.example.org", "shop.example.org", &[]),
        of("a-shop.example", "a-shop.example", &[]),
        of("z.shop.example", "z.shop.example", &[]),
        of("shop.example", "shop.example", &["other.example"]),
        of("b.example", "b.example", &["shop.example.net", "xn--bcher-kva.example"]),
        of("xn--kln-sna.example", "köln.example", &[]),
    ])
    .await;
    let store = &fixture.store;
    assert_eq!(
        names(store, &["f1"], " SHOP.example", 9).await,
        ["shop.example", "b.example", "shop.example.org", "a-shop.example", "z.shop.example", "workshop.example"]
    );
    assert_eq!(names(store, &["f1"], "shop.example", 2).await, ["shop.example", "b.example"]);
    let alias = |text: &'static str| async move {
        store.find_names(&handles(&["f1"]), text, 9).await.unwrap().remove(0).alias.map(|(_, display)| display)
    };
    assert_eq!(alias("shop.example").await, None, "its name is nearer");
    assert_eq!(alias("other").await.as_deref(), Some("other.example"));
    assert_eq!(alias("bü").await.as_deref(), Some("bücher.example"), "by its beginning as one reads it");
    assert_eq!(alias("cher-k").await.as_deref(), Some("bücher.example"), "or as it is sent");
    assert_eq!(names(store, &["f1"], "KÖ", 9).await, ["xn--kln-sna.example"]);
    assert_eq!(names(store, &["f1"], "öln", 9).await, ["xn--kln-sna.example"]);
    assert_eq!(names(store, &["f1"], "s", 9).await, ["b.example", "shop.example", "shop.example.org"]);
    assert_eq!(names(store, &["f1"], "sh", 9).await.len(), 5, "two characters find parts by their beginning");
    assert_eq!(names(store, &["f1"], "op", 9).await, [""; 0], "and nothing within");
    for text in ["", " ", "a b", "%", "_", "op%", "\"", "sh\0op", &"x".repeat(60_000), "'; DROP TABLE names"] {
        assert!(names(store, &["f1"], text, 9).await.is_empty(), "{text:?}");
    }
    for keys in [&["f2"][..], &["nobody"], &[]] {
        assert!(names(store, keys, "shop", 9).await.is_empty(), "{keys:?}");
    }
}

/// Where many of other people's stand before one's own, the limit of candidates hides none of them.
#[tokio::test]
async fn other_peoples_domains_do_not_crowd_out_ones_own() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let many = |prefix: &str, count: u32| {
        (0..count).map(|index| domain(&format!("{prefix}{index:05}.example"))).collect::<Vec<_>>()
    };
    store.apply_sync("f1", &account, many("a-shop-", LOOKED_AT + 50), 10).await.unwrap();
    store.apply_sync("f2", &account, many("a-shop-x", 5), 10).await.unwrap();
    for text in ["a", "a-s", "shop", "a-shop-", "hop-"] {
        assert_eq!(names(store, &["f2"], text, 9).await.len(), 5, "{text}");
        assert_eq!(names(store, &["f2"], text, 3).await.len(), 3, "{text}");
        assert_eq!(names(store, &["f1"], text, 9).await.len(), 9, "{text}");
        assert!(names(store, &["nobody"], text, 9).await.is_empty(), "{text}");
    }
}

/// How near a name is, told by reading it; the SQL does it by indexes.
fn nearness(text: &str, name: &str) -> Option<u8> {
    if name == text {
        Some(0)
    } else if name.starts_with(text) {
        Some(1)
    } else if text.chars().count() > 1 && [".", "-"].iter().any(|before| name.contains(&format!("{before}{text}"))) {
        Some(2)
    } else {
        (text.chars().count() > 2 && name.contains(text)).then_some(3)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn finds_what_reading_every_name_would(
        domains in proptest::collection::vec(
            ("[ab.-]{1,5}", "[abü.-]{1,5}", proptest::collection::vec("[ab.-]{1,5}", 0..5), any::<bool>()), 0..16),
        texts in proptest::collection::vec("[abü.-]{1,4}", 10),
        limit in 1usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let (account, _) = fixture.keys(2).await;
            let store = &fixture.store;
            let made = |mine: bool| domains.iter().filter(move |(.., own)| *own == mine).map(|(name, display, aliases, _)| {
                of(name, display, &aliases.iter().map(String::as_str).collect::<Vec<_>>())
            }).collect::<Vec<_>>();
            store.apply_sync("f1", &account, made(true), 10).await.unwrap();
            store.apply_sync("f2", &account, made(false), 10).await.unwrap();
            let rows = sqlx::query(
                "SELECT d.name, d.display, (SELECT json_group_array(a.alias) FROM aliases a WHERE a.domain_id = d.id) AS aliases
                 FROM domains d JOIN visibility v ON v.domain_id = d.id WHERE v.fingerprint = 'f1'")
                .fetch_all(store.read()).await.unwrap();
            let own: Vec<(String, Vec<String>)> = rows.iter().map(|row| {
                let mut names: Vec<String> = serde_json::from_str(row.get("aliases")).unwrap();
                names.extend([row.get("name"), row.get("display")]);
                (row.get("name"), names)
            }).collect();
            for text in &texts {
                let near: std::collections::HashMap<_, _> = own
                    .iter()
                    .filter_map(|(name, names)| Some((name.clone(), names.iter().filter_map(|name| nearness(text, name)).min()?)))
                    .collect();
                let mut expected: Vec<_> = near.values().copied().collect();
                expected.sort_unstable();
                expected.truncate(limit);
                let mut found = names(store, &["f1"], text, u32::try_from(limit).unwrap()).await;
                assert_eq!(found.iter().map(|name| near[name]).collect::<Vec<_>>(), expected, "{text:?}");
                found.sort();
                found.dedup();
                assert_eq!(found.len(), expected.len(), "{text:?}: one twice");
            }
        });
    }
}

#[tokio::test]
async fn nothing_is_found_by_reading_every_domain() {
    let fixture = seeing((0..50).map(|index| domain(&format!("d{index}.example"))).collect()).await;
    let mut store = fixture.store.clone();
    for analyzed in [false, true] {
        if analyzed {
            store.sql("ANALYZE").execute(store.write()).await.unwrap();
            store.close().await;
            store = Store::open(fixture.path()).await.unwrap();
        }
        for text in ["d", "d1", "d11", "ample"] {
            let ask = Ask::new(text).unwrap().with_index(&store).await.unwrap();
            for sql in [ask.sql(), ask.more_sql(), ask.own_sql()] {
                let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                    .fetch_all(store.read())
                    .await
                    .unwrap();
                let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
                let scans = plan.iter().filter(|line| {
                    ["SCAN d", "SCAN domains", "SCAN a", "SCAN aliases", "SCAN v"].iter().any(|scan| {
                        line.strip_prefix(scan).is_some_and(|rest| rest.is_empty() || rest.starts_with(" USING"))
                    })
                });
                assert_eq!(scans.count(), 0, "{text}: {plan:#?}");
                assert!(plan.iter().any(|line| line.starts_with("SEARCH d")), "{plan:#?}");
            }
        }
    }
}

#[tokio::test]
async fn recipients_are_found_through_their_domain_and_forgotten_in_time() {
    let fixture = seeing(vec![domain("shop.example"), domain("gone.example")]).await;
    let store = &fixture.store;
    for (address, at, now) in [
        ("ann@shop.example", "shop.example", 100),
        ("info@shop.example", "shop.example", 101),
        ("info@gone.example", "gone.example", 102),
        ("joanna@shop.example", "shop.example", 103),
    ] {
        store.see_recipient(address, at, now, 60).await.unwrap();
    }
    let found = |keys: &'static str, text: &'static str, after: i64| async move {
        store.find_recipients(&handles(&[keys]), text, after, 9).await.unwrap()
    };
    assert_eq!(found("f1", "ann", 0).await, ["ann@shop.example", "joanna@shop.example"]);
    assert_eq!(found("f1", "AN", 0).await, ["ann@shop.example"], "two characters find beginnings");
    assert_eq!(found("f1", "info@", 0).await, ["info@gone.example", "info@shop.example"], "the latest first");
    assert_eq!(found("f1", "@shop", 102).await, ["joanna@shop.example"]);
    assert_eq!(found("f2", "info", 0).await, [""; 0]);
    store.unsee_domain("f1", "gone.example").await.unwrap();
    assert_eq!(found("f1", "info", 0).await, ["info@shop.example"]);
    // Not noted again within the time, and then once.
    let statements = store.statements();
    store.see_recipient("ann@shop.example", "shop.example", 159, 60).await.unwrap();
    assert_eq!(store.statements() - statements, 1);
    assert_eq!(found("f1", "ann@", 100).await, [""; 0]);
    store.see_recipient("ann@shop.example", "shop.example", 160, 60).await.unwrap();
    assert_eq!(found("f1", "ann@", 159).await, ["ann@shop.example"]);
    assert_eq!(store.forget_recipients(103).await.unwrap(), 3);
    assert_eq!(found("f1", "shop", 0).await, ["ann@shop.example"]);
    let sound: String = store.scalar("PRAGMA integrity_check").fetch_one(store.read()).await.unwrap();
    assert_eq!(sound, "ok");
}

/// By hand: `cargo test -p store --release a_hundred_thousand -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures"]
async fn a_hundred_thousand_domains() {
    const FIRST: [&str; 8] = ["acorn", "bay-tree", "castle", "falcon", "harbour", "lantern", "meadow", "northgate"];
    const SECOND: [&str; 8] = ["bakery", "bikes", "bookshop", "clinic", "garage", "school", "vets", "workshop"];
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(12).await;
    let store = &fixture.store;
    for key in 0..12 {
        let domains = (key..100_000).step_by(12).map(|index| {
            let name = format!("{}-{}-{:05}.example", FIRST[index % 8], SECOND[index / 8 % 8], index * 7_919 % 100_000);
            let alias = format!("{}-{index:05}.example", SECOND[index % 8]);
            of(
                &name,
                &name,
                if index % 5 == 0 { std::slice::from_ref(&alias) } else { &[] }
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice(),
            )
        });
        store.apply_sync(&format!("f{}", key + 1), &account, domains.collect(), 10).await.unwrap();
    }
    let all: Vec<_> = (1..=12).map(|key| format!("f{key}")).collect();
    for (who, keys) in [("all keys", all), ("the last key", handles(&["f12"])), ("no key", vec![])] {
        for text in ["a", "no", "shop", "northgate", ".exam", "example", "12345", "zzz", "bikes-12345.example"] {
            let mut times = Vec::new();
            let mut found = 0;
            for _ in 0..21 {
                let began = std::time::Instant::now();
                found = store.find_names(&keys, text, 50).await.unwrap().len();
                times.push(began.elapsed());
            }
            times.sort();
            println!("{who:12} {text:20} {found:3} found, median {:?}, worst {:?}", times[10], times[20]);
            let query = crate::DomainQuery { keys: keys.clone(), text: Some(text.into()), ..Default::default() };
            store.mirror_changed();
            let began = std::time::Instant::now();
            store.list_domains(&query).await.unwrap();
            let listed = began.elapsed();
            let began = std::time::Instant::now();
            let count = store.count_domains(&query).await.unwrap();
            println!("{:33} page of the list {listed:?}, counted anew {:?}: {count}", "", began.elapsed());
        }
    }
}
