//! Cross-site protection: a request that may change something must come from our own pages.
//!
//! As Go 1.25's `CrossOriginProtection`, and stricter: compared with the configured public origin,
//! refused when a browser said neither where it came from (`Origin`) nor how (`Sec-Fetch-Site`).

use crate::server::{config::Origin, headers::plain};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, Method, StatusCode, header};
use std::sync::Arc;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossSite {
    /// `Origin` names another origin, or is opaque (`null`).
    Origin,
    /// `Sec-Fetch-Site` says the page that sent it isn't ours.
    FetchSite,
    /// Neither header was there.
    Silent,
}

/// Decides whether a request may go on.
pub fn check(method: &Method, headers: &HeaderMap, own: &str) -> Result<(), CrossSite> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next();
    if origins.next().is_some() || origin.is_some_and(|origin| origin.as_bytes() != own.as_bytes()) {
        return Err(CrossSite::Origin);
    }
    match headers.get("sec-fetch-site") {
        Some(site) if site.as_bytes() != b"same-origin" => Err(CrossSite::FetchSite),
        None if origin.is_none() => Err(CrossSite::Silent),
        _ => Ok(()),
    }
}

/// The middleware around every route that a browser uses.
pub async fn guard(State(own): State<Arc<Origin>>, request: Request, next: Next) -> Response {
    if let Err(reason) = check(request.method(), request.headers(), &own.origin) {
        tracing::warn!(?reason, path = request.uri().path(), "cross-site request refused");
        return plain(
            StatusCode::FORBIDDEN,
            "Not done: this request did not come from a page of this Sluice. Open the page again and repeat it there.\n".into(),
        );
    }
    next.run(request).await
}

/// The middleware around every route: refuses a Host header that isn't ours, so that a name pointed at this server by
/// somebody else (DNS rebinding) reaches nothing.
pub async fn own_host(State(own): State<Arc<Origin>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    if !matches!(request.uri().path(), "/healthz" | "/readyz")
        && host.is_none_or(|host| host.as_bytes() != own.authority.as_bytes())
    {
        return plain(StatusCode::MISDIRECTED_REQUEST, format!("This server answers only as {}.\n", own.origin));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://sluice.example";

    fn verdict(method: &Method, site: Option<&str>, origin: Option<&str>) -> Result<(), CrossSite> {
        let mut headers = HeaderMap::new();
        if let Some(site) = site {
            headers.insert("sec-fetch-site", site.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        check(method, &headers, OWN)
    }

    #[test]
    fn matrix_of_verb_site_and_origin() {
        let sites = [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none")];
        let origins = [None, Some(OWN), Some("https://evil.example"), Some("null"), Some("http://sluice.example")];
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for site in sites {
                for origin in origins {
                    let safe = matches!(method, Method::GET | Method::HEAD);
                    let ours = matches!((site, origin), (Some("same-origin"), None | Some(OWN)) | (None, Some(OWN)));
                    assert_eq!(verdict(&method, site, origin).is_ok(), safe || ours, "{method} {site:?} {origin:?}");
                }
            }
        }
    }

    #[test]
    fn two_origins_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::ORIGIN, OWN.parse().unwrap());
        headers.append(header::ORIGIN, OWN.parse().unwrap());
        assert_eq!(check(&Method::POST, &headers, OWN), Err(CrossSite::Origin));
    }
}
