//! Answers that never came whole, and what a repeat then means.

use crate::{Rig, config, raw::Raw};
use mailchannels::*;
use std::time::{Duration, Instant};
use wiremock::{Mock, ResponseTemplate, matchers::any};

const HANG_UP: &str = "";
const CUT_200: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"";
const CUT_201: &str = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"";
const CUT_404: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{\"";
const EMPTY_LIST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";

#[tokio::test]
async fn a_hang_up_is_repeated_but_for_a_post() {
    let raw = Raw::new(&[HANG_UP, HANG_UP, EMPTY_LIST]).await;
    assert_eq!(raw.session().subscriptions().await, Ok(vec![]));
    assert_eq!(raw.asked(), 3);

    let raw = Raw::new(&[HANG_UP]).await;
    assert_eq!(raw.session().add_alias("a.example", "b.example").await.err(), Some(Error::Ambiguous));
    assert_eq!(raw.asked(), 1, "it may have been done");
    assert_eq!(raw.session().deprovision("a.example").await.err(), Some(Error::Unavailable { status: None }));
    assert_eq!(raw.asked(), 4);
}

#[tokio::test]
async fn a_cut_body_fails_only_those_who_need_it() {
    let raw = Raw::new(&[CUT_200, EMPTY_LIST]).await;
    assert_eq!(raw.session().subscriptions().await, Ok(vec![]));
    assert_eq!(raw.asked(), 2);

    let raw = Raw::new(&[CUT_200]).await;
    assert_eq!(raw.session().set_settings("a.example", &CompleteSettings::default()).await, Ok(()));
    assert_eq!(raw.asked(), 1, "the status said it");
    assert_eq!(raw.session().add_alias("a.example", "b.example").await.err(), Some(Error::Ambiguous));
    assert_eq!(raw.asked(), 2);

    let raw = Raw::new(&[CUT_201]).await;
    let person = PutRecipient { email: "u@a.example".into(), ..PutRecipient::default() };
    let made = raw.session().put_recipient(&person).await;
    assert!(
        matches!(&made, Ok(RecipientOutcome::Created { recipient, .. }) if recipient.email_address == "u@a.example"),
        "not asked again, or it would have existed: {made:?}"
    );
    let servers = [DownstreamAddress { priority: 10, weight: 1, port: 25, target: "mx.example".into() }];
    assert_eq!(raw.session().set_downstreams("a.example", &servers).await.as_deref(), Ok(&servers[..]));

    let raw = Raw::new(&[CUT_404]).await;
    assert_eq!(
        raw.session().deprovision("a.example").await,
        Err(Error::NotFound { message: String::new() }),
        "a refusal without its words"
    );
}

/// Answers with one status first, then with the other for good.
async fn then(first: u16, second: u16) -> Rig {
    let rig = Rig::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(first)).up_to_n_times(1).mount(&rig.server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(second)).mount(&rig.server).await;
    rig
}

#[tokio::test]
async fn a_repeated_delete_that_finds_nothing_did_it_the_first_time() {
    for lost in [500, 502, 504] {
        let rig = then(lost, 404).await;
        assert_eq!(rig.session().deprovision("a.example").await, Ok(()), "{lost}");
        let rig = then(lost, 404).await;
        assert_eq!(rig.session().remove_alias("a.example", "b.example").await, Ok(()), "{lost}");
    }
    let rig = then(503, 404).await;
    let missing = rig.session().deprovision("a.example").await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "a 503 did nothing, so it never was there: {missing:?}");
}

#[tokio::test]
async fn a_repeated_association_that_is_refused_may_have_moved_the_domain() {
    let new = ApiKey::new("new-key".to_owned()).unwrap();
    for refusal in [403, 404] {
        let rig = then(502, refusal).await;
        assert_eq!(rig.session().associate("a.example", &new).await, Err(Error::Ambiguous), "{refusal}");
    }
    let rig = then(403, 403).await;
    assert!(matches!(rig.session().associate("a.example", &new).await, Err(Error::Forbidden { .. })));
}

#[tokio::test]
async fn a_repeated_recipient_that_exists_may_be_our_own() {
    let rig = then(502, 200).await;
    assert_eq!(rig.session().put_recipient(&PutRecipient::default()).await, Err(Error::Ambiguous));
    let rig = then(503, 200).await;
    assert_eq!(rig.session().put_recipient(&PutRecipient::default()).await, Ok(RecipientOutcome::Existed));
}

