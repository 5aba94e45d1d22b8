use crate::{
    LineFilter, Mark, NewIntent, NewRow,
    testing::{Fixture, job},
};

fn rows(count: usize) -> Vec<NewRow> {
    let row = |index: usize| NewRow {
        line: i64::try_from(index + 1).unwrap(),
        object: format!("d{index}.example"),
        account_id: "a".into(),
        fingerprint: if index.is_multiple_of(2) { "f1".into() } else { "f2".into() },
        verdict: "change",
        input: "{}".into(),
        state: "planned",
        ..NewRow::default()
    };
    (0..count).map(row).collect()
}

fn intent(job: i64, object: &str) -> NewIntent<'_> {
    NewIntent {
        at: 5,
        person_id: "p",
        person_name: "Ann",
        action: "domain.deprovision",
        object_kind: "domain",
        object,
        account_id: None,
        fingerprint: None,
        request_id: "r",
        before: None,
        after: None,
        reason: None,
        job: Some(job),
    }
}

fn sent(job: i64, seq: i64) -> Mark<'static> {
    Mark::Sent { seq, intent: intent(job, "d.example") }
}

fn done(seq: i64) -> Mark<'static> {
    Mark::Ended { seq, state: "done", reason: None, detail: String::new(), after: None, outcome: Some("done".into()) }
}

/// A confirmed job of `count` rows that `me` runs.
async fn running(fixture: &Fixture, count: usize) -> (String, i64) {
    let ann = fixture.person("ann").await;
    let (number, _) = fixture.store.create_job(&job(&ann, "r1"), &rows(count)).await.unwrap();
    assert!(fixture.store.confirm_job(&ann, number, "req", 2).await.unwrap());
    let claimed = fixture.store.claim_job("me", 10, 100).await.unwrap().unwrap();
    assert_eq!((claimed.number, claimed.state.as_str()), (number, "running"));
    (ann, number)
}

async fn states(fixture: &Fixture, number: i64) -> Vec<String> {
    let filter = LineFilter { limit: 100, ..LineFilter::default() };
    fixture.store.job_lines(number, &filter).await.unwrap().into_iter().map(|line| line.state).collect()
}

