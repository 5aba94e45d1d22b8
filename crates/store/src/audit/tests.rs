use super::*;
use crate::testing::Fixture;

fn intent<'a>(action: &'a str, object: &'a str) -> NewIntent<'a> {
    NewIntent {
        at: 1,
        person_id: "p1",
        person_name: "Ann",
        action,
        object_kind: "domain",
        object,
        account_id: Some("a1"),
        fingerprint: Some("f1"),
        request_id: "r1",
        before: Some("old"),
        after: Some("new"),
        reason: None,
        job: None,
    }
}

#[tokio::test]
async fn an_intent_is_unfinished_until_its_outcome() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let one = store.record_intent(&intent("domain.settings", "a.example")).await.unwrap();
    let two = store.record_intent(&intent("domain.settings", "b.example")).await.unwrap();
    store.record_event(&intent("sign-in", "ann"), "done").await.unwrap();
    let ids = |rows: Vec<AuditRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(store.unfinished_intents().await.unwrap()), [one, two]);
    store.record_outcome(one, "done", 2).await.unwrap();
    assert_eq!(ids(store.unfinished_intents().await.unwrap()), [two]);

    let history = store.history("domain", "a.example", 10).await.unwrap();
    let [outcome, begun] = &history[..] else { panic!("{history:?}") };
    assert_eq!((outcome.intent_id, outcome.outcome.as_deref(), outcome.at), (Some(one), Some("done"), 2));
    assert_eq!((outcome.person_name.as_str(), outcome.before.as_deref()), ("Ann", None));
    assert_eq!((begun.id, begun.intent_id, begun.after.as_deref()), (one, None, Some("new")));
    assert_eq!(store.history("domain", "a.example", 1).await.unwrap().len(), 1);
    assert!(store.history("key", "a.example", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_intent_has_one_outcome() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let id = store.record_intent(&intent("x", "a.example")).await.unwrap();
    store.record_outcome(id, "done", 2).await.unwrap();
    let outcome = store.history("domain", "a.example", 1).await.unwrap()[0].id;
    let event = store.record_event(&intent("sign-in", "ann"), "done").await.unwrap();
    for not_open in [id, outcome, event, 999] {
        let again = store.record_outcome(not_open, "failed", 3).await;
        assert!(matches!(again, Err(StoreError::Conflict("audit.intent"))), "{not_open}: {again:?}");
    }
}

#[tokio::test]
async fn rows_can_be_neither_changed_nor_deleted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let id = store.record_intent(&intent("x", "a.example")).await.unwrap();
    let before = store.history("domain", "a.example", 10).await.unwrap();
    let attempts = [
        "UPDATE audit SET person_name = 'Bob'",
        "UPDATE audit SET outcome = 'done' WHERE id = 1",
        "DELETE FROM audit",
        "REPLACE INTO audit (id, at, person_id, person_name, action, object_kind, object, request_id)
         VALUES (1, 1, 'p', 'Bob', 'x', 'domain', 'a.example', 'r')",
    ];
    assert_eq!(id, 1);
    for attempt in attempts {
        let error = store.sql(attempt).execute(store.write()).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{attempt}: {error}");
    }
    assert_eq!(store.history("domain", "a.example", 10).await.unwrap(), before);
}

#[tokio::test]
async fn a_first_mac_is_the_only_change_and_no_row_comes_without_one() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    old_rows(store, 2).await;
    let attempts = [
        "UPDATE audit SET mac = zeroblob(32), person_name = 'Bob' WHERE id = 1",
        "UPDATE audit SET mac = zeroblob(31) WHERE id = 1",
        "UPDATE audit SET reason = 'none' WHERE id = 1",
        "INSERT INTO audit (at, person_id, person_name, action, object_kind, object, request_id)
         VALUES (1, 'p', 'Bob', 'x', 'domain', 'a.example', 'r')",
    ];
    for attempt in attempts {
        let error = store.sql(attempt).execute(store.write()).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{attempt}: {error}");
    }
    let first = "UPDATE audit SET mac = zeroblob(32) WHERE id = 1";
    store.sql(first).execute(store.write()).await.unwrap();
    assert!(store.sql(first).execute(store.write()).await.is_err(), "and only the first");
}

