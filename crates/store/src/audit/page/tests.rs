use super::*;
use crate::{NewIntent, testing::Fixture};
use proptest::prelude::*;

fn filters() -> impl Iterator<Item = AuditFilter> {
    (0_u32..1 << 9).flat_map(|bits| {
        let one = |bit: u32| (bits >> bit & 1 == 1).then(|| "x".to_owned());
        let filter = AuditFilter {
            person: one(0),
            action: one(1),
            kind: one(2),
            object: one(3),
            account: one(4),
            fingerprint: one(5),
            outcome: one(6),
            job: one(7).map(|_| 1),
            request: one(8),
            from: Some(1),
            to: Some(2),
        };
        let open = AuditFilter { outcome: Some(OPEN.into()), ..filter.clone() };
        [filter, open]
    })
}

async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let rows: Vec<(i64, i64, i64, String)> = store
        .rows(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
        .fetch_all(store.read())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|(.., what)| what).collect()
}

#[tokio::test]
async fn every_filter_and_combination_reads_an_index() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let mut seen = 0;
    for filter in filters() {
        let mut leads: Vec<_> = Lead::ALL.into_iter().filter(|lead| lead.is_set(&filter)).collect();
        if leads.is_empty() {
            leads.push(Lead::Time);
        }
        for lead in leads {
            // Along its index, from one place to the other, in its order; then one row each by its id.
            let bounds = if lead == Lead::Time { "(".to_owned() } else { "=? AND ".to_owned() };
            for sql in [listing(&filter, lead), counting(lead), last_looked_at(lead)] {
                let plan = plan(store, &sql).await;
                let first = plan.iter().find(|what| what.contains(" b ")).unwrap_or_else(|| panic!("{plan:?}"));
                assert!(first.starts_with("SEARCH b USING"), "{sql}: {plan:?}");
                assert!(first.contains(lead.index()), "{sql}: {plan:?}");
                assert!(first.contains(&format!("{bounds}at>? AND at<?)")), "{sql}: {plan:?}");
                for what in &plan {
                    let counts = what == "SCAN (subquery-1)" || what == "CO-ROUTINE (subquery-1)";
                    assert!(!what.contains("TEMP B-TREE"), "{sql}: {plan:?}");
                    assert!(counts || what.starts_with("SEARCH"), "{sql}: {plan:?}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 10_000, "{seen}");
    for column in ["action", "object_kind", "ended", "person_id"] {
        let plan = plan(store, &stepping(column)).await;
        let on_audit: Vec<_> = plan.iter().filter(|what| what.contains("audit")).collect();
        assert_eq!(on_audit.len(), 2, "{plan:?}");
        assert!(on_audit.iter().all(|what| what.starts_with("SEARCH audit USING ")), "{plan:?}");
    }
}

/// A log of intents with every kind of end, and events; times that repeat and run backwards.
async fn fill(store: &Store, rows: &[(u8, u8, i64)]) {
    let mut tx = store.begin().await.unwrap();
    let mut chain = store.chain(&mut tx).await.unwrap();
    for (index, (who, end, at)) in rows.iter().enumerate() {
        let [person, object, request] = [format!("p{who}"), format!("o{}", end % 3), format!("r{index}")];
        let intent = NewIntent {
            at: *at,
            person_id: &person,
            person_name: &person,
            action: if end % 2 == 0 { "even" } else { "odd" },
            object_kind: "domain",
            object: &object,
            account_id: (*who == 0).then_some("a"),
            fingerprint: (*who == 1).then_some("f"),
            request_id: &request,
            before: Some("b"),
            after: None,
            reason: None,
            job: (*who == 2).then_some(7),
        };
        let event = (*end == 0).then_some("done");
        let id = store.insert_audit(&mut tx, &mut chain, &intent, event).await.unwrap();
        let outcome = match end {
            1 => "done",
            2 => "failed: it was refused",
            3 => "unknown: no answer",
            _ => continue,
        };
        store.insert_outcome(&mut tx, &mut chain, id, outcome, at + 1).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn fits(filter: &AuditFilter, entry: &AuditEntry, at: i64) -> bool {
    let row = &entry.row;
    let is = |wanted: &Option<String>, had: Option<&str>| wanted.is_none() || wanted.as_deref() == had;
    let word = entry.outcome().map_or(OPEN, |outcome| outcome.split(':').next().unwrap());
    is(&filter.person, Some(&row.person_id))
        && is(&filter.action, Some(&row.action))
        && is(&filter.kind, Some(&row.object_kind))
        && is(&filter.object, Some(&row.object))
        && is(&filter.account, row.account_id.as_deref())
        && is(&filter.fingerprint, row.fingerprint.as_deref())
        && is(&filter.request, Some(&row.request_id))
        && is(&filter.outcome, Some(word))
        && filter.job.is_none_or(|job| row.job == Some(job))
        && filter.from.is_none_or(|from| at >= from)
        && filter.to.is_none_or(|to| at < to)
}

async fn all(store: &Store, filter: &AuditFilter, limit: u32) -> Vec<AuditEntry> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit_page(filter, before, limit).await.unwrap();
        assert!(page.rows.len() <= limit as usize);
        rows.extend(page.rows);
        match page.next {
            Some(next) => before = Some(next.to_string().parse().unwrap()),
            None => return rows,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pages_hold_what_fits_each_once_and_newest_first(
        rows in proptest::collection::vec((0_u8..3, 0_u8..5, 0_i64..9), 0..40),
        wanted in proptest::collection::vec((0_usize..9, 0_u8..3), 0..4),
        from in proptest::option::of(0_i64..9),
        to in proptest::option::of(0_i64..9),
        limit in 1_u32..7,
    ) {
        let mut filter = AuditFilter { from, to, ..AuditFilter::default() };
        for (which, value) in wanted {
            match which {
                0 => filter.person = Some(format!("p{value}")),
                1 => filter.action = Some(["even", "odd", "never"][usize::from(value)].into()),
                2 => filter.kind = Some(["domain", "key", "domain"][usize::from(value)].into()),
                3 => filter.object = Some(format!("o{value}")),
                4 => filter.account = Some("a".into()),
                5 => filter.fingerprint = Some("f".into()),
                6 => filter.outcome = Some(["done", "failed", OPEN][usize::from(value)].into()),
                7 => filter.job = Some(7),
                _ => filter.request = Some(format!("r{value}")),
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let store = &fixture.store;
            fill(store, &rows).await;
            let whole = all(store, &AuditFilter::default(), 1_000).await;
            prop_assert_eq!(whole.len(), rows.len());
            // By outcome, the time is when it ended.
            let at = |entry: &AuditEntry| match ended(&filter) {
                Some(_) => entry.concluded_at.unwrap_or(entry.row.at),
                None => entry.row.at,
            };
            let found = all(store, &filter, limit).await;
            let order: Vec<_> = found.iter().map(|entry| (entry.cursor_at, entry.cursor_id)).collect();
            prop_assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", order);
            let ids = |rows: Vec<&AuditEntry>| {
                let mut ids: Vec<_> = rows.iter().map(|entry| entry.row.id).collect();
                ids.sort_unstable();
                ids
            };
            let expected = ids(whole.iter().filter(|entry| fits(&filter, entry, at(entry))).collect());
            prop_assert_eq!(ids(found.iter().collect()), expected, "{:?}", filter);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_page_looks_at_so_many_rows_and_says_where_it_stopped() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let rows: Vec<_> = (0..12_000_i64).map(|at| (u8::from(at == 3), 4, at)).collect();
    fill(store, &rows).await;
    // Both filters fit more than one look takes.
    let filter = AuditFilter { kind: Some("domain".into()), action: Some("even".into()), ..AuditFilter::default() };
    let filter = AuditFilter { outcome: Some("done".into()), ..filter };
    assert!(all(store, &filter, 50).await.is_empty());
    let filter = AuditFilter { outcome: Some(OPEN.into()), from: Some(0), to: Some(5), ..AuditFilter::default() };
    assert_eq!(all(store, &filter, 2).await.len(), 5);
    let [actions, kinds, ends] = store.audit_words().await.unwrap();
    assert_eq!((actions, kinds, ends), (vec!["even".to_owned()], vec!["domain".to_owned()], vec![]));
    assert_eq!(store.audit_people().await.unwrap().len(), 2);

    // The one of the other person is found by its own index, without looking at the others.
    let filter = AuditFilter { person: Some("p1".into()), kind: Some("domain".into()), ..AuditFilter::default() };
    assert_eq!(
        store.lead(&filter, AuditCursor { at: i64::MAX, id: 0 }, AuditCursor { at: 0, id: 0 }).await.unwrap(),
        Lead::Person
    );
    assert_eq!(all(store, &filter, 50).await.len(), 1);
    // Where no filter has an index of its own that helps, the page stops.
    let filter = AuditFilter { outcome: Some(OPEN.into()), ..AuditFilter::default() };
    store.sql("DROP TRIGGER audit_no_update").execute(store.write()).await.unwrap();
    store.sql("UPDATE audit SET outcome = 'done' WHERE at <> 0").execute(store.write()).await.unwrap();
    let page = store.audit_page(&filter, None, 50).await.unwrap();
    assert_eq!((page.rows.len(), page.looked_enough, page.next.map(|next| next.at)), (0, true, Some(7_000)));
    assert_eq!(all(store, &filter, 50).await.len(), 1);
}

/// By hand: `cargo test -p store --release a_million_rows -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures"]
async fn a_million_rows() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store.sql("DROP TRIGGER audit_chained").execute(store.write()).await.unwrap();
    // 500,000 intents of 40 people on 20,000 domains, one in 50 failed, and as many outcomes.
    let began = std::time::Instant::now();
    store
        .sql(
            "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 999999),
             c AS (SELECT n, n / 2 AS i FROM n)
             INSERT INTO audit (at, person_id, person_name, action, object_kind, object, account_id, fingerprint,
                                request_id, intent_id, outcome, before, after, reason, job)
             SELECT 1750000000000 + n * 1000, '0197a6b0-0000-7000-8000-00000000' || printf('%04d', (i * 7919) % 40),
                    'Person ' || ((i * 7919) % 40),
                    CASE WHEN i % 5000 = 0 THEN 'key.add' WHEN i % 3 = 0 THEN 'domain.settings' ELSE 'list.add' END,
                    CASE WHEN i % 5000 = 0 THEN 'key' ELSE 'domain' END,
                    'domain-' || printf('%05d', (i * 104729) % 20000) || '.example',
                    '0197a6b0-0000-7000-8000-0000000' || printf('%05d', i % 300),
                    substr('00112233445566778899aabbccddeeff' || printf('%04d', i % 400), 5),
                    '5d0c3c0e-0000-4000-8000-0000' || printf('%08d', i / 3),
                    iif(n % 2 = 1, n, NULL),
                    CASE WHEN n % 2 = 0 THEN NULL WHEN i % 50 = 0 THEN 'failed: it was refused' ELSE 'done' END,
                    iif(n % 2 = 0, '{\"what\":\"settings\",\"policy\":\"block\"}', NULL),
                    iif(n % 2 = 0, '{\"what\":\"settings\",\"policy\":\"flag\"}', NULL),
                    NULL, iif(i % 4 = 0, i / 4000, NULL)
             FROM c",
        )
        .execute(store.write())
        .await
        .unwrap();
    println!("filled in {:?}", began.elapsed());
    let some = |text: &str| Some(text.to_owned());
    let person = some("0197a6b0-0000-7000-8000-000000000007");
    let none = AuditFilter::default();
    let year = Some(1_750_000_000_000 + 400_000_000);
    let cases = [
        ("no filter", none.clone()),
        ("person", AuditFilter { person: person.clone(), ..none.clone() }),
        ("action", AuditFilter { action: some("list.add"), ..none.clone() }),
        ("rare action", AuditFilter { action: some("key.add"), ..none.clone() }),
        ("kind", AuditFilter { kind: some("key"), ..none.clone() }),
        ("object", AuditFilter { object: some("domain-00042.example"), ..none.clone() }),
        ("account", AuditFilter { account: some("0197a6b0-0000-7000-8000-000000000007"), ..none.clone() }),
        ("key", AuditFilter { fingerprint: some("2233445566778899aabbccddeeff0007"), ..none.clone() }),
        ("outcome", AuditFilter { outcome: some("failed"), ..none.clone() }),
        ("open: none are", AuditFilter { outcome: some(OPEN), ..none.clone() }),
        ("job", AuditFilter { job: Some(42), ..none.clone() }),
        ("request", AuditFilter { request: some("5d0c3c0e-0000-4000-8000-000000000042"), ..none.clone() }),
        ("dates", AuditFilter { from: Some(1_750_000_000_000), to: year, ..none.clone() }),
        ("person and rare action", AuditFilter { person: person.clone(), action: some("key.add"), ..none.clone() }),
        ("person and outcome", AuditFilter { person: person.clone(), outcome: some("failed"), ..none.clone() }),
        ("person and open: none are", AuditFilter { person: person.clone(), outcome: some(OPEN), ..none.clone() }),
        (
            "outcome, kind, action that never meet",
            AuditFilter { outcome: some("done"), kind: some("key"), action: some("list.add"), ..none.clone() },
        ),
        (
            "everything",
            AuditFilter {
                person,
                action: some("list.add"),
                kind: some("domain"),
                outcome: some("done"),
                account: some("0197a6b0-0000-7000-8000-000000000007"),
                from: Some(1_750_000_000_000),
                to: year,
                ..none.clone()
            },
        ),
        ("object that is not", AuditFilter { object: some("none.example"), ..none.clone() }),
    ];
    let mut slowest = std::time::Duration::ZERO;
    for (what, filter) in &cases {
        for deep in [None, Some(AuditCursor { at: 1_750_400_000_000, id: 1 })] {
            let mut took = Vec::new();
            for _ in 0..20 {
                let began = std::time::Instant::now();
                let page = store.audit_page(filter, deep, 50).await.unwrap();
                took.push((began.elapsed(), page.rows.len()));
            }
            took.sort();
            println!(
                "{what:40} {:9} first {:?}, median {:?}, most {:?}",
                if deep.is_some() { "deep" } else { "" },
                took[0],
                took[10].0,
                took[19].0
            );
            slowest = slowest.max(took[19].0);
        }
    }
    let began = std::time::Instant::now();
    store.audit_words().await.unwrap();
    store.audit_people().await.unwrap();
    println!("choices {:?}; slowest page {slowest:?}", began.elapsed());
    assert!(slowest <= std::time::Duration::from_millis(50), "{slowest:?}");
}
