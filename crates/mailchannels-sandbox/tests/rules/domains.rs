//! Association, provisioning, aliases, settings.

use crate::Rig;
use reqwest::Method;
use serde_json::{Value, json};

const LOCKED: &str = "bikeshop-northgate.example"; // to web07
const FREE: &str = "bakeshop-brighton.example";

async fn sees(rig: &Rig, key: u8, domain: &str) -> bool {
    rig.get(key, &format!("/domains?domains={domain}")).await.1["total"] == 1
}

#[tokio::test]
async fn a_locked_domain_is_its_keys_alone_and_a_free_one_everybodys() {
    let rig = Rig::new().await;
    assert_eq!(
        [sees(&rig, 7, LOCKED).await, sees(&rig, 8, LOCKED).await, sees(&rig, 0, LOCKED).await],
        [true, false, false]
    );
    assert_eq!([sees(&rig, 7, FREE).await, sees(&rig, 8, FREE).await, sees(&rig, 0, FREE).await], [true, true, false]);
    for (path, method) in [
        ("", Method::DELETE),
        ("/login-link", Method::GET),
        ("/downstream-address", Method::GET),
        ("/lists/safelist", Method::GET),
    ] {
        let path = format!("/domains/{LOCKED}{path}");
        assert_eq!(rig.status(8, method.clone(), &path, Value::Null).await, 403, "{path} with another key");
        let foreign = if path.ends_with("login-link") { 401 } else { 403 };
        assert_eq!(rig.status(0, method, &path, Value::Null).await, foreign, "{path} by another customer");
    }
    assert_eq!(rig.status(7, Method::DELETE, "/domains/nowhere.example", Value::Null).await, 404);
}

#[tokio::test]
async fn moving_to_another_key_takes_effect_at_once_and_deleting_a_key_frees() {
    let rig = Rig::new().await;
    let path = format!("/domains/{LOCKED}/api-key");
    assert_eq!(rig.status(8, Method::PUT, &path, json!({ "apiKey": "sandbox-key-08" })).await, 403);
    assert_eq!(rig.status(7, Method::PUT, &path, json!({ "apiKey": "sandbox-other-key" })).await, 400);
    assert_eq!(rig.status(7, Method::PUT, &path, json!({ "apiKey": "sandbox-key-08" })).await, 204);
    assert_eq!([sees(&rig, 7, LOCKED).await, sees(&rig, 8, LOCKED).await], [false, true]);
    assert!(rig.sandbox.control().delete_key("web08"));
    assert!(sees(&rig, 7, LOCKED).await, "free again");
    assert_eq!(rig.get(8, "/domains").await.0, 401);
}

