use super::*;
use crate::testing::{Fixture, domain};

fn new<'a>(owner: &'a str, id: &'a str, label: &'a str, fingerprint: &'a str) -> NewKey<'a> {
    NewKey { id, owner_id: owner, label, fingerprint, last_four: "last", sealed: b"x", account_id: None, now: 5 }
}

#[tokio::test]
async fn labels_and_secrets_are_unique_for_a_person_only() {
    let fixture = Fixture::new().await;
    let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
    store.add_key(&new(&ann, "k1", "one", "f1")).await.unwrap();
    store.add_key(&new(&ann, "k2", "two", "f2")).await.unwrap();
    store.add_key(&new(&bob, "k3", "one", "f1")).await.unwrap();
    let label = store.add_key(&new(&ann, "k4", "one", "f4")).await;
    assert!(matches!(label, Err(StoreError::Conflict("api_keys.label"))), "{label:?}");
    let secret = store.add_key(&new(&ann, "k4", "four", "f1")).await;
    assert!(matches!(secret, Err(StoreError::Conflict("api_keys.fingerprint"))), "{secret:?}");
    let rename = store.rename_key(&ann, "k2", "one").await;
    assert!(matches!(rename, Err(StoreError::Conflict("api_keys.label"))), "{rename:?}");
    store.rename_key(&ann, "k2", "zwei").await.unwrap();
    let labels: Vec<_> = store.keys_of(&ann).await.unwrap().into_iter().map(|key| key.label).collect();
    assert_eq!(labels, ["one", "zwei"]);
    assert_eq!(store.distinct_fingerprints().await.unwrap(), ["f1", "f2"]);
}

#[tokio::test]
async fn in_brief_keys_are_the_same_and_in_the_same_order() {
    let fixture = Fixture::new().await;
    let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
    let account = fixture.key_in(&ann, "zwei", "f2", "s").await;
    store.add_key(&new(&ann, "k1", "ei\"ns", "f1")).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("a.example")], 10).await.unwrap();
    store.sync_failed("f1", "rejected", "why", 11).await.unwrap();
    let whole = store.keys_of(&ann).await.unwrap().into_iter().map(|key| KeyBrief {
        id: key.id,
        label: key.label,
        fingerprint: key.fingerprint,
        account_id: key.account_id,
        health: key.health,
        health_at: key.health_at,
        synced_at: key.synced_at,
    });
    assert_eq!(store.key_briefs(&ann).await.unwrap(), whole.collect::<Vec<_>>());
    assert!(store.key_briefs(&bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_persons_key_is_out_of_reach() {
    let fixture = Fixture::new().await;
    let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
    store.add_key(&new(&ann, "k1", "one", "f1")).await.unwrap();
    assert!(store.key(&bob, "k1").await.unwrap().is_none());
    assert!(store.keys_of(&bob).await.unwrap().is_empty());
    let new = ReplaceKey {
        owner_id: &bob,
        id: "k1",
        sealed: b"y",
        fingerprint: "f2",
        last_four: "evil",
        account_id: None,
        now: 6,
    };
    for refused in
        [store.rename_key(&bob, "k1", "x").await, store.remove_key(&bob, "k1").await, store.replace_key(&new).await]
    {
        assert!(matches!(refused, Err(StoreError::Conflict("api_keys.id"))), "{refused:?}");
    }
    assert_eq!(store.key(&ann, "k1").await.unwrap().unwrap().fingerprint, "f1");
}

#[tokio::test]
async fn rows_tell_how_a_key_fares() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("b.example")], 11).await.unwrap();
    store.touch_key("f1", 20).await.unwrap();
    store.touch_key("f1", 19).await.unwrap();
    let keys = store.keys_of(&ann).await.unwrap();
    let told: Vec<_> =
        keys.iter().map(|key| (key.locked, key.free, key.total, key.last_used_at, key.synced_at)).collect();
    assert_eq!(told, [(1, 1, 2, Some(20), Some(10)), (0, 1, 1, None, Some(11))]);
    assert_eq!(keys[0].account_name.as_deref(), Some("s"));
    assert_eq!(keys[0].health.as_deref(), Some("working"));

    store.set_health("f1", "slow", Some("took long"), Some(900), 30).await.unwrap();
    store.set_health("nobody", "slow", None, None, 30).await.unwrap();
    let row = store.key_for_fingerprint("f1").await.unwrap().unwrap();
    assert_eq!(
        (row.health.as_deref(), row.detail.as_deref(), row.latency_ms),
        (Some("slow"), Some("took long"), Some(900))
    );
    assert_eq!(store.sealed_after(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_only_a_removed_key_saw_goes_with_its_last_holder() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let bob = fixture.person("bob").await;
    fixture.key_in(&bob, "k9", "f1", "s").await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("b.example")], 11).await.unwrap();

    store.remove_key(&ann, "k1").await.unwrap();
    assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example"], "bob holds it still");
    let version = store.mirror_version();
    store.remove_key(&bob, "k9").await.unwrap();
    assert!(store.mirror_version() > version);
    assert!(fixture.names(&["f1"]).await.is_empty());
    let rows: i64 = store.scalar("SELECT count(*) FROM domains").fetch_one(store.read()).await.unwrap();
    assert_eq!(rows, 1);
    // One key is left: what was free can't be told any more.
    assert_eq!(fixture.associations(&["f2"]).await, [("b.example".into(), "unknown".into(), None)]);
    assert_eq!(store.distinct_fingerprints().await.unwrap(), ["f2"]);
}

#[tokio::test]
async fn a_replaced_secret_takes_its_view_along() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    store
        .replace_key(&ReplaceKey {
            owner_id: &ann,
            id: "k1",
            sealed: b"new",
            fingerprint: "f7",
            last_four: "new!",
            account_id: Some(&account),
            now: 20,
        })
        .await
        .unwrap();
    assert!(fixture.names(&["f1", "f7"]).await.is_empty());
    let row = store.key(&ann, "k1").await.unwrap().unwrap();
    assert_eq!((row.fingerprint.as_str(), row.replaced_at, row.synced_at, row.total), ("f7", Some(20), None, 0));
    assert_eq!((row.label.as_str(), row.sealed.as_slice(), row.created_at), ("k1", &b"new"[..], 1));
    assert!(store.key_for_fingerprint("f1").await.unwrap().is_none());
}
