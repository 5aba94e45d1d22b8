use super::*;
use crate::{
    DomainQuery, MirrorDomain,
    domains::By,
    testing::{Fixture, domain, handles},
};
use proptest::prelude::*;
use sqlx::AssertSqlSafe;

#[test]
fn a_text_is_asked_for_by_its_runs_of_three() {
    assert!(grams("ab").is_empty());
    assert_eq!(grams("abc"), ["\"abc\""]);
    assert_eq!(grams("ab\"ü"), ["\"ab\"\"\"", "\"b\"\"ü\""]);
    assert_eq!(grams("aaaaaa"), ["\"aaa\""]);
    assert!(grams("ab\0cdef").is_empty());
    let long: String = ('a'..='z').cycle().take(253).collect();
    let runs = grams(&long);
    assert!(runs.len() <= GRAMS_MAX && runs.len() > GRAMS_MAX / 2, "{runs:?}");
    assert!(long.contains(runs.last().unwrap().trim_matches('"')));
}

#[test]
fn rare_runs_are_enough() {
    let of = |counts: &[u32]| {
        let grams = counts.iter().enumerate().map(|(index, count)| (format!("g{index}"), *count)).collect();
        weigh(grams)
    };
    let asked = |words: &str, rare: bool| Asked { words: words.to_owned(), rare };
    assert_eq!(of(&[RARE, RARE]), asked("g0 AND g1", false));
    assert_eq!(of(&[RARE, 3, RARE, 0]), asked("g3 AND g1", true));
    assert_eq!(of(&[1, 2, 3, 4, 5, 6]), asked("g0 AND g1 AND g2 AND g3", true));
}

fn with_aliases(name: &str, display: &str, aliases: &[String]) -> MirrorDomain {
    let mut domain = domain(name);
    domain.display = display.into();
    domain.detail.aliases = aliases.to_vec();
    domain
}

/// Ids of all that match, read one way.
async fn ids(store: &Store, text: &str, by: By) -> Vec<i64> {
    let query = DomainQuery { text: Some(text.into()), limit: 10_000, ..DomainQuery::default() };
    let text = text.trim().to_lowercase();
    let asked = grams(&text).join(" AND ");
    let mut select = sqlx::query_scalar::<_, String>(AssertSqlSafe(query.page_sql(by)))
        .bind(json_of(&["f1", "f2"]))
        .bind(pattern("%", &text, "%"));
    for _ in 3..=10 {
        select = select.bind(None::<i64>);
    }
    let page = select.bind(asked).fetch_one(store.read()).await.unwrap();
    crate::pool::listed::<crate::DomainRow>(&page).unwrap().into_iter().map(|row| row.id).collect()
}

fn json_of(keys: &[&str]) -> String {
    crate::accounts::json(keys)
}

async fn stale(store: &Store) -> i64 {
    store.scalar("SELECT count(*) FROM names_stale").fetch_one(store.read()).await.unwrap()
}

fn a_name() -> impl Strategy<Value = String> {
    "[abАбüİſK.%_\\-\"]{1,6}(\\.ex)?"
}

fn domains() -> impl Strategy<Value = Vec<(String, String, Vec<String>)>> {
    proptest::collection::vec((a_name(), a_name(), proptest::collection::vec(a_name(), 0..3)), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was done to the mirror, the index finds exactly what reading every row would.
    #[test]
    fn the_index_finds_what_reading_every_row_would(
        syncs in proptest::collection::vec((0usize..2, 0usize..4, domains()), 1..5),
        texts in proptest::collection::vec("[abABАбüÜİſK.%_\\-\" \n\0]{3,7}|aab|.ex|a.b", 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let (account, _) = fixture.keys(2).await;
            let store = &fixture.store;
            for (key, act, domains) in syncs {
                let key = ["f1", "f2"][key];
                let first = domains.first().cloned();
                let all = domains.iter().map(|(name, display, aliases)| with_aliases(name, display, aliases)).collect();
                store.apply_sync(key, &account, all, 10).await.unwrap();
                match (act, first) {
                    (1, Some((name, ..))) => store.forget_domain(&account, &name).await.unwrap(),
                    (2, Some((name, ..))) => store.unsee_domain(key, &name).await.unwrap(),
                    (3, Some((name, display, _))) => {
                        let changed = with_aliases(&name, &format!("{display}ab"), &["baa".into()]);
                        store.patch_domain(key, changed, 20).await.unwrap();
                    }
                    _ => {}
                }
                assert_eq!(stale(store).await, 0);
                for text in &texts {
                    let by_index = if grams(&text.trim().to_lowercase()).is_empty() { By::Order } else { By::Text };
                    let expected = ids(store, text, By::Order).await;
                    assert_eq!(ids(store, text, by_index).await, expected, "{text:?}");
                    let query = DomainQuery { keys: handles(&["f1", "f2"]), text: Some(text.clone()), ..DomainQuery::default() };
                    let listed: Vec<_> = store.list_domains(&query).await.unwrap().rows.iter().map(|row| row.id).collect();
                    assert_eq!(listed, expected, "{text:?}");
                    assert_eq!(store.count_domains(&query).await.unwrap(), expected.len() as u64, "{text:?}");
                }
            }
            let sound: String = store.scalar("PRAGMA integrity_check").fetch_one(store.read()).await.unwrap();
            assert_eq!(sound, "ok");
        });
    }
}

