//! The client against a scripted server: what it sends, and what it makes of answers.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test may stop where it stands")]

use mailchannels::{
    Account, AccountId, ApiKey, BatchDomain, Client, CompleteSettings, Config, Domain, DownstreamAddress, Error,
    Filter, Lane, ListName, Provision, Provisioned, PutRecipient, RecipientOutcome, Report, ReportType,
};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, method, path},
};

const KEY: &str = "canary-0123456789";

struct Rig {
    server: MockServer,
    key: ApiKey,
    account: Account,
}

impl Rig {
    async fn new() -> Self {
        let server = MockServer::start().await;
        let mut config = Config::new(format!("{}/inbound/v1", server.uri()).parse().unwrap());
        config.attempt_timeout = Duration::from_millis(400);
        let account = Client::new(config).unwrap().account(&AccountId("test".into()));
        Self { server, key: ApiKey::new(KEY.to_owned()).unwrap(), account }
    }

    fn session(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.key, Lane::Interactive)
    }

    async fn answers(&self, status: u16, body: impl Into<Value>) {
        self.server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(body.into()))
            .mount(&self.server)
            .await;
    }

    /// The requests since the last script.
    async fn sent(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The only request: method, path with query, body.
    async fn one(&self) -> (String, String, Value) {
        let sent = self.sent().await;
        assert_eq!(sent.len(), 1);
        let request = &sent[0];
        assert_eq!(request.headers["x-api-key"], KEY);
        let path = request.url.path().strip_prefix("/inbound/v1").unwrap().to_owned();
        let path = request.url.query().map_or(path.clone(), |query| format!("{path}?{query}"));
        (request.method.to_string(), path, serde_json::from_slice(&request.body).unwrap_or(Value::Null))
    }
}

fn server(target: &str) -> DownstreamAddress {
    DownstreamAddress { priority: 10, weight: 100, port: 25, target: target.into() }
}

/// Runs an operation against an answer, and compares what was sent.
macro_rules! sends {
    ($rig:expr, $status:expr, $answer:expr, |$session:ident| $call:expr, $method:literal, $path:literal, $body:expr) => {{
        $rig.answers($status, $answer).await;
        let $session = $rig.session();
        let result = $call.await;
        assert!(result.is_ok(), "{} {}: {:?}", $method, $path, result.err());
        assert_eq!($rig.one().await, ($method.to_owned(), $path.to_owned(), $body));
        result.unwrap()
    }};
}

