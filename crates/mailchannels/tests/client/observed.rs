//! Whoever counts calls is told of each once, by names that are known beforehand.

use crate::Rig;
use mailchannels::{Error, OPERATIONS, Observer};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[derive(Default)]
struct Told {
    calls: Mutex<Vec<(&'static str, &'static str)>>,
    waits: Mutex<usize>,
}

impl Observer for Told {
    fn ended(&self, operation: &'static str, outcome: &'static str) {
        self.calls.lock().unwrap().push((operation, outcome));
    }

    fn waited(&self, _: Duration) {
        *self.waits.lock().unwrap() += 1;
    }
}

#[tokio::test]
async fn each_call_is_told_once_with_its_outcome() {
    let rig = Rig::new().await;
    let told = Arc::new(Told::default());
    rig.observe(told.clone());
    rig.answers(200, json!([])).await;
    rig.session().subscriptions().await.unwrap();
    rig.answers(401, json!({ "message": "no" })).await;
    assert_eq!(rig.session().status().await, Err(Error::BadKey));
    rig.answers(500, json!({})).await;
    assert!(rig.session().status().await.is_err(), "after three tries");
    rig.session().deprovision("..").await.expect_err("refused here");
    // Given up by who asked.
    let session = rig.session();
    let asked = session.status();
    drop(tokio::time::timeout(Duration::ZERO, asked).await);
    let calls = told.calls.lock().unwrap().clone();
    let expected = [
        ("subscriptions", "done"),
        ("status", "bad_key"),
        ("status", "unavailable"),
        ("deprovision", "invalid"),
        ("status", "abandoned"),
    ];
    assert_eq!(calls, expected);
    assert!(*told.waits.lock().unwrap() >= 5, "a wait for each try that asked for a place");
    for (operation, outcome) in calls {
        assert!(OPERATIONS.contains(&operation) && Error::OUTCOMES.contains(&outcome));
    }
}
