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
    ("provision_batch", "provision-batch", "/do/provision/send"),
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
            let page = lead.submit("/do/provision/check", &form).await.text;
            post(&[("draft", &hidden(&page, "/do/provision/send", "draft"))]).await;
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
