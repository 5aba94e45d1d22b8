use super::*;
use crate::testing::{Fixture, domain};

fn new<'a>(id: &'a str, person: &'a str, account: &'a str, now: i64) -> NewRescue<'a> {
    NewRescue { id, person_id: person, account_id: account, old_key_id: "k1", old_fingerprint: "f1", since: 3, now }
}

fn told(rows: &[StandingRow]) -> Vec<(&str, &str, u64)> {
    rows.iter().map(|row| (row.name.as_str(), row.standing.as_str(), row.alike)).collect()
}

#[tokio::test]
async fn one_is_open_at_a_time_and_is_its_persons_own() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let bob = fixture.person("bob").await;
    let store = &fixture.store;
    let first = store.begin_rescue(&new("r1", &ann, &account, 10)).await.unwrap();
    let again = store.begin_rescue(&NewRescue { since: 4, ..new("r2", &ann, &account, 11) }).await.unwrap();
    assert_eq!(again, first, "the open one goes on");
    let other = store.begin_rescue(&new("r3", &bob, &account, 12)).await.unwrap();
    assert_eq!(other.id, "r3");
    assert_eq!(store.rescue_of_key(&ann, "k1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.rescue(&bob, "r1").await.unwrap(), None, "another person's");
    assert_eq!(store.rescue(&ann, "r1").await.unwrap(), Some(first));
    assert!(!store.close_rescue(&bob, "r1", 20).await.unwrap());
    assert!(store.close_rescue(&ann, "r1", 20).await.unwrap());
    assert!(!store.close_rescue(&ann, "r1", 21).await.unwrap(), "once");
    assert!(store.open_rescues(&ann).await.unwrap().is_empty());
    assert_eq!(store.rescue_of_key(&ann, "k1").await.unwrap().unwrap().closed_at, Some(20), "the last one is shown");
    let second = store.begin_rescue(&new("r4", &ann, &account, 30)).await.unwrap();
    assert_eq!(store.rescue_of_key(&ann, "k1").await.unwrap(), Some(second), "an open one goes first");
}

#[tokio::test]
async fn steps_are_written_only_on_what_was_read() {
    let mut fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(2).await;
    let store = &fixture.store;
    let was = store.begin_rescue(&new("r1", &ann, &account, 10)).await.unwrap();
    let chosen = RescueRow { new_key_id: Some("k2".into()), new_fingerprint: Some("f2".into()), ..was.clone() };
    assert!(store.step_rescue(&was, &chosen).await.unwrap());
    assert!(
        !store.step_rescue(&was, &RescueRow { moved_at: Some(1), ..was.clone() }).await.unwrap(),
        "somebody was quicker"
    );
    let moved = RescueRow { moved_at: Some(20), job: Some(7), ..chosen.clone() };
    assert!(store.step_rescue(&chosen, &moved).await.unwrap());
    fixture.reopen().await;
    let store = &fixture.store;
    assert_eq!(store.rescue_of_key(&ann, "k1").await.unwrap(), Some(moved.clone()), "it outlives a restart");
    store.close_rescue(&ann, "r1", 30).await.unwrap();
    assert!(!store.step_rescue(&moved, &chosen).await.unwrap(), "what ended stays");
}

#[tokio::test]
async fn every_domain_is_told_by_who_sees_it() {
    let fixture = Fixture::new().await;
    let (account, ann) = fixture.keys(3).await;
    let store = &fixture.store;
    let all = |names: &[&str]| names.iter().map(|name| domain(name)).collect::<Vec<_>>();
    store
        .apply_sync("f1", &account, all(&["a.example", "b.example", "c.example", "free.example", "third.example"]), 10)
        .await
        .unwrap();
    store.apply_sync("f2", &account, all(&["free.example"]), 11).await.unwrap();
    store.patch_domain("f1", domain("vanished.example"), 11).await.unwrap();
    store.unsee_domain("f1", "vanished.example").await.unwrap();
    let rescue = store.begin_rescue(&new("r1", &ann, &account, 12)).await.unwrap();
    assert_eq!(store.rescue_names("r1").await.unwrap().len(), 6, "and the one that went since the leak");
    // a moves; c is deprovisioned; one moves to a third key; one turns up that was not there before.
    store.apply_sync("f1", &account, all(&["b.example", "free.example", "late.example"]), 20).await.unwrap();
    store.apply_sync("f2", &account, all(&["a.example", "free.example"]), 21).await.unwrap();
    store.apply_sync("f3", &account, all(&["third.example", "free.example"]), 22).await.unwrap();
    let rows = store.rescue_standing(&rescue, Some("f2"), Some("f1"), 50).await.unwrap();
    assert_eq!(
        told(&rows),
        [
            ("third.example", "elsewhere", 1),
            ("b.example", "left", 2),
            ("late.example", "left", 2),
            ("c.example", "missing", 2),
            ("vanished.example", "missing", 2),
            ("a.example", "moved", 1),
            ("free.example", "open", 1),
        ]
    );
    let rows = store.rescue_standing(&rescue, Some("f2"), Some("f1"), 1).await.unwrap();
    assert_eq!(rows.len(), 5, "one name a group, and how many there are");
    // A dead key sees nothing; what only it saw is free, and nobody has looked yet.
    let rows = store.rescue_standing(&rescue, Some("f2"), None, 50).await.unwrap();
    assert_eq!(
        told(&rows),
        [
            ("third.example", "elsewhere", 1),
            ("b.example", "freed", 1),
            ("c.example", "missing", 2),
            ("vanished.example", "missing", 2),
            ("a.example", "moved", 2),
            ("free.example", "moved", 2),
        ]
    );
}
