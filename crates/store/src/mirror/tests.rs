use super::*;
use crate::testing::{Fixture, domain, handles};

fn with_aliases(name: &str, aliases: &[&str]) -> MirrorDomain {
    let mut domain = domain(name);
    domain.detail.aliases = handles(aliases);
    domain
}

#[tokio::test]
async fn a_sync_says_what_it_found_and_a_second_one_finds_nothing() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    let found = vec![domain("a.example"), with_aliases("b.example", &["x.example", "y.example"]), domain("c.example")];
    let first = store.apply_sync("f1", &account, found.clone(), 10).await.unwrap();
    assert_eq!(first, SyncStats { added: 3, changed: 0, removed: 0, total: 3 });
    let version = store.mirror_version();

    let mut shuffled = found.clone();
    shuffled.reverse();
    shuffled[1].detail.aliases.reverse();
    let again = store.apply_sync("f1", &account, shuffled, 20).await.unwrap();
    assert_eq!(again, SyncStats { added: 0, changed: 0, removed: 0, total: 3 });
    assert_eq!(store.mirror_version(), version);
    let row = store.domain(&handles(&["f1"]), "b.example").await.unwrap().unwrap();
    assert_eq!(row.synced_at, 20, "the age is the key's");
    let written: i64 = store.scalar("SELECT max(synced_at) FROM domains").fetch_one(store.read()).await.unwrap();
    assert_eq!(written, 10, "no row was written");

    let mut changed = found[1].clone();
    changed.policy = None;
    changed.detail.aliases = handles(&["y.example", "z.example"]);
    let third = store.apply_sync("f1", &account, vec![found[0].clone(), changed.clone()], 30).await.unwrap();
    assert_eq!(third, SyncStats { added: 0, changed: 1, removed: 1, total: 2 });
    assert!(store.mirror_version() > version);
    assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example"]);
    let row = store.domain(&handles(&["f1"]), "b.example").await.unwrap().unwrap();
    assert_eq!((row.policy, row.detail, row.aliases, row.servers), (None, changed.detail, 2, 1));
    for (alias, is_known) in [("x.example", false), ("y.example", true), ("z.example", true)] {
        assert_eq!(store.find_domain(&handles(&["f1"]), alias).await.unwrap().is_some(), is_known, "{alias}");
    }
}

#[tokio::test]
async fn an_alias_that_moves_is_found_at_its_new_domain() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store
        .apply_sync("f1", &account, vec![with_aliases("a.example", &["x.example"]), domain("b.example")], 10)
        .await
        .unwrap();
    store
        .apply_sync("f1", &account, vec![domain("a.example"), with_aliases("b.example", &["x.example"])], 20)
        .await
        .unwrap();
    let found = store.find_domain(&handles(&["f1"]), "x.example").await.unwrap().unwrap();
    assert_eq!((found.row.name.as_str(), found.via_alias), ("b.example", true));
}

#[tokio::test]
async fn a_live_read_mends_one_domain() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    for key in ["f1", "f2"] {
        store.apply_sync(key, &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();
    }
    let version = store.mirror_version();
    store.patch_domain("f1", domain("a.example"), 20).await.unwrap();
    assert_eq!(store.mirror_version(), version, "nothing new");
    let mut changed = with_aliases("a.example", &["x.example"]);
    changed.policy = Some("flag".into());
    store.patch_domain("f1", changed.clone(), 30).await.unwrap();
    let keys = handles(&["f2"]);
    let row = store.domain(&keys, "a.example").await.unwrap().unwrap();
    assert_eq!((row.policy.as_deref(), row.synced_at, row.detail), (Some("flag"), 30, changed.detail));
    assert_eq!(store.domain(&keys, "b.example").await.unwrap().unwrap().synced_at, 10);

    store.unsee_domain("f2", "a.example").await.unwrap();
    assert_eq!(fixture.associations(&["f1"]).await[0], ("a.example".into(), "locked".into(), Some("f1".into())));
    assert_eq!(fixture.names(&["f2"]).await, ["b.example"]);
    let counts: Vec<_> =
        store.keys_of(&ann).await.unwrap().iter().map(|key| (key.locked, key.free, key.total)).collect();
    assert_eq!(counts, [(1, 1, 2), (0, 1, 1)]);
    store.unsee_domain("f1", "a.example").await.unwrap();
    assert!(store.find_domain(&handles(&["f1", "f2"]), "x.example").await.unwrap().is_none());
    store.unsee_domain("f1", "a.example").await.unwrap();
    store.patch_domain("nobody", domain("a.example"), 40).await.unwrap();
    assert_eq!(fixture.names(&["f1", "f2"]).await, ["b.example"]);
}