#[tokio::test]
async fn every_operation_says_what_the_description_says() {
    let rig = Rig::new().await;
    let d = "Bücherwurm.example";
    let item = json!({ "item": "x.example", "item_type": "domain", "action": "safelist" });
    let none = Value::Null;
    sends!(rig, 200, json!([item]), |s| s.account_list(ListName::Safelist), "GET", "/lists/safelist", none.clone());
    sends!(
        rig,
        201,
        item.clone(),
        |s| s.add_to_account_list(ListName::Blocklist, "x.example"),
        "POST",
        "/lists/blocklist",
        json!({ "item": "x.example" })
    );
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.remove_from_account_list(ListName::Safelist, "a+b@x.example"),
        "DELETE",
        "/lists/safelist?item=a%2Bb%40x.example",
        none.clone()
    );
    sends!(
        rig,
        200,
        json!([item]),
        |s| s.domain_list(d, ListName::Safelist),
        "GET",
        "/domains/xn--bcherwurm-q9a.example/lists/safelist",
        none.clone()
    );
    sends!(
        rig,
        201,
        item.clone(),
        |s| s.add_to_domain_list(d, ListName::Safelist, "2001:db8::1"),
        "POST",
        "/domains/xn--bcherwurm-q9a.example/lists/safelist",
        json!({ "item": "2001:db8::1" })
    );
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.remove_from_domain_list(d, ListName::Safelist, "2001:db8::1"),
        "DELETE",
        "/domains/xn--bcherwurm-q9a.example/lists/safelist?item=2001%3Adb8%3A%3A1",
        none.clone()
    );
    sends!(
        rig,
        200,
        json!([item]),
        |s| s.user_list("a/b@x.example", ListName::Blocklist),
        "GET",
        "/users/a%2Fb%40x.example/lists/blocklist",
        none.clone()
    );
    sends!(
        rig,
        201,
        item.clone(),
        |s| s.add_to_user_list("a@x.example", ListName::Blocklist, "y.example"),
        "POST",
        "/users/a%40x.example/lists/blocklist",
        json!({ "item": "y.example" })
    );
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.remove_from_user_list("a@x.example", ListName::Blocklist, "y.example"),
        "DELETE",
        "/users/a%40x.example/lists/blocklist?item=y.example",
        none.clone()
    );

    let page = sends!(
        rig,
        200,
        json!({ "domains": null, "total": 0 }),
        |s| s.domains_page(5000, 7),
        "GET",
        "/domains?limit=5000&offset=7",
        none.clone()
    );
    assert!(page.domains.is_empty());
    let domain = Domain {
        domain: d.into(),
        subscription_handle: "main".into(),
        downstream_addresses: vec![server("mx.example")],
        aliases: vec!["Ä.example".into()],
        ..Domain::default()
    };
    let wire = json!({
        "domain": "xn--bcherwurm-q9a.example", "subscriptionHandle": "main", "settings": {}, "admins": [], "aliases": ["xn--4ca.example"],
        "downstreamAddresses": [{ "priority": 10, "weight": 100, "port": 25, "target": "mx.example." }],
    });
    let how = Provision { associate_key: true, overwrite: false };
    let made = sends!(
        rig,
        201,
        json!({ "domain": d, "subscriptionHandle": "main" }),
        |s| s.provision(&domain, how),
        "POST",
        "/domains?associate-key=true",
        wire.clone()
    );
    assert!(matches!(made, Provisioned::Created(_)));
    rig.answers(200, json!({ "domain": d, "subscriptionHandle": "main" })).await;
    assert!(matches!(rig.session().provision(&domain, how).await, Ok(Provisioned::Existed(_))));
    let row =
        BatchDomain { domain: d.into(), downstream_address: vec![server("mx.example")], ..BatchDomain::default() };
    let batch = json!({ "domains": [{ "domain": "xn--bcherwurm-q9a.example", "downstreamAddress": [{ "priority": 10, "weight": 100, "port": 25, "target": "mx.example." }] }] });
    let answer = json!({ "successes": [{ "domain": { "domain": d }, "code": 299 }], "errors": null });
    let outcome = sends!(
        rig,
        200,
        answer,
        |s| s.provision_batch("main", std::slice::from_ref(&row), how),
        "POST",
        "/domains/batch?subscriptionHandle=main&associate-key=true",
        batch
    );
    assert_eq!((outcome.successes[0].code, outcome.errors.len()), (299, 0));
    let links = json!({ "successes": [{ "domain": d, "code": 200, "loginLink": "https://c.example/x" }], "errors": [{ "domain": "b.example", "code": 404 }] });
    let links = sends!(
        rig,
        200,
        links,
        |s| s.login_links(&[d]),
        "POST",
        "/domains/batch/login-link",
        json!({ "domains": [{ "domain": "xn--bcherwurm-q9a.example" }] })
    );
    assert_eq!(links.errors[0].login_link, None);
    sends!(rig, 204, none.clone(), |s| s.deprovision(d), "DELETE", "/domains/xn--bcherwurm-q9a.example", none.clone());
    sends!(
        rig,
        200,
        json!({ "domain": { "domain": d }, "alias": "a.example" }),
        |s| s.add_alias(d, "A.example"),
        "POST",
        "/domains/xn--bcherwurm-q9a.example/alias/a.example",
        none.clone()
    );
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.remove_alias(d, "a.example"),
        "DELETE",
        "/domains/xn--bcherwurm-q9a.example/alias/a.example",
        none.clone()
    );
    let link = sends!(
        rig,
        200,
        json!({ "loginLink": "https://c.example/secret" }),
        |s| s.login_link(d),
        "GET",
        "/domains/xn--bcherwurm-q9a.example/login-link",
        none.clone()
    );
    assert!(!format!("{link:?}").contains("secret"));
    let found = sends!(
        rig,
        200,
        json!({ "records": [{ "priority": 10, "weight": 100, "port": 25, "target": "mx.example." }] }),
        |s| s.downstreams(d),
        "GET",
        "/domains/xn--bcherwurm-q9a.example/downstream-address?limit=100",
        none.clone()
    );
    assert_eq!(found, [server("mx.example")]);
    sends!(
        rig,
        201,
        json!({ "records": [] }),
        |s| s.set_downstreams(d, &[]),
        "PUT",
        "/domains/xn--bcherwurm-q9a.example/downstream-address",
        json!({ "records": [] })
    );
    let new = ApiKey::new("new-key".to_owned()).unwrap();
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.associate(d, &new),
        "PUT",
        "/domains/xn--bcherwurm-q9a.example/api-key",
        json!({ "apiKey": "new-key" })
    );
    sends!(
        rig,
        200,
        none.clone(),
        |s| s.set_settings(d, &CompleteSettings::default()),
        "PUT",
        "/domains/xn--bcherwurm-q9a.example/settings",
        json!({ "admins": [], "downstreamAddresses": [], "aliases": [] })
    );
    let plan = json!([{ "handle": "main", "active": true, "plan": { "handle": "p", "name": "P" }, "limits": null, "activeAccountsCount": 3 }]);
    assert_eq!(
        sends!(rig, 200, plan, |s| s.subscriptions(), "GET", "/subscriptions", none.clone())[0].active_accounts_count,
        3
    );
    sends!(rig, 200, none.clone(), |s| s.status(), "GET", "/status", none.clone());
    let person = PutRecipient {
        email: "a@x.example".into(),
        admin: true,
        filter: Filter::Compute,
        safelist: vec!["y.example".into()],
        blocklist: vec![],
    };
    let body = json!({ "list_entries": { "safelist": ["y.example"], "blocklist": [] } });
    let made = sends!(
        rig,
        201,
        json!({ "recipient": { "email_address": "a@x.example", "roles": null, "filter": false } }),
        |s| s.put_recipient(&person),
        "PUT",
        "/users?email_address=a%40x.example&admin=true&filter=compute",
        body
    );
    assert!(matches!(made, RecipientOutcome::Created { recipient, .. } if recipient.filter == Some(false)));
    let report = Report { message_content: "From: a\r\n\r\n\u{fffd}.\r\n".into(), ..Report::default() };
    sends!(
        rig,
        204,
        none.clone(),
        |s| s.report(ReportType::FalsePositive, &report),
        "POST",
        "/report?report_type=false_positive",
        json!({ "messageContent": "From: a\r\n\r\n\u{fffd}.\r\n" })
    );
}

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

#[test]
fn the_list_of_operations_is_the_source() {
    let source =
        [include_str!("../src/lists.rs"), include_str!("../src/ops.rs"), include_str!("../src/provision.rs")].concat();
    for operation in mailchannels::OPERATIONS {
        assert!(source.contains(&format!("pub async fn {operation}(")), "{operation}");
    }
}
