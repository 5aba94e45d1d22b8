//! All operations at once, against one scripted answer: what must hold for each of them.

use crate::{KEY, Rig};
use mailchannels::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const D: &str = "a.example";

/// Runs each operation once, each for a customer of its own, so that no breaker of another one is in
/// its way. A new operation without a line here fails the first test.
async fn all(rig: &Rig) -> Vec<(&'static str, Result<(), Error>)> {
    let new = ApiKey::new("canary-new-9876543210".to_owned()).unwrap();
    let (list, user, how) = (ListName::Safelist, "u@a.example", Provision::default());
    macro_rules! outcomes {
        ($($name:ident($($argument:expr),*);)*) => {
            vec![$((stringify!($name), rig.fresh().$name($($argument),*).await.map(drop))),*]
        };
    }
    outcomes! {
        account_list(list);
        add_to_account_list(list, "x.example");
        remove_from_account_list(list, "x.example");
        domains_page(10, 0);
        provision(&Domain { domain: D.into(), ..Domain::default() }, how);
        provision_batch("main", &[], how);
        login_links(&[D]);
        deprovision(D);
        add_alias(D, "b.example");
        remove_alias(D, "b.example");
        login_link(D);
        domain_list(D, list);
        add_to_domain_list(D, list, "x.example");
        remove_from_domain_list(D, list, "x.example");
        downstreams(D);
        set_downstreams(D, &[]);
        associate(D, &new);
        set_settings(D, &CompleteSettings::default());
        user_list(user, list);
        add_to_user_list(user, list, "x.example");
        remove_from_user_list(user, list, "x.example");
        subscriptions();
        status();
        put_recipient(&PutRecipient { email: user.into(), ..PutRecipient::default() });
        report(ReportType::FalseNegative, &Report::default());
    }
}

#[tokio::test]
async fn each_operation_of_the_list_is_there_and_is_a_call_of_its_own() {
    let rig = Rig::new().await;
    rig.answers(400, Value::Null).await;
    let ran: BTreeSet<_> = all(&rig).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(ran, OPERATIONS.into_iter().collect());
    let sent: BTreeSet<_> = rig.sent().await.iter().map(|r| (r.method.to_string(), r.url.path().to_owned())).collect();
    assert_eq!(sent.len(), OPERATIONS.len(), "no two are the same call");
}

#[tokio::test]
async fn a_401_is_the_key_but_for_a_login_link_and_a_report() {
    let rig = Rig::new().await;
    rig.answers(401, json!({ "message": "no" })).await;
    for (name, result) in all(&rig).await {
        match name {
            "login_link" | "report" => assert_eq!(result, Err(Error::NotYours { message: "no".into() }), "{name}"),
            _ => assert_eq!(result, Err(Error::BadKey), "{name}"),
        }
    }
}

#[tokio::test]
async fn a_403_is_a_limit_only_where_there_are_limits() {
    let rig = Rig::new().await;
    rig.answers(403, json!({ "message": "limit on domains is reached" })).await;
    for (name, result) in all(&rig).await {
        match name {
            "provision" | "provision_batch" | "put_recipient" => {
                assert!(matches!(result, Err(Error::LimitReached { .. })), "{name}: {result:?}");
            }
            _ => assert!(matches!(result, Err(Error::Forbidden { .. })), "{name}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_post_is_sent_once_whatever_comes_back() {
    let with = async |status| {
        let rig = Rig::new().await;
        rig.answers(status, Value::Null).await;
        all(&rig).await;
        let posts: Vec<_> =
            rig.sent().await.into_iter().filter(|r| r.method == "POST").map(|r| r.url.path().to_owned()).collect();
        assert_eq!(posts.len(), posts.iter().collect::<BTreeSet<_>>().len(), "{status}: {posts:?}");
        assert_eq!(posts.len(), 8, "{status}: {posts:?}");
    };
    tokio::join!(with(500), with(502), with(503), with(504));
}

#[tokio::test]
async fn no_operation_follows_a_redirect() {
    let (rig, elsewhere) = (Rig::new().await, MockServer::start().await);
    for status in [301, 302, 303, 307, 308] {
        rig.server.reset().await;
        let away = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        Mock::given(any()).respond_with(away).mount(&rig.server).await;
        for (name, result) in all(&rig).await {
            assert_eq!(result, Err(Error::Unexpected { status }), "{name}");
        }
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_service_that_repeats_the_key_does_not_spread_it() {
    let rig = Rig::new().await;
    for status in [400, 401, 403, 404, 409, 500] {
        let said = format!("key {KEY} or canary-new-9876543210 is bad");
        rig.answers(status, json!({ "message": said, "errors": [said] })).await;
        for (name, result) in all(&rig).await {
            let shown = format!("{result:?}");
            assert!(!shown.contains(KEY), "{name}: {shown}");
            assert!(name != "associate" || !shown.contains("canary-new"), "{shown}");
        }
    }
}
