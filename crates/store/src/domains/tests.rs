use super::*;
use crate::{
    MirrorDomain,
    testing::{Fixture, domain, handles},
};

mod paging;

fn ask(keys: &[&str]) -> DomainQuery {
    DomainQuery { keys: handles(keys), ..DomainQuery::default() }
}

/// A domain with few distinct values, so that ties abound.
fn tied(index: usize, servers: usize, aliases: usize, policy: usize, subscription: usize) -> MirrorDomain {
    let mut domain = domain(&format!("d{index:03}.example"));
    domain.detail.downstreams = (0..servers).map(|server| format!("10 1 25 mx{server}.example")).collect();
    domain.detail.aliases = (0..aliases).map(|alias| format!("alias{alias}.d{index:03}.example")).collect();
    domain.policy = [None, Some("block"), Some("flag")][policy].map(Into::into);
    domain.subscription = format!("s{subscription}");
    domain
}

fn names(rows: &[DomainRow]) -> Vec<String> {
    rows.iter().map(|row| row.name.clone()).collect()
}

/// Reads all pages one way; starts at the other end when `backwards`.
async fn walk(store: &Store, query: &DomainQuery) -> Vec<DomainRow> {
    let mut query = query.clone();
    let mut all: Vec<DomainRow> = Vec::new();
    loop {
        let page = store.list_domains(&query).await.unwrap();
        let edge = if query.backwards { page.rows.first() } else { page.rows.last() };
        query.cursor = edge.map(|row| Cursor::parse(&Cursor::of(row, query.sort).to_string()).unwrap());
        assert!(page.rows.len() <= query.limit as usize);
        assert!(page.has_more || all.len() < 1_000, "no end");
        if query.backwards {
            all.splice(0..0, page.rows);
        } else {
            all.extend(page.rows);
        }
        if !page.has_more {
            return all;
        }
    }
}

#[tokio::test]
async fn nobody_sees_through_keys_they_do_not_give() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let mut mine = domain("mine.example");
    mine.detail.aliases = handles(&["also.example"]);
    mine.subscription = "secret".into();
    store.apply_sync("f1", &account, vec![mine, domain("both.example")], 10).await.unwrap();
    store.apply_sync("f2", &account, vec![domain("both.example")], 20).await.unwrap();
    for keys in [&["f2"][..], &["nobody"], &[]] {
        let keys = handles(keys);
        let query = DomainQuery { keys: keys.clone(), ..DomainQuery::default() };
        assert!(!names(&store.list_domains(&query).await.unwrap().rows).contains(&"mine.example".into()));
        assert_eq!(store.count_domains(&query).await.unwrap(), u64::from(keys == ["f2"]));
        assert!(store.domain(&keys, "mine.example").await.unwrap().is_none());
        assert!(store.find_domain(&keys, "also.example").await.unwrap().is_none());
        assert!(!store.subscriptions_of(&keys).await.unwrap().contains(&"secret".into()));
    }
    // Neither do other keys show in a row, nor their freshness.
    let row = store.domain(&handles(&["f1"]), "both.example").await.unwrap().unwrap();
    assert_eq!((row.seen_by_keys, row.synced_at), (handles(&["f1"]), 10));
    let row = store.domain(&handles(&["f1", "f2"]), "both.example").await.unwrap().unwrap();
    assert_eq!((row.seen_by_keys, row.synced_at), (handles(&["f1", "f2"]), 20));
    assert_eq!(store.subscriptions_of(&handles(&["f1"])).await.unwrap(), ["s", "secret"]);
}

#[tokio::test]
async fn a_row_of_a_page_is_the_domain_itself() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let mut all: Vec<_> = (0..6).map(|index| tied(index, index % 3, index % 2, index % 3, 0)).collect();
    all[1].policy_override = None;
    all[2].policy_override = Some(true);
    all[2].header_name = Some("X-\"Spam\"\\".into());
    all[3].display = "bücher \u{1f40c}\u{0}.example".into();
    all[4].detail.admins = handles(&["a'b@c.example"]);
    store.apply_sync("f1", &account, all, 10).await.unwrap();
    store.apply_sync("f2", &account, vec![tied(0, 0, 0, 0, 0)], 20).await.unwrap();
    store.mute_mx("d004.example", "Ann", 30).await.unwrap();
    let query = ask(&["f1", "f2"]);
    let page = store.list_domains(&query).await.unwrap();
    assert_eq!(page.rows.len(), 6);
    for row in page.rows {
        assert_eq!(store.domain(&query.keys, &row.name).await.unwrap(), Some(row));
    }
}

