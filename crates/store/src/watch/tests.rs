use crate::{
    MirrorDomain, NewIntent,
    testing::{Fixture, domain, handles},
};

fn served(name: &str, server: &str) -> MirrorDomain {
    let mut domain = domain(name);
    domain.detail.downstreams = vec![server.to_owned()];
    domain
}

async fn all(fixture: &Fixture, account: &str) -> Vec<(String, String, i64, i64)> {
    let found = fixture.store.changes_since(account, &handles(&["f1", "f2"]), 0, 100).await.unwrap();
    found.into_iter().map(|row| (row.domain, row.kind, row.known_at, row.seen_at)).collect()
}

#[tokio::test]
async fn what_a_sync_finds_changed_is_kept_with_the_time_it_was_last_known() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![served("a.example", "old"), served("b.example", "old")], 10).await.unwrap();
    store.apply_sync("f1", &account, vec![served("a.example", "old"), served("b.example", "old")], 20).await.unwrap();
    assert!(all(&fixture, &account).await.is_empty(), "what turns up has not changed, and what is as it was neither");

    let mut changed = served("a.example", "new");
    changed.detail.admins = handles(&["thief@evil.example"]);
    changed.detail.aliases = handles(&["x.example"]);
    changed.policy = Some("flag".into());
    changed.header_name = Some(String::new());
    store.apply_sync("f1", &account, vec![changed.clone(), served("b.example", "old")], 30).await.unwrap();
    let found = store.changes_since(&account, &handles(&["f1"]), 0, 100).await.unwrap();
    let mut kinds: Vec<_> =
        found.iter().map(|row| (row.kind.as_str(), row.before.as_str(), row.after.as_str())).collect();
    kinds.sort_unstable();
    let policy =
        |policy: &str| format!(r#"{{"policy":"{policy}","override":false,"header_name":null,"header_value":null}}"#);
    assert_eq!(
        kinds,
        [
            ("admins", "[]", r#"["thief@evil.example"]"#),
            ("aliases", "[]", r#"["x.example"]"#),
            ("servers", r#"["old"]"#, r#"["new"]"#),
            ("settings", policy("block").as_str(), policy("flag").as_str()),
        ]
    );
    assert!(found.iter().all(|row| (row.domain.as_str(), row.known_at, row.seen_at) == ("a.example", 20, 30)));
    assert!(store.changes_since(&account, &handles(&["f1"]), 30, 100).await.unwrap().is_empty(), "after that: nothing");
    assert_eq!(store.changes_since(&account, &handles(&["f1"]), 29, 2).await.unwrap().len(), 2, "as many as asked");

    // An empty header and none are the same, and a subscription is nobody's server.
    changed.header_name = None;
    changed.subscription = "other".into();
    store.apply_sync("f1", &account, vec![changed, served("b.example", "old")], 40).await.unwrap();
    assert_eq!(all(&fixture, &account).await.len(), 4);
}

#[tokio::test]
async fn a_live_read_leaves_evidence_too_and_goes_with_the_transaction() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    for (key, at) in [("f1", 10), ("f2", 20)] {
        store.apply_sync(key, &account, vec![served("a.example", "old")], at).await.unwrap();
    }
    store.patch_domain("f1", served("a.example", "new"), 30).await.unwrap();
    let expected = [("a.example".to_owned(), "servers".to_owned(), 20, 30)];
    assert_eq!(all(&fixture, &account).await, expected, "f2 saw the old value last");
    // The other key's sync sees the same: nothing more to tell.
    store.apply_sync("f2", &account, vec![served("a.example", "new")], 40).await.unwrap();
    assert_eq!(all(&fixture, &account).await, expected);
}

#[tokio::test]
async fn a_reading_that_began_before_a_change_does_not_take_it_back() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    let mut old = served("a.example", "old");
    old.detail.aliases = handles(&["gone.example"]);
    store.apply_sync("f1", &account, vec![old.clone(), served("b.example", "old")], 10).await.unwrap();
    store.patch_domain("f1", served("a.example", "new"), 30).await.unwrap();
    // Begun at 20, when the old values were still there; noted at 40.
    store.apply_reading("f1", &account, vec![old.clone(), served("b.example", "new")], 20, 40).await.unwrap();
    let server = async |name: &str| store.domain(&handles(&["f1"]), name).await.unwrap().unwrap().detail;
    assert_eq!(server("a.example").await.downstreams, ["new"], "newer than the reading");
    assert!(store.find_domain(&handles(&["f1"]), "gone.example").await.unwrap().is_none(), "and so are its aliases");
    assert_eq!(server("b.example").await.downstreams, ["new"]);
    let servers: Vec<_> = all(&fixture, &account).await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(servers, ["b.example", "a.example", "a.example"], "servers and alias of a.example, once each");
    // So does a look at one domain; the same value seen by a slow one does not make it newer.
    store.patch_reading("f1", old.clone(), 25, 45).await.unwrap();
    assert_eq!(server("a.example").await.downstreams, ["new"]);
    store.patch_reading("f1", served("b.example", "new"), 15, 45).await.unwrap();
    store.patch_reading("f1", served("b.example", "newer"), 44, 46).await.unwrap();
    assert_eq!(server("b.example").await.downstreams, ["newer"]);
    // The next reading counts.
    store.apply_reading("f1", &account, vec![old, served("b.example", "newer")], 50, 60).await.unwrap();
    assert_eq!(server("a.example").await.downstreams, ["old"]);
    // A row of a clock that ran ahead does not stay for ever.
    store.sql("UPDATE domains SET synced_at = 9999").execute(store.write()).await.unwrap();
    store
        .apply_reading("f1", &account, vec![served("a.example", "x"), served("b.example", "x")], 70, 80)
        .await
        .unwrap();
    assert_eq!(server("a.example").await.downstreams, ["x"]);
}

#[tokio::test]
async fn changes_are_shown_through_ones_own_keys_only() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    for key in ["f1", "f2"] {
        store.apply_sync(key, &account, vec![served("free.example", "old")], 10).await.unwrap();
    }
    store.patch_domain("f1", served("mine.example", "old"), 20).await.unwrap();
    store.patch_domain("f1", served("mine.example", "new"), 30).await.unwrap();
    store.patch_domain("f1", served("free.example", "new"), 30).await.unwrap();
    let seen = async |keys: &[&str]| {
        let rows = store.changes_since(&account, &handles(keys), 0, 100).await.unwrap();
        rows.into_iter().map(|row| row.domain).collect::<Vec<_>>()
    };
    assert_eq!(seen(&["f1"]).await, ["free.example", "mine.example"]);
    assert_eq!(seen(&["f2"]).await, ["free.example"]);
    assert!(seen(&["nobody"]).await.is_empty() && seen(&[]).await.is_empty());
    // A domain that the thief deprovisioned is still evidence for whoever saw it change.
    store.forget_domain(&account, "mine.example").await.unwrap();
    assert_eq!(seen(&["f1"]).await.len(), 2);
}

