use crate::{
    Store,
    testing::{Fixture, domain},
};

fn verdicts(expected: &[(&str, &str, Option<&str>)]) -> Vec<(String, String, Option<String>)> {
    expected.iter().map(|(name, word, holder)| ((*name).into(), (*word).into(), holder.map(Into::into))).collect()
}

#[tokio::test]
async fn one_key_cannot_tell() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    fixture.store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    assert_eq!(fixture.associations(&["f1"]).await, verdicts(&[("a.example", "unknown", None)]));
}

#[tokio::test]
async fn two_keys_tell_free_from_locked() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();
    assert_eq!(store.associations_known().await, 0, "the second key has not spoken");
    store.apply_sync("f2", &account, vec![domain("b.example"), domain("c.example")], 11).await.unwrap();
    let expected =
        [("a.example", "locked", Some("f1")), ("b.example", "free", None), ("c.example", "locked", Some("f2"))];
    assert_eq!(fixture.associations(&["f1", "f2"]).await, verdicts(&expected));
}

impl Store {
    async fn associations_known(&self) -> i64 {
        self.scalar("SELECT count(*) FROM domains WHERE association <> 'unknown'").fetch_one(self.read()).await.unwrap()
    }
}

#[tokio::test]
async fn three_keys_do_not_guess_when_two_see_it() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(3).await;
    let store = &fixture.store;
    let all = ["a.example", "b.example", "c.example"];
    for (key, seen) in [("f1", &all[..]), ("f2", &all[1..]), ("f3", &all[2..])] {
        store.apply_sync(key, &account, seen.iter().map(|name| domain(name)).collect(), 10).await.unwrap();
    }
    let expected = [("a.example", "locked", Some("f1")), ("b.example", "unknown", None), ("c.example", "free", None)];
    assert_eq!(fixture.associations(&["f1", "f2", "f3"]).await, verdicts(&expected));
}

#[tokio::test]
async fn keys_of_another_account_say_nothing() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let (one, two) = (fixture.key_in(&ann, "k1", "f1", "s1").await, fixture.key_in(&ann, "k2", "f2", "s2").await);
    fixture.store.apply_sync("f1", &one, vec![domain("a.example")], 10).await.unwrap();
    fixture.store.apply_sync("f2", &two, vec![domain("b.example")], 10).await.unwrap();
    assert_eq!(fixture.store.associations_known().await, 0);
}

#[tokio::test]
async fn a_rejected_key_testifies_no_more() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("b.example")], 11).await.unwrap();
    store.sync_failed("f2", "unreachable", "down", 12).await.unwrap();
    assert_eq!(store.associations_known().await, 2, "a failure alone changes nothing");
    let version = store.mirror_version();
    store.sync_failed("f2", "rejected", "deleted", 13).await.unwrap();
    assert_eq!(store.associations_known().await, 0);
    assert!(store.mirror_version() > version);
    let key = &store.keys_of(&ann).await.unwrap()[1];
    assert_eq!(
        (key.health.as_deref(), key.synced_at, key.attempted_at, key.locked),
        (Some("rejected"), Some(11), Some(13), 0)
    );
    store.apply_sync("f2", &account, vec![domain("b.example")], 14).await.unwrap();
    assert_eq!(store.associations_known().await, 2);
}

#[tokio::test]
async fn a_domain_newer_than_a_keys_sync_waits_for_that_key() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    for key in ["f1", "f2"] {
        store.apply_sync(key, &account, vec![domain("a.example")], 10).await.unwrap();
    }
    // Provisioned with one key: the other might see it as well, and does.
    store.patch_domain("f1", domain("new.example"), 20).await.unwrap();
    let both = &["f1", "f2"];
    let unknown = verdicts(&[("a.example", "free", None), ("new.example", "unknown", None)]);
    assert_eq!(fixture.associations(both).await, unknown);
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("new.example")], 30).await.unwrap();
    assert_eq!(fixture.associations(both).await, unknown, "the other key has not spoken since");
    store.apply_sync("f2", &account, vec![domain("a.example"), domain("new.example")], 31).await.unwrap();
    assert_eq!(fixture.associations(both).await[1].1, "free");
    // Turned up in a later sync of one key only.
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 40).await.unwrap();
    assert_eq!(fixture.associations(&["f1"]).await[1], ("b.example".into(), "unknown".into(), None));
    store.apply_sync("f2", &account, vec![domain("a.example")], 41).await.unwrap();
    assert_eq!(fixture.associations(&["f1"]).await[1], ("b.example".into(), "locked".into(), Some("f1".into())));
}