#[tokio::test]
async fn filters_narrow_list_and_count_alike() {
    type Narrow = fn(&mut DomainQuery);
    const TEXTS: [(&str, usize); 10] = [
        ("D00", 10),
        ("BÜCH", 1),
        ("xn--bcher", 1),
        ("münch", 1),
        (" alias0.d001 ", 1),
        ("r_s", 1),
        ("_", 1),
        ("%", 0),
        ("\\", 0),
        ("", 12),
    ];
    let filters: [(Narrow, usize); 10] = [
        (|query| query.association = Some("free".into()), 4),
        (|query| query.association = Some("locked".into()), 8),
        (|query| query.association = Some("unknown".into()), 0),
        (|query| query.holder = Some("f1".into()), 8),
        (|query| query.holder = Some("f2".into()), 0),
        (|query| query.policy = Some("block".into()), 4),
        (|query| query.subscription = Some("s3".into()), 3),
        (|query| query.no_servers = true, 4),
        (|query| (query.no_servers, query.holder) = (true, Some("f1".into())), 2),
        (|query| (query.policy, query.sort) = (Some("flag".into()), Sort::Aliases), 4),
    ];
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(2).await;
    let store = &fixture.store;
    let mut all: Vec<_> = (0..12).map(|index| tied(index, index % 3, index % 2, index % 3, index % 4)).collect();
    all[7].name = "xn--bcher-kva.example".into();
    all[7].display = "bücher.example".into();
    all[8].detail.aliases = handles(&["xn--mnchen-3ya.example"]);
    all[9].name = "under_score.example".into();
    store.apply_sync("f1", &account, all.clone(), 10).await.unwrap();
    store.apply_sync("f2", &account, all[..4].to_vec(), 11).await.unwrap();
    let base = ask(&["f1"]);
    assert!(!base.is_filtered());
    let texts = TEXTS.map(|(text, expected)| (DomainQuery { text: Some(text.into()), ..base.clone() }, expected));
    let filters = filters.map(|(narrow, expected)| {
        let mut query = base.clone();
        narrow(&mut query);
        (query, expected)
    });
    for (query, expected) in texts.into_iter().chain(filters) {
        assert_eq!(store.list_domains(&query).await.unwrap().rows.len(), expected, "{query:?}");
        assert_eq!(store.count_domains(&query).await.unwrap(), expected as u64, "{query:?}");
        assert!(query.is_filtered(), "{query:?}");
        let paged = walk(store, &DomainQuery { limit: 2, ..query.clone() }).await;
        assert_eq!(paged.len(), expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_count_is_remembered_only_until_the_mirror_changes() {
    let fixture = Fixture::new().await;
    let (account, _) = fixture.keys(1).await;
    let store = &fixture.store;
    store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
    let query = ask(&["f1"]);
    assert_eq!(store.count_domains(&query).await.unwrap(), 1);
    let statements = store.statements();
    assert_eq!(store.count_domains(&query).await.unwrap(), 1);
    assert_eq!(store.statements(), statements);
    store.apply_sync("f1", &account, vec![domain("a.example"), domain("b.example")], 20).await.unwrap();
    assert_eq!(store.count_domains(&query).await.unwrap(), 2);
}

#[tokio::test]
async fn a_name_goes_before_an_alias() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let (one, two) = (fixture.key_in(&ann, "k1", "f1", "s1").await, fixture.key_in(&ann, "k2", "f2", "s2").await);
    let store = &fixture.store;
    let mut holder = domain("a.example");
    holder.detail.aliases = handles(&["x.example"]);
    store.apply_sync("f1", &one, vec![holder], 10).await.unwrap();
    let keys = handles(&["f1", "f2"]);
    let found = store.find_domain(&keys, "x.example").await.unwrap().unwrap();
    assert_eq!((found.row.name.as_str(), found.via_alias), ("a.example", true));
    store.apply_sync("f2", &two, vec![domain("x.example")], 10).await.unwrap();
    let found = store.find_domain(&keys, "x.example").await.unwrap().unwrap();
    assert_eq!((found.row.name.as_str(), found.via_alias), ("x.example", false));
    assert!(store.find_domain(&keys, "nowhere.example").await.unwrap().is_none());
}
