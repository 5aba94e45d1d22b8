use super::*;
use crate::{NewPerson, testing::Fixture};

const NOW: i64 = 100_000_000;

fn hash(token: &str) -> TokenHash {
    TokenHash::of(token)
}

fn new<'a>(token: &'a str, person_id: &'a str) -> NewSession<'a> {
    NewSession {
        hash: hash(token),
        name: token,
        person_id,
        epoch: 0,
        mode: "oidc",
        proved_at: NOW,
        device: "Firefox on Linux",
        address: "192.0.2.1",
        provider_session: Some("sid"),
        hint: None,
        now: NOW,
    }
}

impl Fixture {
    async fn alive(&self, token: &str, now: i64) -> bool {
        self.store.session(hash(token), now).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_session_lives_until_ended_and_is_not_resurrected() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    fixture.store.begin_session(&new("t", &ann)).await.unwrap();
    let found = fixture.store.session(hash("t"), NOW).await.unwrap().unwrap();
    assert_eq!((found.person.id.as_str(), found.session.device.as_str()), (ann.as_str(), "Firefox on Linux"));
    assert!(!fixture.alive("u", NOW).await);

    // Signed out while other requests of the same session are in flight; those note it late.
    assert_eq!(fixture.store.end_session(hash("t")).await.unwrap().unwrap().person_id, ann);
    fixture.store.touch_session(hash("t"), NOW + 1).await.unwrap();
    assert!(!fixture.store.renew_session(hash("t"), &new("v", &ann)).await.unwrap());
    assert!(!fixture.alive("t", NOW).await && !fixture.alive("v", NOW).await);
}

#[tokio::test]
async fn idle_and_absolute_ends() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    fixture.store.begin_session(&new("t", &ann)).await.unwrap();
    assert!(fixture.alive("t", NOW + IDLE_MS - 1).await);
    assert!(!fixture.alive("t", NOW + IDLE_MS).await);
    // Busy all day.
    for minute in 0..480 {
        let now = NOW + minute * 60_000;
        assert!(fixture.alive("t", now).await, "minute {minute}");
        fixture.store.touch_session(hash("t"), now).await.unwrap();
    }
    assert!(fixture.alive("t", NOW + ABSOLUTE_MS - 1).await);
    assert!(!fixture.alive("t", NOW + ABSOLUTE_MS).await);
    assert_eq!(fixture.store.delete_expired(NOW + ABSOLUTE_MS - 1).await.unwrap(), 0);
    assert_eq!(fixture.store.delete_expired(NOW + ABSOLUTE_MS).await.unwrap(), 1);
}

#[tokio::test]
async fn a_step_up_changes_the_token_and_not_the_day() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    fixture.store.begin_session(&new("old", &ann)).await.unwrap();
    let later = NewSession { now: NOW + 60_000, proved_at: NOW + 60_000, ..new("new", &ann) };
    assert!(fixture.store.renew_session(hash("old"), &later).await.unwrap());
    assert!(!fixture.alive("old", NOW).await);
    let session = fixture.store.session(hash("new"), NOW + 60_000).await.unwrap().unwrap().session;
    assert_eq!((session.started_at, session.proved_at), (NOW, NOW + 60_000));
    // Nobody steps up in another's session.
    let bob = fixture.person("bob").await;
    assert!(!fixture.store.renew_session(hash("new"), &new("bobs", &bob)).await.unwrap());
    assert!(fixture.alive("new", NOW).await);
}