#[tokio::test]
async fn intents_are_found_for_what_changed_and_from_its_time_on() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    let intent = |at, object: &'static str, after: Option<&'static str>| NewIntent {
        at,
        person_id: "p",
        person_name: "P",
        action: "domain.servers",
        object_kind: "domain",
        object,
        account_id: None,
        fingerprint: None,
        request_id: "r",
        before: None,
        after,
        reason: None,
        job: None,
    };
    store
        .apply_sync("f1", &account, vec![served("a.example", "old"), served("b.example", "old")], 1_000)
        .await
        .unwrap();
    store.record_intent(&intent(899, "a.example", Some("too old"))).await.unwrap();
    let id = store.record_intent(&intent(900, "a.example", Some("just"))).await.unwrap();
    store.record_outcome(id, "done", 901).await.unwrap();
    store.record_intent(&intent(1_500, "a.example", Some("later"))).await.unwrap();
    store.record_intent(&intent(1_500, "a.example", None)).await.unwrap();
    store.record_intent(&intent(1_500, "b.example", Some("not changed"))).await.unwrap();
    store.patch_domain("f1", served("a.example", "new"), 2_000).await.unwrap();
    let wanted = store.wanted_of_changed(&account, 0, 100).await.unwrap();
    let wanted: Vec<_> = wanted.iter().map(|row| (row.object.as_str(), row.at, row.after.as_str())).collect();
    assert_eq!(wanted, [("a.example", 900, "just"), ("a.example", 1_500, "later")]);
    assert!(store.wanted_of_changed(&account, 2_000, 100).await.unwrap().is_empty(), "no change after that");
}

