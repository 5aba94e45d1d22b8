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
    /// What a proxy in front adds to every request.
    vouched: Vec<(&'static str, String)>,
}

/// A page as it came.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Where it sends us.
    pub(crate) location: Option<String>,
    /// The id that it is logged by.
    pub(crate) request: String,
    cookies: Vec<(String, String)>,
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
        Ok(Self { client, base: base.into(), cookies: Vec::new(), vouched: Vec::new() })
    }

    /// The same behind a proxy that says with every request who it is.
    pub(crate) fn behind_proxy(mut self, vouched: Vec<(&'static str, String)>) -> Self {
        self.vouched = vouched;
        self
    }

    /// Forgets its cookies: whoever comes next is signed in anew.
    pub(crate) fn forget(&mut self) {
        self.cookies.clear();
    }

    fn keep(&mut self, answer: &mut Answer) {
        for (name, value) in answer.cookies.drain(..) {
            self.cookies.retain(|(known, _)| *known != name);
            self.cookies.push((name, value));
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        for (name, value) in &self.vouched {
            request = request.header(*name, value);
        }
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
        let mut answer = answer(request.form(form).send().await.map_err(|error| error.to_string())?).await?;
        self.keep(&mut answer);
        Ok(answer)
    }

    /// Opens a page, whatever its status, and keeps the cookies that come with it.
    pub(crate) async fn visit(&mut self, path: &str) -> Step<Answer> {
        let mut answer = self.open(path).await?;
        self.keep(&mut answer);
        Ok(answer)
    }

    /// Sends a bulk form, which comes in several parts.
    pub(crate) async fn bulk_form(&self, act: &str, fields: &[(&str, &str)]) -> Step<Answer> {
        let parts = fields.iter().map(|(name, value)| {
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let body = parts.collect::<Vec<_>>().concat() + "--edge--\r\n";
        let request = self
            .request(Method::POST, &format!("/bulk/{act}"))
            .header(ORIGIN, &self.base)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "multipart/form-data; boundary=edge");
        answer(request.body(body).send().await.map_err(|error| error.to_string())?).await
    }

    /// Sends a bulk form; tells the address of the plan it made.
    pub(crate) async fn bulk(&self, act: &str, fields: &[(&str, &str)]) -> Step<String> {
        let answer = self.bulk_form(act, fields).await?;
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
    let header = |name: &str| response.headers().get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
    let (location, request) = (header(LOCATION.as_str()), header("x-request-id").unwrap_or_default());
    let pairs = response.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| {
        let (name, value) = cookie.to_str().ok()?.split(';').next()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let cookies = pairs.collect();
    let status = response.status().as_u16();
    let text = response.text().await.map_err(|error| error.to_string())?;
    Ok(Answer { status, location, request, cookies, text })
}

/// reqwest is built without a default TLS provider; the bench speaks plain HTTP, but it wants one.
pub(crate) fn tls() -> Step<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}