#[tokio::test]
async fn whoever_is_shut_out_or_gets_another_role_is_signed_out() {
    let fixture = Fixture::new().await;
    let (ann, bob) = fixture.two_people().await;
    for (token, person) in [("a1", &ann), ("a2", &ann), ("b", &bob)] {
        fixture.store.begin_session(&new(token, person)).await.unwrap();
    }
    assert!(fixture.store.set_disabled(&ann, Some("Ines"), NOW).await.unwrap());
    assert!(!fixture.store.set_disabled(&ann, Some("Ines"), NOW).await.unwrap());
    assert!(!fixture.alive("a1", NOW).await && fixture.alive("b", NOW).await);
    // A session that a request in flight begins with the old epoch is dead from the start, also after they are back.
    fixture.store.begin_session(&new("a3", &ann)).await.unwrap();
    assert!(!fixture.alive("a3", NOW).await);
    assert!(fixture.store.set_disabled(&ann, None, NOW).await.unwrap());
    assert!(!fixture.alive("a3", NOW).await);
    let changed =
        NewPerson { issuer: "test", subject: "bob", name: "bob", email: None, role: "agent", mapped_by: "g", now: NOW };
    assert_eq!(fixture.store.upsert_person(&changed).await.unwrap().mapped_by, "g");
    assert!(!fixture.alive("b", NOW).await);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_name_or_by_the_provider() {
    let fixture = Fixture::new().await;
    let (ann, bob) = fixture.two_people().await;
    for (token, person, sid) in [("a1", &ann, "x"), ("a2", &ann, "y"), ("a3", &ann, "z"), ("b", &bob, "x")] {
        let session = NewSession { provider_session: Some(sid), ..new(token, person) };
        fixture.store.begin_session(&session).await.unwrap();
    }
    assert_eq!(fixture.store.sessions_of(&ann, NOW).await.unwrap().len(), 3);
    assert!(!fixture.store.end_named_session(&bob, "a1").await.unwrap(), "another's");
    let ended = fixture.store.end_provider_sessions("test", Some("ann"), Some("x")).await.unwrap();
    assert_eq!(ended.iter().map(|ended| ended.name.as_str()).collect::<Vec<_>>(), ["a1"]);
    assert!(fixture.store.end_provider_sessions("other", Some("ann"), None).await.unwrap().is_empty());
    assert!(fixture.store.end_provider_sessions("test", None, None).await.unwrap().is_empty());
    assert_eq!(fixture.store.end_sessions_of(&ann, Some("a2")).await.unwrap(), 1);
    assert!(fixture.alive("a2", NOW).await && fixture.alive("b", NOW).await);
}

#[tokio::test]
async fn what_was_begun_and_links_count_once_and_ten_minutes() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let begun = BegunRow {
        state: "s".into(),
        nonce: "n".into(),
        verifier: "v".into(),
        back: "/keys".into(),
        session: Some(hash("t")),
    };
    let store = &fixture.store;
    store.begin_sign_in(hash("f"), &begun, NOW).await.unwrap();
    assert_eq!(store.take_sign_in(hash("g"), NOW).await.unwrap(), None);
    assert_eq!(store.take_sign_in(hash("f"), NOW + BEGUN_MS - 1).await.unwrap(), Some(begun.clone()));
    assert_eq!(store.take_sign_in(hash("f"), NOW).await.unwrap(), None, "once");
    store.begin_sign_in(hash("f"), &begun, NOW).await.unwrap();
    assert_eq!(store.take_sign_in(hash("f"), NOW + BEGUN_MS).await.unwrap(), None, "too late");

    store.add_link(hash("l1"), &ann, NOW).await.unwrap();
    store.add_link(hash("l2"), &ann, NOW).await.unwrap();
    assert_eq!(store.take_link(hash("l1"), NOW).await.unwrap(), None, "a later one voids it");
    assert_eq!(store.take_link(hash("l2"), NOW + 1).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.take_link(hash("l2"), NOW + 1).await.unwrap(), None, "once");
    store.add_link(hash("l3"), &ann, NOW).await.unwrap();
    assert_eq!(store.take_link(hash("l3"), NOW + BEGUN_MS).await.unwrap(), None, "too late");

    assert!(store.note_logout("j", NOW).await.unwrap());
    assert!(!store.note_logout("j", NOW).await.unwrap());
}

#[tokio::test]
async fn the_file_does_not_hold_the_token() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    let token = "kJ3vYw0-a-token-as-it-travels-9Qx";
    fixture.store.begin_session(&NewSession { name: "n", ..new(token, &ann) }).await.unwrap();
    fixture.store.close().await;
    for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
}

#[tokio::test]
async fn every_request_s_question_reads_an_index() {
    let fixture = Fixture::new().await;
    let plan: Vec<(i64, i64, i64, String)> = fixture
        .store
        .rows(concat!(
            "EXPLAIN QUERY PLAN ",
            "SELECT p.* FROM sessions s JOIN people p ON p.id = s.person_id WHERE s.id_hash = ?1"
        ))
        .bind(hash("t").bytes())
        .fetch_all(fixture.store.read())
        .await
        .unwrap();
    assert!(plan.iter().all(|row| row.3.starts_with("SEARCH")), "{plan:?}");
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_session_longer() {
    let fixture = Fixture::new().await;
    let ann = fixture.person("ann").await;
    fixture.store.begin_session(&new("t", &ann)).await.unwrap();
    assert!(!fixture.alive("t", NOW + ABSOLUTE_MS).await, "forward: it ends");
    assert!(fixture.alive("t", NOW - 299_000).await, "clocks are set by a little");
    assert!(!fixture.alive("t", NOW - 301_000).await, "back: it does not count until its time has come");
    assert!(fixture.alive("t", NOW + 1).await, "and when the clock is right, it is as it was");
    // A note from the future must not keep it alive beyond its day either.
    fixture.store.touch_session(hash("t"), NOW + 2 * ABSOLUTE_MS).await.unwrap();
    assert!(!fixture.alive("t", NOW + ABSOLUTE_MS).await);
    assert_eq!(fixture.store.census(NOW - 301_000).await.unwrap().sessions, 0);
}
