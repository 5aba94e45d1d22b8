//! Asking an identity provider: no redirects, short waits, small answers.

use reqwest::{Client, Response, redirect::Policy};
use serde_json::Value;
use std::{io, path::Path, sync::Arc, time::Duration};
use url::Url;

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 512 * 1024;

/// Why a provider could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or it broke, or it took too long.
    #[error("{host} could not be reached: {source}")]
    Unreachable {
        /// Whom.
        host: String,
        /// Why, without the address's path.
        source: reqwest::Error,
    },
    /// It was down a moment ago, and was not asked again.
    #[error("{host} could not be reached a moment ago")]
    Recently {
        /// Whom.
        host: String,
    },
    /// It answered with something else.
    #[error("{host} answered with status {status}")]
    Status {
        /// Who.
        host: String,
        /// The status.
        status: u16,
    },
    /// It answered with something that can't be read.
    #[error("{host} answered with something that is no such document")]
    Answer {
        /// Who.
        host: String,
    },
}

/// A client for identity providers. `ca` is a PEM file with a private authority's certificate.
///
/// # Errors
/// When the file can't be read or holds no certificate, or TLS can't be set up.
pub fn client(ca: Option<&Path>) -> io::Result<Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let own = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(io::Error::other)?;
        let (added, _) = roots.add_parsable_certificates(own);
        if added == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate"));
        }
    }
    Client::builder()
        .tls_backend_preconfigured(builder.with_root_certificates(roots).with_no_client_auth())
        // What a provider sends elsewhere is not the provider's answer.
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(8))
        .build()
        .map_err(io::Error::other)
}

/// The host of an address, for messages: a path or query may hold what is not for logs.
pub fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the provider").to_owned()
}

/// Asks for a document.
pub async fn json(client: &Client, url: &Url) -> Result<Value, FetchError> {
    let answer = client.get(url.clone()).header(reqwest::header::ACCEPT, "application/json").send().await;
    read(url, answer).await.and_then(|(status, value)| {
        if status == 200 { Ok(value) } else { Err(FetchError::Status { host: host(url), status }) }
    })
}

/// Reads an answer, whatever its status.
pub(crate) async fn read(url: &Url, answer: reqwest::Result<Response>) -> Result<(u16, Value), FetchError> {
    let unreachable =
        |source: reqwest::Error| FetchError::Unreachable { host: host(url), source: source.without_url() };
    let mut answer = answer.map_err(unreachable)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(FetchError::Answer { host: host(url) });
        }
        body.extend_from_slice(&chunk);
    }
    match serde_json::from_slice(&body) {
        Ok(value) => Ok((status, value)),
        Err(_) if status != 200 => Ok((status, Value::Null)),
        Err(_) => Err(FetchError::Answer { host: host(url) }),
    }
}
