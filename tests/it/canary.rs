//! A key is taken through every page and failure, and must show nowhere.

use crate::app::{Browser, TestApp, first_key};
use mailchannels_sandbox::{Fault, FaultKind};

/// An error body of the documented shape that repeats the key in each of its fields.
fn echo(code: u16, key: &str) -> String {
    serde_json::json!({
        "code": code,
        "message": format!("the value {key} is bad"),
        "errors": [format!("apiKey: {key}"), key],
    })
    .to_string()
}

#[expect(clippy::too_many_lines, reason = "one key goes the whole way")]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_shows_in_no_answer_and_no_file() {
    let app = TestApp::start(50).await;
    let canary = "sandbox-key-canary-5f1c7e";
    app.sandbox.control().add_key("canary", canary);
    let lead = app.signed_in("tomasz").await;
    let mut seen = Vec::new();
    let mut look = |what: &str, answer: crate::app::Answer| {
        seen.push((what.to_owned(), format!("{:?}\n{}", answer.headers, answer.text)));
    };
    // Every way in, also those that fail.
    look("no label", lead.post("/do/keys/add", &[("label", ""), ("secret", canary)]).await);
    look("no label, page", lead.submit("/do/keys/add", &[("label", ""), ("secret", canary)]).await);
    for kind in [
        FaultKind::Status { code: 401, body: None },
        FaultKind::Status { code: 403, body: Some(canary.into()) },
        FaultKind::Status { code: 500, body: Some(canary.into()) },
        FaultKind::Status { code: 400, body: Some(echo(400, canary)) },
        FaultKind::Status { code: 403, body: Some(echo(403, canary)) },
        FaultKind::Reset,
        FaultKind::CutBody,
    ] {
        app.sandbox.control().add_fault(Fault::new("*", kind));
        look("fault", lead.submit("/do/keys/add", &[("label", "canary"), ("secret", canary)]).await);
        app.sandbox.control().clear_faults();
    }
    look("stored", lead.submit("/do/keys/add", &[("label", "canary"), ("secret", canary)]).await);
    look("twice", lead.submit("/do/keys/add", &[("label", "again"), ("secret", canary)]).await);
    let keys = lead.get("/keys").await.text;
    let id = first_key(&keys);
    lead.add_key("web07", "sandbox-key-07").await;
    for path in [
        "/keys",
        "/keys/map",
        &format!("/keys/{id}"),
        &format!("/keys/{id}/leaked"),
        "/domains",
        "/provision",
        "/bulk/provision",
        "/subscriptions",
        "/lists",
        "/lists?for=owner@bakeshop-brighton.example",
        "/lists/export.csv?for=bakeshop-brighton.example",
        "/explain?from=a@b.example&to=owner@bakeshop-brighton.example",
        "/recipients/owner@bakeshop-brighton.example",
        "/reports",
        "/login-links",
        "/find?q=canary",
        "/find.json?q=canary",
        "/preferences",
        "/domains/bakeshop-brighton.example",
    ] {
        look(path, lead.get(path).await);
        app.sandbox
            .control()
            .add_fault(Fault::new("*", FaultKind::Status { code: 500, body: Some(format!("key {canary} is bad")) }));
        look(&format!("{path}, service down"), lead.get(path).await);
        app.sandbox.control().clear_faults();
    }
    let page = lead.get("/domains/bakeshop-brighton.example").await.text;
    assert!(page.contains("bakeshop-brighton"), "{page}");
    for code in [400, 403, 404, 409] {
        app.sandbox
            .control()
            .add_fault(Fault::new("put-api-key", FaultKind::Status { code, body: Some(echo(code, canary)) }));
        let answer = lead.submit("/do/domains/associate", &[("name", "bakeshop-brighton.example"), ("key", &id)]).await;
        assert!(answer.text.contains("the value"), "the service's words are shown: {}", answer.text);
        look("associate, echoed", answer);
        app.sandbox.control().clear_faults();
    }
    look(
        "associate",
        lead.submit("/do/domains/associate", &[("name", "bakeshop-brighton.example"), ("key", &id)]).await,
    );
    let list =
        [("tier", "domain"), ("whose", "bakeshop-brighton.example"), ("list", "safelist"), ("text", "a.example")];
    let recipient = [("address", "new@bakeshop-brighton.example"), ("filter", "compute")];
    let links = [("domains", "bakeshop-brighton.example")];
    for code in [400, 403, 404, 409] {
        let kind = FaultKind::Status { code, body: Some(echo(code, canary)) };
        for operation in ["domain-list-add", "put-user", "login-link-batch", "domain-list-get", "user-list-get"] {
            app.sandbox.control().add_fault(Fault::new(operation, kind.clone()));
        }
        look("list entry, echoed", lead.submit("/do/lists/add", &list).await);
        look("recipient, echoed", lead.submit("/do/recipients/create", &recipient).await);
        look("links, echoed", lead.post("/login-links", &links).await);
        look("explain, echoed", lead.get("/explain?from=a@b.example&to=x@bakeshop-brighton.example").await);
        app.sandbox.control().clear_faults();
    }
    through_the_guide(&app, &lead, &id, canary, &mut look).await;
    look("replace", lead.submit("/do/keys/replace", &[("id", &id), ("secret", canary)]).await);
    look("malformed form", lead.post("/do/keys/add", &[("secret", canary)]).await);
    for (what, text) in &seen {
        assert!(!text.contains(canary), "{what} shows the key");
    }
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(canary.len()).any(|window| window == canary.as_bytes()),
            "{} holds the key",
            path.display()
        );
    }
    assert!(app.database().exists());
}

/// The guide after a leak, with the canary as the old key, and pasted as the new one.
async fn through_the_guide(
    app: &TestApp,
    lead: &Browser,
    id: &str,
    canary: &str,
    look: &mut impl FnMut(&str, crate::app::Answer),
) {
    let rescue = async |step: &str, more: &[(&str, &str)]| {
        lead.submit(&format!("/do/rescue/{step}"), &[&[("id", id)], more].concat()).await
    };
    look("rescue, begin", rescue("begin", &[("since", "7")]).await);
    look("rescue, add", rescue("add-key", &[("label", "x"), ("secret", canary)]).await);
    look("rescue, add", rescue("add-key", &[("label", "web08"), ("secret", "sandbox-key-08")]).await);
    look("rescue, moved", rescue("moved", &[]).await);
    look("rescue, verify", rescue("verify", &[("leave", "yes")]).await);
    look("rescue, compare", rescue("compare", &[]).await);
    app.sandbox.control().add_fault(Fault::new("*", FaultKind::Status { code: 400, body: Some(echo(400, canary)) }));
    let echoed = rescue("deleted", &[]).await;
    assert!(echoed.text.contains("Not known: MailChannels refused the values"), "{}", echoed.text);
    look("rescue, deleted, echoed", echoed);
    app.sandbox.control().clear_faults();
    look("rescue, check", rescue("check", &[]).await);
    look("rescue", lead.get(&format!("/keys/{id}/leaked")).await);
}
