//! Signatures of tokens: only with a key that the issuer publishes now, only by an algorithm that was allowed.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Longest token that is looked at, in bytes.
pub const TOKEN_MAX: usize = 16 * 1024;

/// What a token says.
pub type Claims = Map<String, Value>;

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token.
    #[error("it is no signed token")]
    Shape,
    /// The algorithm is not among the allowed.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// No published key has this id.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing or wrong.
    #[error("its claim {0} is missing or wrong")]
    Claim(&'static str),
    /// It ran out.
    #[error("it ran out")]
    Expired,
    /// It is of the future.
    #[error("it is not valid yet")]
    TooEarly,
}

/// The keys of a set of an issuer that can be used at all. Others (of an algorithm that is not known here, secret
/// ones, ones for encryption) are passed over, and don't make the rest useless.
pub fn keys_of(set: &Value) -> Vec<Jwk> {
    let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok())
        .filter(|key| {
            !matches!(key.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_))
                && key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        })
        .collect()
}

/// Whether this key may check this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let named = key.common.key_algorithm.as_ref().is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let kind = match key.algorithm {
        AlgorithmParameters::RSA(_) => matches!(
            algorithm,
            Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512
        ),
        AlgorithmParameters::EllipticCurve(_) => matches!(algorithm, Algorithm::ES256 | Algorithm::ES384),
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        _ => false,
    };
    named && kind
}

/// What a token says, when its signature is right. What it says is not judged here.
///
/// # Errors
/// [`TokenError::UnknownKey`] when the keys should be fetched again; the others are final.
pub fn verify(token: &str, keys: &[Jwk], allowed: &[Algorithm]) -> Result<Claims, TokenError> {
    if token.len() > TOKEN_MAX || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
        return Err(TokenError::Shape);
    }
    // `none` is not among the names that this reads, so it ends here.
    let header = decode_header(token).map_err(|_| TokenError::Algorithm)?;
    if !allowed.contains(&header.alg) {
        return Err(TokenError::Algorithm);
    }
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(TokenError::Shape);
    }
    let mut fitting = keys.iter().filter(|key| fits(key, header.alg));
    // A key or an address in the header is never used: whoever made the token would choose what proves it.
    let key = match &header.kid {
        Some(kid) => fitting.find(|key| key.common.key_id.as_ref() == Some(kid)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    };
    let key = DecodingKey::from_jwk(key.ok_or(TokenError::UnknownKey)?).map_err(|_| TokenError::UnknownKey)?;
    // Claims are judged by [`crate::claims`], with the time that it is given.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims = HashSet::new();
    validation.validate_exp = false;
    validation.validate_aud = false;
    Ok(decode::<Claims>(token, &key, &validation).map_err(|_| TokenError::Signature)?.claims)
}

#[cfg(test)]
mod tests;
