//! Who is behind a request, in each mode.

use super::{Auth, Gate, SESSION, token};
use desk::{Circumstances, Desk, DeskError, Mode, NotAdmitted, SignedIn, Token};
use http::{HeaderMap, header};
use identity::{
    Vouched, claims,
    jwks::{KeySet, VerifyError},
    jwt::TokenError,
    proxy::Untrusted,
};
use std::net::IpAddr;

/// Why a request is nobody's, where a proxy vouches for each.
#[derive(Debug, thiserror::Error)]
pub enum Nobody {
    /// The proxy's headers are not to be believed.
    #[error("the proxy's headers were not accepted: {0}")]
    Untrusted(#[from] Untrusted),
    /// There is no token, or more than one.
    #[error("the access proxy sent no token")]
    NoToken,
    /// The token is not to be believed.
    #[error("the access proxy's token was not accepted: {0}")]
    Token(#[from] TokenError),
    /// The keys that it would be checked with could not be had.
    #[error("the access proxy's keys could not be fetched")]
    Keys,
    /// They are known and not let in.
    #[error("{0}")]
    NotAdmitted(NotAdmitted),
}

impl Auth {
    /// Who is asking, if anybody, and the token of the session that was begun for it. In the modes with a proxy the
    /// session alone is never enough, but for one of a break-glass link: that is what it is for.
    pub async fn identify(
        &self,
        desk: &Desk,
        headers: &HeaderMap,
        peer: IpAddr,
        at: &Circumstances,
    ) -> Result<Result<Option<(SignedIn, Option<Token>)>, Nobody>, DeskError> {
        let token = token(headers, SESSION);
        let session = match &token {
            Some(token) if !self.is_header() => desk.signed_in(token).await?,
            Some(token) => desk.signed_in(token).await?.filter(|found| found.mode == Mode::Link.as_str()),
            None => None,
        };
        if let Some(found) = session {
            return Ok(Ok(Some((found, None))));
        }
        let vouched = match &self.gate {
            Gate::Demo | Gate::Oidc(_) => return Ok(Ok(None)),
            Gate::Trusted(rules) => rules.read(headers, peer).map_err(Nobody::from),
            Gate::Signed { header, keys, expected, algorithms } => match bearer(headers, header) {
                Some(text) => verified(keys, text, expected, algorithms, desk.now_ms()).await,
                None => Err(Nobody::NoToken),
            },
        };
        let vouched = match vouched {
            Ok(vouched) => vouched,
            Err(nobody) => {
                desk.note_refused(self.mode(), &Vouched::default(), &nobody.to_string(), at).await?;
                return Ok(Err(nobody));
            }
        };
        match desk.recognise(token.as_ref(), &vouched, &self.map, self.mode(), at).await {
            Ok(found) => Ok(Ok(Some(found))),
            Err(NotAdmitted::Failed(error)) => Err(error),
            Err(reason) => Ok(Err(Nobody::NotAdmitted(reason))),
        }
    }
}

async fn verified(
    keys: &KeySet,
    text: &str,
    expected: &claims::Expected,
    algorithms: &[identity::Algorithm],
    now: i64,
) -> Result<Vouched, Nobody> {
    match keys.verify(text, algorithms, now).await {
        Ok(said) => Ok(claims::proxy_token(&said, expected, now / 1_000)?),
        Err(VerifyError::Token(error)) => Err(error.into()),
        Err(VerifyError::Fetch(error)) => {
            tracing::error!(%error, "signing keys could not be fetched");
            Err(Nobody::Keys)
        }
    }
}

/// The token in a header, which must be there once.
fn bearer<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next()?.to_str().ok()?, values.next());
    if more.is_some() {
        return None;
    }
    if name == header::AUTHORIZATION {
        let (scheme, token) = value.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(token.trim());
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn a_token_is_there_once() {
        let name = HeaderName::from_static("x-access-token");
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers, &name), None);
        headers.insert(&name, "a.b.c".parse().unwrap());
        assert_eq!(bearer(&headers, &name), Some("a.b.c"));
        headers.append(&name, "d.e.f".parse().unwrap());
        assert_eq!(bearer(&headers, &name), None);
        headers.insert(header::AUTHORIZATION, "Basic x".parse().unwrap());
        assert_eq!(bearer(&headers, &header::AUTHORIZATION), None);
        headers.insert(header::AUTHORIZATION, "bearer a.b.c".parse().unwrap());
        assert_eq!(bearer(&headers, &header::AUTHORIZATION), Some("a.b.c"));
    }
}