#[tokio::test]
async fn evidence_is_kept_for_a_time() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![served("a.example", "1")], 10).await.unwrap();
    store.patch_domain("f1", served("a.example", "2"), 20).await.unwrap();
    store.patch_domain("f1", served("a.example", "3"), 30).await.unwrap();
    store.forget_watched(30, 0).await.unwrap();
    assert_eq!(all(&fixture, &account).await, [("a.example".into(), "servers".into(), 20, 30)]);
    store.unsee_domain("f1", "a.example").await.unwrap();
    store.forget_watched(31, 0).await.unwrap();
    store.apply_sync("f1", &account, vec![served("a.example", "4")], 40).await.unwrap();
    assert!(all(&fixture, &account).await.is_empty(), "what it was is forgotten");
}

#[tokio::test]
async fn a_domain_that_comes_back_is_compared_with_what_it_was() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    let found = async || {
        let rows = store.changes_since(&account, &handles(&["f1", "f2"]), 0, 100).await.unwrap();
        rows.into_iter().map(|row| (row.domain, row.before, row.known_at, row.seen_at, row.gone)).collect::<Vec<_>>()
    };
    // From key to key between two syncs, deprovisioned for a while, and by a live read.
    store
        .apply_sync("f1", &account, vec![served("moves.example", "old"), served("back.example", "old")], 10)
        .await
        .unwrap();
    store.apply_sync("f1", &account, vec![served("back.example", "old")], 20).await.unwrap();
    store.apply_sync("f2", &account, vec![served("moves.example", "evil")], 30).await.unwrap();
    store.unsee_domain("f1", "back.example").await.unwrap();
    store.patch_domain("f1", served("back.example", "evil"), 40).await.unwrap();
    assert_eq!(
        found().await,
        [
            ("back.example".into(), r#"["old"]"#.into(), 20, 40, true),
            ("moves.example".into(), r#"["old"]"#.into(), 10, 30, true),
        ]
    );
    // Once; as it was is no change; and what was deprovisioned here may come back as it likes.
    store.apply_sync("f1", &account, vec![], 50).await.unwrap();
    store.apply_sync("f1", &account, vec![served("back.example", "evil")], 60).await.unwrap();
    store.forget_domain(&account, "back.example").await.unwrap();
    store.apply_sync("f1", &account, vec![served("back.example", "other")], 70).await.unwrap();
    assert_eq!(found().await.len(), 2);
    // With the key that saw it, and with the same key stored again.
    store.remove_key(&ann, "k1").await.unwrap();
    fixture.key_in(&ann, "k1", "f1", "s").await;
    store.apply_sync("f1", &account, vec![served("back.example", "third")], 80).await.unwrap();
    assert_eq!(found().await[0], ("back.example".into(), r#"["other"]"#.into(), 70, 80, true));
    let kept: i64 = store.scalar("SELECT count(*) FROM domains_gone").fetch_one(store.read()).await.unwrap();
    assert_eq!(kept, 0, "nothing is kept of what is there");
}
