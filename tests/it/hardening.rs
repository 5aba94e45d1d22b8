//! What is made to harm: markup in every field, lines in logs, paths that lead away, bodies without an end, and
//! questions whose answers would tell what is there.

use crate::{
    app::{Answer, Browser, TestApp, first_key, plan_number},
    crash::Server,
    provider::Provider,
};
use html5gum::{DefaultEmitter, Token, Tokenizer};
use mailchannels_sandbox::{Fault, FaultKind, Options, Sandbox, Seed};
use reqwest::{Method, StatusCode, header::ORIGIN};
use serde_json::json;
use std::time::Instant;

/// What must never come back as it went in.
const MARKUP: [&str; 5] = [
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "' onmouseover='alert(1)",
];

/// Every element of a page with its attributes, and the text in scripts, as a browser reads them.
fn elements(page: &str) -> (Vec<(String, Vec<(String, String)>)>, String) {
    let (mut found, mut scripts, mut inside) = (Vec::new(), String::new(), false);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(page, emitter) {
        match token.unwrap() {
            Token::StartTag(tag) => {
                inside = &tag.name[..] == b"script";
                let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value)));
                found.push((text(&tag.name), attributes.collect()));
            }
            Token::EndTag(_) => inside = false,
            Token::String(string) if inside => scripts.push_str(&text(&string)),
            _ => {}
        }
    }
    (found, scripts)
}

/// What of a page a browser would take for markup or code of a payload.
fn harmed(page: &str) -> Option<String> {
    let (elements, scripts) = elements(page);
    if scripts.contains("alert(1)") {
        return Some("a script".to_owned());
    }
    elements.into_iter().find_map(|(name, attributes)| {
        let handler = attributes.iter().any(|(attribute, _)| attribute.starts_with("on"));
        let code =
            attributes.iter().any(|(_, value)| value.trim_start().to_ascii_lowercase().starts_with("javascript:"));
        let leads = attributes
            .iter()
            .any(|(attribute, _)| matches!(attribute.as_str(), "href" | "action" | "formaction" | "src"));
        (handler || name == "img" || (code && leads)).then(|| format!("{name} {attributes:?}"))
    })
}

#[test]
fn harm_is_noticed() {
    for page in [
        "<p><img src=x onerror=alert(1)>",
        "<a title=\"\"><svg onload=alert(1)>\">",
        "<textarea></textarea><script>alert(1)</script></textarea>",
        "<a title='' onmouseover='alert(1)'>",
        "<a href=\"javascript:alert(1)\">",
    ] {
        assert!(harmed(page).is_some(), "{page}");
    }
    assert_eq!(
        harmed(
            "<input value=\"<img src=x onerror=alert(1)>\"><textarea>&lt;/textarea><svg onload=alert(1)></textarea>"
        ),
        None
    );
}

