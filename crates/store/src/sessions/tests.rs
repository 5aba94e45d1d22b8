use super::*;
use crate::testing::Fixture;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
};

fn at_1000() -> i64 {
    1_000
}

fn record(expires_at: i64, person: Option<&str>) -> Record {
    let data = person.map(|id| (PERSON.to_owned(), id.into())).into_iter().collect::<HashMap<_, _>>();
    Record {
        id: Id::default(),
        data,
        expiry_date: OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1_000_000).unwrap(),
    }
}

#[tokio::test]
async fn a_session_lives_until_deleted_and_is_not_resurrected() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let sessions = Sessions::new(fixture.store.clone(), at_1000);
    let mut session = record(2_000, None);
    sessions.create(&mut session).await.unwrap();
    assert_eq!(sessions.load(&session.id).await.unwrap().as_ref(), Some(&session));

    session.data.insert(PERSON.into(), ann.as_str().into());
    sessions.save(&session).await.unwrap();
    assert_eq!(sessions.load(&session.id).await.unwrap().as_ref(), Some(&session));

    // Signed out while another request of the same session is in flight; that one saves late.
    sessions.delete(&session.id).await.unwrap();
    sessions.save(&session).await.unwrap();
    assert_eq!(sessions.load(&session.id).await.unwrap(), None);
}

#[tokio::test]
async fn all_sessions_of_a_person_end_at_once() {
    let fixture = Fixture::new().await;
    let (ann, bob) = fixture.two_people().await;
    let sessions = Sessions::new(fixture.store.clone(), at_1000);
    let mut all =
        [record(2_000, Some(&ann)), record(2_000, Some(&ann)), record(2_000, Some(&bob)), record(2_000, None)];
    for session in &mut all {
        sessions.create(session).await.unwrap();
    }
    assert_eq!(fixture.store.delete_sessions_of(&ann).await.unwrap(), 2);
    sessions.save(&all[0]).await.unwrap();
    let mut alive = Vec::new();
    for session in &all {
        alive.push(sessions.load(&session.id).await.unwrap().is_some());
    }
    assert_eq!(alive, [false, false, true, true]);
}

#[tokio::test]
async fn expired_sessions_do_not_load_and_are_deleted() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let fixture = Fixture::new().await;
    let sessions = Sessions::new(fixture.store.clone(), || NOW.load(Ordering::SeqCst));
    let mut session = record(2_000, None);
    sessions.create(&mut session).await.unwrap();
    NOW.store(1_999, Ordering::SeqCst);
    assert!(sessions.load(&session.id).await.unwrap().is_some());
    assert_eq!(fixture.store.delete_expired(1_999).await.unwrap(), 0);
    NOW.store(2_000, Ordering::SeqCst);
    assert!(sessions.load(&session.id).await.unwrap().is_none());
    assert_eq!(fixture.store.delete_expired(2_000).await.unwrap(), 1);
}

#[tokio::test]
async fn an_id_taken_already_is_drawn_anew() {
    let fixture = Fixture::new().await;
    let sessions = Sessions::new(fixture.store.clone(), at_1000);
    let mut first = record(2_000, None);
    sessions.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..record(3_000, None) };
    sessions.create(&mut second).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(sessions.load(&first.id).await.unwrap(), Some(first));
}

#[tokio::test]
async fn the_file_does_not_hold_the_id() {
    let fixture = Fixture::new().await;
    let sessions = Sessions::new(fixture.store.clone(), at_1000);
    let mut session = record(2_000, None);
    sessions.create(&mut session).await.unwrap();
    fixture.store.close().await;
    let (raw, printed) = (session.id.0.to_le_bytes(), session.id.to_string());
    for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(raw.len()).any(|window| window == raw));
        assert!(!bytes.windows(printed.len()).any(|window| window == printed.as_bytes()));
    }
}
