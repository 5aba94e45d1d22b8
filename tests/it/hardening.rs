//! What is made to harm: lines in logs, paths that lead away, bodies without an end, and questions whose answers would
//! tell what is there.

use crate::{
    app::{Browser, TestApp, first_key, plan_number},
    crash::Server,
    markup::elements,
};
use mailchannels_sandbox::{Options, Sandbox, Seed};
use reqwest::{Method, StatusCode, header::ORIGIN};
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn paths_to_return_to_stay_here() {
    let app = TestApp::start(1).await;
    let browser = app.signed_in("tomasz").await;
    for away in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        " /keys",
        "/keys\r\nSet-Cookie: a=b",
        "/do/sign-out",
        "",
    ] {
        for (path, field) in
            [("/theme", "back"), ("/shortcuts", "back"), ("/auth/step-up", "return"), ("/do/keys/sync", "back")]
        {
            let answer = browser.post(path, &[(field, away), ("theme", "dark"), ("keys", "on")]).await;
            assert_eq!(answer.location.as_deref(), Some("/domains"), "{path} {away:?}");
        }
        let text: String = url::form_urlencoded::byte_serialize(away.as_bytes()).collect();
        let page = browser.get(&format!("/confirm?return={text}")).await.text;
        for (name, attributes) in elements(&page).0 {
            for (_, to) in attributes.iter().filter(|(name, _)| name == "href" || name == "action") {
                let stays =
                    to.starts_with('#') || (to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"));
                assert!(stays, "{away:?}: {name} {to}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_sites_and_origins_on_the_wire() {
    let app = TestApp::start(1).await;
    let browser = app.signed_in("tomasz").await;
    let own = app.base.clone();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for site in [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none")] {
            for origin in [None, Some(own.as_str()), Some("https://evil.example"), Some("null")] {
                let mut request = browser.request(method.clone(), "/theme").form(&[("theme", "dark")]);
                if let Some(site) = site {
                    request = request.header("sec-fetch-site", site);
                }
                if let Some(origin) = origin {
                    request = request.header(ORIGIN, origin);
                }
                let status = browser.send(request).await.status;
                let ours =
                    matches!((site, origin), (Some("same-origin"), None) | (None | Some("same-origin"), Some(_)))
                        && origin.is_none_or(|origin| origin == own);
                let wanted = match (ours, &method) {
                    (false, _) => StatusCode::FORBIDDEN,
                    (true, &Method::POST) => StatusCode::SEE_OTHER,
                    (true, _) => StatusCode::METHOD_NOT_ALLOWED,
                };
                assert_eq!(status, wanted, "{method} {site:?} {origin:?}");
            }
        }
    }
    // Not even a cookie that fits gets through with another name for this host.
    let rebound = browser.request(Method::POST, "/auth/back-channel").header("host", "evil.example");
    assert_eq!(browser.send(rebound).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_a_length_have_the_same_limits() {
    let app = TestApp::start(1).await;
    let lead = app.signed_in("tomasz").await;
    let piece = "a=".to_owned() + &"x".repeat(16 * 1024 - 2);
    let urlencoded = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=edge";
    for (path, pieces, kind) in [
        ("/do/keys/add", 8, urlencoded),
        ("/theme", 8, urlencoded),
        ("/do/explain/read", 80, urlencoded),
        ("/auth/step-up", 8, urlencoded),
        ("/domains/select", 80, urlencoded),
        ("/bulk/settings", 2_000, multipart),
    ] {
        let body = futures::stream::iter((0..pieces).map({
            let piece = piece.clone();
            move |_| Ok::<_, std::io::Error>(piece.clone())
        }));
        let request = lead
            .request(Method::POST, path)
            .header(ORIGIN, &app.base)
            .header("content-type", kind)
            .body(reqwest::Body::wrap_stream(body));
        // The server may hang up in the middle of what it refuses.
        let Ok(answer) = request.send().await else { continue };
        assert!(
            answer.status().is_client_error() || answer.headers().get("location").is_some(),
            "{path}: {}",
            answer.status()
        );
        assert_ne!(answer.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(lead.get("/domains").await.status, StatusCode::OK, "the server lives");
    assert_eq!(app.upstream_calls(), 0);
}

/// Every answer that is no page: method, path, and what a lead gets.
const REST: [(Method, &str); 22] = [
    (Method::GET, "/"),
    (Method::GET, "/search?q=x"),
    (Method::GET, "/find.json?q=x"),
    (Method::POST, "/sign-in"),
    (Method::POST, "/auth/start"),
    (Method::GET, "/auth/callback"),
    (Method::POST, "/auth/step-up"),
    (Method::POST, "/auth/link/x"),
    (Method::POST, "/auth/back-channel"),
    (Method::POST, "/theme"),
    (Method::POST, "/shortcuts"),
    (Method::POST, "/reports"),
    (Method::GET, "/audit.csv"),
    (Method::GET, "/lists/export.csv"),
    (Method::POST, "/login-links"),
    (Method::GET, "/provision/many"),
    (Method::GET, "/bulk/settings/template.csv"),
    (Method::GET, "/jobs/1/results.csv"),
    (Method::GET, "/jobs/1/events"),
    (Method::GET, "/favicon.svg"),
    (Method::GET, "/pkg/nothing.js"),
    (Method::GET, "/healthz"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_other_answer_carries_the_headers_and_only_our_cookies() {
    let app = TestApp::start(1).await;
    let (lead, visitor) = (app.signed_in("tomasz").await, app.visitor());
    for (method, path) in REST {
        for (who, browser) in [("lead", &lead), ("visitor", &visitor)] {
            let request = browser.request(method.clone(), path).header(ORIGIN, &app.base);
            let answer = browser.send(request).await;
            assert!(!answer.status.is_server_error(), "{who} {path}: {}", answer.status);
            for (name, value) in [
                ("strict-transport-security", "max-age=63072000; includeSubDomains"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(answer.headers.get(name).unwrap(), value, "{who} {path}");
            }
            assert!(answer.headers.contains_key("content-security-policy"), "{who} {path}");
            let cached = path.starts_with("/pkg/") || path == "/favicon.svg";
            assert!(cached || answer.headers["cache-control"] == "no-store", "{who} {path}");
            for cookie in answer.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                let name = cookie.split('=').next().unwrap();
                let ours = ["__Host-sluice", "__Host-sluice-sign-in", "__Host-theme", "__Host-keys"];
                assert!(ours.contains(&name), "{who} {path}: {cookie}");
                for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                    assert!(cookie.contains(part), "{who} {path}: {cookie}");
                }
                assert!(!cookie.to_ascii_lowercase().contains("domain="), "{who} {path}: {cookie}");
            }
        }
    }
}

/// A page without what differs from request to request, and without what was asked for.
fn plain(page: &str, asked: &str) -> String {
    let mut text = page.replace(asked, "ASKED");
    while let Some(at) = text.find("nonce=\"") {
        let end = text[at + 7..].find('"').map_or(text.len(), |end| at + 8 + end);
        text.replace_range(at..end, "");
    }
    let request = "Request <span class=\"mono\">";
    if let Some(at) = text.find(request) {
        let end = text[at..].find("</span>").map_or(text.len(), |end| at + end);
        text.replace_range(at..end, "");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_s_looks_like_what_is_not_there() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let agent = app.signed_in("maya").await;
    let key = first_key(&lead.get("/keys").await.text);
    let plan =
        plan_number(&lead.bulk("servers", &[("text", "bikeshop-northgate.example"), ("servers", "a.example")]).await);
    let pairs = [
        ("/domains/NAME", "bikeshop-northgate.example", "bikeshop-southgate.example"),
        ("/recipients/NAME", "owner@bikeshop-northgate.example", "owner@bikeshop-southgate.example"),
        ("/keys/NAME", key.as_str(), "01a21469-9683-74ce-b9cb-d478214684e4"),
        ("/jobs/NAME", plan.as_str(), "987"),
        ("/plans/NAME", plan.as_str(), "987"),
    ];
    for (path, there, nowhere) in pairs {
        let (one, other) =
            (agent.get(&path.replace("NAME", there)).await, agent.get(&path.replace("NAME", nowhere)).await);
        assert_eq!(one.status, other.status, "{path}");
        let part = |name: &str| name.rsplit("shop-").next().unwrap().split('.').next().unwrap().to_owned();
        let (there, nowhere) = (there.to_owned(), nowhere.to_owned());
        // A number is left out with all digits; a name is left out by itself.
        let name = |text: &str| {
            if text.bytes().all(|byte| byte.is_ascii_digit()) { "no such text".to_owned() } else { part(text) }
        };
        let digits = |text: String| text.replace(|letter: char| letter.is_ascii_digit(), "");
        let (one, other) = (plain(&one.text, &name(&there)), plain(&other.text, &name(&nowhere)));
        let (one, other) = (digits(one), digits(other));
        let at = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
        let near = |text: &str| text.chars().skip(at.saturating_sub(80)).take(160).collect::<String>();
        assert_eq!(near(&one), near(&other), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_link_takes_as_long_and_says_as_much_as_a_used_one() {
    let app = TestApp::start(1).await;
    let desk = &app.running.desk;
    let (_, token) = desk.make_admin_link("Emergency").await.unwrap();
    let used = format!("/auth/link/{}", token.expose());
    app.visitor().post(&used, &[]).await;
    let wrong = format!("/auth/link/{}", "A".repeat(43));
    let ask = async |path: &str| {
        let began = Instant::now();
        let answer = app.visitor().post(path, &[]).await;
        assert_eq!(answer.location.as_deref(), Some("/sign-in?why=link&return=/domains"));
        (began.elapsed(), answer.text)
    };
    let (mut of_used, mut of_wrong) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let (used, wrong) = (ask(&used).await, ask(&wrong).await);
        assert_eq!(used.1, wrong.1);
        of_used.push(used.0);
        of_wrong.push(wrong.0);
    }
    // Both are one look at a hash in an index, so that neither is several times the other.
    of_used.sort();
    of_wrong.sort();
    let (a, b) = (of_used[10], of_wrong[10]);
    assert!(a < b * 4 && b < a * 4, "{a:?} {b:?}");
}

/// Fields that a line of the log may have.
const LOGGED: [&str; 5] = ["timestamp", "level", "fields", "target", "span"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_makes_a_line_of_the_log() {
    let sandbox =
        Sandbox::start(Options { seed: Seed::Demo, domains: 5, rate: 10_000, ..Options::default() }).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &sandbox.base_url());
    let browser = Browser::new(&server.base);
    let forged = "%0d%0a{\"level\":\"ERROR\",\"forged\":true}";
    browser.always("user-agent", "x\t{\"forged\":true}");
    browser.always("x-request-id", "forged-id");
    for path in [
        format!("/domains/{forged}"),
        format!("/{forged}?secret-query={forged}"),
        format!("/sign-in?return={forged}&secret-query=1"),
        "/auth/link/secret-of-a-link".to_owned(),
        format!("/auth/callback?code=secret-query&state={forged}"),
    ] {
        browser.get(&path).await;
        browser.post(&path, &[("person", "\r\n{\"forged\":true}"), ("label", "forged\r\nforged")]).await;
    }
    let foreign = browser.request(Method::POST, &format!("/theme/{forged}")).header(ORIGIN, "https://forged.example");
    browser.send(foreign).await;
    let log = server.log.lock().unwrap().clone();
    assert!(!log.is_empty());
    for line in &log {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("a line of its own: {line}"));
        for (name, _) in line.as_object().unwrap() {
            assert!(LOGGED.contains(&name.as_str()) || name == "spans", "{name} in {line}");
        }
        let text = line.to_string();
        for secret in ["secret-query", "secret-of-a-link", "forged-id"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(line.get("forged").is_none(), "{line}");
    }
}