fn assert_harmless(what: &str, answer: &Answer) {
    assert!(!answer.status.is_server_error() || answer.status == StatusCode::BAD_GATEWAY, "{what}: {}", answer.status);
    assert_eq!(harmed(&answer.text), None, "{what}: {}", answer.text);
    for (name, value) in &answer.headers {
        assert!(!value.as_bytes().contains(&b'\n'), "{what}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_any_field_is_text_wherever_it_is_shown() {
    let app = TestApp::start(20).await;
    let lead = app.lead_with_keys(&[7]).await;
    let name = "bikeshop-northgate.example";
    let domain = format!("/domains/{name}");
    for (number, payload) in MARKUP.into_iter().enumerate() {
        let label = format!("{payload}{number}");
        let secret = format!("sandbox-key-0{}", number + 1);
        let forms: Vec<(&str, Vec<(&str, &str)>)> = vec![
            ("/do/keys/add", vec![("label", &label), ("secret", &secret)]),
            ("/do/keys/add", vec![("label", payload), ("secret", payload)]),
            (
                "/do/domains/settings",
                vec![
                    ("name", name),
                    ("header_name", payload),
                    ("header_value", payload),
                    ("policy", payload),
                    ("reason", payload),
                ],
            ),
            ("/do/domains/alias/add", vec![("name", name), ("alias", payload), ("reason", payload)]),
            ("/do/domains/admins", vec![("name", name), ("admins", payload), ("reason", payload)]),
            (
                "/do/domains/servers/review",
                vec![("name", name), ("host", payload), ("port", payload), ("text", payload)],
            ),
            ("/do/domains/deprovision", vec![("name", name), ("typed", payload), ("reason", payload)]),
            (
                "/do/lists/add",
                vec![("tier", "domain"), ("whose", name), ("list", "safelist"), ("text", payload), ("reason", payload)],
            ),
            ("/do/lists/add", vec![("tier", payload), ("whose", payload), ("list", payload), ("text", payload)]),
            ("/do/recipients/create", vec![("address", payload), ("filter", payload)]),
            ("/do/provision/one", vec![("name", payload), ("subscription", payload), ("admins", payload)]),
            ("/do/explain/read", vec![("text", payload)]),
            ("/login-links", vec![("domains", payload)]),
        ];
        for (path, form) in forms {
            let answer = lead.post(path, &form).await;
            assert_harmless(path, &answer);
            if let Some(location) = answer.location {
                assert!(location.starts_with('/') && !location.contains('<'), "{path}: {location}");
                assert_harmless(path, &lead.get(location.split('#').next().unwrap()).await);
            }
        }
        let text: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        for path in [
            format!("/domains?q={text}&sort={text}&key={text}&policy={text}"),
            format!("/find?q={text}"),
            format!("/lists?for={text}"),
            format!("/explain?from={text}&to={text}"),
            format!("/audit?person={text}&action={text}&object={text}&from={text}"),
            format!("/reports?domain={text}"),
            format!("/recipients?q={text}"),
            format!("/jobs?before={text}"),
            format!("/confirm?return={text}&why={text}"),
            format!("/sign-in?return={text}&why={text}"),
            format!("/domains/{text}"),
            format!("/keys/{text}"),
            format!("/bulk/{text}"),
            format!("/no-such-page/{text}?x={text}"),
        ] {
            assert_harmless(&path, &lead.get(&path).await);
        }
        let json = lead.get(&format!("/find.json?q={text}")).await;
        assert_eq!(
            (&json.headers["content-type"], &json.headers["x-content-type-options"]),
            (&"application/json".parse().unwrap(), &"nosniff".parse().unwrap())
        );
        // What the service says in its errors is shown, as text.
        let body = json!({ "code": 400, "message": payload, "errors": [payload] }).to_string();
        for code in [400, 403, 404, 409, 500] {
            app.sandbox.control().add_fault(Fault::new("*", FaultKind::Status { code, body: Some(body.clone()) }));
            for path in ["/keys", &domain, "/lists?for=bikeshop-northgate.example", "/subscriptions"] {
                assert_harmless(path, &lead.get(path).await);
            }
            let form = [("name", name), ("alias", "shop-two.example")];
            assert_harmless("alias", &lead.submit("/do/domains/alias/add", &form).await);
            app.sandbox.control().clear_faults();
        }
        let plan = lead.bulk("settings", &[("rows", payload), ("reason", payload)]).await;
        assert_harmless("bulk", &plan);
    }
    for path in ["/keys", "/keys/map", "/audit", "/jobs", "/domains", "/find?q=x", &domain] {
        assert_harmless(path, &lead.get(path).await);
    }
    let labels = lead.get("/keys").await.text;
    assert!(labels.contains("&lt;img src=x onerror=alert(1)&gt;"), "the label is shown as it was typed: {labels}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_the_provider_and_headers_are_text() {
    let provider = Provider::start().await;
    let flags = provider.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let app = TestApp::start_with(1, &flags).await;
    for (number, payload) in MARKUP.into_iter().enumerate() {
        let browser = app.visitor();
        browser.always("x-forwarded-for", format!("198.51.100.{}", number + 1));
        browser.always("user-agent", payload);
        provider.person(
            json!({ "name": payload, "email": payload, "sub": format!("u-{number}"), "groups": ["root", payload] }),
        );
        let start = browser.post("/auth/start", &[]).await;
        let query = provider.visit(&start.location.unwrap());
        let iss: String = url::form_urlencoded::byte_serialize(provider.base().as_bytes()).collect();
        browser.get(&format!("/auth/callback?code=good&state={}&iss={iss}", query["state"])).await;
        for path in ["/people", "/sessions", "/audit", "/domains", "/keys"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert_harmless(path, &page);
        }
    }
}

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
