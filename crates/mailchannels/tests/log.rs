//! What the log says of a call: enough to find it, nothing that must not be there. A program of
//! its own, because what is logged is decided once for a whole process.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use mailchannels::*;
use serde_json::json;
use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const KEY: &str = "canary-0123456789";

/// Writes down every field of every span and event of this crate, at any level.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Visit for &Everything {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0.lock().unwrap(), " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        // The server of the test runs in this process too, and may say what it likes.
        about.target().starts_with("mailchannels")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_log_names_the_operation_and_neither_key_nor_query_nor_body() {
    let log = Everything::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let server = MockServer::start().await;
    let client = Client::new(Config::new(format!("{}/inbound/v1", server.uri()).parse().unwrap())).unwrap();
    let key = ApiKey::new(KEY.to_owned()).unwrap();
    let session = client.account(&AccountId("test".into())).with_key(&key, Lane::Interactive);
    let new = ApiKey::new("canary-new-9876543210".to_owned()).unwrap();
    for status in [204, 403, 500] {
        server.reset().await;
        let answer = ResponseTemplate::new(status).set_body_json(json!({ "message": "canary-text" }));
        Mock::given(any()).respond_with(answer).mount(&server).await;
        session.remove_from_account_list(ListName::Safelist, "canary-item.example").await.ok();
        session.add_to_account_list(ListName::Safelist, "canary-body.example").await.ok();
        session.associate("canary-domain.example", &new).await.ok();
    }
    let log = log.0.lock().unwrap().clone();
    let named = r#"operation="remove_from_account_list""#;
    for there in [named, "status=204", "status=403", "status=500", "attempt=3", "ms="] {
        assert!(log.contains(there), "{there} in {log}");
    }
    for absent in [KEY, "canary-new", "canary-body", "canary-text", "canary-item", "canary-domain"] {
        assert!(!log.contains(absent), "{absent} in {log}");
    }
}
