//! Every operation: method, path, body, and its answer.

use crate::Rig;
use mailchannels::*;
use serde_json::{Value, json};

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
        admins: vec!["Ünal+a@Bücher.example".into()],
        downstream_addresses: vec![server("MX.Bücher.example.")],
        aliases: vec!["Ä.example".into()],
        ..Domain::default()
    };
    let wire = json!({
        "domain": "xn--bcherwurm-q9a.example", "subscriptionHandle": "main", "settings": {},
        "admins": ["Ünal+a@xn--bcher-kva.example"], "aliases": ["xn--4ca.example"],
        "downstreamAddresses": [{ "priority": 10, "weight": 100, "port": 25, "target": "mx.xn--bcher-kva.example." }],
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
