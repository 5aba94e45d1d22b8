//! Answers that are late, lost, cut or refusals.

use crate::{KEY, Rig};
use mailchannels::*;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, method, path},
};

#[tokio::test]
async fn an_empty_body_is_enough_where_the_status_says_all() {
    let rig = Rig::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&rig.server).await;
    assert_eq!(rig.session().put_recipient(&PutRecipient::default()).await, Ok(RecipientOutcome::Existed));
    assert_eq!(rig.session().set_settings("a.example", &CompleteSettings::default()).await, Ok(()));
}

#[tokio::test]
async fn reading_is_tried_again_and_posting_is_not() {
    let rig = Rig::new().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(500)).up_to_n_times(2).mount(&rig.server).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .mount(&rig.server)
        .await;
    assert_eq!(rig.session().subscriptions().await, Ok(vec![]));
    assert_eq!(rig.sent().await.len(), 3);

    for (answer, error) in [
        (ResponseTemplate::new(500), Error::Unavailable { status: Some(500) }),
        (ResponseTemplate::new(502), Error::Ambiguous),
        (ResponseTemplate::new(503), Error::RateLimited),
        (ResponseTemplate::new(200).set_body_string("{\"domain\":"), Error::Ambiguous),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(2)), Error::Ambiguous),
    ] {
        rig.server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&rig.server).await;
        assert_eq!(rig.session().add_alias("a.example", "b.example").await.err(), Some(error));
        assert_eq!(rig.sent().await.len(), 1, "once");
    }
}

#[tokio::test]
async fn a_get_whose_answer_is_late_or_cut_is_tried_three_times() {
    let rig = Rig::new().await;
    for (answer, error) in [
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(2)), Error::Timeout),
        (ResponseTemplate::new(200).set_body_string("[{"), Error::Unavailable { status: Some(200) }),
        (ResponseTemplate::new(503).set_body_string("<html>"), Error::RateLimited),
    ] {
        rig.server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&rig.server).await;
        assert_eq!(rig.session().subscriptions().await, Err(error));
        assert_eq!(rig.sent().await.len(), 3);
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    let rig = Rig::new().await;
    for status in [400, 401, 403, 404, 409, 418] {
        rig.answers(status, Value::Null).await;
        assert!(rig.session().deprovision("a.example").await.is_err());
        assert_eq!(rig.sent().await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_service_that_isnt_there_was_never_asked() {
    let mut config = Config::new("http://127.0.0.1:9/inbound/v1".parse().unwrap());
    config.connect_timeout = Duration::from_millis(200);
    let account = Client::new(config).unwrap().account(&AccountId("test".into()));
    let key = ApiKey::new(KEY.to_owned()).unwrap();
    let lost = account.with_key(&key, Lane::Interactive).add_alias("a.example", "b.example").await;
    assert_eq!(lost.err(), Some(Error::Unavailable { status: None }), "not ambiguous: it was never sent");
    assert_eq!(account.stats().in_window, 3, "so it was tried again, through the limiter");
}

#[tokio::test]
async fn no_redirect_is_followed_with_a_key() {
    let (rig, elsewhere) = (Rig::new().await, MockServer::start().await);
    let away = ResponseTemplate::new(302).insert_header("location", elsewhere.uri());
    Mock::given(any()).respond_with(away).mount(&rig.server).await;
    assert_eq!(rig.session().subscriptions().await, Err(Error::Unexpected { status: 302 }));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn all_domains_are_gathered_though_one_goes_meanwhile() {
    let rig = Rig::new().await;
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let answer = move |request: &Request| {
        let offset: usize = request.url.query_pairs().find(|(name, _)| name == "offset").unwrap().1.parse().unwrap();
        // After the first page d0 is gone, so everything moves up and d4 is on no page.
        let gone = usize::from(calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0);
        let all: Vec<_> = (gone..9).map(|n| json!({ "domain": format!("d{n}.example") })).collect();
        let page: Vec<_> = all.iter().skip(offset).take(4).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "domains": page, "total": all.len() }))
    };
    Mock::given(path("/inbound/v1/domains")).respond_with(answer).mount(&rig.server).await;
    let names: Vec<_> = rig.session().all_domains().await.unwrap().into_iter().map(|domain| domain.domain).collect();
    for n in 1..9 {
        assert!(names.contains(&format!("d{n}.example")), "d{n} in {names:?}");
    }
}

#[tokio::test]
async fn one_domain_is_found_whether_or_not_the_filter_works() {
    let rig = Rig::new().await;
    let page = |names: &[&str], total: usize| json!({ "domains": names.iter().map(|name| json!({ "domain": name })).collect::<Vec<_>>(), "total": total });
    rig.answers(200, page(&["bücherwurm.example"], 1)).await;
    assert!(rig.session().domain("xn--bcherwurm-q9a.example").await.unwrap().is_some());
    rig.answers(200, page(&["other.example"], 1)).await;
    assert!(rig.session().domain("bücherwurm.example").await.unwrap().is_none());
    rig.server.reset().await;
    let everything: Vec<String> = (0..20).map(|n| format!("d{n}.example")).collect();
    let answer = move |request: &Request| {
        let limit: usize = request.url.query_pairs().find(|(name, _)| name == "limit").unwrap().1.parse().unwrap();
        let names: Vec<_> = everything.iter().take(limit).map(|name| json!({ "domain": name })).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "domains": names, "total": 20 }))
    };
    Mock::given(any()).respond_with(answer).mount(&rig.server).await;
    assert!(rig.session().domain("d15.example").await.unwrap().is_some(), "the filter is ignored, yet it is found");
}

#[tokio::test]
async fn a_key_prints_nowhere() {
    let rig = Rig::new().await;
    rig.answers(400, json!({ "message": "bad", "errors": [] })).await;
    let error = rig.session().deprovision("a.example").await.unwrap_err();
    let client = Client::new(Config::new("http://127.0.0.1:9/".parse().unwrap())).unwrap();
    let all = format!("{error} {error:?} {:?} {client:?}", rig.key);
    assert!(!all.contains(KEY), "{all}");
}
