use super::*;
use crate::{
    MirrorDomain,
    testing::{Fixture, domain, handles},
};
use proptest::prelude::*;

const SORTS: [Sort; 5] = [
    Sort::Name,
    Sort::Servers,
    Sort::Aliases,
    Sort::Policy,
    Sort::Subscription,
];

fn ask(keys: &[&str]) -> DomainQuery {
    DomainQuery {
        keys: handles(keys),
        ..DomainQuery::default()
    }
}

/// A domain with few distinct values, so that ties abound.
fn tied(
    index: usize,
    servers: usize,
    aliases: usize,
    policy: usize,
    subscription: usize,
) -> MirrorDomain {
    let mut domain = domain(&format!("d{index:03}.example"));
    domain.detail.downstreams = (0..servers)
        .map(|server| format!("10 1 25 mx{server}.example"))
        .collect();
    domain.detail.aliases = (0..aliases)
        .map(|alias| format!("alias{alias}.d{index:03}.example"))
        .collect();
    domain.policy = [None, Some("block"), Some("flag")][policy].map(Into::into);
    domain.subscription = format!("s{subscription}");
    domain
}

fn names(rows: &[DomainRow]) -> Vec<String> {
    rows.iter().map(|row| row.name.clone()).collect()
}

/// Reads all pages one way; starts at the other end when `backwards`.
async fn walk(store: &Store, query: &DomainQuery) -> Vec<DomainRow> {
    let mut query = query.clone();
    let mut all: Vec<DomainRow> = Vec::new();
    loop {
        let page = store.list_domains(&query).await.unwrap();
        let edge = if query.backwards {
            page.rows.first()
        } else {
            page.rows.last()
        };
        query.cursor =
            edge.map(|row| Cursor::parse(&Cursor::of(row, query.sort).to_string()).unwrap());
        assert!(page.rows.len() <= query.limit as usize);
        assert!(page.has_more || all.len() < 1_000, "no end");
        if query.backwards {
            all.splice(0..0, page.rows);
        } else {
            all.extend(page.rows);
        }
        if !page.has_more {
            return all;
        }
    }
}

fn sort_value(row: &DomainRow, sort: Sort) -> (u32, String) {
    match sort {
        Sort::Name => (0, String::new()),
        Sort::Servers => (row.servers, String::new()),
        Sort::Aliases => (row.aliases, String::new()),
        Sort::Policy => (0, row.policy.clone().unwrap_or_default()),
        Sort::Subscription => (0, row.subscription.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_visit_every_row_once_in_order(
        shapes in proptest::collection::vec((0usize..3, 0usize..3, 0usize..3, 0usize..3), 0..40),
        limit in 1u32..12,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let ann = fixture.person("ann").await;
            // Two accounts with the same names, so that names tie too.
            for (key, handle) in [("f1", "s1"), ("f2", "s2")] {
                let account = fixture.key_in(&ann, key, key, handle).await;
                let domains = shapes.iter().enumerate().map(|(index, (a, b, c, d))| tied(index, *a, *b, *c, *d)).collect();
                fixture.store.apply_sync(key, &account, domains, 10).await.unwrap();
            }
            for sort in SORTS {
                for descending in [false, true] {
                    let forwards = DomainQuery { sort, descending, limit, ..ask(&["f1", "f2"]) };
                    let seen = walk(&fixture.store, &forwards).await;
                    let mut expected = seen.clone();
                    expected.sort_by_key(|row| (sort_value(row, sort), row.name.clone(), row.id));
                    expected.dedup_by_key(|row| row.id);
                    if descending {
                        expected.reverse();
                    }
                    assert_eq!(seen.len(), shapes.len() * 2);
                    assert_eq!(seen, expected, "{sort:?} {descending}");
                    let back = walk(&fixture.store, &DomainQuery { backwards: true, ..forwards }).await;
                    assert_eq!(back, seen, "{sort:?} {descending} backwards");
                }
            }
        });
    }
}

