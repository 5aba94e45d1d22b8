//! Bulk changes as people make them: selected, planned, confirmed, paused, tried again, taken back.

use crate::{
    app::{Answer, Browser, TestApp, plan_number},
    jobs::{asker, ended, names},
};
use http::StatusCode;
use mailchannels_sandbox::{Fault, FaultKind};
use store::DomainQuery;

/// Follows a posted form to where it leads, and keeps the address.
async fn led(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Answer {
    let answer = browser.post(path, form).await;
    let location = answer.location.unwrap_or_else(|| panic!("{} {}", answer.status, answer.text));
    let mut page = browser.get(&location).await;
    page.location = Some(location);
    page
}

async fn undo(browser: &Browser, job: &Answer, token: &str) -> Answer {
    led(browser, "/do/jobs/undo", &[("number", &plan_number(job)), ("request", token)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_those_and_only_those_of_the_filters() {
    let app = TestApp::start(600).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let person = asker(desk).await.person;
    let query = DomainQuery { text: Some("shop".into()), policy: Some("block".into()), ..DomainQuery::default() };
    let wanted = desk.select_matching(&person, query, "").await.unwrap().names;
    assert!((1..300).contains(&wanted.len()), "{}", wanted.len());
    // As the page of the filtered list sends it, from its second page and in another order.
    let form = [("view", "q=shop&policy=block&sort=-name"), ("scope", "all"), ("act", "settings")];
    let page = led(&lead, "/domains/select", &form).await;
    let count = inbound::words::count(wanted.len() as u64, "domain", "domains");
    assert!(page.text.contains(&format!("{count} selected")), "{}", page.text);
    assert!(page.text.contains("name contains “shop”, policy block"), "{}", page.text);
    let selection = page.location.as_deref().unwrap().split("selection=").nth(1).unwrap().to_owned();
    // What matches later is not in it: the set is frozen.
    lead.submit("/do/keys/sync", &[("back", "/domains")]).await;
    let plan = lead.bulk("settings", &[("selection", &selection), ("policy", "quarantine")]).await;
    let job = lead.confirm(&plan, &wanted.len().to_string()).await;
    let number = plan_number(&job).parse().unwrap();
    assert_eq!(ended(desk, number).await, "done");
    let asker = asker(desk).await;
    assert_eq!(desk.job(&asker, number).await.unwrap().counts.done, wanted.len() as u64);
    let changed: Vec<_> =
        app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation == "put-settings").collect();
    assert_eq!(changed.len(), wanted.len());
    for name in &wanted {
        assert_eq!(app.sandbox.control().domain(name).unwrap()["settings"]["abusePolicy"], "quarantine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticked_rows_are_what_is_planned_and_names_out_of_reach_are_not() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let names = names(&app, 2).await;
    let form = [("view", ""), ("pick", names[0].as_str()), ("pick", "owned-by-other.example"), ("act", "deprovision")];
    let page = led(&lead, "/domains/select", &form).await.text;
    assert!(page.contains("1 domain selected") && page.contains(&names[0]), "{page}");
    let page = led(&lead, "/domains/select", &[("view", "q=shop")]).await.text;
    assert!(page.contains("Nothing is selected"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paused_goes_on_is_cancelled_and_taken_back() {
    let app = TestApp::start_upstream(600, 10_000, std::time::Duration::ZERO, &["--rate", "20"]).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let names = names(&app, 100).await;
    let text = names.join("\n");
    let plan =
        lead.bulk("servers", &[("text", &text), ("servers", "10 100 25 new.web09.example"), ("reason", "HB-7")]).await;
    assert!(plan.text.contains("About 200 calls, 10 s at the 20 requests a second"), "{}", plan.text);
    let job = lead.confirm(&plan, "100").await;
    let number = plan_number(&job);
    let paused = lead.submit("/do/jobs/pause", &[("number", &number)]).await.text;
    assert!(
        paused.contains("Paused. What is under way ends") && paused.contains("Tomasz Wieliczko paused it"),
        "{paused}"
    );
    let id = number.parse().unwrap();
    let counts = async || desk.job(&asker(desk).await, id).await.unwrap().counts;
    // What was under way ends; then nothing moves.
    let still = async {
        while counts().await.sent > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), still).await.expect("it comes to rest");
    let at_rest = counts().await;
    assert!(at_rest.waiting > 0 && at_rest.done < 100, "{at_rest:?}");
    assert!(lead.submit("/do/jobs/resume", &[("number", &number)]).await.text.contains("It goes on."));
    let more = async {
        while counts().await.done <= at_rest.done {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), more).await.expect("it goes on");
    assert!(lead.submit("/do/jobs/cancel", &[("number", &number)]).await.text.contains("What was not sent is left"));
    assert_eq!(ended(desk, id).await, "cancelled");
    let rest = async {
        while counts().await.sent > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), rest).await.expect("it comes to rest");
    let counts = counts().await;
    assert_eq!(counts.done + counts.left + counts.failed, 100, "{counts:?}");
    let new = |name: &String| {
        app.sandbox.control().domain(name).unwrap()["downstreamAddresses"].to_string().contains("new.web09.example")
    };
    assert_eq!(names.iter().filter(|name| new(name)).count() as u64, counts.done, "the journal tells what was done");
    lead.submit("/do/keys/sync", &[("back", "/domains")]).await;
    let back = undo(&lead, &job, "u1").await;
    let count = inbound::words::count(counts.done, "change", "changes");
    assert!(back.text.contains(&format!("Plan: Undo {count}")), "{}", back.text);
    let job = lead.confirm(&back, &counts.done.to_string()).await;
    ended(desk, plan_number(&job).parse().unwrap()).await;
    assert!(!names.iter().any(new), "all as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_key_stops_its_own_rows_only() {
    let app = TestApp::start(400).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let keys = desk.key_refs(&asker(desk).await.person).await.unwrap();
    let held_by = async |label: &str| {
        let key = keys.iter().find(|key| key.label == label).unwrap();
        desk.select_of_key(&asker(desk).await.person, &key.id).await.unwrap().names
    };
    let (seven, eight) = (held_by("web07").await, held_by("web08").await);
    let (seven, eight) = (&seven[..6], &eight[..6]);
    let text = [seven, eight].concat().join("\n");
    let plan = lead.bulk("servers", &[("text", &text), ("servers", "new.web09.example")]).await;
    app.sandbox.control().delete_key("web07");
    let job = lead.confirm(&plan, "12").await;
    let number = plan_number(&job).parse().unwrap();
    assert_eq!(ended(desk, number).await, "paused");
    let page = lead.get(&format!("/jobs/{number}")).await.text;
    assert!(page.contains("MailChannels rejected web07; its rows wait, all others went on."), "{page}");
    let counts = desk.job(&asker(desk).await, number).await.unwrap().counts;
    assert_eq!((counts.done, counts.waiting), (6, 6), "{counts:?}");
    // The key is made again and the job goes on with what waited.
    app.sandbox.control().add_key("web07", "sandbox-key-07");
    lead.submit("/do/jobs/resume", &[("number", &number.to_string())]).await;
    assert_eq!(ended(desk, number).await, "done");
    assert_eq!(desk.job(&asker(desk).await, number).await.unwrap().counts.done, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_rows_are_grouped_exported_imported_and_tried_again() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let names = names(&app, 4).await;
    let (one, two) = (&names[0], &names[1]);
    let alias =
        app.sandbox.control().domain("bikeshop-northgate.example").unwrap()["aliases"][0].as_str().unwrap().to_owned();
    let text = format!("domain,aliases\n{one},free-alias.example\n{two},{alias}\n");
    let plan = lead.bulk("add-aliases", &[("text", &text)]).await;
    assert!(plan.text.contains("Plan: Add 2 aliases"), "{}", plan.text);
    let job = lead.confirm(&plan, "").await;
    let number = plan_number(&job);
    assert!(job.text.contains("Failed, by reason") && job.text.contains("In use already"), "{}", job.text);
    assert!(!job.text.contains("Retry 1 failed"), "trying again would not help: {}", job.text);
    let csv = lead.get(&format!("/jobs/{number}/failed.csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text.contains(two) && csv.text.contains(&alias) && !csv.text.contains(one), "{}", csv.text);
    let again = lead.bulk("add-aliases", &[("text", &csv.text)]).await;
    assert!(again.text.contains("Plan: Add 1 alias") && !again.text.contains("Invalid"), "{}", again.text);
    let results = lead.get(&format!("/jobs/{number}/results.csv")).await.text;
    assert!(results.contains("Added") && results.contains("Failed"), "{results}");

    // What failed for want of an answer can be tried again, and the new plan starts from what is there now.
    app.sandbox.control().add_fault(Fault::new("deprovision", FaultKind::Status { code: 418, body: None }).times(1));
    let plan = lead.bulk("deprovision", &[("text", one)]).await;
    assert!(lead.confirm(&plan, "").await.text.contains("Type 1 to begin"), "deprovisioning is always typed");
    let job = lead.confirm(&plan, "1").await;
    assert!(job.text.contains("Retry 1 failed…"), "{}", job.text);
    let retry = led(&lead, "/do/jobs/retry", &[("number", &plan_number(&job)), ("request", "r1")]).await;
    assert!(
        retry.text.contains("Plan: Deprovision 1 domain") && retry.text.contains("1 failed row of job"),
        "{}",
        retry.text
    );
    lead.confirm(&retry, "1").await;
    assert!(app.sandbox.control().domain(one).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_ones_own_and_roles_are_asked() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let names = names(&app, 1).await;
    let plan = lead.bulk("settings", &[("text", &names[0]), ("policy", "block")]).await;
    let number = plan_number(&plan);
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    for path in [
        format!("/plans/{number}"),
        format!("/jobs/{number}"),
        format!("/jobs/{number}/results.csv"),
        format!("/jobs/{number}/events"),
    ] {
        assert_eq!(agent.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(agent.get("/bulk/deprovision").await.status, StatusCode::FORBIDDEN);
    let refused = agent.post("/bulk/deprovision", &[("text", "x")]).await;
    assert!(refused.status == StatusCode::FORBIDDEN || refused.status == StatusCode::BAD_REQUEST, "{}", refused.status);
    agent.submit("/do/jobs/confirm", &[("number", &number)]).await;
    assert!(lead.get(&format!("/plans/{number}")).await.text.contains("Plan: "), "still a plan");
    let own = agent.bulk("add-entries", &[("text", &names[0]), ("list", "blocklist"), ("item", "spam.example")]).await;
    let job = agent.confirm(&own, "").await;
    assert!(job.text.contains("Added"), "{}", job.text);
    assert!(app.sandbox.control().list("domain", &names[0], "blocklist").contains(&"spam.example".to_owned()));
    let viewer = app.signed_in("vera").await;
    assert_eq!(viewer.get("/bulk").await.status, StatusCode::FORBIDDEN);
    assert!(!viewer.get("/domains").await.text.contains("name=\"pick\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn login_links_are_given_out_once_and_kept_nowhere() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let names = names(&app, 3).await;
    let plan = lead.bulk("login-links", &[("text", &names.join("\n"))]).await;
    let number = plan_number(&plan);
    let file = lead.post(&format!("/jobs/{number}/links"), &[("typed", "")]).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    assert_eq!(file.text.matches("https://console.filter.example/login/").count(), 3, "a link each");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.headers["cache-control"], "no-store");
    let token = file.text.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let again = lead.post(&format!("/jobs/{number}/links"), &[("typed", "")]).await;
    assert!(!again.text.contains("token="), "once");
    let page = lead.get(&format!("/jobs/{number}")).await.text;
    assert!(page.contains("given out once") && !page.contains(&token), "{page}");
    let csv = lead.get(&format!("/jobs/{number}/results.csv")).await.text;
    assert!(csv.contains("Created") && !csv.contains(&token));
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "not in the database");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_until_the_end() {
    let app = TestApp::start_upstream(600, 10_000, std::time::Duration::ZERO, &["--rate", "40"]).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let names = names(&app, 60).await;
    let plan = lead.bulk("deprovision", &[("text", &names.join("\n"))]).await;
    let job = lead.confirm(&plan, "60").await;
    let events = lead.get(&format!("/jobs/{}/events", plan_number(&job))).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let told: Vec<serde_json::Value> = events
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(told.len() > 1, "{told:?}");
    let last = told.last().unwrap();
    assert_eq!((&last["state"], &last["done"], &last["active"]), (&"done".into(), &60.into(), &false.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_form_sent_twice_makes_one_plan() {
    let app = TestApp::start(50).await;
    app.lead_with_keys(&[7]).await;
    let desk = &app.running.desk;
    let names = names(&app, 1).await;
    let asker = asker(desk).await;
    let input = desk::PlanInput {
        act: inbound::plan::Act::Deprovision,
        entry: None,
        rows: desk::Rows::Text { text: names[0].clone(), file: String::new() },
        reason: String::new(),
        request: "the-same".into(),
    };
    let (one, two) = futures::join!(
        desk.plan(&asker, input.clone(), desk::Role::Lead),
        desk.plan(&asker, input.clone(), desk::Role::Lead)
    );
    assert_eq!(one.unwrap(), two.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_s_domains_are_moved_by_a_plan_and_the_guide_finds_them_moved() {
    let app = TestApp::start(400).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let desk = &app.running.desk;
    let keys = desk.key_refs(&asker(desk).await.person).await.unwrap();
    let id = |label: &str| keys.iter().find(|key| key.label == label).unwrap().id.clone();
    let (old, new) = (id("web07"), id("web08"));
    lead.submit("/do/rescue/begin", &[("id", &old), ("since", "7")]).await;
    let page = lead.submit("/do/rescue/key", &[("id", &old), ("key", &new)]).await.text;
    let link = page.split("href=\"/bulk/associate?").nth(1).expect("a link to the plan").split('"').next().unwrap();
    let form = lead.get(&format!("/bulk/associate?{}", link.replace("&amp;", "&"))).await.text;
    assert!(form.contains("all that the leaked key reached"), "{form}");
    let rescue = link.split("rescue=").nth(1).unwrap();
    let plan = lead.bulk("associate", &[("from", &old), ("to", &new), ("rescue", rescue), ("key", &new)]).await;
    let number = plan_number(&plan);
    let asker = asker(desk).await;
    let counts = desk.job(&asker, number.parse().unwrap()).await.unwrap().counts;
    assert!(counts.acting() > 20, "locked and free ones: {counts:?}");
    assert!(lead.get(&format!("/keys/{old}/leaked")).await.text.contains(&format!("/jobs/{number}")));
    lead.confirm(&plan, &counts.acting().to_string()).await;
    assert_eq!(ended(desk, number.parse().unwrap()).await, "done");
    lead.submit("/do/rescue/moved", &[("id", &old)]).await;
    let page = lead.submit("/do/rescue/verify", &[("id", &old)]).await.text;
    assert!(page.contains("the old key sees none of them any more"), "{page}");
    let filter = store::LineFilter { limit: 500, ..Default::default() };
    for line in desk.job_lines(&asker, number.parse().unwrap(), &filter).await.unwrap() {
        assert_eq!(app.sandbox.control().domain(&line.object).unwrap()["key"], "web08", "{}", line.object);
    }
}
