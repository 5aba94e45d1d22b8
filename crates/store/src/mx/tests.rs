use super::*;
use crate::{
    DomainQuery,
    testing::{Fixture, domain, handles},
};

const HOUR: i64 = 3_600_000;

fn result(name: &str, verdict: &str, records: Option<&[(u16, &str)]>) -> MxResult {
    let records = records.map(|list| list.iter().map(|(priority, host)| (*priority, (*host).to_owned())).collect());
    MxResult { name: name.into(), verdict: verdict.into(), records }
}

/// A store with one key that sees these domains.
async fn seeing(names: &[&str]) -> Fixture {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    fixture.store.apply_sync("f1", &account, names.iter().map(|name| domain(name)).collect(), 10).await.unwrap();
    fixture
}

async fn listed(store: &Store, mx: Option<&str>) -> Vec<String> {
    let query = DomainQuery { keys: handles(&["f1"]), mx: mx.map(Into::into), ..DomainQuery::default() };
    let rows = store.list_domains(&query).await.unwrap().rows;
    assert_eq!(store.count_domains(&query).await.unwrap(), rows.len() as u64, "{mx:?}");
    rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn new_names_are_due_first_then_the_oldest_and_unknown_ones_sooner() {
    let fixture = seeing(&["a.example", "b.example", "c.example", "d.example"]).await;
    let store = &fixture.store;
    let due = |now: i64| {
        let store = store.clone();
        let ages = MxDue { answered_before: now - 24 * HOUR, unknown_before: now - HOUR };
        async move { store.mx_due(ages, 10).await.unwrap() }
    };
    assert_eq!(due(0).await, ["a.example", "b.example", "c.example", "d.example"]);
    store.save_mx(&[result("b.example", "here", Some(&[(10, "mx.example")]))], 5).await.unwrap();
    store.save_mx(&[result("a.example", "none", Some(&[]))], 6).await.unwrap();
    store.save_mx(&[result("c.example", "unknown", None)], 7).await.unwrap();
    assert_eq!(due(100).await, ["d.example"]);
    assert_eq!(due(7 + HOUR - 1).await, ["d.example"]);
    assert_eq!(due(7 + HOUR).await, ["d.example", "c.example"]);
    assert_eq!(due(5 + 24 * HOUR).await, ["d.example", "b.example", "c.example"]);
    assert_eq!(due(7 + 24 * HOUR).await, ["d.example", "b.example", "a.example", "c.example"]);
    let few = MxDue { answered_before: 100 * HOUR, unknown_before: 100 * HOUR };
    assert_eq!(store.mx_due(few, 2).await.unwrap(), ["d.example", "b.example"]);
    // A mute is no look-up, and a name that left the mirror is never due.
    store.mute_mx("d.example", "Tomasz", 8).await.unwrap();
    store.save_mx(&[result("gone.example", "here", Some(&[]))], 1).await.unwrap();
    assert_eq!(due(5 + 24 * HOUR).await, ["d.example", "b.example", "c.example"]);
}

#[tokio::test]
async fn a_look_up_in_vain_keeps_the_last_answer_and_its_age() {
    let fixture = seeing(&["a.example"]).await;
    let store = &fixture.store;
    assert_eq!(store.mx_of("a.example").await.unwrap(), None);
    store.save_mx(&[result("a.example", "here", Some(&[(10, "mx1.example"), (20, "mx2.example")]))], 5).await.unwrap();
    store.save_mx(&[result("a.example", "unknown", None)], 9).await.unwrap();
    let row = store.mx_of("a.example").await.unwrap().unwrap();
    assert_eq!((row.verdict.as_str(), row.answered_at, row.checked_at), ("unknown", Some(5), Some(9)));
    assert_eq!(row.records, [(10, "mx1.example".to_owned()), (20, "mx2.example".to_owned())]);
    // The next answer replaces it, also by nothing.
    store.save_mx(&[result("a.example", "none", Some(&[]))], 12).await.unwrap();
    let row = store.mx_of("a.example").await.unwrap().unwrap();
    assert_eq!((row.verdict.as_str(), row.answered_at, row.records.len()), ("none", Some(12), 0));
}

#[tokio::test]
async fn mutes_outlast_look_ups_and_name_who_was_first() {
    let fixture = seeing(&["a.example"]).await;
    let store = &fixture.store;
    store.mute_mx("a.example", "Tomasz", 5).await.unwrap();
    store.mute_mx("a.example", "Ines", 6).await.unwrap();
    store.save_mx(&[result("a.example", "elsewhere", Some(&[(1, "mx.example")]))], 7).await.unwrap();
    let row = store.mx_of("a.example").await.unwrap().unwrap();
    assert_eq!((row.muted_at, row.muted_by.as_deref()), (Some(5), Some("Tomasz")));
    store.unmute_mx("a.example").await.unwrap();
    let row = store.mx_of("a.example").await.unwrap().unwrap();
    assert_eq!((row.muted_at, row.muted_by, row.verdict.as_str()), (None, None, "elsewhere"));
}

#[tokio::test]
async fn the_list_is_filtered_by_verdict_and_by_mute() {
    let names = ["a.example", "b.example", "c.example", "d.example", "e.example", "never.example"];
    let fixture = seeing(&names).await;
    let store = &fixture.store;
    assert_eq!(listed(store, Some("unknown")).await.len(), 6, "none was looked up");
    let verdicts = ["here", "elsewhere", "mixed", "none", "unknown"];
    let results: Vec<_> = names
        .iter()
        .zip(verdicts)
        .map(|(name, verdict)| result(name, verdict, (verdict != "unknown").then_some(&[][..])))
        .collect();
    store.save_mx(&results, 5).await.unwrap();
    store.mute_mx("b.example", "Tomasz", 6).await.unwrap();
    store.mute_mx("never.example", "Tomasz", 6).await.unwrap();
    for (filter, expected) in [
        (None, &names[..]),
        (Some("here"), &["a.example"]),
        // A muted one is still found by its verdict.
        (Some("elsewhere"), &["b.example"]),
        (Some("mixed"), &["c.example"]),
        (Some("none"), &["d.example"]),
        (Some("unknown"), &["e.example", "never.example"]),
        (Some("muted"), &["b.example", "never.example"]),
    ] {
        assert_eq!(listed(store, filter).await, expected, "{filter:?}");
    }
    let row = store.domain(&handles(&["f1"]), "b.example").await.unwrap().unwrap();
    assert_eq!(row.mx, MxState { verdict: "elsewhere".into(), checked_at: Some(5), muted: true });
    let row = store.domain(&handles(&["f1"]), "never.example").await.unwrap().unwrap();
    assert_eq!(row.mx, MxState { verdict: "unknown".into(), checked_at: None, muted: true });
}

#[tokio::test]
async fn counts_are_taken_again_when_a_verdict_changes_and_only_then() {
    let fixture = seeing(&["a.example"]).await;
    let store = &fixture.store;
    let here = [result("a.example", "here", Some(&[]))];
    let version = store.mirror_version();
    store.save_mx(&here, 5).await.unwrap();
    let changed = store.mirror_version();
    assert!(changed > version);
    store.save_mx(&here, 6).await.unwrap();
    assert_eq!(store.mirror_version(), changed);
    store.set_mx_verdicts(&[("a.example".into(), "elsewhere")]).await.unwrap();
    assert_eq!(listed(store, Some("elsewhere")).await, ["a.example"]);
    assert_eq!(store.mx_answered().await.unwrap().len(), 1);
}

#[tokio::test]
async fn names_that_left_the_mirror_are_forgotten_in_time() {
    let fixture = seeing(&["a.example"]).await;
    let store = &fixture.store;
    store.save_mx(&[result("a.example", "here", Some(&[])), result("b.example", "here", Some(&[]))], 5).await.unwrap();
    store.mute_mx("c.example", "Tomasz", 9).await.unwrap();
    assert_eq!(store.forget_mx(4).await.unwrap(), 0);
    assert_eq!(store.forget_mx(8).await.unwrap(), 1);
    assert_eq!(store.forget_mx(9).await.unwrap(), 1);
    assert!(store.mx_of("a.example").await.unwrap().is_some(), "it is still in the mirror");
}

#[tokio::test]
async fn a_page_by_verdict_is_read_in_the_order_of_its_index() {
    let fixture = seeing(&["a.example"]).await;
    for mx in ["here", "unknown", "muted"] {
        let query = DomainQuery { keys: handles(&["f1"]), mx: Some(mx.into()), ..DomainQuery::default() };
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "EXPLAIN QUERY PLAN {}",
            query.page_sql(crate::domains::By::Order)
        )))
        .fetch_all(fixture.store.read())
        .await
        .unwrap();
        let lines: Vec<_> = plan.into_iter().map(|(.., line)| line).collect();
        assert!(lines.iter().any(|line| line.contains("d USING INDEX domains_by_name")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY")), "{lines:#?}");
    }
}
