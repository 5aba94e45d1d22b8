use crate::testing::{Fixture, domain, handles};
use inbound::{
    association::decide,
    keymap::{Counts, part},
};
use std::collections::BTreeMap;

/// A small generator, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn the_counters_are_the_rule_counted_by_hand() {
    for seed in 0..12 {
        let fixture = Fixture::new().await;
        let mut dice = Dice(seed);
        let keys = 1 + usize::try_from(dice.roll(4)).unwrap();
        let (account, ann) = fixture.keys(keys).await;
        let store = &fixture.store;
        let names: Vec<String> = (1..=keys).map(|key| format!("f{key}")).collect();
        let mut seen_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for round in 0..3 {
            for key in &names {
                let sees: Vec<_> =
                    (0..12).filter(|_| dice.roll(3) > 0).map(|index| domain(&format!("d{index}.example"))).collect();
                for by in seen_by.values_mut() {
                    by.retain(|other| other != key);
                }
                for domain in &sees {
                    seen_by.entry(domain.name.clone()).or_default().push(key.clone());
                }
                store.apply_sync(key, &account, sees, 10 + round).await.unwrap();
            }
        }
        // Everything that turned up has been looked for by every key by now.
        store.sql("UPDATE domains SET fresh_at = 0").execute(store.write()).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        store.associate(&mut tx, &account, None).await.unwrap();
        store.recount(&mut tx, &account).await.unwrap();
        tx.commit().await.unwrap();
        store.mirror_changed();
        for row in store.keys_of(&ann).await.unwrap() {
            let mut counts = Counts::default();
            for by in seen_by.values().filter(|by| by.contains(&row.fingerprint)) {
                counts.add(part(&decide(&names, by), |holder| *holder == row.fingerprint), 1);
            }
            let found = Counts::of_total(row.total, row.locked, row.free, row.elsewhere);
            assert_eq!((found, found.seen()), (counts, row.total), "seed {seed}, {}", row.label);
        }
        let of_all: u64 = store.held(&names).await.unwrap().iter().map(|held| held.domains).sum();
        assert_eq!(of_all, seen_by.values().filter(|by| !by.is_empty()).count() as u64, "seed {seed}");
    }
}

#[tokio::test]
async fn a_rejected_key_remembers_what_another_holds_now() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(3).await;
    let store = &fixture.store;
    for key in ["f1", "f2", "f3"] {
        store.apply_sync(key, &account, vec![domain("free.example")], 10).await.unwrap();
    }
    store.apply_sync("f1", &account, vec![domain("free.example"), domain("mine.example")], 20).await.unwrap();
    for key in ["f2", "f3"] {
        store.apply_sync(key, &account, vec![domain("free.example")], 21).await.unwrap();
    }
    let counts = async || {
        let rows = store.keys_of(&ann).await.unwrap();
        rows.iter().map(|row| (row.locked, row.free, row.elsewhere, row.total)).collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [(1, 1, 0, 2), (0, 1, 0, 1), (0, 1, 0, 1)]);
    store.set_health("f1", "rejected", None, None, 30).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("free.example"), domain("mine.example")], 40).await.unwrap();
    store.apply_sync("f3", &account, vec![domain("free.example")], 41).await.unwrap();
    assert_eq!(counts().await, [(0, 1, 1, 2), (1, 1, 0, 2), (0, 1, 0, 1)], "locked to f2 since");
}

#[tokio::test]
async fn other_peoples_keys_are_counted_and_their_domains_are_not_ours() {
    let fixture = Fixture::new().await;
    let (ann, bob) = fixture.two_people().await;
    let store = &fixture.store;
    let account = fixture.key_in(&ann, "k1", "f1", "s").await;
    fixture.key_in(&bob, "b1", "f1", "s").await;
    fixture.key_in(&bob, "b2", "f2", "s").await;
    fixture.key_in(&bob, "b9", "f9", "other").await;
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("free.example")], 10).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("b.example"), domain("free.example")], 11).await.unwrap();
    let keys = store.account_keys(&ann).await.unwrap();
    let found: Vec<_> = keys.iter().map(|key| (key.fingerprint.as_str(), key.locked, key.people)).collect();
    assert_eq!(found, [("f1", 1, 2), ("f2", 1, 1)], "of her accounts only");
    let held = store.held(&handles(&["f1"])).await.unwrap();
    let counted: Vec<_> =
        held.iter().map(|held| (held.association.as_str(), held.holder.as_deref(), held.domains)).collect();
    assert_eq!(counted, [("free", None, 1), ("locked", Some("f1"), 1)], "b.example is not among them");
    assert!(store.held(&[]).await.unwrap().is_empty());
    let statements = store.statements();
    store.held(&handles(&["f1"])).await.unwrap();
    assert_eq!(store.statements(), statements, "remembered");
    store.forget_domain(&account, "a.example").await.unwrap();
    assert_eq!(store.held(&handles(&["f1"])).await.unwrap().len(), 1, "until the mirror changes");
}
