use super::*;
use crate::testing::Fixture;

#[tokio::test]
async fn a_new_database_is_its_owners_only_and_durable() {
    let mut fixture = Fixture::new().await;
    let person = fixture.person("ann").await;
    let store = &fixture.store;
    for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000), ("recursive_triggers", 1)]
    {
        let set: i64 =
            store.scalar(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_one(store.write()).await.unwrap();
        assert_eq!(set, value, "{pragma}");
    }
    let mode: String = store.scalar("PRAGMA journal_mode").fetch_one(store.read()).await.unwrap();
    assert_eq!(mode, "wal");
    #[cfg(unix)]
    for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    fixture.reopen().await;
    assert!(fixture.store.person(&person).await.unwrap().is_some());
}

#[tokio::test]
async fn readers_cannot_write() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let tried = store.sql("INSERT INTO meta (key, value) VALUES ('x', x'00')").execute(store.read()).await;
    assert!(tried.is_err());
    assert_eq!(store.scalar::<i64>("SELECT count(*) FROM meta").fetch_one(store.read()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store
        .sql("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)")
        .execute(store.write())
        .await
        .unwrap();
    store.close().await;
    let before = std::fs::read(fixture.path()).unwrap();
    let error = Store::open(fixture.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 9999, known } if known < 9999), "{error:?}");
    assert!(error.to_string().contains("9999"), "{error}");
    assert_eq!(std::fs::read(fixture.path()).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to have a header of a hundred bytes ".repeat(40)).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt), "{error:?}");
    let error = Store::open(directory.path().join("missing/test.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error:?}");
}

#[tokio::test]
async fn statements_are_counted() {
    let fixture = Fixture::new().await;
    let before = fixture.store.statements();
    fixture.store.people(0).await.unwrap();
    fixture.store.person("x").await.unwrap();
    assert_eq!(fixture.store.statements() - before, 2);
}

#[test]
fn ids_sort_by_time() {
    let (early, late) = (new_id(1_700_000_000_000), new_id(1_700_000_000_001));
    assert!(early < late, "{early} {late}");
    assert_ne!(new_id(5), new_id(5));
}

#[tokio::test]
async fn an_unknown_role_is_refused_and_another_role_raises_the_epoch() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let person =
        |role, now| crate::NewPerson { issuer: "i", subject: "s", name: "Ann", email: None, role, mapped_by: "", now };
    let first = store.upsert_person(&person("agent", 1)).await.unwrap();
    let again = store.upsert_person(&person("agent", 2)).await.unwrap();
    assert_eq!((again.id.as_str(), again.epoch, again.last_seen_at), (first.id.as_str(), first.epoch, Some(2)));
    let other = store.upsert_person(&person("admin", 3)).await.unwrap();
    assert_eq!((other.role.as_str(), other.epoch), ("admin", first.epoch + 1));
    assert!(matches!(store.upsert_person(&person("root", 4)).await, Err(StoreError::Db(_))));
    let listed: Vec<_> = store.people(0).await.unwrap().into_iter().map(|listed| listed.person).collect();
    assert_eq!(listed, [other]);
}

#[tokio::test]
async fn a_command_neither_makes_nor_upgrades_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.sqlite3");
    assert!(matches!(Store::open_present(&path).await, Err(StoreError::Io(_))));
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    let empty = Store::open_present(&path).await;
    assert!(matches!(empty, Err(StoreError::OlderSchema { found: 0, .. })), "{empty:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    let store = Store::open(&path).await.unwrap();
    store.close().await;
    let store = Store::open_present(&path).await.unwrap();
    let newest = "DELETE FROM _sqlx_migrations WHERE version = ?1";
    store.sql(newest).bind(newest_schema()).execute(store.write()).await.unwrap();
    store.close().await;
    assert!(matches!(Store::open_present(&path).await, Err(StoreError::OlderSchema { .. })));
}
