//! The job engine, over the real stand-in: every row accounted for, nothing doubled, at the budget and not above it.

use crate::app::TestApp;
use desk::{Asker, Desk, PlanInput, Role, Rows};
use inbound::plan::{Act, Verdict};
use mailchannels_sandbox::{Entry, Fault, FaultKind};
use std::{collections::HashMap, time::Duration};
use store::LineFilter;

/// The demo lead, as the use cases know her colleague.
pub(crate) async fn asker(desk: &Desk) -> Asker {
    let person = desk.demo_person("tomasz").await.unwrap().unwrap();
    Asker::new(person, "test")
}

/// A plan over pasted lines; returns its number.
pub(crate) async fn plan(desk: &Desk, act: Act, text: &str) -> i64 {
    let input = PlanInput {
        act,
        entry: None,
        rows: Rows::Text { text: text.to_owned(), file: String::new() },
        reason: "HB-1".into(),
        request: text.len().to_string() + &desk.now_ms().to_string(),
    };
    desk.plan(&asker(desk).await, input, Role::Lead).await.unwrap()
}

/// Waits until a job runs no more.
pub(crate) async fn ended(desk: &Desk, number: i64) -> String {
    let person = asker(desk).await.person;
    let mut changes = desk.job_changes();
    let waiting = async {
        loop {
            let (state, _) = desk.job_progress(&person, number).await.unwrap().unwrap();
            if !matches!(state.as_str(), "queued" | "running") {
                return state;
            }
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_mins(5), waiting).await.expect("it ends")
}

/// Names of demo domains that web07 holds or sees.
pub(crate) async fn names(app: &TestApp, count: usize) -> Vec<String> {
    let desk = &app.running.desk;
    let person = asker(desk).await.person;
    let query = store::DomainQuery::default();
    let selection = desk.select_matching(&person, query, "").await.unwrap();
    assert!(selection.names.len() >= count, "{} names", selection.names.len());
    selection.names.into_iter().take(count).collect()
}

fn changes(ledger: &[Entry], operation: &str) -> HashMap<String, usize> {
    let mut changes = HashMap::new();
    for entry in ledger.iter().filter(|entry| entry.operation == operation && entry.changed) {
        *changes.entry(entry.path.clone()).or_default() += 1;
    }
    changes
}

/// The most requests in any window of a second, by the stand-in's own clock.
fn fullest_second(ledger: &[Entry]) -> usize {
    let mut times: Vec<_> = ledger.iter().map(|entry| entry.at_us).collect();
    times.sort_unstable();
    let mut start = 0;
    times.iter().enumerate().fold(0, |most, (end, at)| {
        while at - times[start] >= 1_000_000 {
            start += 1;
        }
        most.max(end + 1 - start)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn deprovisions_cost_a_call_each_and_keep_to_the_budget() {
    let app = TestApp::start_upstream(600, 100, Duration::from_millis(100), &["--rate", "100"]).await;
    app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let names = names(&app, 60).await;
    // What the keys' first syncs asked is another second's.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    app.sandbox.control().clear_ledger();
    let number = plan(desk, Act::Deprovision, &names.join("\n")).await;
    assert!(app.sandbox.control().ledger().is_empty(), "a plan asks nobody");
    let asker = asker(desk).await;
    assert!(desk.confirm(&asker, number, "59").await.is_err(), "the count is typed");
    desk.confirm(&asker, number, "60").await.unwrap();
    desk.confirm(&asker, number, "60").await.unwrap();
    assert_eq!(ended(desk, number).await, "done");
    let ledger = app.sandbox.control().ledger();
    let deletes: Vec<_> = ledger.iter().filter(|entry| entry.operation == "deprovision").collect();
    assert_eq!(deletes.len(), 60, "one call each, though confirmed twice");
    assert!(ledger.iter().all(|entry| entry.status != 503), "no refusal");
    assert!(fullest_second(&ledger) <= 100);
    let view = desk.job(&asker, number).await.unwrap();
    assert_eq!((view.counts.done, view.counts.all()), (60, 60));
    for name in &names {
        assert!(app.sandbox.control().domain(name).is_none(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_rows_with_faults_all_end_and_nothing_is_doubled() {
    let app = TestApp::start_upstream(2_000, 10_000, Duration::ZERO, &["--rate", "100", "--attempt-ms", "300"]).await;
    app.lead_with_keys(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
    let desk = &app.running.desk;
    let names = names(&app, 1_000).await;
    let control = app.sandbox.control();
    control.clear_ledger();
    for (operation, kind) in [
        ("deprovision", FaultKind::Status { code: 503, body: None }),
        ("deprovision", FaultKind::Reset),
        ("deprovision", FaultKind::ResetAfterChange),
        ("deprovision", FaultKind::CutBody),
        ("deprovision", FaultKind::HangAfterChange),
        ("list-domains", FaultKind::Reset),
    ] {
        control.add_fault(Fault::new(operation, kind).often(0.04));
    }
    let number = plan(desk, Act::Deprovision, &names.join("\n")).await;
    let asker = asker(desk).await;
    desk.confirm(&asker, number, "1000").await.unwrap();
    let state = ended(desk, number).await;
    assert_eq!(state, "done", "{:?}", desk.store().job(&asker.person.id, number).await.unwrap());
    control.clear_faults();
    let counts = desk.job(&asker, number).await.unwrap().counts;
    assert_eq!(counts.done + counts.failed, 1_000, "{counts:?}");
    let changed = changes(&control.ledger(), "deprovision");
    assert!(changed.values().all(|times| *times == 1), "nothing is done twice");
    let lines = desk.job_lines(&asker, number, &LineFilter { limit: 1_000, ..LineFilter::default() }).await.unwrap();
    for line in lines {
        let gone = control.domain(&line.object).is_none();
        assert_eq!(line.state == "done", gone, "{line:?}");
        assert!(line.state == "done" || line.reason.is_some(), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_with_lost_answers_are_read_back_and_never_doubled() {
    let app = TestApp::start_upstream(300, 10_000, Duration::ZERO, &["--rate", "100", "--attempt-ms", "300"]).await;
    app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let control = app.sandbox.control();
    let names = names(&app, 60).await;
    let row = |(index, name): (usize, &String)| format!("domain,{name},safelist,domain,friend{index}.example\n");
    let csv = "tier,for,list,type,entry\n".to_owned() + &names.iter().enumerate().map(row).collect::<Vec<_>>().concat();
    control.clear_ledger();
    for kind in
        [FaultKind::ResetAfterChange, FaultKind::Reset, FaultKind::Status { code: 503, body: None }, FaultKind::CutBody]
    {
        control.add_fault(Fault::new("domain-list-add", kind).often(0.1));
    }
    let number = plan(desk, Act::Entries { present: true }, &csv).await;
    let asker = asker(desk).await;
    desk.confirm(&asker, number, "60").await.unwrap();
    assert_eq!(ended(desk, number).await, "done");
    control.clear_faults();
    assert_eq!(desk.job(&asker, number).await.unwrap().counts.done, 60);
    for (index, name) in names.iter().enumerate() {
        let list = control.list("domain", name, "safelist");
        let item = format!("friend{index}.example");
        assert_eq!(list.iter().filter(|entry| **entry == item).count(), 1, "{name}: {list:?}");
    }
    // And back.
    let undo = desk.undo_plan(&asker, number, "undo").await.unwrap();
    desk.confirm(&asker, undo, "60").await.unwrap();
    assert_eq!(ended(desk, undo).await, "done");
    for (index, name) in names.iter().enumerate() {
        assert!(!control.list("domain", name, "safelist").contains(&format!("friend{index}.example")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_refused_row_by_row_where_the_world_moved_on() {
    let app = TestApp::start(200).await;
    app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let names = names(&app, 3).await;
    let asker = asker(desk).await;
    let servers = vec!["10 100 25 new.web09.example".to_owned()];
    let before = app.sandbox.control().domain(&names[0]).unwrap()["downstreamAddresses"].clone();
    let number = plan(desk, Act::Servers { servers }, &names.join("\n")).await;
    desk.confirm(&asker, number, "").await.unwrap();
    assert_eq!(ended(desk, number).await, "done");
    // Somebody else changes one of them, which a sync finds, and another right before the undo is sent.
    for (name, synced) in [(&names[1], true), (&names[2], false)] {
        let other = plan(desk, Act::Servers { servers: vec!["10 100 25 else.example".to_owned()] }, name).await;
        if synced {
            desk.confirm(&asker, other, "").await.unwrap();
            ended(desk, other).await;
        }
    }
    let undo = desk.undo_plan(&asker, number, "undo").await.unwrap();
    let counts = desk.job(&asker, undo).await.unwrap().counts;
    assert_eq!((counts.verdict(Verdict::Change), counts.verdict(Verdict::Forbidden)), (2, 1));
    let late = plan(desk, Act::Servers { servers: vec!["10 100 25 late.example".to_owned()] }, &names[2]).await;
    desk.confirm(&asker, late, "").await.unwrap();
    ended(desk, late).await;
    desk.confirm(&asker, undo, "").await.unwrap();
    assert_eq!(ended(desk, undo).await, "done");
    let counts = desk.job(&asker, undo).await.unwrap().counts;
    assert_eq!((counts.done, counts.failed), (1, 1));
    let now = |name: &str| app.sandbox.control().domain(name).unwrap()["downstreamAddresses"].clone();
    assert_eq!(now(&names[0]), before);
    assert!(now(&names[1]).to_string().contains("else.example"));
    assert!(now(&names[2]).to_string().contains("late.example"), "what was changed meanwhile stays");
}
