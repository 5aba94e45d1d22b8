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
