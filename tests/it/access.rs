//! Who may do what: every server function by every role.

use crate::app::TestApp;
use reqwest::{Method, StatusCode};
use sluice::{api, server::actor::Need};

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_by_every_role() {
    let app = TestApp::start(20).await;
    let rank = |need: Need| match need {
        Need::Read => 0,
        Need::OwnKeys | Need::StoreKeys | Need::LoginLink | Need::Lists => 1,
        Need::ChangeDomains | Need::ReadAudit | Need::ExportAudit => 2,
        Need::SeePeople | Need::Operate | Need::People => 3,
    };
    for (index, person) in ["vera", "maya", "tomasz", "ines"].into_iter().enumerate() {
        let browser = app.signed_in(person).await;
        for (path, need) in api::ALL {
            let form = [
                ("id", "no-such-key"),
                ("label", ""),
                ("secret", ""),
                ("typed", ""),
                ("name", "no-such.example"),
                ("alias", ""),
                ("draft", "none"),
                ("change", "1"),
                ("number", "1"),
            ];
            let page = browser.submit(path, &form).await;
            let refused = page.text.contains("Not done: this needs the role");
            assert_eq!(refused, index < rank(need), "{person} {path}: {}", page.text);
        }
        let link = browser.post("/domains/no-such.example/login-link", &[("then", "show")]).await;
        assert_eq!(link.status == StatusCode::FORBIDDEN, index < rank(Need::LoginLink), "{person}");
        let status = browser.get("/status").await;
        assert_eq!(status.status == StatusCode::FORBIDDEN, index < rank(Need::Operate), "{person}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_functions_are_posts_by_the_signed_in() {
    let app = TestApp::start(1).await;
    let (visitor, lead) = (app.visitor(), app.signed_in("tomasz").await);
    for (path, _) in api::ALL {
        let answer = visitor.post(path, &[("label", "x")]).await;
        assert_eq!(answer.location.as_deref(), Some("/sign-in?return=/"), "{path}");
        let answer = lead.send(lead.request(Method::GET, path)).await;
        assert!(answer.status.is_client_error(), "{path} answers GET with {}", answer.status);
    }
}

#[test]
fn the_table_of_server_functions_is_complete() {
    let registered: std::collections::BTreeSet<_> =
        leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    let listed: std::collections::BTreeSet<_> = api::ALL.into_iter().map(|(path, _)| path).collect();
    assert_eq!(registered, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_only_what_their_own_keys_reach() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let agent = app.signed_in("maya").await;
    let domain = "/domains/bikeshop-northgate.example";
    assert!(lead.get("/domains?q=bikeshop-northgate").await.text.contains("bikeshop-northgate.example</a>"));
    assert!(agent.get("/domains").await.text.contains("Add your first API key"));
    assert_eq!(agent.get(domain).await.status, StatusCode::NOT_FOUND);
    assert!(!agent.get("/keys").await.text.contains("web07"));
    // The same key pasted by a second person reaches the same domains, under that person's own label.
    agent.add_key("northgate", "sandbox-key-07").await;
    let page = agent.get(domain).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<dd>northgate</dd>") && !page.text.contains(">web07<"), "{}", page.text);
    // A key that sees nothing of it does not help.
    let admin = app.signed_in("ines").await;
    admin.add_key("web01", "sandbox-key-01").await;
    assert_eq!(admin.get(domain).await.status, StatusCode::NOT_FOUND);
}
