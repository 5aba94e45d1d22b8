//! The rate limit, faults, the ledger, and the state file.

use crate::Rig;
use mailchannels_sandbox::{Fault, FaultKind, Options, Seed};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_customer_has_so_many_requests_a_second_over_all_its_keys() {
    let rig = Rig::with(Options { seed: Seed::Demo, domains: 10, rate: 20, ..Options::default() }).await;
    let mut statuses = Vec::new();
    for n in 0..30 {
        statuses.push(rig.get(1 + n % 12, "/status").await.0);
    }
    let good = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    assert!(good >= 20 && statuses.contains(&StatusCode::SERVICE_UNAVAILABLE), "{statuses:?}");
    let ledger = rig.sandbox.control().ledger();
    let admitted: Vec<_> = ledger.iter().filter(|entry| entry.status == 200).map(|entry| entry.at_us).collect();
    // The window is the stand-in's own clock; the ledger notes the arrival a little earlier.
    assert!(
        admitted.iter().all(|at| admitted.iter().filter(|other| (*at..at + 990_000).contains(*other)).count() <= 20)
    );
    assert_eq!(rig.get(0, "/status").await.0, StatusCode::OK, "another customer has its own");
}

#[tokio::test]
async fn faults_do_what_they_say_and_count_down() {
    let rig = Rig::new().await;
    let control = rig.sandbox.control();
    let domain = "bikeshop-northgate.example";
    let alias = |name: &str| format!("/domains/{domain}/alias/{name}");
    let has = |name: &str| control.domain(domain).unwrap()["aliases"].as_array().unwrap().contains(&json!(name));
    control
        .add_fault(Fault::new("subscriptions", FaultKind::Status { code: 502, body: Some("<html>".into()) }).times(2));
    assert_eq!(
        [
            rig.get(7, "/subscriptions").await.0,
            rig.get(7, "/subscriptions").await.0,
            rig.get(7, "/subscriptions").await.0
        ]
        .map(|status| status.as_u16()),
        [502, 502, 200]
    );
    control.add_fault(Fault::new("*", FaultKind::Reset).times(1));
    assert!(rig.raw("/status").await.is_err());
    control.add_fault(Fault::new("list-domains", FaultKind::CutBody).times(1));
    assert!(rig.raw("/domains").await.is_err());
    control.add_fault(Fault::new("list-domains", FaultKind::SlowBodyMs(1)).times(1));
    assert!(rig.raw("/domains").await.unwrap().ends_with('}'));
    control.add_fault(Fault::new("add-alias", FaultKind::Status { code: 500, body: None }).times(1));
    assert_eq!(rig.status(7, Method::POST, &alias("no.example"), Value::Null).await, 500);
    assert!(!has("no.example"), "a status fault does nothing");
    control.add_fault(Fault::new("get-downstreams", FaultKind::ResetAfterChange).times(1));
    assert!(rig.raw(&format!("/domains/{domain}/downstream-address")).await.is_err());
    control.add_fault(Fault::new("*", FaultKind::LatencyMs(1)).often(0.0));
    assert_eq!(rig.get(7, "/status").await.0, 200);
    control.clear_faults();
    let statuses: Vec<_> = control.ledger().iter().map(|entry| entry.status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 0).count(),
        1,
        "an ended connection has no status: {statuses:?}"
    );
}

#[tokio::test]
async fn the_same_over_http_and_no_secret_in_the_ledger() {
    let rig = Rig::new().await;
    assert_eq!(rig.control(Method::POST, "keys", json!({ "label": "new", "secret": "very-secret" })).await.0, 204);
    assert_eq!(
        rig.control(
            Method::POST,
            "faults",
            json!({ "operation": "status", "kind": { "status": { "code": 418 } }, "count": 1 })
        )
        .await
        .0,
        204
    );
    assert_eq!(rig.get(7, "/status").await.0, 418);
    assert_eq!(rig.control(Method::PUT, "switches", json!({ "names": "ascii" })).await.0, 204);
    assert_eq!(rig.control(Method::PUT, "switches", json!({ "names": "maybe" })).await.0, 400);
    assert_eq!(rig.control(Method::GET, "switches", Value::Null).await.1["names"], "ascii");
    assert_eq!(rig.control(Method::GET, "domains/bakeshop-brighton.example", Value::Null).await.1["key"], Value::Null);
    assert_eq!(rig.control(Method::GET, "domains/nowhere.example", Value::Null).await.0, 404);
    assert_eq!(rig.control(Method::DELETE, "keys/nobody", Value::Null).await.0, 404);
    let (_, ledger) = rig.control(Method::GET, "ledger", Value::Null).await;
    assert_eq!(
        (&ledger[0]["key"], &ledger[0]["operation"], &ledger[0]["status"]),
        (&json!("web07"), &json!("status"), &json!(418))
    );
    assert!(!ledger.to_string().contains("sandbox-key"));
    rig.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(rig.control(Method::GET, "switches", Value::Null).await.1["names"], "unicode");
    assert!(!rig.sandbox.control().keys().iter().any(|(label, _)| label == "new"));
}

#[tokio::test]
async fn error_bodies_take_any_shape() {
    let rig = Rig::new().await;
    for (shape, body) in [("string", json!("the domain does not exist")), ("null", Value::Null)] {
        rig.sandbox.control().set_switch("error_body", shape).unwrap();
        assert_eq!(
            rig.ask(7, Method::DELETE, "/domains/nowhere.example", Value::Null).await,
            (StatusCode::NOT_FOUND, body)
        );
    }
}

#[tokio::test]
async fn the_state_survives_in_its_file() {
    let path = std::env::temp_dir().join(format!("sandbox-state-{}.json", std::process::id()));
    let options =
        Options { seed: Seed::Demo, domains: 20, state: Some(path.clone()), rate: 1000, ..Options::default() };
    let rig = Rig::with(options.clone()).await;
    assert_eq!(rig.status(7, Method::DELETE, "/domains/bikeshop-northgate.example", Value::Null).await, 204);
    drop(rig);
    let rig = Rig::with(options).await;
    assert!(rig.sandbox.control().domain("bikeshop-northgate.example").is_none());
    assert!(rig.sandbox.control().domain("bakeshop-brighton.example").is_some());
    drop(rig);
    std::fs::remove_file(path).unwrap();
}