#[tokio::test]
async fn listing_is_ten_by_default_and_pages() {
    let rig = Rig::new().await;
    let (_, first) = rig.get(7, "/domains").await;
    assert_eq!(first["domains"].as_array().unwrap().len(), 10);
    let total = first["total"].as_u64().unwrap();
    let (_, all) = rig.get(7, "/domains?limit=5000").await;
    assert_eq!(all["domains"].as_array().unwrap().len() as u64, total);
    let (_, rest) = rig.get(7, "/domains?limit=5000&offset=4").await;
    assert_eq!(rest["domains"][0], all["domains"][4]);
    for bad in ["limit=5001", "limit=x", "offset=", "limit=1&limit=2", "domains=xn--a"] {
        assert_eq!(rig.get(7, &format!("/domains?{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn provisioning_has_four_ends_and_a_limit() {
    let rig = Rig::new().await;
    let post = async |key: u8, query: &str, domain: &str, subscription: &str| {
        let body = json!({ "domain": domain, "subscriptionHandle": subscription, "downstreamAddresses": [{ "priority": 1, "weight": 1, "port": 25, "target": "mx.example." }] });
        rig.ask(key, Method::POST, &format!("/domains{query}"), body).await
    };
    let (status, body) = post(7, "?associate-key=true", "Köln.example", "demo-main").await;
    assert_eq!(
        (status.as_u16(), &body["domain"], &body["downstreamAddresses"][0]["target"]),
        (201, &json!("köln.example"), &json!("mx.example"))
    );
    assert!(!sees(&rig, 8, "xn--kln-sna.example").await);
    assert_eq!(post(7, "", FREE, "demo-main").await.0, 200);
    assert_eq!(
        rig.sandbox.control().domain(FREE).unwrap()["downstreamAddresses"][0]["target"],
        "mx.web02.harbourline.example",
        "nothing changed"
    );
    assert_eq!(post(7, "?overwrite=true", FREE, "demo-main").await.0, 200);
    assert_eq!(rig.sandbox.control().domain(FREE).unwrap()["downstreamAddresses"][0]["target"], "mx.example");
    assert_eq!(post(7, "", "owned-by-other.example", "demo-main").await.0, 409);
    assert_eq!(post(7, "", "new.example", "other-main").await.0, 403);
    assert_eq!(post(7, "", "xn--a.example", "demo-main").await.0, 400);
    let many: Vec<_> = (0..99).map(|n| json!({ "domain": format!("limit{n}.example") })).collect();
    let path = "/domains/batch?subscriptionHandle=other-main";
    assert_eq!(rig.status(0, Method::POST, path, json!({ "domains": many })).await, 403, "98 fit");
    assert!(rig.sandbox.control().domain("limit0.example").is_none(), "none was provisioned");
    assert_eq!(rig.status(0, Method::POST, path, json!({ "domains": many[..98] })).await, 200);
    assert_eq!(post(0, "", "one-more.example", "other-main").await.0, 403);
}

#[tokio::test]
async fn a_batch_has_an_outcome_for_each() {
    let rig = Rig::new().await;
    let body = json!({ "domains": [
        { "domain": "one.example", "downstreamAddress": [{ "priority": 1, "weight": 1, "port": 25, "target": "mx.example." }], "aliases": ["uno.example"] },
        { "domain": LOCKED }, { "domain": "owned-by-other.example" }, { "domain": "xn--a.example" },
    ] });
    let (status, answer) = rig.ask(7, Method::POST, "/domains/batch?subscriptionHandle=demo-main", body).await;
    let codes = |list: &str| {
        answer[list].as_array().unwrap().iter().map(|item| item["code"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((status.as_u16(), codes("successes"), codes("errors")), (200, vec![201, 200], vec![409, 400]));
    assert_eq!(rig.sandbox.control().domain("one.example").unwrap()["downstreamAddresses"][0]["port"], 25);
    let too_many: Vec<_> = (0..1001).map(|n| json!({ "domain": format!("m{n}.example") })).collect();
    assert_eq!(
        rig.status(7, Method::POST, "/domains/batch?subscriptionHandle=demo-main", json!({ "domains": too_many }))
            .await,
        400
    );
    assert_eq!(
        rig.status(7, Method::POST, "/domains/batch", json!({ "domains": [] })).await,
        400,
        "the subscription is required"
    );
}

#[tokio::test]
async fn aliases_are_one_name_for_one_domain() {
    let rig = Rig::new().await;
    let alias = |name: &str| format!("/domains/{LOCKED}/alias/{name}");
    assert_eq!(rig.status(7, Method::POST, &alias("new.example"), Value::Null).await, 200);
    for taken in ["new.example", FREE, "owned-by-other.example", "northgatebikes.example"] {
        assert_eq!(rig.status(7, Method::POST, &alias(taken), Value::Null).await, 409, "{taken}");
    }
    assert_eq!(rig.status(7, Method::POST, &alias("a_b.example"), Value::Null).await, 400);
    for path in ["/login-link", "/downstream-address", "/lists/blocklist"] {
        assert_eq!(rig.get(7, &format!("/domains/new.example{path}")).await.0, 403, "an alias is not a domain: {path}");
    }
    assert_eq!(rig.status(7, Method::DELETE, &alias("new.example"), Value::Null).await, 204);
    assert_eq!(rig.status(7, Method::DELETE, &alias("new.example"), Value::Null).await, 404);
    assert_eq!(rig.status(7, Method::DELETE, &format!("/domains/{LOCKED}"), Value::Null).await, 204);
    assert_eq!(
        rig.status(7, Method::POST, &format!("/domains/{FREE}/alias/northgatebikes.example"), Value::Null).await,
        200,
        "its aliases are free again"
    );
}

#[tokio::test]
async fn settings_and_servers() {
    let rig = Rig::new().await;
    let settings = format!("/domains/{LOCKED}/settings");
    let now = || rig.sandbox.control().domain(LOCKED).unwrap();
    assert_eq!(
        rig.status(7, Method::PUT, &settings, json!({ "abusePolicy": "flag", "spamHeaderName": "X-Spam" })).await,
        200
    );
    assert_eq!((&now()["settings"]["abusePolicy"], now()["aliases"].as_array().unwrap().len()), (&json!("flag"), 3));
    rig.sandbox.control().set_switch("settings_omitted", "cleared").unwrap();
    assert_eq!(rig.status(7, Method::PUT, &settings, json!({ "abusePolicy": "block" })).await, 200);
    assert_eq!(
        (now()["aliases"].as_array().unwrap().len(), now()["downstreamAddresses"].as_array().unwrap().len()),
        (0, 0)
    );
    for bad in
        [json!({ "abusePolicy": "keep" }), json!({ "abusePolicyOverride": "yes" }), json!({ "admins": "a" }), json!([])]
    {
        assert_eq!(rig.status(7, Method::PUT, &settings, bad.clone()).await, 400, "{bad}");
    }
    let servers = format!("/domains/{LOCKED}/downstream-address");
    let one = |port: Value| json!({ "priority": 1, "weight": 1, "port": port, "target": "mx.example." });
    let ten: Vec<_> = (0..10).map(|n| one(json!(n))).collect();
    assert_eq!(rig.status(7, Method::PUT, &servers, json!({ "records": ten })).await, 201);
    assert_eq!(rig.get(7, &format!("{servers}?limit=3&offset=8")).await.1["records"].as_array().unwrap().len(), 2);
    let eleven: Vec<_> = (0..11).map(|n| one(json!(n))).collect();
    for bad in [json!(eleven), json!([one(json!(-1))]), json!([one(json!("25"))]), json!([{ "priority": 1 }])] {
        assert_eq!(rig.status(7, Method::PUT, &servers, json!({ "records": bad })).await, 400);
    }
    assert_eq!(rig.status(7, Method::PUT, &servers, json!({ "records": [] })).await, 201);
    assert_eq!(now()["downstreamAddresses"], json!([]));
}
