//! What is measured: a release build of Sluice in front of the stand-in, with its data in place.

use crate::{
    Step, Tools,
    browser::Browser,
    host::{Beside, free_address},
    ledger::Entry,
};
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use store::{Cursor, DomainQuery, MxResult, Sort, Store};
use tempfile::TempDir;

/// Keys of the stand-in's customer.
pub(crate) const KEYS: u32 = 12;
/// Seconds in a day: nothing that happens by itself happens while we look.
const NEVER: &str = "86400";
/// Domains read and written at a time.
const PAGE: u32 = 5_000;
/// The key that keys of the bench are sealed with.
const KEK: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The stand-in.
pub(crate) struct StandIn {
    _beside: Beside,
    address: SocketAddr,
    control: reqwest::Client,
}

impl StandIn {
    /// Starts it with demo data, at the service's 100 requests a second.
    pub(crate) fn start(tools: &Tools, domains: usize) -> Step<Self> {
        Self::start_slow(tools, domains, Duration::ZERO)
    }

    /// The same, and every answer takes so long.
    pub(crate) fn start_slow(tools: &Tools, domains: usize, latency: Duration) -> Step<Self> {
        let (address, dns) = (free_address()?, free_address()?);
        let mut command = Command::new(&tools.sandbox);
        command
            .args(["--listen", &address.to_string(), "--dns", &dns.to_string(), "--domains", &domains.to_string()])
            .args(["--latency-ms", &latency.as_millis().to_string()])
            .stdout(Stdio::null());
        let beside = Beside::start(&mut command, address, "/_sandbox/health")?;
        let control = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(crate::browser::tls()?);
        Ok(Self { _beside: beside, address, control: control.build().map_err(|error| error.to_string())? })
    }

    /// The base URL of its API.
    pub(crate) fn base(&self) -> String {
        format!("http://{}/inbound/v1", self.address)
    }

    async fn ask(&self, method: http::Method, path: &str, body: Option<&str>) -> Step<String> {
        let mut request = self.control.request(method, format!("http://{}/_sandbox/{path}", self.address));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = async { request.send().await?.error_for_status()?.text().await };
        answer.await.map_err(|error| format!("the stand-in's {path}: {error}"))
    }

    /// Every answer takes this much longer from now on; none when zero.
    pub(crate) async fn slow_down(&self, by: Duration) -> Step {
        self.ask(http::Method::DELETE, "faults", None).await?;
        if !by.is_zero() {
            let fault = format!(r#"{{"operation":"*","kind":{{"latency_ms":{}}}}}"#, by.as_millis());
            self.ask(http::Method::POST, "faults", Some(&fault)).await?;
        }
        Ok(())
    }

    /// Some answers go wrong from now on, as the stand-in's `Fault` has it.
    pub(crate) async fn go_wrong(&self, faults: &[serde_json::Value]) -> Step {
        for fault in faults {
            self.ask(http::Method::POST, "faults", Some(&fault.to_string())).await?;
        }
        Ok(())
    }

    /// Forgets the requests so far.
    pub(crate) async fn clear_ledger(&self) -> Step {
        self.ask(http::Method::DELETE, "ledger", None).await.map(drop)
    }

    /// The requests since.
    pub(crate) async fn ledger(&self) -> Step<Vec<Entry>> {
        let text = self.ask(http::Method::GET, "ledger", None).await?;
        serde_json::from_str(&text).map_err(|error| format!("the ledger: {error}"))
    }

    /// Deletes all keys but the first: their domains are free, and it reaches all.
    pub(crate) async fn leave_one_key(&self) -> Step {
        for number in 2..=KEYS {
            self.ask(http::Method::DELETE, &format!("keys/web{number:02}"), None).await?;
        }
        Ok(())
    }
}

/// The secret of a key of the stand-in.
pub(crate) fn secret(number: u32) -> String {
    format!("sandbox-key-{number:02}")
}

/// How Sluice is started.
#[derive(Clone, Copy, Default)]
pub(crate) struct How<'a> {
    /// Whether it shows MX records; it looks none up, for the bench has put them into the database.
    pub(crate) mx: bool,
    /// Log filter and file.
    pub(crate) log: Option<(&'a str, &'a Path)>,
    /// Whether it runs as it is delivered: it syncs each minute and keeps to its own budget. A proxy in front says
    /// who people are, so there can be many.
    pub(crate) live: bool,
}

/// Sluice's folder, kept between its starts.
pub(crate) struct Home {
    folder: TempDir,
    upstream: String,
}

