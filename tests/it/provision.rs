//! Provisioning one and many.

use crate::app::{Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};

/// A key and a subscription that the forms offer.
pub(crate) async fn key_and_subscription(lead: &Browser) -> (String, String) {
    let page = lead.get("/provision/many").await.text;
    let key = page
        .split("name=\"key\"")
        .nth(1)
        .unwrap()
        .split("<option value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let subscription = page
        .split("name=\"subscription\"")
        .nth(1)
        .unwrap()
        .split("<option value=\"")
        .skip(1)
        .map(|option| option.split('"').next().unwrap().to_owned())
        .find(|value| !value.is_empty())
        .unwrap();
    (key, subscription)
}

async fn one(lead: &Browser, domain: &str, extra: &[(&str, &str)]) -> String {
    let (key, subscription) = key_and_subscription(lead).await;
    let mut form = vec![
        ("key", key.as_str()),
        ("subscription", &subscription),
        ("lock", "true"),
        ("domain", domain),
        ("policy", "block"),
    ];
    form.extend_from_slice(extra);
    lead.submit("/do/provision/one", &form).await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn one_domain_with_all_sections() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let page = one(
        &lead,
        "Neue-Bücher.example",
        &[
            ("servers[0][priority]", "10"),
            ("servers[0][weight]", "100"),
            ("servers[0][port]", "2525"),
            ("servers[0][target]", "mx.web07.example"),
            ("aliases", "neu.example"),
            ("admins", "chef@neu.example"),
        ],
    )
    .await;
    assert!(page.contains("is provisioned") && page.contains("neue-bücher.example"), "{page}");
    let there = app.sandbox.control().domain("neue-bücher.example").expect("it is there");
    assert_eq!(there["key"], "web07");
    assert_eq!(there["settings"]["abusePolicy"], "block");
    assert_eq!(there["downstreamAddresses"][0]["port"], 2525);
    assert_eq!(there["aliases"], serde_json::json!(["neu.example"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn exists_conflict_limit_and_wrong_input_are_four_messages() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    assert!(
        one(&lead, "bikeshop-northgate.example", &[]).await.contains("was provisioned already; nothing was changed")
    );
    assert!(
        one(&lead, "owned-by-other.example", &[]).await.contains("is provisioned for another MailChannels customer")
    );
    app.sandbox.control().add_fault(
        Fault::new(
            "provision",
            FaultKind::Status {
                code: 403,
                body: Some(r#"{"code":403,"message":"the limit on associated domains is reached","errors":[]}"#.into()),
            },
        )
        .times(1),
    );
    assert!(one(&lead, "new.example", &[]).await.contains("limit is reached"));
    let page =
        one(&lead, "new shop.example", &[("aliases", "fine.example\n-bad-.example"), ("admins", "nobody")]).await;
    for field in ["one-domain-err", "one-aliases-err", "one-admins-err"] {
        assert!(page.contains(field), "{field}: {page}");
    }
    assert!(page.contains("value=\"new shop.example\"") && page.contains("-bad-.example"), "what was typed is kept");
}

async fn check(lead: &Browser, text: &str) -> String {
    let (key, subscription) = key_and_subscription(lead).await;
    lead.submit(
        "/do/provision/check",
        &[("key", &key), ("subscription", &subscription), ("lock", "true"), ("text", text)],
    )
    .await
    .text
}

#[tokio::test(flavor = "multi_thread")]
async fn many_with_an_outcome_for_each_row() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let preview = check(&lead, "domain,servers,policy\none.example,10 100 25 mx.web07.example,block\nowned-by-other.example,,\nbikeshop-northgate.example,,\nköln.example,mx.web07.example,flag\n").await;
    assert!(preview.contains("4 domains will be provisioned"), "{preview}");
    assert!(app.sandbox.control().domain("one.example").is_none(), "nothing is sent before the button");
    let draft = hidden(&preview, "/do/provision/send", "draft");
    let outcome = lead.submit("/do/provision/send", &[("draft", &draft)]).await.text;
    let row = |domain: &str| {
        outcome
            .split("<tr")
            .find(|row| row.contains(domain))
            .unwrap_or_else(|| panic!("{domain} in {outcome}"))
            .to_owned()
    };
    assert!(row("one.example").contains("Provisioned"), "{outcome}");
    assert!(
        row("owned-by-other.example").contains("Not provisioned")
            && row("owned-by-other.example").contains("another MailChannels customer"),
        "{outcome}"
    );
    assert!(row("bikeshop-northgate.example").contains("Existed"), "{outcome}");
    assert_eq!(
        app.sandbox.control().domain("one.example").unwrap()["downstreamAddresses"].as_array().unwrap().len(),
        1
    );
    assert_eq!(app.sandbox.control().domain("köln.example").unwrap()["key"], "web07");
    let twice = lead.submit("/do/provision/send", &[("draft", &draft)]).await.text;
    assert!(!twice.contains("Every row"), "the same batch cannot be sent twice: {twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_dropped_by_the_batch_call_are_repaired() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().set_switch("batch_downstream_field", "client").expect("the switch is there");
    let draft = hidden(&check(&lead, "one.example,mx.web07.example").await, "/do/provision/send", "draft");
    lead.submit("/do/provision/send", &[("draft", &draft)]).await;
    assert_eq!(
        app.sandbox.control().domain("one.example").unwrap()["downstreamAddresses"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_lost_is_read_back_and_not_repeated() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("provision-batch", FaultKind::ResetAfterChange).times(1));
    let draft = hidden(&check(&lead, "one.example\ntwo.example").await, "/do/provision/send", "draft");
    let outcome = lead.submit("/do/provision/send", &[("draft", &draft)]).await.text;
    assert!(outcome.contains("The answer was lost; it is provisioned now"), "{outcome}");
    let posts = app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation == "provision-batch").count();
    assert_eq!(posts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_and_wrong_rows_are_all_said_and_kept() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let calls = |app: &TestApp| {
        app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation.starts_with("provision")).count()
    };
    let many = (0..1001).map(|n| format!("d{n}.example")).collect::<Vec<_>>().join("\n");
    let page = check(&lead, &many).await;
    assert!(page.contains("1,001 rows") && page.contains("d1000.example"), "said and kept");
    let page = check(&lead, "ok.example\nspace d.example\nok.example\nx.example,mx.example:99999\n").await;
    for line in ["2", "3", "4"] {
        assert!(page.contains(&format!("data-l=\"Line\" class=\"num\">{line}</td>")), "line {line}: {page}");
    }
    assert_eq!(calls(&app), 0);
    let many = (0..11).map(|n| format!("e{n}.example")).collect::<Vec<_>>().join("\n");
    let preview = check(&lead, &many).await;
    let draft = hidden(&preview, "/do/provision/send", "draft");
    let refused = lead.submit("/do/provision/send", &[("draft", &draft), ("typed", "10")]).await.text;
    assert!(refused.contains("Type 11 to provision 11 domains") && calls(&app) == 0, "{refused}");
}