#[tokio::test]
async fn one_form_makes_one_plan_and_one_button_one_job() {
    let fixture = Fixture::new().await;
    let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
    let (number, new) = store.create_job(&job(&ann, "r1"), &rows(3)).await.unwrap();
    assert!(new);
    assert_eq!(store.create_job(&job(&ann, "r1"), &rows(5)).await.unwrap(), (number, false));
    assert_eq!(states(&fixture, number).await.len(), 3);
    assert!(store.create_job(&job(&bob, "r1"), &rows(1)).await.unwrap().1, "another person's form is another");
    assert!(store.job(&bob, number).await.unwrap().is_none(), "nobody else's");
    assert!(!store.confirm_job(&bob, number, "req", 2).await.unwrap());
    assert!(store.claim_job("me", 10, 100).await.unwrap().is_none(), "a plan is not run");
    assert!(store.confirm_job(&ann, number, "req", 2).await.unwrap());
    assert!(!store.confirm_job(&ann, number, "req", 3).await.unwrap(), "once");
    assert!(!store.discard_plan(&ann, number).await.unwrap(), "what is confirmed is no plan any more");
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_runs_out_and_what_was_sent_is_unknown_then() {
    let fixture = Fixture::new().await;
    let (_, number) = running(&fixture, 3).await;
    let store = &fixture.store;
    assert!(store.claim_job("other", 50, 200).await.unwrap().is_none());
    assert!(!store.renew_lease(number, "other", 300).await.unwrap());
    assert_eq!(store.mark(number, "me", &[sent(number, 1), sent(number, 2)], 11).await.unwrap(), [true, true]);
    assert_eq!(store.mark(number, "me", &[done(2)], 12).await.unwrap(), [true]);
    assert!(store.renew_lease(number, "me", 150).await.unwrap());
    assert!(store.claim_job("other", 149, 300).await.unwrap().is_none());
    assert!(store.claim_job("other", 150, 300).await.unwrap().is_some(), "its process is dead");
    assert_eq!(states(&fixture, number).await, ["unknown", "done", "planned"]);
    assert_eq!(store.mark(number, "me", &[sent(number, 3)], 13).await.unwrap(), [false], "and sends nothing any more");
    assert!(!store.finish_job(number, 14).await.unwrap(), "not before every row has ended");
}

#[tokio::test]
async fn a_row_is_sent_once_and_only_while_its_job_runs() {
    let fixture = Fixture::new().await;
    let (ann, number) = running(&fixture, 3).await;
    let store = &fixture.store;
    assert_eq!(store.mark(number, "me", &[sent(number, 1), sent(number, 1)], 11).await.unwrap(), [true, false]);
    assert!(store.pause_job(number, "what", "next").await.unwrap());
    assert_eq!(store.mark(number, "me", &[sent(number, 2), done(1)], 12).await.unwrap(), [false, true]);
    assert_eq!(states(&fixture, number).await, ["done", "planned", "planned"]);
    assert!(store.resume_job(&ann, number).await.unwrap());
    store.pause_own_job(number, "me", "late", "").await.unwrap();
    assert_eq!(store.job(&ann, number).await.unwrap().unwrap().state, "queued", "the old run's end pauses no new one");
    assert!(store.cancel_job(&ann, number, 13).await.unwrap());
    assert_eq!(states(&fixture, number).await, ["done", "left", "left"]);
    let history = store.history("domain", "d.example", 10).await.unwrap();
    assert_eq!(history.len(), 2, "one intent, one outcome");
    assert!(history.iter().all(|row| row.job == Some(number)));
    assert!(store.unfinished_intents().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_not_done_waits_and_is_tried_again_unless_its_job_was_cancelled() {
    let fixture = Fixture::new().await;
    let (ann, number) = running(&fixture, 2).await;
    let store = &fixture.store;
    let due = async |now| store.due_lines(number, "a", "planned", now, 10).await.unwrap().len();
    store.mark(number, "me", &[sent(number, 1), sent(number, 2)], 11).await.unwrap();
    let again = |seq, counts| Mark::Again { seq, not_before: 500, counts, outcome: "failed".into() };
    store.mark(number, "me", &[again(1, true)], 12).await.unwrap();
    assert_eq!((due(499).await, due(500).await), (0, 1));
    assert_eq!(store.next_due(number, "a").await.unwrap(), Some(500));
    let filter = LineFilter { limit: 10, ..LineFilter::default() };
    assert_eq!(store.job_lines(number, &filter).await.unwrap()[0].tries, 1);
    assert!(store.cancel_job(&ann, number, 13).await.unwrap());
    store.mark(number, "me", &[again(2, false)], 14).await.unwrap();
    assert_eq!(states(&fixture, number).await, ["left", "left"]);
}

#[tokio::test]
async fn the_rows_of_a_rejected_key_wait_alone() {
    let fixture = Fixture::new().await;
    let (ann, number) = running(&fixture, 4).await;
    let store = &fixture.store;
    store.hold_key(number, "f1").await.unwrap();
    store.hold_key(number, "f1").await.unwrap();
    let due = store.due_lines(number, "a", "planned", 20, 10).await.unwrap();
    assert_eq!(due.iter().map(|line| line.seq).collect::<Vec<_>>(), [2, 4]);
    store.pause_job(number, "what", "next").await.unwrap();
    store.resume_job(&ann, number).await.unwrap();
    assert_eq!(store.due_lines(number, "a", "planned", 20, 10).await.unwrap().len(), 4, "tried again after a resume");
}

#[tokio::test]
async fn old_plans_and_jobs_go_with_their_rows() {
    let fixture = Fixture::new().await;
    let (ann, number) = running(&fixture, 1).await;
    let store = &fixture.store;
    let (plan, _) = store.create_job(&job(&ann, "r2"), &rows(1)).await.unwrap();
    store.mark(number, "me", &[sent(number, 1), done(1)], 11).await.unwrap();
    assert!(store.finish_job(number, 12).await.unwrap());
    assert_eq!(store.purge_jobs(1, 1).await.unwrap(), 0);
    assert_eq!(store.purge_jobs(2, 1).await.unwrap(), 1);
    assert!(store.job(&ann, plan).await.unwrap().is_none() && states(&fixture, plan).await.is_empty());
    assert_eq!(store.purge_jobs(2, 2).await.unwrap(), 1);
    assert!(store.job(&ann, number).await.unwrap().is_none());
    assert_eq!(store.history("domain", "d.example", 10).await.unwrap().len(), 2, "the audit log stays");
}

#[tokio::test]
async fn the_rows_of_several_jobs_are_counted_as_those_of_each() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (ann, first) = running(&fixture, 3).await;
    assert_eq!(store.mark(first, "me", &[sent(first, 1)], 20).await.unwrap(), [true]);
    let (second, _) = store.create_job(&job(&ann, "r2"), &rows(5)).await.unwrap();
    let (other, _) = store.create_job(&job(&ann, "r3"), &rows(7)).await.unwrap();
    let counts = store.counts_of_jobs(&[first, second]).await.unwrap();
    assert_eq!(counts.len(), 2, "job {other} was not asked for");
    for number in [first, second] {
        let (mut all, mut each) = (counts[&number].clone(), store.job_counts(number).await.unwrap());
        all.sort();
        each.sort();
        assert_eq!(all, each);
    }
    assert_eq!(counts[&first].len(), 2, "one is sent, two wait");
}