impl Home {
    /// An empty one.
    pub(crate) fn new(upstream: String) -> Step<Self> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let kek = folder.path().join("kek");
        fs::write(&kek, KEK)
            .and_then(|()| fs::set_permissions(&kek, fs::Permissions::from_mode(0o400)))
            .map_err(|error| error.to_string())?;
        Ok(Self { folder, upstream })
    }

    /// The same folder at another address of the service.
    pub(crate) fn at(self, upstream: String) -> Self {
        Self { upstream, ..self }
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path("sluice.sqlite3")
    }

    /// Starts Sluice here.
    pub(crate) fn start(&self, tools: &Tools, how: How<'_>) -> Step<Sluice> {
        let address = free_address()?;
        let mut command = Command::new(&tools.sluice);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SLUICE_")) {
            command.env_remove(name);
        }
        command
            .env("SLUICE_LISTEN", address.to_string())
            .env("SLUICE_DATABASE", self.database())
            .env("SLUICE_KEK_FILE", self.path("kek"))
            .env("SLUICE_UPSTREAM", &self.upstream)
            .env("SLUICE_MX_SECONDS", if how.mx { NEVER } else { "0" })
            // As the unit and the image have it.
            .env("MALLOC_ARENA_MAX", "2")
            .env("SLUICE_LOG", how.log.map_or("warn", |(filter, _)| filter));
        if how.live {
            command
                .env("SLUICE_AUTH", "trusted-header")
                .env("SLUICE_PROXY_CIDRS", "127.0.0.1")
                .env("SLUICE_ROLE_AGENTS", "agents")
                .env("SLUICE_ROLE_LEADS", "leads")
                .env("SLUICE_STEP_UP", "proxy");
        } else {
            command.env("SLUICE_AUTH", "demo").env("SLUICE_RATE", "100").env("SLUICE_SYNC_SECONDS", NEVER);
        }
        if let Some((_, file)) = how.log {
            command.stderr(fs::File::create(file).map_err(|error| error.to_string())?);
        }
        let beside = Beside::start(&mut command, address, "/healthz")?;
        Ok(Sluice { beside, base: format!("http://{address}") })
    }

    /// Writes MX records for all domains into the database, as if looked up just now. Sluice must not run.
    pub(crate) async fn fill_mx(&self) -> Step {
        let failed = |error: store::StoreError| format!("the database: {error}");
        let store = Store::open(self.database()).await.map_err(failed)?;
        let keys = store.distinct_fingerprints().await.map_err(failed)?;
        let (mut now, mut index, mut cursor) = (0, 0_usize, None);
        loop {
            let page = DomainQuery { keys: keys.clone(), limit: PAGE, cursor, ..DomainQuery::default() };
            let page = store.list_domains(&page).await.map_err(failed)?;
            // As young as the youngest domain so far: the bench has no clock of its own.
            now = page.rows.iter().map(|row| row.synced_at).fold(now, i64::max);
            let result = |row: &store::DomainRow| {
                index += 1;
                let (verdict, host) = if index.is_multiple_of(20) {
                    ("elsewhere", "mx.elsewhere.example")
                } else {
                    ("here", "mx1.mailchannels.net")
                };
                MxResult { name: row.name.clone(), verdict: verdict.into(), records: Some(vec![(10, host.into())]) }
            };
            let results: Vec<_> = page.rows.iter().map(result).collect();
            store.save_mx(&results, now).await.map_err(failed)?;
            cursor = page.rows.last().filter(|_| page.has_more).map(|row| Cursor::of(row, Sort::default()));
            if cursor.is_none() {
                break;
            }
        }
        store.close().await;
        Ok(())
    }
}

/// Sluice, running.
pub(crate) struct Sluice {
    /// The process.
    pub(crate) beside: Beside,
    base: String,
}

impl Sluice {
    /// The lead, signed in.
    pub(crate) async fn lead(&self) -> Step<Browser> {
        self.person("tomasz").await
    }

    /// One of the people, signed in.
    pub(crate) async fn person(&self, who: &str) -> Step<Browser> {
        let mut browser = Browser::new(self.base.clone())?;
        browser.submit("/sign-in", &[("person", who), ("return", "/domains")]).await?;
        Ok(browser)
    }

    /// Somebody whom the proxy in front vouches for.
    pub(crate) fn vouched(&self, who: &str, group: &str) -> Step<Browser> {
        let headers = vec![("x-forwarded-user", who.to_owned()), ("x-forwarded-groups", group.to_owned())];
        Ok(Browser::new(self.base.clone())?.behind_proxy(headers))
    }

    /// Somebody who isn't signed in.
    pub(crate) fn visitor(&self) -> Step<Browser> {
        Browser::new(self.base.clone())
    }

    /// Adds these keys for somebody and waits until each was mirrored once. Says how long that took.
    pub(crate) async fn mirror(&self, person: &mut Browser, keys: std::ops::RangeInclusive<u32>) -> Step<Duration> {
        let began = Instant::now();
        let count = keys.clone().count();
        add_keys(person, keys).await?;
        let all = if count == 1 { "from 1 key<".to_owned() } else { format!("from {count} keys<") };
        while !person.get("/domains").await?.contains(&all) {
            if began.elapsed() > Duration::from_mins(5) {
                return Err("the first sync does not end".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(began.elapsed())
    }
}

/// Adds these keys for somebody.
pub(crate) async fn add_keys(person: &mut Browser, keys: impl IntoIterator<Item = u32>) -> Step {
    for number in keys {
        let (label, secret) = (format!("web{number:02}"), secret(number));
        let page = person.submit("/do/keys/add", &[("label", &label), ("secret", &secret)]).await?;
        if !page.contains("is stored") {
            return Err(format!("the key {label} was not stored"));
        }
    }
    Ok(())
}