/// Rows as they were before the chain.
async fn old_rows(store: &Store, rows: i64) {
    let mut tx = store.begin().await.unwrap();
    let trigger: String =
        store.scalar("SELECT sql FROM sqlite_schema WHERE name = 'audit_chained'").fetch_one(&mut *tx).await.unwrap();
    store.sql("DROP TRIGGER audit_chained").execute(&mut *tx).await.unwrap();
    store
        .sql(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO audit (at, person_id, person_name, action, object_kind, object, request_id)
             SELECT n, 'p', 'Ann', 'x', 'domain', 'a.example', 'r' FROM n",
        )
        .bind(rows)
        .execute(&mut *tx)
        .await
        .unwrap();
    store.sql(sqlx::AssertSqlSafe(trigger)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn check(store: &Store) -> Checked {
    store.verify_audit(&crate::testing::audit_key(), &[]).await.unwrap()
}

#[tokio::test]
async fn rows_from_before_the_chain_are_adopted_once() {
    let fixture = Fixture::new().await;
    let (store, key) = (&fixture.store, crate::testing::audit_key());
    old_rows(store, 12_345).await;
    assert_eq!(check(store).await, Err(Broken::Note));
    // The first start is cut off in the middle, the second ends it.
    let note = store.adoption(&key, 5).await.unwrap().unwrap();
    assert_eq!((note.up_to, note.end), (12_345, None));
    assert_eq!(check(store).await, Err(Broken::Adopting(1)));
    let first: AuditRow = store.rows("SELECT * FROM audit WHERE id = 1").fetch_one(store.read()).await.unwrap();
    let mac = key.mac(b"", &encode(&first)).to_vec();
    store.sql("UPDATE audit SET mac = ?1 WHERE id = 1").bind(mac).execute(store.write()).await.unwrap();
    store.adopt_audit(&key, 6).await.unwrap();
    let verified = check(store).await.unwrap();
    assert_eq!((verified.rows, verified.adopted.up_to, verified.adopted.at), (12_345, 12_345, 5));
    assert!(verified.adopted.end.is_some());

    // What comes later without a MAC is nobody's.
    let id = store.record_intent(&intent("x", "a.example")).await.unwrap();
    assert!(check(store).await.is_ok());
    old_rows(store, 2).await;
    store.adopt_audit(&key, 7).await.unwrap();
    assert_eq!(check(store).await, Err(Broken::Foreign(id + 1)));
}

#[tokio::test]
async fn without_its_note_nothing_is_adopted() {
    let fixture = Fixture::new().await;
    let (store, key) = (&fixture.store, crate::testing::audit_key());
    store.adopt_audit(&key, 5).await.unwrap();
    store.record_intent(&intent("x", "a.example")).await.unwrap();
    assert_eq!(check(store).await.unwrap().adopted.up_to, 0);
    old_rows(store, 1).await;
    for wipe in ["UPDATE meta SET value = x'00' WHERE key = 'audit-adopted'", "DELETE FROM meta"] {
        store.sql(wipe).execute(store.write()).await.unwrap();
        store.adopt_audit(&key, 6).await.unwrap();
        assert_eq!(check(store).await, Err(Broken::Note), "{wipe}");
    }
    let bare: i64 = store.scalar("SELECT count(*) FROM audit WHERE mac IS NULL").fetch_one(store.read()).await.unwrap();
    assert_eq!(bare, 1);
}

#[tokio::test]
async fn a_row_names_its_key_and_a_failed_transaction_leaves_no_hole() {
    let fixture = Fixture::new().await;
    let (store, key) = (&fixture.store, crate::testing::audit_key());
    store.adopt_audit(&key, 5).await.unwrap();
    let ann = fixture.person("ann").await;
    fixture.key_in(&ann, "k1", "f1", "s").await;
    let one = store.record_intent(&NewIntent { person_id: &ann, ..intent("x", "a.example") }).await.unwrap();
    assert_eq!(store.intent(one).await.unwrap().unwrap().key_label.as_deref(), Some("k1"));
    {
        let mut tx = store.begin().await.unwrap();
        let mut chain = store.chain(&mut tx).await.unwrap();
        store.insert_audit(&mut tx, &mut chain, &intent("x", "b.example"), None).await.unwrap();
    }
    let head = store.audit_head().await.unwrap().unwrap();
    assert_eq!(head.id, one);
    assert_eq!(store.record_intent(&intent("x", "c.example")).await.unwrap(), one + 1);
    assert_eq!(check(store).await.unwrap().rows, 2);
    assert!(store.verify_audit(&key, &[head]).await.unwrap().is_ok());

    // A log that was cut shows it, also after it went on.
    for cut in ["DROP TRIGGER audit_no_delete", "DELETE FROM audit WHERE id = 2"] {
        store.sql(cut).execute(store.write()).await.unwrap();
    }
    assert_eq!(check(store).await, Err(Broken::Cut { last: 1, had: 2 }));
    assert_eq!(store.record_intent(&intent("x", "d.example")).await.unwrap(), 3);
    assert_eq!(check(store).await, Err(Broken::Gap { last: 1, found: 3 }));
}

#[tokio::test]
async fn without_the_key_nothing_is_written() {
    let fixture = Fixture::new().await;
    let locked = Store::open(fixture.path()).await.unwrap();
    assert!(matches!(locked.record_intent(&intent("x", "a.example")).await, Err(StoreError::Locked)));
    let reading = Store::open_to_read(fixture.path()).await.unwrap();
    assert!(reading.sql("DELETE FROM meta").execute(reading.write()).await.is_err());
    assert!(reading.audit_head().await.unwrap().is_none());
    assert!(Store::open_to_read(fixture.path().with_extension("none")).await.is_err());
}
