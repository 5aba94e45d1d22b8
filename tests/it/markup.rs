//! Markup in every field, name, header and answer of the service: looked for as a browser would find it.

use crate::{
    app::{Answer, TestApp},
    provider::Provider,
};
use html5gum::{DefaultEmitter, Token, Tokenizer};
use mailchannels_sandbox::{Fault, FaultKind};
use reqwest::StatusCode;
use serde_json::json;

/// What must never come back as it went in.
const MARKUP: [&str; 5] = [
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "' onmouseover='alert(1)",
];

/// An element's name and attributes.
type Element = (String, Vec<(String, String)>);

/// Every element of a page with its attributes, and the text in scripts, as a browser reads them.
pub(crate) fn elements(page: &str) -> (Vec<Element>, String) {
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
    let app = provider.sluice(1, &[]).await;
    for (number, payload) in (1..).zip(MARKUP) {
        let browser = app.visitor_from(number);
        browser.always("user-agent", payload);
        provider.person(
            json!({ "name": payload, "email": payload, "sub": format!("u-{number}"), "groups": ["root", payload] }),
        );
        provider.sign_in(&browser).await;
        for path in ["/people", "/sessions", "/audit", "/domains", "/keys"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert_harmless(path, &page);
        }
    }
}
