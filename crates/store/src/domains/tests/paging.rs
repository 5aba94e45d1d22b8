use super::*;
use proptest::prelude::*;

const SORTS: [Sort; 5] = [Sort::Name, Sort::Servers, Sort::Aliases, Sort::Policy, Sort::Subscription];

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
    store.apply_sync("f1", &account, (0..10).map(|index| tied(index, 1, 0, 0, 0)).collect(), 10).await.unwrap();
    let query = DomainQuery { limit: 3, sort: Sort::Servers, ..ask(&["f1"]) };
    let first = store.list_domains(&query).await.unwrap();
    let after = Some(Cursor::of(first.rows.last().unwrap(), query.sort));
    let second = store.list_domains(&DomainQuery { cursor: after, ..query.clone() }).await.unwrap();
    assert_eq!(names(&second.rows), ["d003.example", "d004.example", "d005.example"]);
    let before = Some(Cursor::of(&second.rows[0], query.sort));
    let back = store.list_domains(&DomainQuery { cursor: before, backwards: true, ..query.clone() }).await.unwrap();
    assert_eq!((back.rows, back.has_more), (first.rows.clone(), false));
    // A cursor of another order counts as none.
    let foreign = Some(Cursor::of(&second.rows[0], Sort::Policy));
    assert_eq!(store.list_domains(&DomainQuery { cursor: foreign, ..query }).await.unwrap(), first);
}

#[tokio::test]
async fn pages_walk_an_index() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, (0..50).map(|index| tied(index, index % 3, 0, 0, 0)).collect(), 10).await.unwrap();
    let row = store.list_domains(&ask(&["f1"])).await.unwrap().rows.remove(0);
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
        for (descending, backwards) in [(false, false), (false, true), (true, false), (true, true)] {
            for cursor in [None, Some(Cursor::of(row, sort))] {
                let placed = cursor.is_some();
                let query = DomainQuery { sort, descending, cursor, backwards, ..ask(&["f1", "f2"]) };
                let plan = plan(store, &query.page_sql(By::Order)).await;
                let index = format!("INDEX domains_by_{}", format!("{sort:?}").to_lowercase());
                let walk = if placed { format!("SEARCH d USING {index}") } else { format!("SCAN d USING {index}") };
                assert!(plan.contains(&walk), "{query:?}\n{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{query:?}\n{plan}");
                let scans = plan.lines().filter(|line| line.starts_with("SCAN d") && !line.contains(&index));
                assert_eq!(scans.count(), 0, "{query:?}\n{plan}");
            }
        }
    }
}

async fn plan(store: &Store, sql: &str) -> String {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(store.read()).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}
