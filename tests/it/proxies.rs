//! Proxies that vouch for people: signed tokens and trusted headers, on the wire.

use crate::{
    app::{Browser, TestApp},
    provider::{Provider, now},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TRUSTED: [&str; 12] = [
    "--auth",
    "trusted-header",
    "--proxy-cidrs",
    "127.0.0.1",
    "--role-agents",
    "support",
    "--role-admins",
    "root",
    "--step-up",
    "proxy",
    "--proxy-secret",
    "between-us",
];

/// Sends a request as it is written, without what a client would mend. Returns status and whole answer.
async fn raw(app: &TestApp, headers: &[&[u8]]) -> (u16, String) {
    let mut stream = TcpStream::connect(app.running.address).await.unwrap();
    let mut request =
        format!("GET /sessions HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", app.running.address).into_bytes();
    for header in headers {
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), text)
}

const SECRET: &[u8] = b"X-Sluice-Proxy-Secret: between-us";
const USER: &[u8] = b"X-Forwarded-User: maya";
const GROUPS: &[u8] = b"X-Forwarded-Groups: support";

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_s_headers_sign_in_and_spoofs_do_not_even_with_an_older_session() {
    let app = TestApp::start_with(1, &TRUSTED).await;
    let (status, text) = raw(&app, &[SECRET, USER, GROUPS]).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("maya"), "{text}");
    let cookie = text.split("__Host-sluice=").nth(1).unwrap().split(';').next().unwrap();
    let cookie = format!("Cookie: __Host-sluice={cookie}").into_bytes();
    assert_eq!(raw(&app, &[SECRET, USER, GROUPS, &cookie]).await.0, 200);

    let long = [b"X-Forwarded-User: ", "x".repeat(257).as_bytes()].concat();
    let umlaut = "X-Forwarded-User: mäya".as_bytes();
    let cases: Vec<(&str, Vec<&[u8]>)> = vec![
        ("absent", vec![SECRET, GROUPS]),
        ("empty", vec![SECRET, b"X-Forwarded-User:", GROUPS]),
        ("twice", vec![SECRET, USER, b"X-Forwarded-User: ines", GROUPS]),
        ("twice in another case", vec![SECRET, USER, b"x-FORWARDED-user: ines", GROUPS]),
        ("groups twice", vec![SECRET, USER, GROUPS, b"X-Forwarded-Groups: root"]),
        ("underscore", vec![SECRET, USER, b"X_Forwarded_User: ines", GROUPS]),
        ("dot", vec![SECRET, USER, b"X.Forwarded.User: ines", GROUPS]),
        ("underscore alone", vec![SECRET, b"X_Forwarded_User: ines", GROUPS]),
        ("space in the name", vec![SECRET, USER, b"X-Forwarded-User : ines", GROUPS]),
        ("oversized", vec![SECRET, &long, GROUPS]),
        ("not ASCII", vec![SECRET, umlaut, GROUPS]),
        ("control character", vec![SECRET, b"X-Forwarded-User: ma\x01ya", GROUPS]),
        ("no secret", vec![USER, GROUPS]),
        ("wrong secret", vec![b"X-Sluice-Proxy-Secret: between-u", USER, GROUPS]),
        ("secret twice", vec![SECRET, SECRET, USER, GROUPS]),
    ];
    for (name, headers) in cases {
        for with in [None, Some(cookie.as_slice())] {
            let headers: Vec<&[u8]> = headers.iter().copied().chain(with).collect();
            let (status, text) = raw(&app, &headers).await;
            assert!(matches!(status, 400 | 401), "{name}: {status} {text}");
            assert!(!text.contains("Your sessions"), "{name}");
        }
    }
    // Somebody else with maya's cookie is somebody else.
    let (status, text) = raw(&app, &[SECRET, b"X-Forwarded-User: ines", b"X-Forwarded-Groups: root", &cookie]).await;
    assert_eq!(status, 200);
    assert!(text.contains("ines") && !text.contains(">maya<"), "{text}");
    // Known and without a role.
    assert_eq!(raw(&app, &[SECRET, USER, b"X-Forwarded-Groups: none"]).await.0, 403);
    let rows = app.running.desk.store().audit_rows(i64::MIN).await.unwrap();
    let refused = |word: &str| {
        rows.iter().any(|row| {
            row.row.outcome.as_deref().is_some_and(|outcome| outcome.starts_with("refused") && outcome.contains(word))
        })
    };
    for word in ["missing, empty, there twice", "almost like one", "secret", "has a role"] {
        assert!(refused(word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_to_the_port_from_elsewhere_is_refused() {
    let flags: Vec<&str> = TRUSTED.iter().map(|flag| if *flag == "127.0.0.1" { "192.0.2.1" } else { *flag }).collect();
    let app = TestApp::start_with(1, &flags).await;
    for header in
        [&b"Accept: */*"[..], b"X-Forwarded-For: 192.0.2.1", b"Forwarded: for=192.0.2.1", b"X-Real-IP: 192.0.2.1"]
    {
        assert_eq!(raw(&app, &[SECRET, USER, GROUPS, header]).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_stays_out_whatever_the_proxy_says() {
    let app = TestApp::start_with(1, &TRUSTED).await;
    assert_eq!(raw(&app, &[SECRET, USER, GROUPS]).await.0, 200);
    let desk = &app.running.desk;
    let maya = desk.store().person_of("proxy", "maya").await.unwrap().unwrap().id;
    desk.store().set_disabled(&maya, Some("Ines"), desk.now_ms()).await.unwrap();
    let (status, text) = raw(&app, &[SECRET, USER, GROUPS]).await;
    assert!(status == 403 && text.contains("shut you out"), "{status} {text}");
}

/// A Sluice behind an access proxy whose tokens come from a provider.
async fn signed() -> (TestApp, Provider, Browser) {
    let provider = Provider::start().await;
    let app = provider.sluice_behind_proxy(20).await;
    let browser = app.visitor();
    (app, provider, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_proxy_s_token_is_checked_on_every_request() {
    let (app, provider, browser) = signed().await;
    assert_eq!(browser.get("/domains").await.status, StatusCode::UNAUTHORIZED);
    browser.always("x-access-token", provider.token(&json!({})));
    assert_eq!(browser.get("/domains").await.status, StatusCode::OK);
    let session = browser.cookie("__Host-sluice").unwrap();
    assert_eq!(browser.get("/sessions").await.status, StatusCode::OK);
    assert_eq!(browser.cookie("__Host-sluice").unwrap(), session, "one session");
    let hostile: Vec<Value> = vec![
        json!({ "iss": "https://id.evil.example" }),
        json!({ "aud": "another" }),
        json!({ "exp": now() - 3_600 }),
        json!({ "nbf": now() + 3_600 }),
        json!({ "sub": null }),
    ];
    for claims in hostile {
        browser.always("x-access-token", provider.token(&claims));
        assert_eq!(browser.get("/domains").await.status, StatusCode::UNAUTHORIZED, "with an older session: {claims}");
    }
    browser.always("x-access-token", "a.b.c");
    assert_eq!(browser.get("/domains").await.status, StatusCode::UNAUTHORIZED);
    // A lost group, and another person in the same browser.
    browser.always("x-access-token", provider.token(&json!({ "groups": ["elsewhere"] })));
    assert_eq!(browser.get("/domains").await.status, StatusCode::FORBIDDEN);
    browser.always("x-access-token", provider.token(&json!({ "sub": "u-ines", "name": "Ines", "groups": ["root"] })));
    assert!(browser.get("/people").await.text.contains("Ines"));
    assert_ne!(browser.cookie("__Host-sluice").unwrap(), session);
    assert!(provider.fetches() <= 2);
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_sign_in_at_the_access_proxy_is_told_by_its_token() {
    let (_app, provider, browser) = signed().await;
    let key = [("label", "web07"), ("secret", "sandbox-key-07")];
    for (claims, stored) in
        [(json!({}), false), (json!({ "auth_time": now() - 601 }), false), (json!({ "auth_time": now() }), true)]
    {
        browser.always("x-access-token", provider.token(&claims));
        let answer = browser.post("/do/keys/add", &key).await.location.unwrap();
        assert_eq!(!answer.starts_with("/confirm"), stored, "{claims}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_to_ask_is_hung_up_on() {
    let app = TestApp::start_with(1, &["--read-ms", "300"]).await;
    for begun in [&b""[..], b"GET /domains HTTP/1.1\r\nHost: ", b"GET /domains HTTP/1.1\r\nX: y\r\n"] {
        let mut stream = TcpStream::connect(app.running.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {begun:?}");
    }
    // A body that comes too slowly.
    let mut stream = TcpStream::connect(app.running.address).await.unwrap();
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nperson=",
        app.running.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the body may take for ever");
    // Of the whole answer only the first line: ids and nonces hold any digits.
    assert!(!rest.starts_with(b"HTTP/1.1 303"), "nobody is signed in");
}
