//! The harness: a running Sluice in front of a running stand-in, and a browser without scripts.

use clap::Parser;
use mailchannels_sandbox::{Options, Sandbox, Seed};
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE},
    redirect::Policy,
};
use sluice::server::{config::Config, run};
use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// Tokens of bulk forms, each used once.
static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);

#[derive(Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

/// A 32-byte key-encryption key for tests, in hex.
pub(crate) const KEK: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What a test runs against.
pub(crate) struct TestApp {
    pub(crate) sandbox: Sandbox,
    pub(crate) running: run::Running,
    pub(crate) dir: TempDir,
    pub(crate) base: String,
}

impl TestApp {
    /// A Sluice with an empty database and a stand-in with `domains` demo domains.
    pub(crate) async fn start(domains: usize) -> Self {
        Self::start_with(domains, &[]).await
    }

    /// The same with more flags for Sluice.
    pub(crate) async fn start_with(domains: usize, flags: &[&str]) -> Self {
        Self::start_upstream(domains, 10_000, Duration::ZERO, flags).await
    }

    /// The same with a stand-in that allows so many requests a second and takes so long for each.
    pub(crate) async fn start_upstream(domains: usize, rate: u32, latency: Duration, flags: &[&str]) -> Self {
        let options = Options { seed: Seed::Demo, domains, rate, latency, ..Options::default() };
        let sandbox = Sandbox::start(options).await.expect("the stand-in starts");
        let dir = tempfile::tempdir().expect("a directory");
        let running = run::start(config(&dir, &sandbox, flags)).await.expect("sluice starts");
        let base = format!("http://{}", running.address);
        Self { sandbox, running, dir, base }
    }

    /// The same database and stand-in under a Sluice that starts anew, with other flags.
    pub(crate) async fn restart_with(self, flags: &[&str]) -> Self {
        let Self { sandbox, running, dir, .. } = self;
        running.stop().await;
        let running = run::start(config(&dir, &sandbox, flags)).await.expect("sluice starts again");
        let base = format!("http://{}", running.address);
        Self { sandbox, running, dir, base }
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("sluice.sqlite3")
    }

    /// Somebody who isn't signed in.
    pub(crate) fn visitor(&self) -> Browser {
        Browser::new(&self.base)
    }

    /// Somebody at an address of their own, where a proxy on this machine is believed: tries are counted by address.
    pub(crate) fn visitor_from(&self, number: u8) -> Browser {
        let browser = self.visitor();
        browser.always("x-forwarded-for", format!("198.51.100.{number}"));
        browser
    }