#[tokio::test]
async fn going_back_shows_the_page_one_came_from() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store
        .apply_sync(
            "f1",
            &account,
            (0..10).map(|index| tied(index, 1, 0, 0, 0)).collect(),
            10,
        )
        .await
        .unwrap();
    let query = DomainQuery {
        limit: 3,
        sort: Sort::Servers,
        ..ask(&["f1"])
    };
    let first = store.list_domains(&query).await.unwrap();
    let after = Some(Cursor::of(first.rows.last().unwrap(), query.sort));
    let second = store
        .list_domains(&DomainQuery {
            cursor: after,
            ..query.clone()
        })
        .await
        .unwrap();
    assert_eq!(
        names(&second.rows),
        ["d003.example", "d004.example", "d005.example"]
    );
    let before = Some(Cursor::of(&second.rows[0], query.sort));
    let back = store
        .list_domains(&DomainQuery {
            cursor: before,
            backwards: true,
            ..query.clone()
        })
        .await
        .unwrap();
    assert_eq!((back.rows, back.has_more), (first.rows.clone(), false));
    // A cursor of another order counts as none.
    let foreign = Some(Cursor::of(&second.rows[0], Sort::Policy));
    assert_eq!(
        store
            .list_domains(&DomainQuery {
                cursor: foreign,
                ..query
            })
            .await
            .unwrap(),
        first
    );
}

#[tokio::test]
async fn pages_walk_an_index() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    store
        .apply_sync(
            "f1",
            &account,
            (0..50)
                .map(|index| tied(index, index % 3, 0, 0, 0))
                .collect(),
            10,
        )
        .await
        .unwrap();
    let row = store
        .list_domains(&ask(&["f1"]))
        .await
        .unwrap()
        .rows
        .remove(0);
    for analyzed in [false, true] {
        if analyzed {
            store.sql("ANALYZE").execute(store.write()).await.unwrap();
            store.close().await;
            let reopened = Store::open(fixture.path()).await.unwrap();
            check_plans(&reopened, &row).await;
        } else {
            check_plans(store, &row).await;
        }
    }
}

async fn check_plans(store: &Store, row: &DomainRow) {
    for sort in SORTS {
        for (descending, backwards) in [(false, false), (false, true), (true, false), (true, true)]
        {
            for cursor in [None, Some(Cursor::of(row, sort))] {
                let placed = cursor.is_some();
                let query = DomainQuery {
                    sort,
                    descending,
                    backwards,
                    cursor,
                    ..ask(&["f1", "f2"])
                };
                let plan = plan(store, &query.page_sql()).await;
                let index = format!("INDEX domains_by_{}", format!("{sort:?}").to_lowercase());
                let walk = if placed {
                    format!("SEARCH d USING {index}")
                } else {
                    format!("SCAN d USING {index}")
                };
                assert!(plan.contains(&walk), "{query:?}\n{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{query:?}\n{plan}");
                let scans = plan
                    .lines()
                    .filter(|line| line.starts_with("SCAN d") && !line.contains(&index));
                assert_eq!(scans.count(), 0, "{query:?}\n{plan}");
            }
        }
    }
}

async fn plan(store: &Store, sql: &str) -> String {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
        .fetch_all(store.read())
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.get::<String, _>("detail"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn nobody_sees_through_keys_they_do_not_give() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let mut mine = domain("mine.example");
    mine.detail.aliases = handles(&["also.example"]);
    mine.subscription = "secret".into();
    store
        .apply_sync("f1", &account, vec![mine, domain("both.example")], 10)
        .await
        .unwrap();
    store
        .apply_sync("f2", &account, vec![domain("both.example")], 20)
        .await
        .unwrap();
    for keys in [&["f2"][..], &["nobody"], &[]] {
        let keys = handles(keys);
        let query = DomainQuery {
            keys: keys.clone(),
            ..DomainQuery::default()
        };
        assert!(
            !names(&store.list_domains(&query).await.unwrap().rows)
                .contains(&"mine.example".into())
        );
        assert_eq!(
            store.count_domains(&query).await.unwrap(),
            u64::from(keys == ["f2"])
        );
        assert!(store.domain(&keys, "mine.example").await.unwrap().is_none());
        assert!(
            store
                .find_domain(&keys, "also.example")
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            !store
                .subscriptions_of(&keys)
                .await
                .unwrap()
                .contains(&"secret".into())
        );
    }
    // Neither do other keys show in a row, nor their freshness.
    let row = store
        .domain(&handles(&["f1"]), "both.example")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.seen_by_keys, row.synced_at), (handles(&["f1"]), 10));
    let row = store
        .domain(&handles(&["f1", "f2"]), "both.example")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.seen_by_keys, row.synced_at),
        (handles(&["f1", "f2"]), 20)
    );
    assert_eq!(
        store.subscriptions_of(&handles(&["f1"])).await.unwrap(),
        ["s", "secret"]
    );
}

