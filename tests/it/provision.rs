//! Provisioning one and many.

use crate::app::{Answer, Browser, TestApp, plan_number};
use mailchannels_sandbox::{Fault, FaultKind};
use store::AuditFilter;

/// A key and a subscription that the forms offer.
pub(crate) async fn key_and_subscription(lead: &Browser) -> (String, String) {
    let page = lead.get("/bulk/provision").await.text;
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

/// How the last of these actions ended, by the audit log.
pub(crate) async fn ended(app: &TestApp, action: &str) -> String {
    let page = app.running.desk.audit_page(&AuditFilter::default(), None, 100).await.unwrap();
    let row = page.rows.iter().find(|entry| entry.row.action == action).expect("such a row");
    row.outcome().expect("an outcome").to_owned()
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

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, body: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_answer_what_is_there_decides_what_is_said() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let control = app.sandbox.control();
    // The server typed here is not what the domain that was there before has.
    let server = [
        ("servers[0][priority]", "10"),
        ("servers[0][weight]", "1"),
        ("servers[0][port]", "25"),
        ("servers[0][target]", "typed.web07.example"),
    ];
    let there = "bikeshop-northgate.example";
    for (domain, kind) in [
        ("lost.example", FaultKind::ResetAfterChange),
        (there, status(500)),
        (there, status(503)),
        (there, status(504)),
    ] {
        control.add_fault(Fault::new("provision", kind.clone()).times(1));
        let page = one(&lead, domain, &server).await;
        let said = format!("{domain} is provisioned now; whether this request did it is not known");
        assert!(page.contains(&said) && page.contains("Compare below"), "{kind:?}: {page}");
        assert!(!page.contains("Check below") && !page.contains(&format!("{domain} is provisioned.")), "{page}");
        assert_eq!(page.contains("typed.web07.example"), domain == "lost.example", "{kind:?}: {page}");
        assert!(ended(&app, "domain.provision").await.starts_with("done: it is there by reading back"));
    }
    // Whose request it was is not known, so neither is the lock: the next sync finds it.
    let keys = app.running.desk.store().distinct_fingerprints().await.unwrap();
    let row = app.running.desk.store().domain(&keys, "lost.example").await.unwrap().unwrap();
    assert_eq!(row.holder, None);

    for kind in [FaultKind::Reset, status(500), status(503)] {
        control.add_fault(Fault::new("provision", kind.clone()).times(1));
        let page = one(&lead, "absent.example", &server).await;
        assert!(page.contains("Not provisioned: ") && page.contains("absent.example is not there"), "{kind:?}: {page}");
        assert!(page.contains("Try again.") && !page.contains("heck below"), "{kind:?}: {page}");
        assert!(page.contains("value=\"absent.example\"") && page.contains("typed.web07.example"), "kept: {page}");
        assert!(ended(&app, "domain.provision").await.starts_with("failed: it is not there by reading back"));
    }

    for (domain, kind) in [("unread.example", FaultKind::ResetAfterChange), ("unread-2.example", status(503))] {
        let (key, subscription) = key_and_subscription(&lead).await;
        control.add_fault(Fault::new("provision", kind).times(1));
        control.add_fault(Fault::new("list-domains", status(500)));
        let form = [("key", key.as_str()), ("subscription", &subscription), ("domain", domain), ("policy", "block")];
        let page = lead.submit("/do/provision/one", &form).await.text;
        control.clear_faults();
        assert!(page.contains(&format!("{domain} may or may not be provisioned")), "{page}");
        assert!(page.contains(&format!("Look {domain} up first")) && !page.contains("heck below"), "{page}");
        assert!(page.contains(&format!("value=\"{domain}\"")), "what was typed is kept: {page}");
        assert!(ended(&app, "domain.provision").await.starts_with("unknown: "));
    }
    assert!(control.domain("unread.example").is_some() && control.domain("unread-2.example").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chosen_subscription_is_kept_where_subscriptions_cannot_be_read() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let (key, subscription) = key_and_subscription(&lead).await;
    app.sandbox.control().add_fault(Fault::new("subscriptions", status(500)));
    let form = [("key", key.as_str()), ("subscription", &subscription), ("domain", "not a name"), ("policy", "block")];
    let page = lead.submit("/do/provision/one", &form).await.text;
    let option = page.split(&format!("<option value=\"{subscription}\"")).nth(1).expect("it is an option still");
    assert!(option.split('>').next().unwrap().contains("selected"), "{page}");
    assert!(page.contains("could not be read") && page.contains("MailChannels did not answer properly"), "{page}");
    assert!(page.contains("The subscriptions of ") && !page.contains("heck below"), "{page}");
    app.sandbox.control().clear_faults();
    assert!(!lead.get("/provision").await.text.contains("could not be read"));
}

async fn check(lead: &Browser, text: &str) -> Answer {
    let (key, subscription) = key_and_subscription(lead).await;
    lead.bulk("provision", &[("key", &key), ("subscription", &subscription), ("lock", "true"), ("text", text)]).await
}

fn row(page: &str, domain: &str) -> String {
    page.split("<tr").find(|row| row.contains(domain)).unwrap_or_else(|| panic!("{domain} in {page}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_with_an_outcome_for_each_row() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let plan = check(&lead, "domain,servers,policy\none.example,10 100 25 mx.web07.example,block\nowned-by-other.example,,\nbikeshop-northgate.example,,\nköln.example,mx.web07.example,flag\n").await;
    assert!(plan.text.contains("Plan: Provision 3 domains"), "{}", plan.text);
    assert!(row(&plan.text, "bikeshop-northgate.example").contains("Exists"), "{}", plan.text);
    assert!(app.sandbox.control().domain("one.example").is_none(), "nothing is sent before the button");
    let job = lead.confirm(&plan, "").await.text;
    assert!(row(&job, ">one.example").contains("Provisioned"), "{job}");
    assert!(row(&job, "owned-by-other.example").contains("In use already, by another customer"), "{job}");
    assert!(row(&job, "bikeshop-northgate.example").contains("Exists"), "{job}");
    let servers =
        |name: &str| app.sandbox.control().domain(name).unwrap()["downstreamAddresses"].as_array().unwrap().len();
    assert_eq!(servers("one.example"), 1);
    assert_eq!(app.sandbox.control().domain("köln.example").unwrap()["key"], "web07");
    lead.confirm(&plan, "").await;
    let posts = app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation == "provision-batch").count();
    assert_eq!(posts, 1, "the same plan cannot be confirmed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_dropped_by_the_batch_call_are_repaired() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().set_switch("batch_downstream_field", "client").expect("the switch is there");
    let plan = check(&lead, "one.example,mx.web07.example").await;
    lead.confirm(&plan, "").await;
    let there = app.sandbox.control().domain("one.example").unwrap();
    assert_eq!(there["downstreamAddresses"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_lost_is_read_back_and_not_repeated() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("provision-batch", FaultKind::ResetAfterChange).times(1));
    let plan = check(&lead, "one.example\ntwo.example").await;
    let job = lead.confirm(&plan, "").await.text;
    assert!(job.contains("The answer was lost; reading back shows it done."), "{job}");
    let posts = app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation == "provision-batch").count();
    assert_eq!(posts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioning_is_undone_by_deprovisioning_what_it_made_and_nothing_else() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let plan = check(&lead, "one.example,mx.web07.example\ntwo.example\nbikeshop-northgate.example").await;
    lead.confirm(&plan, "").await;
    let number = plan_number(&plan);
    let undo = lead.post("/do/jobs/undo", &[("number", &number), ("request", "u1")]).await;
    let mut page = lead.get(undo.location.as_deref().unwrap()).await;
    page.location = undo.location;
    assert!(page.text.contains("Plan: Undo 2 changes"), "{}", page.text);
    let refused = lead.confirm(&page, "").await.text;
    assert!(refused.contains("Type 2 to begin"), "what deprovisions is typed: {refused}");
    lead.confirm(&page, "2").await;
    for (name, there) in [("one.example", false), ("two.example", false), ("bikeshop-northgate.example", true)] {
        assert_eq!(app.sandbox.control().domain(name).is_some(), there, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_ones_are_left_alone_unless_their_row_is_to_count() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let (key, subscription) = key_and_subscription(&lead).await;
    let text = "domain,servers,policy\nbikeshop-northgate.example,10 100 25 new.web07.example,block\n";
    let fields = [("key", key.as_str()), ("subscription", &subscription), ("lock", "true"), ("text", text)];
    let plan = lead.bulk("provision", &fields).await;
    assert!(plan.text.contains("Nothing would be sent") && plan.text.contains("with other values"), "{}", plan.text);
    let plan = lead.bulk("provision", &[&fields[..], &[("update", "true")]].concat()).await;
    assert!(
        row(&plan.text, "bikeshop-northgate.example").contains("<ins>10 100 25 new.web07.example"),
        "{}",
        plan.text
    );
    let before = app.sandbox.control().domain("bikeshop-northgate.example").unwrap();
    let job = lead.confirm(&plan, "").await;
    assert!(row(&job.text, "bikeshop-northgate.example").contains("Provisioned"), "{}", job.text);
    let now = app.sandbox.control().domain("bikeshop-northgate.example").unwrap();
    assert_eq!(now["settings"]["abusePolicy"], "block");
    assert_eq!(now["downstreamAddresses"][0]["target"], "new.web07.example");
    let sorted = |value: &serde_json::Value| {
        let mut list: Vec<_> = value.as_array().unwrap().iter().map(ToString::to_string).collect();
        list.sort();
        list
    };
    assert_eq!(sorted(&now["aliases"]), sorted(&before["aliases"]), "what the row does not name stays");
    assert_eq!(sorted(&now["admins"]), sorted(&before["admins"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_are_all_said_and_too_many_are_kept() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let calls = |app: &TestApp| {
        app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation.starts_with("provision")).count()
    };
    let plan = check(&lead, "ok.example\nspace d.example\nok.example\nx.example,mx.example:99999\n").await;
    for line in ["2", "3", "4"] {
        assert!(plan.text.contains(&format!("class=\"num muted\">{line}</td>")), "line {line}: {}", plan.text);
    }
    assert_eq!(plan.text.matches("Invalid</span>").count(), 3, "{}", plan.text);
    let (key, _) = key_and_subscription(&lead).await;
    let again = lead.bulk("provision", &[("key", &key), ("text", "kept.example"), ("reason", "HB-48213")]).await.text;
    assert!(again.contains("bulk-subscription-err") && again.contains("kept.example") && again.contains("HB-48213"));
    let empty = check(&lead, "\n# nothing\n").await.text;
    assert!(empty.contains("bulk-text-err") && empty.contains("There is no domain"), "{empty}");
    let many = (0..11).map(|n| format!("e{n}.example")).collect::<Vec<_>>().join("\n");
    let plan = check(&lead, &many).await;
    let refused = lead.confirm(&plan, "10").await.text;
    assert!(refused.contains("Type 11 to begin") && calls(&app) == 0, "{refused}");
}
