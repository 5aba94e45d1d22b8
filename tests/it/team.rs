//! A team over one deployment: keys that are shared, people who leave in the middle of something, fresh sign-ins.

use crate::{
    app::{TestApp, first_key, plan_number},
    jobs::{ended, names},
    provider::{Provider, now},
};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;

/// A lead with web07 over a service at one request a second, and a job of thirty rows that runs.
async fn long_job() -> (TestApp, crate::app::Browser, String) {
    let app = TestApp::start_with(200, &["--rate", "2"]).await;
    let lead = app.lead_with_keys(&[7]).await;
    let text = names(&app, 30).await.join("\n");
    let plan = lead.bulk("servers", &[("text", &text), ("servers", "new.web09.example")]).await;
    let job = lead.confirm(&plan, "30").await;
    assert!(job.text.contains("Pause"), "it runs: {}", job.text);
    let number = plan_number(&job);
    (app, lead, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_the_session() {
    let (app, lead, number) = long_job().await;
    let other = app.signed_in("tomasz").await;
    let request = other.request(reqwest::Method::GET, &format!("/jobs/{number}/events"));
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    assert!(stream.chunk().await.unwrap().is_some(), "it tells something at first");
    lead.submit("/do/sessions/end-others", &[]).await;
    let rest = async { while stream.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_mins(1), rest).await.expect("the stream ends");
    let desk = &app.running.desk;
    let person = desk.demo_person("tomasz").await.unwrap().unwrap();
    let (state, _) = desk.job_progress(&person, number.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(state, "running", "and not because the job did");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_somebody_who_is_shut_out_pauses() {
    let (app, lead, number) = long_job().await;
    let desk = &app.running.desk;
    let tomasz = desk.demo_person("tomasz").await.unwrap().unwrap();
    let admin = app.signed_in("ines").await;
    admin.submit("/do/people/disable", &[("id", &tomasz.id)]).await;
    assert_eq!(lead.get("/domains").await.status, StatusCode::SEE_OTHER);
    let number = number.parse().unwrap();
    let waiting = async {
        let mut changes = desk.job_changes();
        while desk.job_progress(&tomasz, number).await.unwrap().unwrap().0 != "paused" {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it pauses");
    // The key that is left behind is named, and does nothing more here.
    let page = admin.get("/people").await.text;
    assert!(page.contains("Keys to be revoked at MailChannels") && page.contains("web07"), "{page}");
    assert!(desk.store().key_for_fingerprint(&fingerprint(&app, &tomasz.id).await).await.unwrap().is_none());
    admin.submit("/do/people/enable", &[("id", &tomasz.id)]).await;
    let back = app.signed_in("tomasz").await;
    assert!(back.get(&format!("/jobs/{number}")).await.text.contains("Its owner is disabled."));
}

async fn fingerprint(app: &TestApp, person: &str) -> String {
    app.running.desk.store().keys_of(person).await.unwrap()[0].fingerprint.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_key_is_used_and_never_seen_and_withdrawn_at_once() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let (agent, viewer) = (app.signed_in("maya").await, app.signed_in("vera").await);
    let key = first_key(&lead.get("/keys").await.text);
    let page = format!("/keys/{key}");
    let domain = "/domains/bikeshop-northgate.example";
    assert_eq!(agent.get(domain).await.status, StatusCode::NOT_FOUND);
    let wrong = lead.submit("/do/keys/share", &[("id", &key), ("with", "role:nobody")]).await;
    assert!(wrong.text.contains("Choose a role or a person"), "{}", wrong.text);
    let shared = lead.submit("/do/keys/share", &[("id", &key), ("with", "role:agent")]).await;
    assert!(shared.text.contains("Everybody of the role agent and above"), "{}", shared.text);

    // Maya works with its domains, as far as her own role goes; Vera doesn't.
    assert_eq!(agent.get(domain).await.status, StatusCode::OK);
    assert_eq!(viewer.get(domain).await.status, StatusCode::NOT_FOUND);
    let keys = agent.get("/keys").await.text;
    assert!(keys.contains("web07 (Tomasz Wieliczko)"), "{keys}");
    assert_eq!(agent.get(&page).await.status, StatusCode::NOT_FOUND, "what changes a key is its owner's");
    for (path, form) in [
        ("/do/keys/rename", vec![("id", key.as_str()), ("label", "mine")]),
        ("/do/keys/remove", vec![("id", key.as_str()), ("typed", "web07")]),
        ("/do/keys/share", vec![("id", key.as_str()), ("with", "role:viewer")]),
    ] {
        agent.submit(path, &form).await;
    }
    assert!(lead.get("/keys").await.text.contains(">web07</a>"));
    assert_eq!(viewer.get(domain).await.status, StatusCode::NOT_FOUND);
    let entry =
        [("tier", "domain"), ("whose", "bikeshop-northgate.example"), ("list", "safelist"), ("text", "friend.example")];
    agent.submit("/do/lists/add", &entry).await;
    let rows = app.running.desk.store().audit_rows(i64::MIN).await.unwrap();
    let used = rows.iter().find(|row| row.row.person_name == "Maya Okafor" && row.row.fingerprint.is_some());
    let used = used.unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(used.row.key_label.as_deref(), Some("web07 (Tomasz Wieliczko)"), "the audit log names both");

    let share = lead.get(&page).await.text;
    let share = share.split("name=\"share\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let theirs = agent.submit("/do/keys/unshare", &[("id", &key), ("share", &share)]).await;
    assert!(!theirs.text.contains("Withdrawn."), "nobody but the owner withdraws");
    assert!(lead.submit("/do/keys/unshare", &[("id", &key), ("share", &share)]).await.text.contains("Withdrawn."));
    assert_eq!(agent.get(domain).await.status, StatusCode::NOT_FOUND);
    assert!(agent.get("/domains").await.text.contains("Add your first API key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_loses_a_shared_key_the_moment_it_is_withdrawn() {
    let app = TestApp::start_with(200, &["--rate", "2"]).await;
    let owner = app.signed_in("ines").await;
    owner.add_key("web07", "sandbox-key-07").await;
    let key = first_key(&owner.get("/keys").await.text);
    let lead = app.signed_in("tomasz").await;
    owner.submit("/do/keys/share", &[("id", &key), ("with", "role:lead")]).await;
    let text = names(&app, 20).await.join("\n");
    let plan = lead.bulk("servers", &[("text", &text), ("servers", "new.web09.example")]).await;
    let job = lead.confirm(&plan, "20").await;
    let number: i64 = plan_number(&job).parse().unwrap();
    let page = owner.get(&format!("/keys/{key}")).await.text;
    let share = page.split("name=\"share\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    owner.submit("/do/keys/unshare", &[("id", &key), ("share", &share)]).await;
    let calls = app.upstream_calls();
    let desk = &app.running.desk;
    assert_eq!(ended(desk, number).await, "done");
    // Each row that was under way may end with the calls that it had begun; no other is sent.
    assert!(app.upstream_calls() - calls <= 20, "{} calls", app.upstream_calls() - calls);
    let results = lead.get(&format!("/jobs/{number}/results.csv")).await.text;
    assert!(results.contains("Failed"), "{results}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_grave_takes_a_fresh_sign_in() {
    let provider = Provider::start().await;
    let app = provider.sluice(200, &[]).await;
    provider.person(json!({ "groups": ["root"], "auth_time": now() }));
    let sign_in = async |number: u8| {
        let browser = app.visitor_from(number);
        provider.sign_in(&browser).await;
        browser
    };
    let fresh = sign_in(1).await;
    assert!(fresh.add_key("web07", "sandbox-key-07").await.text.contains("is stored"));
    provider.person(json!({ "auth_time": now() - 3_600 }));
    let stale = sign_in(2).await;
    let key = first_key(&stale.get("/keys").await.text);
    let page = stale.get("/domains").await.text;
    let names: Vec<_> = page.split("href=\"/domains/").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let mut names: Vec<_> = names.into_iter().filter(|name| name.ends_with(".example")).collect();
    names.dedup();
    assert!(names.len() > 12, "{names:?}");
    let text = names[..12].join("\n");
    let plan = stale.bulk("servers", &[("text", &text), ("servers", "new.web09.example")]).await;
    let number = plan_number(&plan);
    let calls = app.upstream_calls();
    for (path, form) in [
        ("/do/keys/replace", vec![("id", key.as_str()), ("secret", "sandbox-key-08")]),
        ("/do/keys/share", vec![("id", key.as_str()), ("with", "role:lead")]),
        ("/do/people/disable", vec![("id", "x")]),
        ("/do/people/sign-out", vec![("id", "x")]),
        ("/do/jobs/confirm", vec![("number", number.as_str()), ("typed", "12")]),
    ] {
        let location = stale.post(path, &form).await.location.unwrap();
        assert!(location.starts_with("/confirm?return="), "{path}: {location}");
        assert!(stale.get(&location).await.text.contains("Nothing was done yet"), "{path}");
    }
    assert_eq!(stale.get("/audit.csv").await.location.as_deref(), Some("/confirm?return=/audit"));
    assert_eq!(app.upstream_calls(), calls, "nothing was sent");
    // A few rows, and reading, take none.
    let small = stale.bulk("servers", &[("text", names[0]), ("servers", "new.web09.example")]).await;
    let done = stale.post("/do/jobs/confirm", &[("number", &plan_number(&small)), ("typed", "")]).await;
    assert!(done.location.unwrap().starts_with("/jobs/"));
    assert_eq!(stale.get("/audit").await.status, StatusCode::OK);
    assert_eq!(fresh.get("/audit.csv").await.status, StatusCode::OK);
}
