//! Every operation of the API is reached from a page: each is done through one, and the stand-in saw it.

use crate::{
    app::{Answer, Browser, TestApp, hidden},
    provision::key_and_subscription,
};
use mailchannels::OPERATIONS;
use reqwest::Method;
use std::collections::BTreeSet;

const NAME: &str = "bikeshop-northgate.example";
const TO: &str = "reception@bikeshop-northgate.example";
const SEEN: &str = "From: news@chainset.example\r\nTo: reception@bikeshop-northgate.example\r\nSubject: Your order\r\n\r\nIt is on its way.\r\n";

/// The client's name of each operation, the stand-in's, and the page or server function that uses it.
const USES: [(&str, &str, &str); 25] = [
    ("account_list", "account-list-get", "GET /lists"),
    ("add_to_account_list", "account-list-add", "/do/lists/send"),
    ("remove_from_account_list", "account-list-remove", "/do/lists/send"),
    ("domains_page", "list-domains", "/do/keys/sync"),
    ("provision", "provision", "/do/provision/one"),
    ("provision_batch", "provision-batch", "/do/jobs/confirm"),
    ("login_links", "login-link-batch", "/login-links"),
    ("deprovision", "deprovision", "/do/domains/deprovision"),
    ("add_alias", "add-alias", "/do/domains/alias/add"),
    ("remove_alias", "remove-alias", "/do/domains/alias/remove"),
    ("login_link", "login-link", "/domains/{name}/login-link"),
    ("domain_list", "domain-list-get", "GET /domains/{name}"),
    ("add_to_domain_list", "domain-list-add", "/do/lists/add"),
    ("remove_from_domain_list", "domain-list-remove", "/do/lists/remove"),
    ("downstreams", "get-downstreams", "GET /domains/{name}"),
    ("set_downstreams", "put-downstreams", "/do/domains/servers/replace"),
    ("associate", "put-api-key", "/do/domains/associate"),
    ("set_settings", "put-settings", "/do/domains/settings"),
    ("user_list", "user-list-get", "GET /explain"),
    ("add_to_user_list", "user-list-add", "/do/lists/add"),
    ("remove_from_user_list", "user-list-remove", "/do/lists/remove"),
    ("subscriptions", "subscriptions", "GET /subscriptions"),
    ("status", "status", "GET /subscriptions"),
    ("put_recipient", "put-user", "/do/recipients/create"),
    ("report", "report", "POST /reports"),
];

