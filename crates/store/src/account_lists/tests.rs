use super::*;
use crate::testing::{Fixture, handles};

fn change(list: &str, item: &str, appeared: bool, known_at: i64, seen_at: i64) -> EntryChange {
    EntryChange { list: list.into(), item: item.into(), appeared, known_at, seen_at }
}

#[tokio::test]
async fn what_appeared_and_vanished_since_the_first_reading_is_told() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    let read = async |list: &str, items: &[&str], at| {
        store.apply_account_list(&account, list, &handles(items), at).await.unwrap()
    };
    assert_eq!(read("safelist", &["a.example", "b.example"], 10).await, (2, 0));
    assert_eq!(read("blocklist", &[], 10).await, (0, 0));
    assert!(store.entry_changes_since(&account, 0).await.unwrap().is_empty(), "the first reading is where it starts");
    let statements = store.statements();
    assert_eq!(read("safelist", &["b.example", "a.example"], 20).await, (0, 0), "another order is no change");
    assert!(store.statements() - statements <= 6);

    assert_eq!(read("safelist", &["b.example", "evil.example"], 30).await, (1, 1));
    assert_eq!(read("blocklist", &["b.example"], 30).await, (1, 0), "the same entry on the other list");
    assert_eq!(read("safelist", &["b.example"], 40).await, (0, 1));
    assert_eq!(read("safelist", &["b.example", "evil.example"], 50).await, (1, 0), "and again");
    assert_eq!(
        store.entry_changes_since(&account, 0).await.unwrap(),
        [
            change("safelist", "evil.example", true, 40, 50),
            change("safelist", "evil.example", false, 30, 40),
            change("blocklist", "b.example", true, 10, 30),
            change("safelist", "a.example", false, 20, 30),
            change("safelist", "evil.example", true, 20, 30),
        ]
    );
    assert_eq!(
        store.entry_changes_since(&account, 40).await.unwrap(),
        [change("safelist", "evil.example", true, 40, 50)]
    );
    let readings = store.list_readings(&account).await.unwrap();
    assert_eq!(
        readings[1],
        ListReading { list: "safelist".into(), attempted_at: 50, first_at: Some(10), read_at: Some(50) }
    );

    store.forget_watched(0, 40).await.unwrap();
    let left = store.entry_changes_since(&account, 0).await.unwrap();
    assert!(!left.contains(&change("safelist", "a.example", false, 20, 30)), "gone before that time: forgotten");
    assert!(left.contains(&change("safelist", "evil.example", false, 30, 40)));
    assert!(left.contains(&change("blocklist", "b.example", true, 10, 30)), "what is there stays");
}

#[tokio::test]
async fn an_account_is_due_when_it_was_not_tried_lately_and_has_a_key_that_works() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let store = &fixture.store;
    let one = fixture.key_in(&ann, "k1", "f1", "s1").await;
    store.account_for_handles(&handles(&["s2"]), "f3", 2).await.unwrap();
    let two = fixture.key_in(&ann, "k3", "f3", "s2").await;
    fixture.key_in(&ann, "k2", "f2", "s1").await;
    assert!(store.lists_due(100).await.unwrap().is_empty(), "no key was checked yet");
    for key in ["f1", "f2", "f3"] {
        store.set_health(key, "working", None, None, 5).await.unwrap();
    }
    let due = |account: &str, key: &str| ListsDue { account_id: account.into(), fingerprint: key.into() };
    let mut both = vec![due(&one, "f1"), due(&two, "f3")];
    both.sort_by(|a, b| a.account_id.cmp(&b.account_id));
    assert_eq!(store.lists_due(100).await.unwrap(), both, "one key each");
    store.set_health("f1", "rejected", None, None, 6).await.unwrap();
    store.apply_account_list(&two, "safelist", &[], 50).await.unwrap();
    assert_eq!(store.lists_due(49).await.unwrap(), [due(&one, "f2")], "another key of the account");
    store.account_list_failed(&one, "safelist", 50).await.unwrap();
    assert!(store.lists_due(49).await.unwrap().is_empty(), "a failure is a try");
    assert_eq!(store.lists_due(50).await.unwrap().len(), 2, "until its time has come again");
    assert_eq!(store.list_readings(&one).await.unwrap()[0].read_at, None);
    // An account that is no more is passed over.
    assert_eq!(store.apply_account_list("gone", "safelist", &handles(&["x"]), 60).await.unwrap(), (0, 0));
    store.account_list_failed("gone", "safelist", 60).await.unwrap();
}

#[tokio::test]
async fn evidence_follows_accounts_that_turn_out_one() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let store = &fixture.store;
    store.account_for_handles(&handles(&["s1"]), "f1", 1).await.unwrap();
    store.account_for_handles(&handles(&["s2"]), "f2", 2).await.unwrap();
    let one = fixture.key_in(&ann, "k1", "f1", "s1").await;
    let two = fixture.key_in(&ann, "k2", "f2", "s2").await;
    for (account, items) in [(&one, ["a.example"]), (&two, ["a.example"])] {
        store.apply_account_list(account, "safelist", &handles(&items), 10).await.unwrap();
    }
    store.apply_account_list(&two, "safelist", &handles(&["a.example", "b.example"]), 20).await.unwrap();
    let mut domain = crate::testing::domain("d.example");
    store.apply_sync("f2", &two, vec![domain.clone()], 20).await.unwrap();
    domain.detail.downstreams = handles(&["evil"]);
    store.apply_sync("f2", &two, vec![domain], 30).await.unwrap();
    assert_eq!(store.account_for_handles(&handles(&["s1", "s2"]), "f2", 40).await.unwrap(), one);
    let entries = store.entry_changes_since(&one, 0).await.unwrap();
    assert_eq!(entries, [change("safelist", "b.example", true, 10, 20)]);
    assert_eq!(store.changes_since(&one, &handles(&["f2"]), 0, 9).await.unwrap().len(), 1);
}