#[tokio::test]
async fn filters_narrow_list_and_count_alike() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let mut all: Vec<_> = (0..12)
        .map(|index| tied(index, index % 3, index % 2, index % 3, index % 4))
        .collect();
    all[7].name = "xn--bcher-kva.example".into();
    all[7].display = "bücher.example".into();
    all[8].detail.aliases = handles(&["xn--mnchen-3ya.example"]);
    all[9].name = "under_score.example".into();
    store
        .apply_sync("f1", &account, all.clone(), 10)
        .await
        .unwrap();
    store
        .apply_sync("f2", &account, all[..4].to_vec(), 11)
        .await
        .unwrap();
    let base = ask(&["f1"]);
    let text = |text: &str| DomainQuery {
        text: Some(text.into()),
        ..base.clone()
    };
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        (base.clone(), 12),
        (text("D00"), 10),
        (text("BÜCH"), 1),
        (text("xn--bcher"), 1),
        (text("münch"), 1),
        (text(" alias0.d001 "), 1),
        (text("r_s"), 1),
        (text("_"), 1),
        (text("%"), 0),
        (text("\\"), 0),
        (
            DomainQuery {
                association: some("free"),
                ..base.clone()
            },
            4,
        ),
        (
            DomainQuery {
                association: some("locked"),
                ..base.clone()
            },
            8,
        ),
        (
            DomainQuery {
                association: some("unknown"),
                ..base.clone()
            },
            0,
        ),
        (
            DomainQuery {
                holder: some("f1"),
                ..base.clone()
            },
            8,
        ),
        (
            DomainQuery {
                holder: some("f2"),
                ..base.clone()
            },
            0,
        ),
        (
            DomainQuery {
                policy: some("block"),
                ..base.clone()
            },
            4,
        ),
        (
            DomainQuery {
                subscription: some("s3"),
                ..base.clone()
            },
            3,
        ),
        (
            DomainQuery {
                no_servers: true,
                ..base.clone()
            },
            4,
        ),
        (
            DomainQuery {
                no_servers: true,
                subscription: some("s0"),
                holder: some("f1"),
                ..base.clone()
            },
            0,
        ),
        (
            DomainQuery {
                policy: some("flag"),
                sort: Sort::Aliases,
                descending: true,
                ..base.clone()
            },
            4,
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(
            store.list_domains(&query).await.unwrap().rows.len(),
            expected,
            "{query:?}"
        );
        assert_eq!(
            store.count_domains(&query).await.unwrap(),
            expected as u64,
            "{query:?}"
        );
        assert_eq!(
            query.is_filtered(),
            query != base && expected < 12,
            "{query:?}"
        );
        let paged = walk(
            store,
            &DomainQuery {
                limit: 2,
                ..query.clone()
            },
        )
        .await;
        assert_eq!(paged.len(), expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_count_is_remembered_only_until_the_mirror_changes() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store
        .apply_sync("f1", &account, vec![domain("a.example")], 10)
        .await
        .unwrap();
    let query = ask(&["f1"]);
    assert_eq!(store.count_domains(&query).await.unwrap(), 1);
    let statements = store.statements();
    assert_eq!(store.count_domains(&query).await.unwrap(), 1);
    assert_eq!(store.statements(), statements);
    store
        .apply_sync(
            "f1",
            &account,
            vec![domain("a.example"), domain("b.example")],
            20,
        )
        .await
        .unwrap();
    assert_eq!(store.count_domains(&query).await.unwrap(), 2);
}

#[tokio::test]
async fn a_name_goes_before_an_alias() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let (one, two) = (
        fixture.key_in(&ann, "k1", "f1", "s1").await,
        fixture.key_in(&ann, "k2", "f2", "s2").await,
    );
    let store = &fixture.store;
    let mut holder = domain("a.example");
    holder.detail.aliases = handles(&["x.example"]);
    store
        .apply_sync("f1", &one, vec![holder], 10)
        .await
        .unwrap();
    let keys = handles(&["f1", "f2"]);
    let found = store
        .find_domain(&keys, "x.example")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.row.name.as_str(), found.via_alias),
        ("a.example", true)
    );
    store
        .apply_sync("f2", &two, vec![domain("x.example")], 10)
        .await
        .unwrap();
    let found = store
        .find_domain(&keys, "x.example")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.row.name.as_str(), found.via_alias),
        ("x.example", false)
    );
    assert!(
        store
            .find_domain(&keys, "nowhere.example")
            .await
            .unwrap()
            .is_none()
    );
}