/// Does what a use says, as a person would.
async fn carry_out(lead: &Browser, app: &TestApp, operation: &str, place: &str) {
    let page = lead.get(&format!("/domains/{NAME}")).await.text;
    let post = async |form: &[(&str, &str)]| -> Answer { lead.submit(place, form).await };
    match operation {
        "add_to_account_list" | "remove_from_account_list" => {
            let account = hidden(&lead.get("/lists").await.text, "/do/lists/add", "account");
            let form = [("tier", "account"), ("account", account.as_str()), ("whose", &account), ("list", "blocklist")];
            let review = if operation == "add_to_account_list" {
                lead.submit("/do/lists/add", &[&form[..], &[("text", "reach.example")]].concat()).await
            } else {
                lead.submit("/do/lists/remove", &[&form[..], &[("item", "reach.example")]].concat()).await
            };
            post(&[("draft", &hidden(&review.text, "/do/lists/send", "draft"))]).await;
        }
        "provision" => {
            let (key, subscription) = key_and_subscription(lead).await;
            post(&[
                ("key", &key),
                ("subscription", &subscription),
                ("domain", "one-reach.example"),
                ("policy", "block"),
            ])
            .await;
        }
        "provision_batch" => {
            let (key, subscription) = key_and_subscription(lead).await;
            let form = [("key", key.as_str()), ("subscription", &subscription), ("text", "many-reach.example")];
            let plan = lead.bulk("provision", &form).await;
            lead.confirm(&plan, "").await;
        }
        "login_links" => drop(lead.post(place, &[("domains", NAME)]).await),
        "login_link" => drop(lead.post(&format!("/domains/{NAME}/login-link"), &[("then", "show")]).await),
        "deprovision" => drop(post(&[("name", "one-reach.example"), ("typed", "one-reach.example")]).await),
        "add_alias" | "remove_alias" => drop(post(&[("name", NAME), ("alias", "reach-alias.example")]).await),
        "add_to_domain_list" | "add_to_user_list" | "remove_from_domain_list" | "remove_from_user_list" => {
            let (tier, whose) = if operation.contains("user") { ("user", TO) } else { ("domain", NAME) };
            let form = [("tier", tier), ("whose", whose), ("list", "safelist")];
            post(&[&form[..], &[("text", "x@reach.example"), ("item", "x@reach.example")]].concat()).await;
        }
        "set_downstreams" => {
            let base = hidden(&page, "/do/domains/servers/review", "base");
            let row = [("servers[0][priority]", "10"), ("servers[0][weight]", "1"), ("servers[0][port]", "25")];
            let form = [("name", NAME), ("base", base.as_str()), ("servers[0][target]", "reach.example")];
            let review = lead.submit("/do/domains/servers/review", &[&form[..], &row].concat()).await.text;
            post(&[("name", NAME), ("draft", &hidden(&review, place, "draft"))]).await;
        }
        "associate" => {
            let option = page.split("<option value=\"").find(|option| option.contains(">web08<")).unwrap();
            post(&[("name", NAME), ("key", option.split('"').next().unwrap())]).await;
        }
        "set_settings" => {
            let base = hidden(&page, place, "base");
            post(&[("name", NAME), ("base", &base), ("policy", "block")]).await;
        }
        "user_list" => drop(lead.get(&format!("/explain?from=a@b.example&to={TO}")).await),
        "put_recipient" => drop(post(&[("address", &format!("reach@{NAME}")), ("filter", "compute")]).await),
        "report" => {
            let field = |name: &str, value: &str| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let parts =
                [field("kind", "false_positive"), field("text", SEEN), field("then", "send"), "--b--\r\n".into()];
            let request = lead.request(Method::POST, "/reports").header("origin", &app.base);
            let request = request.header("content-type", "multipart/form-data; boundary=b").body(parts.concat());
            drop(lead.send(request).await);
        }
        _ if place.starts_with("GET ") => {
            drop(lead.get(&place.trim_start_matches("GET ").replace("{name}", NAME)).await);
        }
        _ => drop(post(&[]).await),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_reached_from_a_page() {
    let listed: BTreeSet<_> = USES.iter().map(|(operation, ..)| *operation).collect();
    assert_eq!(listed, OPERATIONS.into_iter().collect(), "the table names every operation of the client");
    for (_, _, place) in USES.iter().filter(|(_, _, place)| place.starts_with("/do/")) {
        assert!(sluice::api::ALL.iter().any(|(path, _)| path == place), "{place} is a server function");
    }
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    for (operation, seen, place) in USES {
        app.sandbox.control().clear_ledger();
        carry_out(&lead, &app, operation, place).await;
        let ledger = app.sandbox.control().ledger();
        let done = ledger.iter().any(|row| row.operation == seen && (200..300).contains(&row.status));
        let rows: Vec<_> = ledger.iter().map(|row| (row.operation, row.status)).collect();
        assert!(done, "{operation} by {place}: {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_for_several_domains_are_shown_once_and_each_has_an_outcome() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[1, 7]).await;
    let typed = format!("{NAME}, xn--bcherwurm-q9a.example\nnowhere.example\n{NAME}");
    app.sandbox.control().clear_ledger();
    let page = lead.post("/login-links", &[("domains", &typed)]).await;
    let calls = app.sandbox.control().ledger().iter().filter(|row| row.operation == "login-link-batch").count();
    assert_eq!(calls, 2, "one call for each key that holds some of them");
    assert!(
        page.text.contains("2 of 3 links") && page.text.contains("None of your keys reaches nowhere.example"),
        "{}",
        page.text
    );
    // A page with a form keeps its referrer for itself: without any, its next post would have no origin.
    assert_eq!(page.headers["referrer-policy"], "same-origin");
    assert_eq!(page.headers["cache-control"], "no-store");
    let link = page.text.split("link-once\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(link.starts_with("http"), "{link}");
    assert!(!lead.get("/login-links").await.text.contains(&link), "not a second time");
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(link.len()).any(|window| window == link.as_bytes()), "the link is stored");
    }
    assert!(lead.get(&format!("/domains/{NAME}")).await.text.contains("Created a login link"));
    let calls = app.upstream_calls();
    let wrong = lead.post("/login-links", &[("domains", "fine.example\nnot a domain!")]).await;
    assert!(wrong.text.contains("Line 2, “domain!”") && wrong.text.contains("fine.example"), "{}", wrong.text);
    assert!(lead.post("/login-links", &[("domains", "")]).await.text.contains("Enter at least one domain."));
    assert_eq!(app.upstream_calls(), calls, "nothing was sent");
    let viewer = app.signed_in("vera").await;
    assert_eq!(viewer.post("/login-links", &[("domains", NAME)]).await.status, reqwest::StatusCode::FORBIDDEN);
}
