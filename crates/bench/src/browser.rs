//! A browser without scripts: one connection that stays, cookies, forms.

use crate::Step;
use reqwest::{
    Client, Method, Response,
    header::{ACCEPT, ACCEPT_ENCODING, COOKIE, LOCATION, ORIGIN, SET_COOKIE},
    redirect::Policy,
};
use std::time::Duration;

/// A browser.
pub(crate) struct Browser {
    client: Client,
    base: String,
    cookies: Vec<(String, String)>,
}

/// A page as it came.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Where it sends us.
    pub(crate) location: Option<String>,
    /// Its text.
    pub(crate) text: String,
}

impl Browser {
    /// A browser that opens pages of `base` only.
    pub(crate) fn new(base: impl Into<String>) -> Step<Self> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_mins(2))
            .tls_backend_preconfigured(tls()?)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, base: base.into(), cookies: Vec::new() })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    /// Opens a page, whatever its status.
    pub(crate) async fn open(&self, path: &str) -> Step<Answer> {
        let response = self.request(Method::GET, path).send().await.map_err(|error| error.to_string())?;
        answer(response).await
    }

    /// Opens a page that must be there.
    pub(crate) async fn get(&self, path: &str) -> Step<String> {
        let answer = self.open(path).await?;
        if answer.status == 200 { Ok(answer.text) } else { Err(format!("GET {path}: {}", answer.status)) }
    }

    /// Bytes that a file takes on the wire, compressed as for browsers of today.
    pub(crate) async fn weigh(&self, path: &str) -> Step<usize> {
        let request = self.request(Method::GET, path).header(ACCEPT_ENCODING, "gzip, br");
        let response = request.send().await.map_err(|error| error.to_string())?;
        if response.status() != 200 {
            return Err(format!("GET {path}: {}", response.status()));
        }
        Ok(response.bytes().await.map_err(|error| error.to_string())?.len())
    }

    /// Sends a form as our own page would.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Step<Answer> {
        let request =
            self.request(Method::POST, path).header(ORIGIN, &self.base).header("sec-fetch-site", "same-origin");
        let response = request.form(form).send().await.map_err(|error| error.to_string())?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer(response).await
    }

    /// Sends a bulk form, which comes in several parts; tells the address of the plan it made.
    pub(crate) async fn bulk(&self, act: &str, fields: &[(&str, &str)]) -> Step<String> {
        let parts = fields.iter().map(|(name, value)| {
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let body = parts.collect::<Vec<_>>().concat() + "--edge--\r\n";
        let request = self
            .request(Method::POST, &format!("/bulk/{act}"))
            .header(ORIGIN, &self.base)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "multipart/form-data; boundary=edge");
        let answer = answer(request.body(body).send().await.map_err(|error| error.to_string())?).await?;
        answer
            .location
            .filter(|path| path.starts_with("/plans/"))
            .ok_or_else(|| format!("{act}: no plan was made ({})", answer.status))
    }

    /// Sends a form and opens the page it leads to.
    pub(crate) async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Step<String> {
        let answer = self.post(path, form).await?;
        match answer.location {
            Some(next) => self.get(next.split('#').next().unwrap_or("/")).await,
            None => Err(format!("POST {path}: {} and no page to go to", answer.status)),
        }
    }
}

async fn answer(response: Response) -> Step<Answer> {
    let location = response.headers().get(LOCATION).and_then(|path| path.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let text = response.text().await.map_err(|error| error.to_string())?;
    Ok(Answer { status, location, text })
}

/// reqwest is built without a default TLS provider; the bench speaks plain HTTP, but it wants one.
pub(crate) fn tls() -> Step<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}
