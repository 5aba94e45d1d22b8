//! `/metrics`: which names and labels there are, and that nothing else gets in.

use crate::app::{Browser, TestApp};
use reqwest::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};

/// Names with their kinds, and each label with its values, of a text in Prometheus' format.
struct Scraped {
    kinds: BTreeMap<String, String>,
    labels: BTreeMap<String, BTreeSet<String>>,
    text: String,
}

async fn scrape(app: &TestApp) -> Scraped {
    let address = app.running.metrics_address.expect("a listener");
    let answer = Browser::new(&format!("http://{address}")).get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let mut scraped = Scraped { kinds: BTreeMap::new(), labels: BTreeMap::new(), text: answer.text };
    for line in scraped.text.lines().filter(|line| !line.is_empty()) {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(scraped.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let Some((_, labels)) = series.split_once('{') else { continue };
            for pair in labels.trim_end_matches('}').split("\",") {
                let (label, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
                scraped.labels.entry(label.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
            }
        }
    }
    scraped
}

impl Scraped {
    fn value(&self, series: &str) -> Option<f64> {
        self.text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_labels_are_these_and_hold_no_names() {
    let app = TestApp::start_with(50, &["--metrics-listen", "127.0.0.1:0"]).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    for path in
        ["/domains/bikeshop-northgate.example", "/no/such/page", "/another/that/is/not", "/recipients/a@b.example"]
    {
        lead.get(path).await;
    }
    lead.post("/do/domains/alias/add", &[("name", "bikeshop-northgate.example"), ("alias", "x.example")]).await;
    app.visitor().send(app.visitor().request(Method::GET, "/keys")).await;
    let scraped = scrape(&app).await;
    let kinds: Vec<_> = scraped.kinds.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    assert_eq!(
        kinds,
        [
            "process_open_fds gauge",
            "process_resident_memory_bytes gauge",
            "process_start_time_seconds gauge",
            "sluice_build_info gauge",
            "sluice_database_bytes gauge",
            "sluice_disk_free_bytes gauge",
            "sluice_http_request_seconds histogram",
            "sluice_http_requests_total counter",
            "sluice_job_rows gauge",
            "sluice_jobs gauge",
            "sluice_mirror_age_seconds gauge",
            "sluice_ready gauge",
            "sluice_sessions gauge",
            "sluice_sqlite_busy_seconds_total counter",
            "sluice_upstream_calls_total counter",
            "sluice_upstream_wait_seconds histogram",
        ]
    );
    let labels: Vec<_> = scraped.labels.keys().map(String::as_str).collect();
    assert_eq!(labels, ["key", "le", "operation", "outcome", "route", "state", "status", "version"]);
    for secret in ["bikeshop", "sandbox-key", "web07", "tomasz", "Tomasz", "/no/such", "b.example", "x.example"] {
        assert!(!scraped.text.contains(secret), "{secret} in {}", scraped.text);
    }
    let routes = &scraped.labels["route"];
    assert!(routes.contains("unmatched") && routes.iter().any(|route| route.starts_with("/domains/{")), "{routes:?}");
    assert!(scraped.labels["operation"].iter().all(|name| mailchannels::OPERATIONS.contains(&name.as_str())));
    assert!(scraped.labels["outcome"].iter().all(|name| mailchannels::Error::OUTCOMES.contains(&name.as_str())));
    assert!(scraped.labels["key"].iter().all(|key| key.len() == 8) && scraped.labels["key"].len() == 2);
    assert_eq!(scraped.value("sluice_ready"), Some(1.0));
    assert_eq!(scraped.value("sluice_sessions"), Some(1.0));
    assert_eq!(scraped.value("sluice_jobs{state=\"paused\"}"), Some(0.0));
    assert!(scraped.value("process_resident_memory_bytes").unwrap() > 1e6);
    assert!(scraped.value("sluice_upstream_wait_seconds_count").unwrap() > 0.0);
    assert!(scraped.value("sluice_sqlite_busy_seconds_total").unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_asks_for_makes_no_new_series() {
    let app = TestApp::start_with(5, &["--metrics-listen", "127.0.0.1:0"]).await;
    let lead = app.signed_in("tomasz").await;
    let ask = async |round: usize| {
        for number in 0..20 {
            lead.get(&format!("/domains/d{round}-{number}.example")).await;
            lead.get(&format!("/made/up/{round}/{number}")).await;
        }
    };
    ask(0).await;
    let first = scrape(&app).await;
    ask(1).await;
    let second = scrape(&app).await;
    assert_eq!(first.text.lines().count(), second.text.lines().count());
    let unmatched = "sluice_http_requests_total{route=\"unmatched\",status=\"404\"}";
    assert_eq!(second.value(unmatched), Some(40.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_there_is_none() {
    let app = TestApp::start(1).await;
    assert!(app.running.metrics_address.is_none());
    let lead = app.signed_in("ines").await;
    assert_eq!(lead.get("/metrics").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_read_the_same_in_words() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7]).await;
    assert_eq!(lead.get("/status").await.status, StatusCode::FORBIDDEN);
    assert!(!lead.get("/domains").await.text.contains("href=\"/status\""));
    let admin = app.signed_in("ines").await;
    admin.add_key("mine", "sandbox-key-08").await;
    let page = admin.get("/status").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in [
        "Ready: all that is needed",
        "Database takes writes",
        "Schema",
        "Free on its disk",
        "Rows on the wire",
        "Since the start",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    // Counted by the same counters as Prometheus reads: two keys were asked for their subscriptions and domains.
    let calls = page.text.split("Calls to MailChannels</dt><dd>").nth(1).and_then(|rest| rest.split(' ').next());
    assert!(calls.and_then(|calls| calls.parse::<u64>().ok()).is_some_and(|calls| calls >= 4), "{}", page.text);
    // A colleague's label is theirs; one's own helps to read the table.
    assert!(page.text.contains("mine") && !page.text.contains("web07"), "{}", page.text);
    assert_eq!(page.text.matches("data-l=\"Domains\"").count(), 2);
}
