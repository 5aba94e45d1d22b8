//! Lists, recipients, reports, login links, subscriptions.

use crate::Rig;
use reqwest::Method;
use serde_json::{Value, json};

const DOMAIN: &str = "bikeshop-northgate.example";

#[tokio::test]
async fn entries_have_types_and_the_open_questions_are_switches() {
    let rig = Rig::new().await;
    let path = "/lists/safelist";
    let add = async |item: &str| rig.ask(7, Method::POST, path, json!({ "item": item })).await;
    for (item, kind) in [
        ("a@b.example", "email_address"),
        ("b.example", "domain"),
        ("192.0.2.7", "ip_address"),
        ("2001:db8::7", "ip_address"),
    ] {
        let (status, body) = add(item).await;
        assert_eq!(
            (status.as_u16(), &body["item_type"], &body["action"]),
            (201, &json!(kind), &json!("safelist")),
            "{item}"
        );
    }
    for bad in ["", "b", "a b.example", "192.0.2.0/24", "*.b.example"] {
        assert_eq!(add(bad).await.0, 400, "{bad}");
    }
    let control = rig.sandbox.control();
    assert_eq!(add("b.example").await.0, 201, "twice");
    control.set_switch("duplicate_entry", "409").unwrap();
    assert_eq!(add("b.example").await.0, 409);
    control.set_switch("cidr", "accepted").unwrap();
    assert_eq!(add("192.0.2.0/24").await.0, 201);
    assert_eq!(add("192.0.2.0/33").await.0, 400);
    control.set_switch("ipv6", "rejected").unwrap();
    assert_eq!(add("2001:db8::8").await.0, 400);
    control.set_switch("wildcard", "accepted").unwrap();
    assert_eq!(add("*.b.example").await.0, 201);
    let remove = async |item: &str| rig.status(7, Method::DELETE, &format!("{path}?item={item}"), Value::Null).await;
    assert_eq!([remove("b.example").await, remove("b.example").await], [204, 204]);
    control.set_switch("missing_delete", "404").unwrap();
    assert_eq!(remove("b.example").await, 404);
    assert_eq!(rig.status(7, Method::DELETE, path, Value::Null).await, 400, "the item is required");
    assert_eq!(rig.get(7, "/lists/whitelist").await.1, rig.get(8, path).await.1, "any key, and the old name");
    assert!(control.set_switch("no_such", "x").is_err() && control.set_switch("cidr", "x").is_err());
}

#[tokio::test]
async fn recipients_are_made_once_and_count() {
    let rig = Rig::new().await;
    let put = async |query: &str, body: Value| rig.ask(7, Method::PUT, &format!("/users?{query}"), body).await;
    let entries = json!({ "list_entries": { "safelist": ["x.example"], "blocklist": [] } });
    let (status, body) = put(&format!("email_address=new@{DOMAIN}&admin=true"), entries.clone()).await;
    assert_eq!(
        (status.as_u16(), &body["recipient"]["filter"], &body["list_entries"][0]["item"]),
        (201, &json!(true), &json!("x.example"))
    );
    let (status, body) = put(
        &format!("email_address=new@{DOMAIN}&admin=true"),
        json!({ "list_entries": { "safelist": ["y.example"] } }),
    )
    .await;
    assert_eq!((status.as_u16(), body), (200, Value::Null));
    let (_, list) = rig.get(7, &format!("/users/new@{DOMAIN}/lists/safelist")).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "its lists were not touched");
    assert_eq!(put("email_address=nobody&admin=true", Value::Null).await.0, 400);
    assert_eq!(put("email_address=a@owned-by-other.example&admin=true", Value::Null).await.0, 403);
    assert_eq!(put(&format!("email_address=a@{DOMAIN}"), Value::Null).await.0, 400, "admin is required");
    for (key, email, status) in [(7, "nobody", 404), (8, "new", 403), (0, "new", 403)] {
        assert_eq!(rig.get(key, &format!("/users/{email}@{DOMAIN}/lists/safelist")).await.0, status, "{key} {email}");
    }
    for n in 0..498 {
        assert_eq!(put(&format!("email_address=p{n}@{DOMAIN}&admin=false&filter=true"), Value::Null).await.0, 201);
    }
    assert_eq!(
        put(&format!("email_address=last@{DOMAIN}&admin=false&filter=true"), Value::Null).await.0,
        403,
        "the limit"
    );
    let (status, body) = put(&format!("email_address=last@{DOMAIN}&admin=false&filter=compute"), Value::Null).await;
    assert_eq!((status.as_u16(), &body["recipient"]["filter"]), (201, &json!(false)), "silently unfiltered");
}

#[tokio::test]
async fn reports_are_matched_with_what_was_seen() {
    let rig = Rig::new().await;
    let message = "From: a@b.example\r\nSubject: x\r\n\r\nHello\r\n";
    rig.sandbox.control().saw_message(DOMAIN, message);
    let report = async |key: u8, kind: &str, content: &str| {
        rig.status(key, Method::POST, &format!("/report?report_type={kind}"), json!({ "messageContent": content }))
            .await
    };
    assert_eq!(report(7, "false_positive", message).await, 204);
    assert_eq!(report(7, "false_positive", "From: a@b.example\r\n\r\nOther\r\n").await, 404);
    assert_eq!(report(7, "false_positive", "no message at all").await, 400);
    assert_eq!(report(7, "wrong", message).await, 400);
    assert_eq!(report(8, "false_negative", message).await, 403);
    assert_eq!(report(0, "false_negative", message).await, 401);
}

#[tokio::test]
async fn login_links_are_new_each_time() {
    let rig = Rig::new().await;
    let path = format!("/domains/{DOMAIN}/login-link");
    let (first, second) = (rig.get(7, &path).await.1, rig.get(7, &path).await.1);
    assert_ne!(first["loginLink"], second["loginLink"]);
    let body = json!({ "domains": [{ "domain": DOMAIN }, { "domain": "northgatebikes.example" }, { "domain": "owned-by-other.example" }, { "domain": "nowhere.example" }] });
    let (_, answer) = rig.ask(7, Method::POST, "/domains/batch/login-link", body).await;
    let errors: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["code"].as_u64().unwrap(), item.get("loginLink").is_some()))
        .collect();
    assert_eq!(
        (answer["successes"].as_array().unwrap().len(), errors),
        (1, vec![(403, false), (401, false), (404, false)])
    );
}

#[tokio::test]
async fn subscriptions_count_what_is_there() {
    let rig = Rig::new().await;
    let (_, list) = rig.get(7, "/subscriptions").await;
    let sum: u64 =
        list.as_array().unwrap().iter().map(|subscription| subscription["activeAccountsCount"].as_u64().unwrap()).sum();
    assert_eq!((list.as_array().unwrap().len(), sum), (2, 60));
}
