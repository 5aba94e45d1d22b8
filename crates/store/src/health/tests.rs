use vault::{Kek, KeyRing};

use crate::{
    NewRow, NewSession, StoreError, TokenHash,
    testing::{Fixture, job},
};

#[tokio::test]
async fn the_schema_is_this_programs_and_a_migration_that_did_not_end_shows() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (found, known) = store.schema().await.unwrap();
    assert_eq!(found, known);
    store
        .sql("UPDATE _sqlx_migrations SET success = 0 WHERE version = ?1")
        .bind(known)
        .execute(store.write())
        .await
        .unwrap();
    assert!(store.schema().await.unwrap().0 < known);
}

#[tokio::test]
async fn check_values_are_asked_of_the_keys_at_hand() {
    let fixture = Fixture::new().await;
    let ring = |byte: u8| KeyRing::new(Kek::parse(&format!("{byte:02x}").repeat(32)).unwrap(), vec![]);
    assert!(fixture.store.keks_open(&ring(1)).await.is_err(), "nothing is registered yet");
    fixture.store.unlock(&ring(1), 1).await.unwrap();
    fixture.store.keks_open(&ring(1)).await.unwrap();
    assert!(fixture.store.keks_open(&ring(2)).await.unwrap_err().to_string().contains("not configured"));
}

#[tokio::test]
async fn a_full_database_refuses_writes_and_goes_on_by_itself() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let person = fixture.person("ann").await;
    let pages: i64 = store.scalar("PRAGMA page_count").fetch_one(store.write()).await.unwrap();
    let set = |most: i64| sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {most}"));
    store.sql(set(pages)).execute(store.write()).await.unwrap();
    let error = loop {
        let text = "x".repeat(5_000);
        let tried = store.sql("INSERT INTO meta (key, value) VALUES (hex(randomblob(8)), CAST(?1 AS BLOB))").bind(text);
        if let Err(error) = tried.execute(store.write()).await {
            break StoreError::from(error);
        }
    };
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    assert!(store.person(&person).await.unwrap().is_some(), "reading goes on");
    // In a transaction, SQLite ends it by itself; the next one must not be taken for a part of it.
    for _ in 0..2 {
        let mut tx = store.begin().await.unwrap();
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                    INSERT INTO meta (key, value) SELECT hex(randomblob(8)), randomblob(2000) FROM n";
        let error = StoreError::from(store.sql(many).execute(&mut *tx).await.unwrap_err());
        assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
        drop(tx);
        store.sql(set(pages)).execute(store.write()).await.unwrap();
    }
    store.takes_writes().await.unwrap();
    store.sql(set(1_000_000)).execute(store.write()).await.unwrap();
    fixture.person("bob").await;
}

#[tokio::test]
async fn the_census_counts_what_is_there() {
    let fixture = Fixture::new().await;
    let (account, person) = fixture.keys(2).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![crate::testing::domain("a.example")], 5).await.unwrap();
    for (token, now) in [("old", 1_000), ("new", 10_000_000)] {
        let session = NewSession {
            hash: TokenHash::of(token),
            name: token,
            person_id: &person,
            epoch: 0,
            mode: "demo",
            proved_at: now,
            device: "",
            address: "",
            provider_session: None,
            hint: None,
            now,
        };
        store.begin_session(&session).await.unwrap();
    }
    let census = store.census(10_000_001).await.unwrap();
    assert_eq!(census.sessions, 1);
    let keys: Vec<_> = census.mirrors.iter().map(|key| (key.fingerprint.as_str(), key.synced_at, key.total)).collect();
    assert_eq!(keys, [("f1", Some(5), 1), ("f2", None, 0)]);
    assert!(census.bytes > 4_096 && census.jobs.is_empty(), "{census:?}");
    assert!(store.checkpoint().await.unwrap());
    store.takes_writes().await.unwrap();
}

#[tokio::test]
async fn rows_of_plans_are_in_no_queue() {
    let fixture = Fixture::new().await;
    let (store, ann) = (&fixture.store, fixture.person("ann").await);
    let rows = |count: i64| -> Vec<NewRow> {
        let row = |line| NewRow { line, verdict: "change", input: "{}".into(), state: "planned", ..NewRow::default() };
        (1..=count).map(row).collect()
    };
    let mut numbers = Vec::new();
    for (request, count) in [("one", 2), ("two", 3), ("three", 5)] {
        numbers.push(store.create_job(&job(&ann, request), &rows(count)).await.unwrap().0);
    }
    let waiting = async || store.census(1).await.unwrap().job_rows;
    assert!(waiting().await.is_empty());
    for number in &numbers[..2] {
        store.confirm_job(&ann, *number, "r", 1).await.unwrap();
    }
    assert_eq!(waiting().await, [("planned".to_owned(), 5)]);
    // A job that waits for a person is still to be done; one that was ended by hand is not.
    store.pause_job(numbers[0], "", "").await.unwrap();
    assert_eq!(waiting().await, [("planned".to_owned(), 5)]);
    store.cancel_job(&ann, numbers[1], 2).await.unwrap();
    assert_eq!(waiting().await, [("left".to_owned(), 3), ("planned".to_owned(), 2)]);
}

#[tokio::test]
async fn the_age_of_what_nobody_syncs_is_not_told() {
    let fixture = Fixture::new().await;
    let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
    fixture.key_in(&ann, "k1", "f1", "s").await;
    fixture.key_in(&bob, "k2", "f1", "s").await;
    fixture.key_in(&bob, "k3", "f2", "s").await;
    let told = async || -> Vec<String> {
        store.census(1).await.unwrap().mirrors.into_iter().map(|key| key.fingerprint).collect()
    };
    assert_eq!(told().await, ["f1", "f2"]);
    let mut disable = "UPDATE people SET disabled_at = 1 WHERE id = ?1";
    store.sql(disable).bind(&bob).execute(store.write()).await.unwrap();
    assert_eq!(told().await, ["f1"], "somebody else still holds it");
    assert_eq!(told().await, store.distinct_fingerprints().await.unwrap());
    disable = "UPDATE people SET disabled_at = 1";
    store.sql(disable).execute(store.write()).await.unwrap();
    assert!(told().await.is_empty());
}
