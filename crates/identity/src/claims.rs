//! What a verified token may say: for whom it is, from whom, when.

use crate::{
    Vouched,
    jwt::{Claims, TokenError},
};
use serde_json::Value;
use subtle::ConstantTimeEq;

/// How much two clocks may differ, in seconds.
pub const LEEWAY: i64 = 60;
/// Oldest token of an access proxy or logout that is taken, where it says when it was made: a day, in seconds.
const AGE_MAX: i64 = 24 * 60 * 60;
/// The event that makes a token a logout token (`OpenID Connect Back-Channel Logout 1.0`, 2.4).
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Who may have made a token, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The exact issuer.
    pub issuer: String,
    /// Us.
    pub audience: String,
    /// Name of the claim that holds the groups; dots descend into objects.
    pub groups: String,
    /// An address without a word on whether it is verified counts as verified: for issuers that never say so.
    pub email_trusted: bool,
}

/// A session that ended at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The person's subject, when all their sessions end.
    pub subject: Option<String>,
    /// The provider's name of the one session that ends.
    pub session: Option<String>,
    /// The token's own id, so that it counts once.
    pub id: String,
    /// When it runs out, unix seconds.
    pub expires: i64,
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn second(claims: &Claims, name: &'static str) -> Result<Option<i64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        // Some providers write fractions (RFC 7519, NumericDate).
        Some(Value::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "a time of the next centuries fits")]
            let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64));
            Ok(Some(seconds.ok_or(TokenError::Claim(name))?))
        }
        // Never as text: a check that reads no number would be no check.
        Some(_) => Err(TokenError::Claim(name)),
    }
}

/// A logout token without an end, as older providers send it, counts for this long after it was made, in seconds.
const LOGOUT_AGE: i64 = 120;

/// Issuer, audience and times, which every token must have right. Returns when it runs out.
fn common(claims: &Claims, expected: &Expected, ends: bool, now: i64) -> Result<i64, TokenError> {
    if text(claims, "iss") != Some(expected.issuer.as_str()) {
        return Err(TokenError::Claim("iss"));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.audience.as_str()) {
        return Err(TokenError::Claim("aud"));
    }
    // Several audiences are only fine when the token says that it was made for us (OpenID Connect Core, 3.1.3.7).
    match claims.get("azp") {
        Some(azp) if azp.as_str() != Some(expected.audience.as_str()) => return Err(TokenError::Claim("azp")),
        None if audiences.len() > 1 => return Err(TokenError::Claim("azp")),
        _ => {}
    }
    let made = second(claims, "iat")?.ok_or(TokenError::Claim("iat"))?;
    let expires = match second(claims, "exp")? {
        Some(expires) => expires,
        None if ends => return Err(TokenError::Claim("exp")),
        None => made.saturating_add(LOGOUT_AGE),
    };
    if expires.saturating_add(LEEWAY) <= now {
        return Err(TokenError::Expired);
    }
    if second(claims, "nbf")?.is_some_and(|from| from > now.saturating_add(LEEWAY)) {
        return Err(TokenError::TooEarly);
    }
    if made > now.saturating_add(LEEWAY) {
        return Err(TokenError::TooEarly);
    }
    if made < now.saturating_sub(AGE_MAX) {
        return Err(TokenError::Expired);
    }
    Ok(expires)
}

/// Who an ID token says that signed in. The time is in unix seconds.
pub fn id_token(claims: &Claims, expected: &Expected, nonce: &str, now: i64) -> Result<Vouched, TokenError> {
    common(claims, expected, true, now)?;
    let said = text(claims, "nonce").unwrap_or_default();
    if !bool::from(said.as_bytes().ct_eq(nonce.as_bytes())) {
        return Err(TokenError::Claim("nonce"));
    }
    vouched(claims, expected, now)
}

/// Who the token of an access proxy says that is asking.
pub fn proxy_token(claims: &Claims, expected: &Expected, now: i64) -> Result<Vouched, TokenError> {
    common(claims, expected, true, now)?;
    vouched(claims, expected, now)
}

fn vouched(claims: &Claims, expected: &Expected, now: i64) -> Result<Vouched, TokenError> {
    let subject = text(claims, "sub").filter(|subject| subject.len() <= 255).ok_or(TokenError::Claim("sub"))?;
    let auth_time = second(claims, "auth_time")?;
    if auth_time.is_some_and(|time| time > now.saturating_add(LEEWAY)) {
        return Err(TokenError::Claim("auth_time"));
    }
    let email = text(claims, "email").map(|email| shown(email, 254));
    let name = ["name", "preferred_username", "nickname"].into_iter().find_map(|name| text(claims, name));
    let name = name.map(|name| shown(name, 80)).filter(|name| !name.is_empty());
    Ok(Vouched {
        issuer: expected.issuer.clone(),
        subject: subject.to_owned(),
        name: name.or_else(|| email.clone()).unwrap_or_else(|| shown(subject, 80)),
        // Some providers write it as text; anything but a plain yes is a no.
        email_verified: matches!(claims.get("email_verified"), Some(Value::Bool(true)))
            || text(claims, "email_verified") == Some("true")
            || (expected.email_trusted && !claims.contains_key("email_verified")),
        email,
        groups: groups(claims, &expected.groups),
        auth_time,
        session: text(claims, "sid").map(str::to_owned),
    })
}

/// The groups under a claim's name: as it stands, or with dots that descend into objects.
fn groups(claims: &Claims, name: &str) -> Vec<String> {
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Text that is shown: one line, of a bounded length, without characters that change how the rest is read.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let harmless = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(harmless).take(max).collect::<String>().trim().to_owned()
}

/// Which session ended, by a logout token (`OpenID Connect Back-Channel Logout 1.0`, 2.6).
pub fn logout_token(claims: &Claims, expected: &Expected, now: i64) -> Result<Logout, TokenError> {
    let expires = common(claims, expected, false, now)?;
    let event = claims.get("events").and_then(|events| events.get(LOGOUT));
    if !event.is_some_and(Value::is_object) {
        return Err(TokenError::Claim("events"));
    }
    if claims.contains_key("nonce") {
        return Err(TokenError::Claim("nonce"));
    }
    let id = text(claims, "jti").filter(|id| id.len() <= 255).ok_or(TokenError::Claim("jti"))?.to_owned();
    let (subject, session) = (text(claims, "sub").map(str::to_owned), text(claims, "sid").map(str::to_owned));
    if subject.is_none() && session.is_none() {
        return Err(TokenError::Claim("sub"));
    }
    Ok(Logout { subject, session, id, expires: expires.saturating_add(LEEWAY) })
}

#[cfg(test)]
mod tests;