    /// Somebody who is: `vera`, `maya`, `tomasz` or `ines`.
    pub(crate) async fn signed_in(&self, person: &str) -> Browser {
        let browser = self.visitor();
        let answer = browser.post("/sign-in", &[("person", person), ("return", "/domains")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    /// An agent with the key of web07, over 200 domains: the person who takes the calls.
    pub(crate) async fn agent() -> (Self, Browser) {
        let app = Self::start(200).await;
        let agent = app.signed_in("maya").await;
        agent.add_key("web07", "sandbox-key-07").await;
        (app, agent)
    }

    /// The lead, with the given keys of the stand-in stored as `webNN`.
    pub(crate) async fn lead_with_keys(&self, numbers: &[u32]) -> Browser {
        let lead = self.signed_in("tomasz").await;
        for number in numbers {
            let page = lead.add_key(&format!("web{number:02}"), &format!("sandbox-key-{number:02}")).await;
            assert!(page.text.contains("is stored"), "{}", page.text);
        }
        lead
    }

    /// Calls the service with a key, past Sluice, as whoever has that key can.
    pub(crate) async fn past_sluice(&self, secret: &str, method: Method, path: &str, body: serde_json::Value) {
        let client = Client::builder().tls_backend_preconfigured(tls()).build().expect("a client");
        let url = format!("{}{path}", self.sandbox.base_url());
        let answer =
            client.request(method, url).header("x-api-key", secret).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Upstream requests so far.
    pub(crate) fn upstream_calls(&self) -> usize {
        self.sandbox.control().ledger().len()
    }
}

/// The configuration of a test.
pub(crate) fn config(dir: &TempDir, sandbox: &Sandbox, flags: &[&str]) -> Config {
    let database = dir.path().join("sluice.sqlite3");
    let arguments = [
        "sluice",
        "--listen",
        "127.0.0.1:0",
        "--auth",
        "demo",
        "--database",
        &database.display().to_string(),
        "--kek",
        KEK,
        "--upstream",
        &sandbox.base_url(),
        "--mx-resolver",
        &sandbox.dns_address().to_string(),
        // Only what a test does reaches the stand-in.
        "--sync-seconds",
        "86400",
        "--mx-seconds",
        "86400",
    ]
    .map(str::to_owned);
    Cli::parse_from(arguments.into_iter().chain(flags.iter().map(ToString::to_string))).config
}

/// A page as it came.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

/// A browser without scripts: keeps cookies, sends forms, follows one redirect when told to.
pub(crate) struct Browser {
    client: Client,
    base: String,
    cookies: Mutex<Vec<(String, String)>>,
    headers: Mutex<Vec<(&'static str, String)>>,
}

impl Browser {
    pub(crate) fn new(base: &str) -> Self {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(30))
            .tls_backend_preconfigured(tls())
            .build()
            .expect("a client");
        Self { client, base: base.to_owned(), cookies: Mutex::default(), headers: Mutex::default() }
    }

    /// Sends this header with every request from now on; an empty value sends it no more.
    pub(crate) fn always(&self, name: &'static str, value: impl Into<String>) {
        let (value, mut headers) = (value.into(), self.headers.lock().unwrap());
        headers.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            headers.push((name, value));
        }
    }

    /// A cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    /// Gives this browser a cookie.
    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.retain(|(other, _)| other != name);
        cookies.push((name.to_owned(), value.to_owned()));
    }

    /// A bare request with this browser's cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let mut request = self.client.request(method, format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        for (name, value) in self.headers.lock().unwrap().iter() {
            request = request.header(*name, value);
        }
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies) }
    }

    /// Sends a request as it is.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> reqwest::Response {
        self.client.execute(request).await.expect("an answer")
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(other, _)| other != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Answer {
            status: response.status(),
            location: response.headers().get(LOCATION).map(|path| path.to_str().unwrap().to_owned()),
            headers: response.headers().clone(),
            // Leptos parts neighbouring texts with empty comments; people read them as one.
            text: response.text().await.expect("text").replace("<!>", ""),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form as our own page would.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(
            self.request(Method::POST, path)
                .header(ORIGIN, &self.base)
                .header("sec-fetch-site", "same-origin")
                .form(form),
        )
        .await
    }

    /// Sends a form and opens the page it leads to.
    pub(crate) async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, form).await;
        let location =
            answer.location.unwrap_or_else(|| panic!("{path} did not redirect: {} {}", answer.status, answer.text));
        let mut page = self.get(location.split('#').next().unwrap()).await;
        page.location = Some(location);
        page
    }

    /// Sends a bulk form, as a browser does: several parts. Returns the page it leads to.
    pub(crate) async fn bulk(&self, act: &str, fields: &[(&str, &str)]) -> Answer {
        let request = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed).to_string();
        let parts = fields.iter().copied().chain([("request", request.as_str())]).map(|(name, value)| {
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let body = parts.collect::<Vec<_>>().concat() + "--edge--\r\n";
        let request = self
            .request(Method::POST, &format!("/bulk/{act}"))
            .header(ORIGIN, &self.base)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
        let answer = self.send(request).await;
        let location = answer.location.unwrap_or_else(|| panic!("{} {}", answer.status, answer.text));
        let mut page = self.get(location.split('#').next().unwrap()).await;
        page.location = Some(location);
        page
    }

    /// Confirms the plan that a page shows; returns the page of its job.
    pub(crate) async fn confirm(&self, plan: &Answer, typed: &str) -> Answer {
        self.submit("/do/jobs/confirm", &[("number", &plan_number(plan)), ("typed", typed)]).await
    }

    pub(crate) async fn add_key(&self, label: &str, secret: &str) -> Answer {
        self.submit("/do/keys/add", &[("label", label), ("secret", secret)]).await
    }
}

/// The number of the plan or job that a page was led to.
pub(crate) fn plan_number(page: &Answer) -> String {
    let location = page.location.as_deref().expect("a plan");
    location.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
}

/// The value of a hidden field of a form on a page.
pub(crate) fn hidden(page: &str, form: &str, field: &str) -> String {
    let form = page.split(&format!("action=\"{form}\"")).nth(1).unwrap_or_else(|| panic!("no form {form} in {page}"));
    let tag = form.split("<input").find(|tag| tag.contains(&format!("name=\"{field}\""))).expect("the field");
    let value = tag.split("value=\"").nth(1).expect("a value").split('"').next().unwrap();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'").replace("&amp;", "&")
}

/// Id of the first key on the page of one's keys.
pub(crate) fn first_key(page: &str) -> String {
    let row = page.split("role=\"rowheader\"").nth(1).unwrap_or_else(|| panic!("no key in {page}"));
    row.split("href=\"/keys/").nth(1).expect("a link").split('"').next().expect("an id").to_owned()
}

/// reqwest is built without a default TLS provider; tests speak plain HTTP, but it wants one.
fn tls() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("protocols")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
