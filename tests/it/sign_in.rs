//! Signing in at a provider, step-up, sessions, and what happens when either ends.

use crate::{
    app::TestApp,
    provider::{Provider, now},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A Sluice that signs people in at a provider.
async fn with_provider() -> (TestApp, Provider) {
    let provider = Provider::start().await;
    (provider.sluice(20, &[]).await, provider)
}

async fn audit(app: &TestApp) -> Vec<(String, String, String)> {
    let rows = app.running.desk.store().audit_rows(i64::MIN).await.unwrap();
    rows.into_iter().map(|row| (row.row.action, row.row.object, row.row.outcome.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_sign_in_page_to_the_sign_out_at_the_provider() {
    let (app, provider) = with_provider().await;
    let browser = app.visitor_from(1);
    let page = browser.get("/sign-in?return=/domains%3Fq%3Dshop").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("form-action 'self' {}", provider.base())), "{policy}");
    let answer = provider.sign_in(&browser).await;
    assert_eq!(answer.location.as_deref(), Some("/domains?q=shop"));
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
    let session = set.iter().find(|set| set.starts_with("__Host-sluice=")).unwrap();
    assert!(session.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{session}");
    // 256 bits in base64url.
    assert_eq!(browser.cookie("__Host-sluice").unwrap().len(), 43);
    let page = browser.get("/sessions").await;
    assert!(page.text.contains("Maya Okafor") && page.text.contains("198.51.100.1"), "{}", page.text);
    let out = browser.post("/sign-out", &[]).await.location.unwrap();
    assert!(out.starts_with(&format!("{}/end?", provider.base())) && out.contains("id_token_hint="), "{out}");
    assert!(out.contains("post_logout_redirect_uri="), "{out}");
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER);
    let rows = audit(&app).await;
    for action in ["sign-in", "sign-out"] {
        assert!(rows.iter().any(|row| row.0 == action && row.2 == "done"), "{action} in {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tokens_sign_nobody_in_and_are_in_the_audit_log() {
    let (app, provider) = with_provider().await;
    let early = now() + 3_600;
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({ "nonce": "another" }), "", "token"),
        (json!({ "nonce": null }), "", "token"),
        (json!({ "aud": "another" }), "", "token"),
        (json!({ "aud": ["sluice", "another"] }), "", "token"),
        (json!({ "azp": "another" }), "", "token"),
        (json!({ "iss": "https://id.evil.example" }), "", "token"),
        (json!({ "exp": now() - 3_600 }), "", "token"),
        (json!({ "exp": null }), "", "token"),
        (json!({ "nbf": early }), "", "token"),
        (json!({ "iat": early }), "", "token"),
        (json!({ "sub": null }), "", "token"),
        (json!({ "auth_time": early }), "", "token"),
        (json!({}), "none", "token"),
        (json!({}), "HS256", "token"),
        (json!({}), "other", "token"),
        (json!({}), "unknown", "token"),
        (json!({ "groups": [] }), "", "role"),
        (json!({ "groups": null }), "", "role"),
        (json!({ "groups": ["Support", "*"] }), "", "role"),
    ];
    for (number, (claims, by, why)) in cases.into_iter().enumerate() {
        let browser = app.visitor_from(u8::try_from(number + 1).unwrap());
        provider.forge(claims.clone(), by);
        let before = audit(&app).await.len();
        let answer = provider.sign_in(&browser).await;
        let location = answer.location.unwrap();
        assert!(location.starts_with(&format!("/sign-in?why={why}&")), "{claims} {by}: {location}");
        assert!(browser.cookie("__Host-sluice").is_none(), "{claims} {by}");
        let said = browser.get(&location).await.text;
        assert!(said.contains("role=\"alert\"") || said.contains("alert"), "{said}");
        // The same reason is noted once a minute.
        let rows = audit(&app).await;
        assert!(rows.len() > before || rows.iter().any(|row| row.2.starts_with("refused")), "{claims} {by}");
    }
    let rows = audit(&app).await;
    for word in [
        "nonce",
        "aud",
        "azp",
        "iss",
        "ran out",
        "not valid yet",
        "algorithm",
        "signature",
        "unknown key",
        "no role",
        "has a role",
    ] {
        let found = rows.iter().any(|row| row.0 == "sign-in" && row.2.starts_with("refused") && row.2.contains(word));
        assert!(found || word == "no role", "{word} in {rows:?}");
    }
    provider.forge(json!({}), "");
    assert_eq!(provider.sign_in(&app.visitor_from(200)).await.location.as_deref(), Some("/domains?q=shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_verified_addresses_of_our_domains_count() {
    let provider = Provider::start().await;
    let app = provider.sluice(1, &["--allowed-domains", "host.example"]).await;
    for (number, (claims, admitted)) in [
        (json!({}), true),
        (json!({ "email_verified": false }), false),
        (json!({ "email_verified": null }), false),
        (json!({ "email": "maya@host.example.evil.example" }), false),
        (json!({ "email": null }), false),
    ]
    .into_iter()
    .enumerate()
    {
        provider.forge(claims.clone(), "");
        let location = provider.sign_in(&app.visitor_from(u8::try_from(number + 1).unwrap())).await.location.unwrap();
        assert_eq!(location == "/domains?q=shop", admitted, "{claims}: {location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_only_in_the_browser_that_asked() {
    let (app, provider) = with_provider().await;
    let (own, other) = (app.visitor_from(1), app.visitor_from(2));
    let callback = provider.begin(&own, "/auth/start", "/domains").await;
    // Another browser's code: it began no sign-in, or another one.
    assert!(other.get(&callback).await.location.unwrap().starts_with("/sign-in?why=stale"));
    provider.begin(&other, "/auth/start", "/domains").await;
    assert!(other.get(&callback).await.location.unwrap().starts_with("/sign-in?why=stale"));
    assert!(other.cookie("__Host-sluice").is_none());
    // The provider has seen the other's challenge since; the own one must be there again.
    let callback = provider.begin(&own, "/auth/start", "/domains").await;
    let begun = own.cookie("__Host-sluice-sign-in").unwrap();
    assert_eq!(own.get(&callback).await.location.as_deref(), Some("/domains"));
    // The same answer again, with the same cookie: a replayed state.
    let replay = app.visitor_from(3);
    replay.set_cookie("__Host-sluice-sign-in", &begun);
    assert!(replay.get(&callback).await.location.unwrap().starts_with("/sign-in?why=stale"));
    for change in ["code=bad", "state=x", "iss=https%3A%2F%2Fid.evil.example", "error=access_denied"] {
        let browser = app.visitor_from(4);
        let callback = provider.begin(&browser, "/auth/start", "/domains").await;
        let name = change.split_once('=').unwrap().0;
        let (path, query) = callback.split_once('?').unwrap();
        let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
        for changed in [format!("{path}?{}&{change}", kept.join("&")), format!("{path}?{query}&{query}")] {
            assert!(browser.get(&changed).await.location.unwrap().starts_with("/sign-in?why="), "{changed}");
        }
        assert!(browser.cookie("__Host-sluice").is_none(), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_stored_only_after_a_fresh_sign_in() {
    let (app, provider) = with_provider().await;
    let browser = app.visitor_from(1);
    provider.person(json!({ "auth_time": now() - 3_600 }));
    provider.sign_in(&browser).await;
    let key = [("label", "web07"), ("secret", "sandbox-key-07")];
    let answer = browser.post("/do/keys/add", &key).await;
    assert_eq!(answer.location.as_deref(), Some("/confirm?return=/keys%23add"));
    assert!(browser.get("/confirm?return=/keys").await.text.contains("Confirm that it is me"));
    assert_eq!(app.upstream_calls(), 0);

    // A provider that ignores the wish, and somebody else's password.
    for (claims, number) in
        [(json!({}), 1), (json!({ "auth_time": null }), 1), (json!({ "auth_time": now(), "sub": "u-other" }), 1)]
    {
        provider.forge(claims.clone(), "");
        browser.always("x-forwarded-for", format!("198.51.100.{number}"));
        let callback = provider.begin(&browser, "/auth/step-up", "/keys").await;
        let before = browser.cookie("__Host-sluice");
        let answer = browser.get(&callback).await;
        assert_eq!(answer.location.as_deref(), Some("/confirm?why=1&return=/keys"), "{claims}");
        assert_eq!(browser.cookie("__Host-sluice"), before, "the session is as it was");
    }
    provider.forge(json!({ "auth_time": now() }), "");
    let old = browser.cookie("__Host-sluice").unwrap();
    let callback = provider.begin(&browser, "/auth/step-up", "/keys").await;
    assert_eq!(browser.get(&callback).await.location.as_deref(), Some("/keys"));
    assert_ne!(browser.cookie("__Host-sluice").unwrap(), old, "a new token at step-up");
    let copied = app.visitor_from(9);
    copied.set_cookie("__Host-sluice", &old);
    assert_eq!(copied.get("/keys").await.status, StatusCode::SEE_OTHER, "the old token is worth nothing");
    assert!(browser.submit("/do/keys/add", &key).await.text.contains("is stored"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_ends_sessions_and_each_token_counts_once() {
    let (app, provider) = with_provider().await;
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let browser = app.visitor_from(1);
    provider.sign_in(&browser).await;
    let good = json!({ "events": event, "jti": "j-1", "groups": null });
    let send = |token: String| {
        // The provider is no browser: it sends no Origin.
        let request = app.visitor().request(Method::POST, "/auth/back-channel").form(&[("logout_token", token)]);
        async { app.visitor().send(request).await.status }
    };
    let with = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        provider.token(&claims)
    };
    for hostile in [
        json!({ "events": null }),
        json!({ "nonce": "n" }),
        json!({ "aud": "another" }),
        json!({ "iss": "https://id.evil.example" }),
        json!({ "exp": now() - 3_600 }),
        json!({ "jti": null }),
        json!({ "sid": null, "sub": null }),
    ] {
        assert_eq!(send(with(hostile.clone())).await, StatusCode::BAD_REQUEST, "{hostile}");
    }
    assert_eq!(send("nonsense".into()).await, StatusCode::BAD_REQUEST);
    // Of another session, and of another person.
    assert_eq!(send(with(json!({ "sid": "s-2", "jti": "j-2" }))).await, StatusCode::OK);
    assert_eq!(send(with(json!({ "sub": "u-other", "jti": "j-3" }))).await, StatusCode::OK);
    assert_eq!(browser.get("/domains").await.status, StatusCode::OK);
    let token = with(json!({}));
    assert_eq!(send(token.clone()).await, StatusCode::OK);
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER);
    provider.sign_in(&browser).await;
    assert_eq!(send(token).await, StatusCode::BAD_REQUEST, "a token that was used ends nothing");
    assert_eq!(browser.get("/domains").await.status, StatusCode::OK);
    assert_eq!(send(with(json!({ "sid": null, "jti": "j-4" }))).await, StatusCode::OK);
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER, "all of a person's");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_roll_over_and_strangers_make_us_ask_once_a_minute() {
    let (app, provider) = with_provider().await;
    let first = app.visitor_from(1);
    provider.sign_in(&first).await;
    assert_eq!(provider.fetches(), 1);
    provider.roll(1, &[1]);
    let second = app.visitor_from(2);
    assert_eq!(provider.sign_in(&second).await.location.as_deref(), Some("/domains?q=shop"));
    assert_eq!(provider.fetches(), 2);
    assert_eq!(first.get("/domains").await.status, StatusCode::OK, "sessions outlive keys");
    provider.forge(json!({}), "unknown");
    for number in 3..6 {
        assert!(provider.sign_in(&app.visitor_from(number)).await.location.unwrap().contains("why=token"));
    }
    assert_eq!(provider.fetches(), 2, "the last time was less than a minute ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_signs_nobody_in_and_nobody_out() {
    let (app, provider) = with_provider().await;
    let browser = app.visitor_from(1);
    provider.sign_in(&browser).await;
    provider.set_down(true);
    assert_eq!(browser.get("/domains").await.status, StatusCode::OK);
    let other = app.visitor_from(2);
    assert_eq!(other.get("/sign-in").await.status, StatusCode::OK);
    let location = provider.sign_in(&other).await.location.unwrap();
    assert!(location.starts_with("/sign-in?why=down"), "{location}");
    assert!(other.get(&location).await.text.contains("does not answer"));
    provider.set_down(false);
    assert_eq!(provider.sign_in(&other).await.location.as_deref(), Some("/domains?q=shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_taken_anew_at_each_sign_in() {
    let (app, provider) = with_provider().await;
    let first = app.visitor_from(1);
    provider.sign_in(&first).await;
    assert!(!first.get("/domains").await.text.contains("href=\"/audit\""));
    provider.person(json!({ "groups": ["support", "leads"] }));
    let second = app.visitor_from(2);
    provider.sign_in(&second).await;
    assert!(second.get("/domains").await.text.contains("href=\"/audit\""));
    assert_eq!(first.get("/domains").await.status, StatusCode::SEE_OTHER, "a session with the old role is over");
    provider.person(json!({ "groups": ["elsewhere"] }));
    assert!(provider.sign_in(&app.visitor_from(3)).await.location.unwrap().starts_with("/sign-in?why=role"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_try_ten_times_a_minute() {
    let (app, provider) = with_provider().await;
    let browser = app.visitor_from(1);
    for _ in 0..10 {
        provider.begin(&browser, "/auth/start", "/domains").await;
    }
    let answer = browser.post("/auth/start", &[("return", "/domains")]).await;
    assert_eq!(answer.location.as_deref(), Some("/sign-in?why=often&return=/domains"));
    provider.begin(&app.visitor_from(2), "/auth/start", "/domains").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_is_out_at_once() {
    let (app, provider) = with_provider().await;
    let browser = app.visitor_from(1);
    provider.sign_in(&browser).await;
    provider.person(
        json!({ "sub": "u-ines", "name": "Ines Duarte", "groups": ["root"], "sid": "s-2", "auth_time": now() }),
    );
    let admin = app.visitor_from(2);
    provider.sign_in(&admin).await;
    let store = app.running.desk.store();
    let maya = store.person_of(&provider.base(), "u-maya").await.unwrap().unwrap().id;
    let own = store.person_of(&provider.base(), "u-ines").await.unwrap().unwrap().id;
    assert!(admin.get("/people").await.text.contains("Maya Okafor"));
    let refused = admin.submit("/do/people/disable", &[("id", &own)]).await;
    assert!(refused.text.contains("can’t shut yourself out"), "{}", refused.text);
    let page = admin.submit("/do/people/disable", &[("id", &maya)]).await;
    assert!(page.text.contains("Maya Okafor is shut out."), "{}", page.text);
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER);
    provider.person(json!({ "sub": "u-maya", "name": "Maya Okafor", "groups": ["support"] }));
    assert!(provider.sign_in(&browser).await.location.unwrap().starts_with("/sign-in?why=disabled"));
    admin.submit("/do/people/enable", &[("id", &maya)]).await;
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER, "the old session stays ended");
    assert_eq!(provider.sign_in(&browser).await.location.as_deref(), Some("/domains?q=shop"));
    let page = admin.submit("/do/people/sign-out", &[("id", &maya)]).await;
    assert!(page.text.contains("is signed out."), "{}", page.text);
    assert_eq!(browser.get("/domains").await.status, StatusCode::SEE_OTHER);
    let rows = audit(&app).await;
    for action in ["person.disable", "person.enable", "person.sign-out"] {
        assert!(rows.iter().any(|row| row.0 == action && row.1 == maya && row.2 == "done"), "{action} in {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one() {
    let app = TestApp::start(1).await;
    let (here, there, other) = (app.signed_in("maya").await, app.signed_in("maya").await, app.signed_in("vera").await);
    let page = here.get("/sessions").await.text;
    let names: Vec<_> =
        page.split("name=\"id\" value=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(names.len(), 1, "one's own has no button: {page}");
    assert!(other.submit("/do/sessions/end", &[("id", names[0])]).await.text.contains("had ended already"));
    assert_eq!(there.get("/domains").await.status, StatusCode::OK, "nobody ends another's");
    assert!(here.submit("/do/sessions/end", &[("id", names[0])]).await.text.contains("is signed out"));
    assert_eq!(there.get("/domains").await.status, StatusCode::SEE_OTHER);
    let third = app.signed_in("maya").await;
    here.submit("/do/sessions/end-others", &[]).await;
    assert_eq!(third.get("/domains").await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/domains").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_the_command_line_signs_in_once() {
    let (app, _provider) = with_provider().await;
    let (person, token) = app.running.desk.make_admin_link("Emergency").await.unwrap();
    let link = format!("/auth/link/{}", token.expose());
    let browser = app.visitor_from(1);
    let page = browser.get(&link).await;
    assert!(page.status == StatusCode::OK && page.text.contains("Sign in by link"), "{}", page.text);
    assert_eq!(browser.post(&link, &[]).await.location.as_deref(), Some("/domains"));
    assert!(browser.get("/people").await.text.contains("Emergency"));
    assert!(app.visitor_from(2).post(&link, &[]).await.location.unwrap().starts_with("/sign-in?why=link"));
    let rows = audit(&app).await;
    assert!(rows.iter().any(|row| row.0 == "link.make" && row.1 == person.id), "{rows:?}");
    assert!(rows.iter().any(|row| row.0 == "sign-in" && row.2 == "done"), "{rows:?}");
    assert!(!format!("{rows:?}").contains(token.expose()));
}
