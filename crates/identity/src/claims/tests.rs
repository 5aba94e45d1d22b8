use super::*;
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_790_000_000;

fn expected() -> Expected {
    Expected {
        issuer: "https://id.example".into(),
        audience: "sluice".into(),
        groups: "realm.roles".into(),
        email_trusted: false,
    }
}

fn good() -> Value {
    json!({
        "iss": "https://id.example", "aud": "sluice", "sub": "u-1", "exp": NOW + 300, "iat": NOW, "nonce": "n",
        "name": "Maya Okafor", "email": "maya@host.example", "email_verified": true, "auth_time": NOW,
        "realm": { "roles": ["support"] }, "sid": "s-1",
    })
}

fn with(changes: Value) -> Claims {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.as_object().unwrap().clone()
}

fn read(changes: Value) -> Result<Vouched, TokenError> {
    id_token(&with(changes), &expected(), "n", NOW)
}

#[test]
fn a_good_token_says_who_it_is() {
    let person = read(json!({})).unwrap();
    assert_eq!((person.subject.as_str(), person.name.as_str()), ("u-1", "Maya Okafor"));
    assert_eq!((person.groups, person.auth_time, person.email_verified), (vec!["support".into()], Some(NOW), true));
    assert_eq!(person.session.as_deref(), Some("s-1"));
}

#[test]
fn what_is_wrong_is_named() {
    use TokenError::{Claim, Expired, TooEarly};
    for (changes, error) in [
        (json!({ "iss": "https://id.example/" }), Claim("iss")),
        (json!({ "iss": null }), Claim("iss")),
        (json!({ "aud": "other" }), Claim("aud")),
        (json!({ "aud": [] }), Claim("aud")),
        (json!({ "aud": ["sluice", "other"] }), Claim("azp")),
        (json!({ "azp": "other" }), Claim("azp")),
        (json!({ "aud": ["sluice", "other"], "azp": "other" }), Claim("azp")),
        (json!({ "exp": null }), Claim("exp")),
        (json!({ "exp": (NOW + 300).to_string() }), Claim("exp")),
        (json!({ "exp": NOW - LEEWAY }), Expired),
        (json!({ "nbf": NOW + LEEWAY + 1 }), TooEarly),
        (json!({ "nbf": "never" }), Claim("nbf")),
        (json!({ "iat": NOW + LEEWAY + 1 }), TooEarly),
        (json!({ "iat": NOW - AGE_MAX - 1 }), Expired),
        (json!({ "iat": null }), Claim("iat")),
        (json!({ "nonce": "m" }), Claim("nonce")),
        (json!({ "nonce": null }), Claim("nonce")),
        (json!({ "sub": "" }), Claim("sub")),
        (json!({ "sub": "x".repeat(256) }), Claim("sub")),
        (json!({ "auth_time": NOW + LEEWAY + 1 }), Claim("auth_time")),
    ] {
        assert_eq!(read(changes.clone()), Err(error), "{changes}");
    }
    assert!(read(json!({ "aud": ["sluice", "other"], "azp": "sluice" })).is_ok());
    assert!(read(json!({ "exp": NOW - LEEWAY + 1 })).is_ok());
}

#[test]
fn only_a_plain_yes_verifies_an_address() {
    for (said, verified) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(1), false),
        (json!("yes"), false),
        (json!({}), false),
    ] {
        assert_eq!(read(json!({ "email_verified": said })).unwrap().email_verified, verified);
    }
    assert!(!read(json!({ "email_verified": null })).unwrap().email_verified);
    let trusting = Expected { email_trusted: true, ..expected() };
    let of =
        |said: Value| id_token(&with(json!({ "email_verified": said })), &trusting, "n", NOW).unwrap().email_verified;
    assert!(of(Value::Null) && of(json!(true)) && !of(json!(false)) && !of(json!("no")));
}

#[test]
fn names_are_one_line_without_tricks() {
    let person = read(json!({ "name": "Ma\u{202e}ya\r\n<b>\u{200f}" })).unwrap();
    assert_eq!(person.name, "Maya<b>");
    assert_eq!(read(json!({ "name": "\u{feff}", "email": null })).unwrap().name, "u-1");
    assert_eq!(read(json!({ "name": "x".repeat(300) })).unwrap().name.len(), 80);
}

#[test]
fn groups_are_found_as_they_stand_or_inside() {
    let of = |claims: Value, name: &str| groups(claims.as_object().unwrap(), name);
    assert_eq!(of(json!({ "a.b": ["x"] }), "a.b"), ["x"]);
    assert_eq!(of(json!({ "a": { "b": "x" } }), "a.b"), ["x"]);
    assert_eq!(of(json!({ "a": { "b": ["x", 7, "y"] } }), "a.b"), ["x", "y"]);
    assert!(of(json!({ "a": 1 }), "a.b").is_empty());
}

#[test]
fn a_logout_token_is_one_and_nothing_else() {
    let good = json!({ "events": { (LOGOUT): {} }, "jti": "j", "nonce": null });
    let read = |more: Value| {
        let mut changes = good.clone();
        for (name, value) in more.as_object().unwrap() {
            changes[name] = value.clone();
        }
        logout_token(&with(changes), &expected(), NOW)
    };
    let logout = read(json!({})).unwrap();
    assert_eq!((logout.session.as_deref(), logout.id.as_str()), (Some("s-1"), "j"));
    for (changes, error) in [
        (json!({ "events": null }), "events"),
        (json!({ "events": { (LOGOUT): true } }), "events"),
        (json!({ "nonce": "n" }), "nonce"),
        (json!({ "jti": null }), "jti"),
        (json!({ "sub": null, "sid": null }), "sub"),
        (json!({ "aud": "other" }), "aud"),
    ] {
        assert_eq!(read(changes.clone()), Err(TokenError::Claim(error)), "{changes}");
    }
    assert_eq!(read(json!({ "exp": NOW - 600 })), Err(TokenError::Expired));
    // Without an end, only a short time.
    assert_eq!(read(json!({ "exp": null })).unwrap().expires, NOW + LOGOUT_AGE + LEEWAY);
    assert_eq!(read(json!({ "exp": null, "iat": NOW - LOGOUT_AGE - LEEWAY })), Err(TokenError::Expired));
    // An ID token ends no session.
    assert!(logout_token(&with(json!({})), &expected(), NOW).is_err());
}

proptest! {
    #[test]
    fn nothing_but_the_exact_issuer_and_audience_will_do(issuer in "\\PC{0,30}", audience in "\\PC{0,12}") {
        let claims = with(json!({ "iss": issuer, "aud": audience }));
        let fine = issuer == "https://id.example" && audience == "sluice";
        prop_assert_eq!(id_token(&claims, &expected(), "n", NOW).is_ok(), fine);
    }
}