#[tokio::test]
async fn a_call_ends_in_its_time_though_a_try_may_last_longer() {
    let rig = Rig::with(|config| {
        config.attempt_timeout = Duration::from_secs(20);
        config.call_timeout = Duration::from_millis(300);
    })
    .await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    Mock::given(any()).respond_with(late).mount(&rig.server).await;
    let began = Instant::now();
    assert_eq!(rig.session().status().await, Err(Error::Timeout));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn each_repeat_costs_one_of_the_budget() {
    let rig = Rig::new().await;
    rig.answers(500, ()).await;
    for _ in 0..5 {
        rig.session().status().await.unwrap_err();
    }
    assert_eq!(rig.sent().await.len(), 15, "ten repeats are always allowed");
}

#[tokio::test]
async fn a_dead_service_is_left_alone_and_a_bad_name_does_not_wake_it() {
    let rig = Rig::new().await;
    rig.answers(500, ()).await;
    let mut calls = 0;
    while rig.session().status().await != Err(Error::BreakerOpen) {
        calls += 1;
        assert!(calls < 50, "it never opens");
    }
    let sent = rig.sent().await.len();
    let refused_here = rig.session().deprovision("..").await;
    assert!(matches!(refused_here, Err(Error::Invalid { .. })), "{refused_here:?}");
    assert_eq!(rig.session().status().await, Err(Error::BreakerOpen));
    assert_eq!(rig.sent().await.len(), sent, "nothing more was sent");
    let looked = loop {
        match rig.session().status().await {
            Err(Error::BreakerOpen) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => break other,
        }
    };
    assert_eq!(looked, Err(Error::Unavailable { status: Some(500) }), "who looks hears what there is");
    assert_eq!(rig.sent().await.len(), sent + 1, "and looks once");
    assert_eq!(rig.session().status().await, Err(Error::BreakerOpen));
}

#[tokio::test]
async fn a_service_that_hangs_is_left_alone_though_nobody_waits_for_the_timeout() {
    let rig = Rig::with(|config| config.attempt_timeout = Duration::from_secs(50)).await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(50));
    Mock::given(any()).respond_with(late).mount(&rig.server).await;
    let mut impatient = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (account, key) = rig.twin();
        impatient.spawn(async move {
            let session = account.with_key(&key, Lane::Interactive);
            tokio::time::timeout(Duration::from_secs(6), session.status()).await.is_err()
        });
    }
    assert!(impatient.join_all().await.into_iter().all(|gave_up| gave_up));
    assert_eq!(rig.session().status().await, Err(Error::BreakerOpen));
}

#[tokio::test]
async fn refusals_never_open_the_breaker() {
    let rig = Rig::new().await;
    for status in [400, 401, 403, 404, 409] {
        rig.answers(status, ()).await;
        for _ in 0..30 {
            assert_ne!(rig.session().status().await, Err(Error::BreakerOpen));
        }
    }
}

#[test]
fn a_base_url_that_would_lose_or_leak_something_is_refused() {
    for bad in ["ftp://api.example/", "https://me:secret@api.example/", "https://api.example/?a=b", "data:x"] {
        let error = Client::new(Config::new(bad.parse().unwrap())).unwrap_err();
        assert!(matches!(error, BuildError::BaseUrl), "{bad}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    assert!(Client::new(config("http://127.0.0.1:9/inbound/v1/")).is_ok());
}

#[tokio::test]
async fn more_than_the_description_allows_is_not_sent() {
    let rig = Rig::new().await;
    rig.answers(200, ()).await;
    let rows = vec![BatchDomain { domain: "a.example".into(), ..BatchDomain::default() }; BATCH_MAX + 1];
    let batch = rig.session().provision_batch("main", &rows, Provision::default()).await;
    assert!(matches!(batch, Err(Error::Invalid { .. })));
    assert!(matches!(rig.session().login_links(&["a.example"; BATCH_MAX + 1]).await, Err(Error::Invalid { .. })));
    let server = DownstreamAddress { priority: 10, weight: 1, port: 25, target: "mx.example".into() };
    let servers = vec![server; DOWNSTREAMS_MAX + 1];
    assert!(matches!(rig.session().set_downstreams("a.example", &servers).await, Err(Error::Invalid { .. })));
    assert!(rig.sent().await.is_empty());
}
