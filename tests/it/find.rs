//! Finding anything: who finds what, what it costs, where the search box leads, and the keys that are switched off.

use crate::app::{Browser, TestApp};
use reqwest::{Method, StatusCode};
use sluice::server::actor::query_value;

const NAME: &str = "bikeshop-northgate.example";
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Group, title, note and path of each line that the palette would show.
async fn find(browser: &Browser, text: &str) -> Vec<(String, String, String, String)> {
    let request = browser.request(Method::GET, &format!("/find.json?q={}", query_value(text)));
    let answer = browser.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let groups: Vec<(String, Vec<serde_json::Value>)> = serde_json::from_str(&answer.text).unwrap();
    let get = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
    groups
        .iter()
        .flat_map(|(group, lines)| lines.iter().map(move |line| (group, line)))
        .map(|(group, line)| (group.clone(), get(line, "title"), get(line, "note"), get(line, "path")))
        .collect()
}

async fn titles(browser: &Browser, text: &str) -> Vec<String> {
    find(browser, text).await.into_iter().map(|(_, title, ..)| title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_find_only_what_their_own_keys_reach() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let agent = app.signed_in("maya").await;
    assert_eq!(lead.get(&format!("/recipients/reception@{NAME}")).await.status, StatusCode::OK);
    let of_lead = find(&lead, "northgate").await;
    let line = |group: &str, title: &str, note: &str, path: &str| [group, title, note, path].map(str::to_owned).into();
    let domain = format!("/domains/{NAME}");
    for expected in [
        line("Domains", NAME, "", &domain),
        line("Recipients", &format!("reception@{NAME}"), "", &format!("/recipients/reception%40{NAME}")),
    ] {
        let expected: (String, String, String, String) = expected;
        assert!(of_lead.contains(&expected), "{expected:?} in {of_lead:?}");
    }
    let alias = find(&lead, "northgatebikes").await;
    assert_eq!(alias[0], line("Domains", "northgatebikes.example", &format!("Alias of {NAME}"), &domain));
    assert_eq!(find(&lead, "web07").await[0].0, "API keys");
    for text in ["northgate", "northgatebikes", "reception", "web07", NAME, &format!("reception@{NAME}")] {
        assert!(titles(&agent, text).await.is_empty(), "{text}");
        assert!(agent.get(&format!("/find?q={}", query_value(text))).await.text.contains("Nothing is found"), "{text}");
    }
    // The same key in other hands finds the same domains and recipients, under their own label for it.
    agent.add_key("mine", "sandbox-key-07").await;
    assert!(titles(&agent, "northgate").await.contains(&NAME.to_owned()));
    assert!(titles(&agent, "recep").await.contains(&format!("reception@{NAME}")));
    assert!(titles(&agent, "web07").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_is_found_whole() {
    let (app, agent) = TestApp::agent().await;
    let calls = app.upstream_calls();
    for text in [
        format!("https://{NAME}/contact"),
        format!("Office <office@{NAME}>"),
        format!("office@{NAME}: host mx.{NAME}[192.0.2.7] said: 550 5.7.1 Message rejected"),
        "office@northgatebikes.example".to_owned(),
    ] {
        let found = find(&agent, &text).await;
        assert!(found.iter().any(|(.., path)| *path == format!("/domains/{NAME}")), "{text}: {found:?}");
        let explain = found.iter().find(|(_, title, ..)| title.starts_with("Explain a mail to")).expect("explain");
        if text.contains('@') {
            // Nobody has opened it yet, but its domain is within reach.
            let whole = format!("office@{NAME}");
            assert!(found.iter().any(|(group, title, ..)| group == "Recipients" && *title == whole), "{found:?}");
            assert_eq!(explain.3, format!("/explain?from=&to=office@{NAME}"));
        } else {
            assert_eq!(explain.3, format!("/explain?at={NAME}"));
            assert!(agent.get(&explain.3).await.text.contains(&format!("value=\"@{NAME}\"")));
        }
    }
    assert!(titles(&agent, "office@nowhere.example").await.is_empty());
    assert_eq!(app.upstream_calls(), calls, "MailChannels was asked nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_are_seen_when_they_are_opened_explained_or_created_and_not_for_ever() {
    let (app, agent) = TestApp::agent().await;
    let seen = async |text: &str| titles(&agent, text).await.iter().any(|title| title.starts_with(text));
    assert!(!seen("reception@").await);
    agent.get("/explain?from=a@b.example&to=Reception@northgatebikes.example").await;
    assert!(titles(&agent, "reception").await.contains(&format!("reception@{NAME}")), "by its domain's own name");
    let form = [("address", &*format!("New@{NAME}")), ("filter", "compute"), ("safelist", ""), ("blocklist", "")];
    agent.submit("/do/recipients/create", &form).await;
    assert!(seen("new@").await);
    // Neither one that MailChannels does not know, nor one whose lists could not be read.
    agent.get(&format!("/recipients/unheard-of@{NAME}")).await;
    assert!(!seen("unheard").await);
    let desk = &app.running.desk;
    let now = desk.now_ms();
    let store = desk.store();
    store.see_recipient(&format!("long-ago@{NAME}"), NAME, now - 91 * DAY, 0).await.unwrap();
    store.see_recipient(&format!("lately@{NAME}"), NAME, now - 89 * DAY, 0).await.unwrap();
    assert!(!seen("long-ago").await);
    assert!(seen("lately").await);
    assert_eq!(desk.forget_seen().await.unwrap(), 1);
    // Opened twice within a minute, it is noted once.
    agent.get(&format!("/recipients/reception@{NAME}")).await;
    let path = format!("/recipients/reception@{NAME}");
    let cost = async |path: &str| {
        let before = store.statements();
        agent.get(path).await;
        store.statements() - before
    };
    assert_eq!(cost(&path).await, cost(&path).await);
    // With its domain it is gone from reach.
    let account = store.domain(&keys(&app).await, NAME).await.unwrap().unwrap().account_id;
    store.forget_domain(&account, NAME).await.unwrap();
    assert!(!seen("reception").await && !seen("lately").await);
}

async fn keys(app: &TestApp) -> Vec<String> {
    app.running.desk.store().distinct_fingerprints().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_found_by_those_who_may_go_there_and_lead_somewhere() {
    let app = TestApp::start(20).await;
    for (person, provision, link, count) in
        [("vera", false, false, 0), ("maya", false, true, 1), ("tomasz", true, true, 2)]
    {
        let browser = app.signed_in(person).await;
        if person != "vera" {
            browser.add_key("web07", "sandbox-key-07").await;
        }
        assert_eq!(titles(&browser, "provision many").await.contains(&"Provision many".into()), provision, "{person}");
        assert_eq!(titles(&browser, "log").await.contains(&"Login links".into()), link, "{person}");
        let everywhere = find(&browser, "").await;
        assert!(everywhere.len() >= 9 + count, "{person}: {everywhere:?}");
        for (_, title, _, path) in everywhere {
            let page = browser.get(path.split('#').next().unwrap()).await;
            assert_eq!(page.status, StatusCode::OK, "{person}: {title} at {path}");
            if let Some((_, id)) = path.split_once('#') {
                assert!(page.text.contains(&format!("id=\"{id}\"")), "{person}: {title} at {path}");
            }
        }
    }
    let viewer = app.signed_in("vera").await;
    for (text, first) in [("rep", "Reports"), ("safel", "Lists"), ("api k", "API keys"), ("dark", "Change the theme")] {
        assert_eq!(titles(&viewer, text).await[0], first, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_costs_as_much_at_10_000_domains_as_at_100_and_asks_nobody() {
    let mut costs = Vec::new();
    for domains in [100, 10_000] {
        let app = TestApp::start(domains).await;
        let lead = app.lead_with_keys(&[1, 7]).await;
        lead.get("/find?q=shop").await;
        let calls = app.upstream_calls();
        let mut cost = Vec::new();
        for text in ["s", "sh", "bakery", NAME, "zzzz", "provision many"] {
            for path in ["/find.json", "/find"] {
                let before = app.running.desk.store().statements();
                let answer = lead.get(&format!("{path}?q={}", query_value(text))).await;
                assert_eq!(answer.status, StatusCode::OK);
                cost.push(app.running.desk.store().statements() - before);
            }
        }
        assert_eq!(app.upstream_calls(), calls, "no upstream call");
        assert!(cost.iter().all(|statements| *statements <= 10), "{cost:?}");
        costs.push(cost);
    }
    // With few domains the page isn't full, so a statement is spent on whether there are more.
    assert!(costs[0].iter().zip(&costs[1]).all(|(few, many)| few.abs_diff(*many) <= 2), "{costs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_ever_markup() {
    let app = TestApp::start(20).await;
    let lead = app.signed_in("tomasz").await;
    let evil = "\"><img src=x onerror=alert(1)></script>";
    lead.add_key(evil, "sandbox-key-07").await;
    assert_eq!(titles(&lead, "img src").await, [evil]);
    for text in ["img src", evil, "</script><script>alert(1)</script>", "'\"<&"] {
        let page = lead.get(&format!("/find?q={}", query_value(text))).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text.contains("<img src=x") && !page.text.contains("<script>alert"), "{}", page.text);
    }
    for text in ["%00", "%F0%9F%98%80%00x", "%FF%FE", &"a".repeat(3_000), "%25_%5C", "%22%20OR%201", "*"] {
        let answer = lead.get(&format!("/find?q={text}")).await;
        assert!(answer.status == StatusCode::OK, "{text}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_box_leads_to_what_else_has_that_name() {
    let (app, agent) = TestApp::agent().await;
    agent.get(&format!("/recipients/reception@{NAME}")).await;
    let calls = app.upstream_calls();
    for (typed, path) in [
        ("rec", "/find?q=rec"),
        ("reception@bike", "/find?q=reception@bike"),
        ("API keys", "/find?q=API%20keys"),
        ("web07", "/find?q=web07"),
        // What only names of domains have stays a filter of their list.
        ("northgate", "/domains?q=northgate"),
        ("shop", "/domains?q=shop"),
        ("zzzz", "/domains?q=zzzz"),
        ("provision", "/domains?q=provision"),
        ("", "/domains?q="),
    ] {
        let answer = agent.get(&format!("/search?q={}", query_value(typed))).await;
        assert_eq!(answer.location.as_deref(), Some(path), "{typed}");
    }
    assert_eq!(app.upstream_calls(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_keys_are_switched_off_and_on_without_scripts() {
    let app = TestApp::start(1).await;
    let viewer = app.signed_in("vera").await;
    let page = viewer.get("/preferences").await.text;
    assert!(!page.contains("data-keys") && page.contains("Single-key shortcuts are on."), "{page}");
    let answer = viewer.post("/shortcuts", &[("keys", "off"), ("back", "//evil.example")]).await;
    assert_eq!(answer.location.as_deref(), Some("/domains"));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, "__Host-keys=off; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
    let page = viewer.submit("/shortcuts", &[("keys", "off"), ("back", "/preferences")]).await.text;
    assert!(page.contains("data-keys=\"off\"") && page.contains("Single-key shortcuts are off."), "{page}");
    let page = viewer.submit("/shortcuts", &[("keys", "on"), ("back", "/preferences")]).await.text;
    assert!(!page.contains("data-keys"), "{page}");
    let dark = viewer.submit("/theme", &[("theme", "dark"), ("back", "/preferences")]).await.text;
    assert!(dark.contains("data-theme=\"dark\"") && dark.contains("value=\"dark\" aria-pressed=\"true\""), "{dark}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_out_find_nothing() {
    let app = TestApp::start(1).await;
    let visitor = app.visitor();
    assert_eq!(visitor.get("/find?q=x").await.location.as_deref(), Some("/sign-in?return=/find%3Fq%3Dx"));
    let mut request = visitor.request(Method::GET, "/find.json?q=x").build().unwrap();
    request.headers_mut().insert("accept", "*/*".parse().unwrap());
    assert_eq!(visitor.execute(request).await.status(), StatusCode::UNAUTHORIZED);
}