#[tokio::test]
async fn what_is_not_indexed_yet_is_found_all_the_same() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("first.example"), domain("second.example")], 10).await.unwrap();
    // Written past the functions that index.
    store
        .sql("UPDATE domains SET name = 'third.example' WHERE name = 'first.example'")
        .execute(store.write())
        .await
        .unwrap();
    assert_eq!(stale(store).await, 1);
    for (text, count) in [("third", 1), ("first", 1), ("secon", 1), ("irst", 1)] {
        // The display form still has the old text.
        let query = DomainQuery { keys: handles(&["f1"]), text: Some(text.into()), ..DomainQuery::default() };
        assert_eq!(store.list_domains(&query).await.unwrap().rows.len(), count, "{text}");
        assert_eq!(store.count_domains(&query).await.unwrap(), count as u64, "{text}");
        assert_eq!(store.find_names(&query.keys, text, 9).await.unwrap().len(), count, "{text}");
    }
    store.apply_sync("f1", &account, vec![domain("third.example")], 20).await.unwrap();
    assert_eq!(stale(store).await, 0);
}

#[tokio::test]
async fn a_list_by_a_rare_text_is_read_from_the_index() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    let query = DomainQuery { keys: handles(&["f1"]), text: Some("exam".into()), ..DomainQuery::default() };
    for sql in [query.page_sql(By::Text), query.count_sql(By::Text)] {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(store.read()).await.unwrap();
        let lines: Vec<_> = plan.into_iter().map(|(.., line)| line).collect();
        assert!(lines.iter().any(|line| line.contains("SCAN names VIRTUAL TABLE")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("SCAN d")), "{lines:#?}");
    }
}

/// The index of an older database is filled in when it is opened.
#[tokio::test]
async fn domains_from_before_the_index_are_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let all = sqlx::migrate!("../../migrations");
    let before = all.iter().filter(|migration| migration.version < 4).cloned().collect::<Vec<_>>();
    sqlx::migrate::Migrator::with_migrations(before).run(&pool).await.unwrap();
    for sql in [
        "INSERT INTO accounts VALUES ('a', 'a')",
        "INSERT INTO upstream_keys (fingerprint, account_id) VALUES ('f1', 'a')",
        "INSERT INTO domains (id, account_id, name, display, subscription, servers, aliases, detail, synced_at)
         VALUES (7, 'a', 'xn--bcher-kva.example', 'bücher.example', 's', 0, 1, '{\"admins\":[],\"downstreams\":[],\"aliases\":[]}', 1)",
        "INSERT INTO aliases VALUES ('a', 'library.example', 'library.example', 7)",
        "INSERT INTO visibility VALUES ('f1', 7)",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = Store::open(&path).await.unwrap();
    for text in ["brary", "ücher", "cher-k"] {
        assert_eq!(store.find_names(&handles(&["f1"]), text, 9).await.unwrap().len(), 1, "{text}");
    }
}

/// By hand: `cargo test -p store --release ingesting_with -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures"]
async fn ingesting_with_and_without_the_index() {
    for (aliases, indexed) in [(1, true), (1, false), (3, true), (3, false)] {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.keys(1).await;
        let store = &fixture.store;
        if !indexed {
            for what in ["new_domain", "changed_domain", "gone_domain", "new_alias", "changed_alias", "gone_alias"] {
                store.sql(AssertSqlSafe(format!("DROP TRIGGER names_of_{what}"))).execute(store.write()).await.unwrap();
            }
        }
        let all: Vec<_> = (0..10_000)
            .map(|index| {
                let aliases: Vec<_> = (0..aliases).map(|alias| format!("alias{alias}-of-{index:05}.example")).collect();
                with_aliases(&format!("domain-{index:05}.example"), &format!("domain-{index:05}.example"), &aliases)
            })
            .collect();
        let mut changed = all.clone();
        for domain in changed.iter_mut().step_by(10) {
            domain.detail.aliases.push(format!("new.{}", domain.name));
        }
        for (what, domains) in [("new", all.clone()), ("unchanged", all), ("a tenth changed", changed)] {
            let began = std::time::Instant::now();
            store.apply_sync("f1", &account, domains, 10).await.unwrap();
            println!("{aliases} aliases, indexed {indexed}, {what}: {:?}", began.elapsed());
        }
    }
}
