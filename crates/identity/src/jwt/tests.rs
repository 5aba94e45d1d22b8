use super::*;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

/// Keys made for these tests and used nowhere else: PKCS #8 and PKCS #1, DER in base64.
const EC: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAVCEoU3ir2es2vXCnbLA0DZcOXMEI1kQE9DLYsmzI8yhRANCAARSv+2jSAeO3L/b6HVTglfRRt0aJiVJvxPAI9foLfCQvryChX5185/bADeCc2UOb+pGSh5OwNTPqx0T1uC/Mbgr";
const RSA: &str = "MIIEogIBAAKCAQEA5+MyfT/Evg78ZU1gK5sdwH6EHU1oWqRtXpnMMc5cbr3GSEet5bFg2xrSF2LlhjRonvCvJGF8cnnkuNeIWEJhBXtKhuIu4W\
PpcyZ8x316R/cmDcISi3Af4vhZhG2OF6AD8R5YVmyGMQ4htQNsn+K8JxlN3Zl7D3c+ElX0WsuvUVWgAlO2o0zxvjK4AG6U1nFUpod9NCQusAbo\
lzjYQ4miIoeBQTlvJf+pbhOL0v2GgB2IVh/qogFD3ZeXnxW+ekzUp1+CWs03bESMO+iWwcWWF2cC9QO8yoynXYp915Yf0mL334g6vjXUlJGCzA\
VhUzcEhuegphjI8fU4GN0/LW/r3wIDAQABAoIBABtn2SQ/YJ+7wq2wTuDodMQ2z6Ns7hvkWf63u4/ZXUhDSodpXU6Lv7A1g8X6zLinQgQi2vg4\
Q05+RH9qDbWspq3Qq/a0DalatxECZ/XlyQlvVsKCgNGU/1fCVUYW8petNDoPhY41RkjO7EHp9TESSX1veqnphUdHJwFgwj/m2cIJXH1UFWz3rq\
Q3jfTiyUFLQxOXJo2GE9RcoevkhAizOrFw+rj1e5dWua8OxgFO708GRndNiCqqVYK+LCGEsDYXhrikx4GTNUvr6fDmfz3KePgT/eznejrihbR4\
JoMaNMeEFwChK7KeNwslBGPtQlWMCOqTxTzD4Dcozvo6Hq4+S60CgYEA/RB+oQkpLGNPObZa9bmWdTJcpK4c9fttcKH7BA/9DN7haWhvB5SgM4\
0H3hi/+PIC8uQCpR+U/fjR2WuCf33eWGocRrLYkT0npBWP0bdx3zQ6SL0tBWqk3IGq57JnxSztwjZhM1Sau6Q/GnqOgIZ7ym4B61tO99ap4mJ2\
IWxsrEUCgYEA6pPQqeLADRR7inAPrwp2FjVYd/U99aVlpqzk21mQ7s+/iY/4tT6ieLZPvvpHlIfBVCIt8m2Zur6Xio1hxuagVUQasMMd6wrdc9\
1J4BVb74T2fWgpxSlg9MB6f8+FYekJLirXMupLZ7A/6f9X1Y1XzzSFqrKujM38c/hN3jNWo9MCgYAmphNA0t5X6h7aaJBBwQNKiNN/TxwbMTgI\
oKRufWafRZbVe16hoMBKvzo5YDxJb+SlZc9Fmqotk4exFetLP1Tq2eHRplTO8bERLT3WwJaCiT5xh3rNvfjJuH/6fNO+WFtDcvyrUzuCdtYwXB\
FRbbiQNPbUFBDeZwlxCqqR9jYupQKBgBq6Cr1Ae5dB7S2BxRexfnDbVSAdzhht5t4NtumTE+NRwkX/JFwqLcLJKt7cj0lKCmn2lvuXJzvSuVts\
7mYGIuB0KQJYyNDd5QttfBxO8rGgmaECPDgdldFtGMf1MgJM1eHvuaMwdLT0rOORV0WanBWcq1oej6q1UX05Hk4h1U5HAoGAe8UimWTfYZLHJe\
KIDNlpHq/3OWT31uatWYfTNG9Yvl92poZ43s+IqaZ5sqUJSJW5PKpIqDWH0DGb7TEqDYw5kylyfeQ6GG1GScUEnsnbNWcoVqu/f3rcRluXjzLo\
kIXy8B4nRt1Puf3hjpuK3JuoaXQSoqLygS682DpYyLZ8PmQ=";
const BOTH: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

fn der(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_der(&der(EC))
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(&der(RSA))
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

fn set() -> Vec<Jwk> {
    keys_of(&json!({ "keys": [jwk(&ec(), Algorithm::ES256, "e"), jwk(&rsa(), Algorithm::RS256, "r")] }))
}

fn signed(algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, &json!({ "sub": "maya" }), key).unwrap()
}

