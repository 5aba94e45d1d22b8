//! Rules that hold on every response.

use crate::app::{TestApp, first_key};
use reqwest::{Method, StatusCode, header};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_carries_the_headers() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let mut nonces = std::collections::HashSet::new();
    let key = lead.get("/keys").await.text;
    let key = &first_key(&key);
    // Every route of the table, with something to open where its path has a place for one; also what is not there.
    let routes = leptos_axum::generate_route_list(sluice::app::App);
    let paths = routes.iter().map(|route| {
        let path =
            route.path().replace("{name}", "bikeshop-northgate.example").replace(":name", "bikeshop-northgate.example");
        let path = path.replace("{address}", "a@bikeshop-northgate.example").replace("{act}", "settings");
        let path = path.replace("{number}", "1");
        if path.starts_with("/keys/") { path.replace("{id}", key) } else { path.replace("{id}", "nothing") }
    });
    let paths: Vec<_> = paths.filter(|path| path != "/sign-in").chain(["/no/such/page".to_owned()]).collect();
    for path in ["/explain", "/lists", "/lists/review", "/recipients", "/reports", "/login-links", "/domains"] {
        assert!(paths.iter().any(|known| known == path), "{path} is no route of {paths:?}");
    }
    for path in &paths {
        let answer = lead.get(path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
        let get = |name: &str| {
            answer.headers.get(name).unwrap_or_else(|| panic!("{path} lacks {name}")).to_str().unwrap().to_owned()
        };
        let policy = get("content-security-policy");
        let nonce = policy
            .split("script-src 'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .unwrap_or_else(|| panic!("{path}: {policy}"))
            .to_owned();
        assert!(nonce.len() >= 20 && nonces.insert(nonce.clone()), "{path}: a nonce twice");
        assert_eq!(
            policy.replace(&nonce, "N"),
            "default-src 'none'; script-src 'nonce-N' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self' 'nonce-N'; \
             img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(get("cache-control"), "no-store", "{path}");
        assert_eq!(get("x-content-type-options"), "nosniff");
        assert_eq!(get("referrer-policy"), "same-origin");
        assert_eq!(get("cross-origin-opener-policy"), "same-origin");
        assert_eq!(get("cross-origin-resource-policy"), "same-origin");
        assert!(get("strict-transport-security").starts_with("max-age=63072000"));
        assert!(!get("x-request-id").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_cookie_keeps_its_rules_and_changes_at_sign_in() {
    let app = TestApp::start(1).await;
    let visitor = app.visitor();
    let first = visitor.post("/sign-in", &[("person", "maya")]).await;
    let cookie =
        |answer: &crate::app::Answer| answer.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    let set = cookie(&first);
    assert!(set.starts_with("__Host-sluice="), "{set}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain="));
    let second = visitor.post("/sign-in", &[("person", "tomasz")]).await;
    assert_ne!(set.split(';').next(), cookie(&second).split(';').next(), "the id is new at each sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_on_the_server() {
    let app = TestApp::start(1).await;
    let browser = app.signed_in("maya").await;
    let stolen = browser.request(Method::GET, "/keys");
    assert_eq!(browser.get("/keys").await.status, StatusCode::OK);
    browser.post("/sign-out", &[]).await;
    let answer = browser.send(stolen).await;
    assert_eq!(answer.location.as_deref(), Some("/sign-in?return=/keys"), "a copied cookie is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_other_names_are_refused() {
    let app = TestApp::start(1).await;
    let browser = app.signed_in("tomasz").await;
    for (site, origin) in [
        (Some("cross-site"), Some("https://evil.example")),
        (None, Some("null")),
        (None, None),
        (Some("same-site"), None),
    ] {
        let mut request = browser.request(Method::POST, "/sign-out");
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN, "{site:?} {origin:?}");
    }
    assert_eq!(browser.get("/keys").await.status, StatusCode::OK, "still signed in");
    let rebound = browser.request(Method::GET, "/keys").header(header::HOST, "evil.example");
    assert_eq!(browser.send(rebound).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_limits() {
    let app = TestApp::start(1).await;
    let browser = app.signed_in("tomasz").await;
    let large = "x".repeat(70 * 1024);
    for path in ["/do/keys/add", "/do/domains/settings", "/sign-out", "/theme", "/shortcuts"] {
        let answer = browser.post(path, &[("label", &large), ("theme", "dark")]).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    let huge = "x".repeat(1100 * 1024);
    assert_eq!(browser.post("/do/explain/read", &[("text", &huge)]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(browser.post("/do/explain/read", &[("text", &large)]).await.status, StatusCode::FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn return_paths_stay_here() {
    let app = TestApp::start(1).await;
    for (given, taken) in [
        ("/keys", "/keys"),
        ("//evil.example", "/domains"),
        ("https://evil.example", "/domains"),
        ("/\\evil.example", "/domains"),
        ("/x\r\nx: y", "/domains"),
    ] {
        let answer = app.visitor().post("/sign-in", &[("person", "maya"), ("return", given)]).await;
        assert_eq!(answer.location.as_deref(), Some(taken), "{given:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_page_loads_no_code() {
    let app = TestApp::start(1).await;
    let page = app.visitor().get("/sign-in").await;
    assert_eq!(page.status, StatusCode::OK);
    for code in [".js", ".wasm", "type=\"module\"", " src="] {
        assert!(!page.text.contains(code), "{code} in {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_person_is_sent_to_sign_in_and_back() {
    let app = TestApp::start(1).await;
    let visitor = app.visitor();
    let answer = visitor.get("/domains?q=shop&sort=-servers").await;
    assert_eq!(answer.location.as_deref(), Some("/sign-in?return=/domains%3Fq%3Dshop%26sort%3D-servers"));
    let page = visitor.get(answer.location.as_deref().unwrap()).await;
    assert!(page.text.contains("value=\"/domains?q=shop&amp;sort=-servers\""), "{}", page.text);
}
