//! Exact budgets: upstream calls, statements, bytes.

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_list_asks_nobody_and_costs_the_same_at_any_size() {
    let mut statements = Vec::new();
    for domains in [100, 10_000] {
        let app = TestApp::start(domains).await;
        let lead = app.lead_with_keys(&[1, 7]).await;
        lead.get("/domains").await;
        let calls = app.upstream_calls();
        let mut cost = Vec::new();
        for path in ["/domains", "/domains?q=shop&policy=block", "/domains?sort=-aliases", "/domains?key=free"] {
            let before = app.running.desk.store().statements();
            let page = lead.get(path).await;
            assert!(page.status.is_success());
            cost.push(app.running.desk.store().statements() - before);
        }
        assert_eq!(app.upstream_calls(), calls, "no upstream call");
        assert!(cost.iter().all(|statements| *statements <= 12), "{cost:?}");
        statements.push(cost);
    }
    assert_eq!(statements[0], statements[1], "as many statements for 10,000 domains as for 100");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_walked_by_cursor_and_meet_every_domain_once() {
    let app = TestApp::start(300).await;
    let lead = app.lead_with_keys(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
    let mut seen = Vec::new();
    let mut path = "/domains?sort=-servers".to_owned();
    loop {
        let page = lead.get(&path).await.text;
        seen.extend(page.split("<a href=\"/domains/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        let links = page.split("<a href=\"").skip(1).map(|rest| rest.split('>').next().unwrap());
        let Some(next) = links.into_iter().find(|link| link.contains("rel=\"next\"")) else {
            break;
        };
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (300, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_page_costs_seven_calls() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8, 9]).await;
    let calls = app.upstream_calls();
    lead.get("/domains/bikeshop-northgate.example").await;
    assert_eq!(app.upstream_calls() - calls, 7, "record, servers, one witness, four lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_opens_the_domain() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let calls = app.upstream_calls();
    for (typed, path) in [
        ("bikeshop-northgate.example", "/domains/bikeshop-northgate.example"),
        ("Owner <owner%40bikeshop-northgate.example>", "/domains/bikeshop-northgate.example"),
        ("https://BIKESHOP-northgate.example/contact", "/domains/bikeshop-northgate.example"),
        ("northgatebikes.example", "/domains/northgatebikes.example"),
        ("nowhere.example", "/domains/nowhere.example"),
        ("shop", "/domains?q=shop"),
        ("northgate.example", "/domains?q=northgate.example"),
    ] {
        let typed = typed.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E");
        let answer = lead.get(&format!("/search?q={typed}")).await;
        assert_eq!(answer.location.as_deref(), Some(path), "{typed}");
    }
    assert_eq!(app.upstream_calls(), calls);
}