fn by_hand(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

#[test]
fn a_token_is_believed_by_a_published_key_and_an_allowed_algorithm() {
    for (algorithm, kid, key) in [(Algorithm::ES256, "e", ec()), (Algorithm::RS256, "r", rsa())] {
        let token = signed(algorithm, Some(kid), &key);
        assert_eq!(verify(&token, &set(), &BOTH).unwrap()["sub"], "maya");
        assert_eq!(verify(&token, &set(), &[Algorithm::PS256]), Err(TokenError::Algorithm));
        // One key of that kind: which one is meant is no question.
        assert!(verify(&signed(algorithm, None, &key), &set(), &BOTH).is_ok());
        assert_eq!(verify(&signed(algorithm, Some("x"), &key), &set(), &BOTH), Err(TokenError::UnknownKey));
    }
}

#[test]
fn a_key_checks_only_algorithms_of_its_kind() {
    // The id of the RSA key on a token signed with the other.
    assert_eq!(verify(&signed(Algorithm::ES256, Some("r"), &ec()), &set(), &BOTH), Err(TokenError::UnknownKey));
    let two = keys_of(&json!({ "keys": [jwk(&ec(), Algorithm::ES256, "a"), jwk(&ec(), Algorithm::ES256, "b")] }));
    assert_eq!(verify(&signed(Algorithm::ES256, None, &ec()), &two, &BOTH), Err(TokenError::UnknownKey));
}

#[test]
fn no_signature_and_a_public_key_as_secret_are_refused() {
    for alg in ["none", "None", "nOnE", "HS256"] {
        let token = by_hand(&json!({ "alg": alg, "kid": "r" }), &json!({ "sub": "maya" }));
        assert_eq!(verify(&token, &set(), &BOTH), Err(TokenError::Algorithm), "{alg}");
    }
    let public = serde_json::to_vec(&jwk(&rsa(), Algorithm::RS256, "r")).unwrap();
    let token = signed(Algorithm::HS256, Some("r"), &EncodingKey::from_secret(&public));
    assert_eq!(verify(&token, &set(), &BOTH), Err(TokenError::Algorithm));
    // Also where somebody allowed it by mistake: no published key checks it.
    assert_eq!(verify(&token, &set(), &[Algorithm::HS256]), Err(TokenError::UnknownKey));
}

#[test]
fn keys_in_the_header_are_not_used() {
    let own = EncodingKey::from_rsa_der(&der(RSA));
    let mut header = Header::new(Algorithm::RS256);
    header.jwk = Some(Jwk::from_encoding_key(&own, Algorithm::RS256).unwrap());
    header.kid = Some("mine".into());
    let token = encode(&header, &json!({ "sub": "maya" }), &own).unwrap();
    let others = keys_of(&json!({ "keys": [jwk(&ec(), Algorithm::ES256, "e")] }));
    assert_eq!(verify(&token, &others, &BOTH), Err(TokenError::UnknownKey));
    header.jwk = None;
    header.crit = Some(vec!["b64".into()]);
    header.kid = Some("r".into());
    let token = encode(&header, &json!({ "sub": "maya" }), &own).unwrap();
    assert_eq!(verify(&token, &set(), &BOTH), Err(TokenError::Shape));
}

#[test]
fn any_changed_letter_is_noticed() {
    let token = signed(Algorithm::ES256, Some("e"), &ec());
    for (place, letter) in token.char_indices() {
        let other = if letter == 'A' { 'B' } else { 'A' };
        let mut changed = token.clone();
        changed.replace_range(place..=place, &other.to_string());
        // The last letter of a part holds bits that mean nothing; a decoder refuses or ignores them.
        if BASE64_URL_SAFE_NO_PAD.decode(changed.rsplit('.').next().unwrap()).ok()
            == BASE64_URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).ok()
            && place > token.rfind('.').unwrap()
        {
            continue;
        }
        assert!(verify(&changed, &set(), &BOTH).is_err(), "letter {place}");
    }
    assert_eq!(verify(&token.replace('.', ""), &set(), &BOTH), Err(TokenError::Shape));
    assert_eq!(verify(&format!("{token}.x"), &set(), &BOTH), Err(TokenError::Shape));
    assert_eq!(verify(&format!("{token}{}", "x".repeat(TOKEN_MAX)), &set(), &BOTH), Err(TokenError::Shape));
}

#[test]
fn a_key_that_is_not_known_here_does_not_spoil_the_set() {
    let strange = json!({ "kty": "XYZ", "kid": "s" });
    let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "h" });
    let mut sealing = jwk(&rsa(), Algorithm::RS256, "enc");
    sealing["use"] = json!("enc");
    let keys = keys_of(&json!({ "keys": [strange, secret, sealing, 7, jwk(&ec(), Algorithm::ES256, "e")] }));
    assert_eq!(keys.len(), 1);
    assert!(keys_of(&json!({ "keys": "none" })).is_empty());
}