#[tokio::test]
async fn association_and_deprovisioning_show_at_once() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    for key in ["f1", "f2"] {
        store.apply_sync(key, &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();
    }
    store.set_holder(&account, "a.example", "f2").await.unwrap();
    assert_eq!(fixture.names(&["f1"]).await, ["b.example"]);
    assert_eq!(fixture.associations(&["f2"]).await[0], ("a.example".into(), "locked".into(), Some("f2".into())));
    // The next sync of either key agrees.
    store.apply_sync("f1", &account, vec![domain("b.example")], 20).await.unwrap();
    assert_eq!(fixture.associations(&["f2"]).await[0].2.as_deref(), Some("f2"));

    store.forget_domain(&account, "a.example").await.unwrap();
    store.forget_domain(&account, "a.example").await.unwrap();
    assert_eq!(fixture.names(&["f1", "f2"]).await, ["b.example"]);
    let counts: Vec<_> = store.keys_of(&ann).await.unwrap().iter().map(|key| (key.locked, key.total)).collect();
    assert_eq!(counts, [(0, 1), (0, 1)]);
}

#[tokio::test]
async fn a_sync_of_a_key_nobody_holds_any_more_does_nothing() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(1).await;
    fixture.store.remove_key(&ann, "k1").await.unwrap();
    let stats = fixture.store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    assert_eq!(stats, SyncStats::default());
    assert!(fixture.names(&["f1"]).await.is_empty());
}

#[tokio::test]
async fn a_dropped_transaction_leaves_the_old_mirror() {
    let mut fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 10).await.unwrap();

    // Everything a sync does, up to the commit that never comes.
    let mut tx = store.begin().await.unwrap();
    let incoming = encode(&mut [domain("c.example")]).unwrap();
    store.put_aside(&mut tx, NO_SYNC, &incoming).await.unwrap();
    let reading = Reading { fingerprint: "f1", account: &account, begun: Some(20), now: 20, fresh_at: 20 };
    store.ingest(&mut tx, reading, NO_SYNC).await.unwrap();
    store.see_incoming(&mut tx, "f1", &account).await.unwrap();
    store.sql("DELETE FROM domains WHERE name <> 'c.example'").execute(&mut *tx).await.unwrap();
    assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example"], "readers see none of it");
    drop(tx);
    assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example"]);

    // A sync cancelled at each of its first awaits.
    for polls in 0..12 {
        let sync = store.apply_sync("f1", &account, vec![domain("d.example")], 30);
        give_up_after(polls, sync).await;
        let names = fixture.names(&["f1"]).await;
        assert!(names == ["a.example", "b.example"] || names == ["d.example"], "{polls}: {names:?}");
        store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 40).await.unwrap();
    }
    fixture.reopen().await;
    assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example"]);
    let sound: String = fixture.store.scalar("PRAGMA integrity_check").fetch_one(fixture.store.read()).await.unwrap();
    assert_eq!(sound, "ok");
}

/// Polls a future a number of times, then drops it.
async fn give_up_after(polls: u32, future: impl Future) {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        future.as_mut().poll(context).map(drop)
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_unchanged_domains_write_nothing() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    let all: Vec<_> = (0..10_000)
        .map(|index| with_aliases(&format!("d{index:05}.example"), &[&format!("alias{index:05}.example")]))
        .collect();
    for key in ["f1", "f2"] {
        store.apply_sync(key, &account, all.clone(), 10).await.unwrap();
    }
    let (version, statements) = (store.mirror_version(), store.statements());
    let stats = store.apply_sync("f1", &account, all, 20).await.unwrap();
    let cost = store.statements() - statements;
    assert_eq!(stats, SyncStats { added: 0, changed: 0, removed: 0, total: 10_000 });
    assert_eq!(store.mirror_version(), version);
    assert!(cost <= 60, "{cost} statements for a sync that found nothing new");
    let evidence: i64 = store.scalar("SELECT count(*) FROM server_changes").fetch_one(store.read()).await.unwrap();
    assert_eq!(evidence, 0);
    assert_eq!(store.keys_of(&ann).await.unwrap()[0].free, 10_000);
}
