//! MX records: the background check, the list, mutes, and the look before a domain is deprovisioned.

use crate::app::{Browser, TestApp};
use mailchannels_sandbox::DnsFault;
use std::time::{Duration, Instant};

const NAME: &str = "bikeshop-northgate.example";
const FILTER: &str = "mx1.mailchannels.net";
const OTHER: &str = "mx.harbourline.example";

/// Sets the MX records of a domain.
fn point(app: &TestApp, name: &str, hosts: &[&str]) {
    let records = hosts.iter().zip([10, 20]).map(|(host, priority)| (priority, (*host).to_owned())).collect();
    app.sandbox.control().set_mx(name, Some(records));
}

/// Opens a page until it says something, or ten seconds are over.
async fn until(browser: &Browser, path: &str, said: impl Fn(&str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let page = browser.get(path).await.text;
        if said(&page) {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{path} never said it: {page}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The rows of a list: name and what the MX cell says, tone included.
fn rows(page: &str) -> Vec<(String, String)> {
    page.split("<tr role=\"row\">")
        .filter_map(|row| {
            let name = row.split("<a href=\"/domains/").nth(1)?.split('"').next()?;
            let cell = row.split("data-l=\"MX\"").nth(1)?.split("</td>").next()?;
            Some((name.to_owned(), cell.to_owned()))
        })
        .collect()
}

fn names(page: &str) -> Vec<String> {
    rows(page).into_iter().map(|(name, _)| name).collect()
}

fn cell(page: &str, name: &str) -> String {
    rows(page).into_iter().find(|(row, _)| row == name).map_or_else(|| panic!("no {name} in {page}"), |(_, cell)| cell)
}

/// The card of a domain's page.
async fn card(browser: &Browser, name: &str) -> String {
    let page = browser.get(&format!("/domains/{name}")).await.text;
    let card = page.split("id=\"mx\"").nth(1).unwrap_or_else(|| panic!("no card in {page}"));
    card.split("</section>").next().unwrap().to_owned()
}

/// All keys, so that every domain is within reach.
async fn all_keys(app: &TestApp) -> Browser {
    app.lead_with_keys(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_finds_all_five_verdicts_and_the_list_is_filtered_by_them() {
    let app = TestApp::start_with(10, &["--mx-seconds", "1"]).await;
    let control = app.sandbox.control();
    let (elsewhere, mixed, none) =
        ("bakeshop-brighton.example", "bottleshop-leith.example", "xn--bcherwurm-q9a.example");
    point(&app, elsewhere, &[OTHER]);
    point(&app, mixed, &[FILTER, OTHER]);
    point(&app, none, &[]);
    let lead = all_keys(&app).await;
    let unset: Vec<_> = names(&lead.get("/domains").await.text)
        .into_iter()
        .filter(|name| ![NAME, elsewhere, mixed, none].contains(&name.as_str()))
        .collect();
    assert_eq!(unset.len(), 6);
    let page = until(&lead, "/domains", |page| !page.contains("Not checked yet")).await;
    for (name, word, warns) in
        [(NAME, "Here", false), (elsewhere, "Elsewhere", true), (mixed, "Mixed", true), (none, "No MX", true)]
    {
        let cell = cell(&page, name);
        assert!(cell.contains(word) && cell.contains("title=\"Looked up "), "{name}: {cell}");
        assert_eq!(cell.contains("data-tone=\"warn\""), warns, "{name}: {cell}");
    }
    // The fifth: DNS fails for a domain that it knew.
    control.set_mx_fault(NAME, Some(DnsFault::ServFail));
    let page = lead.submit("/do/mx/check", &[("name", NAME)]).await.text;
    assert!(page.contains("DNS gave no answer"), "{page}");
    for (filter, name) in [("unknown", NAME), ("elsewhere", elsewhere), ("mixed", mixed), ("none", none)] {
        let page = lead.get(&format!("/domains?mx={filter}")).await.text;
        let found = names(&page);
        assert!(found.contains(&name.to_owned()), "{filter}: {found:?}");
        assert!(
            [NAME, elsewhere, mixed, none].into_iter().filter(|known| found.iter().any(|row| row == known)).count()
                == 1,
            "{filter}: {found:?}"
        );
        assert!(page.contains(&format!("<option value=\"{filter}\" selected")), "{page}");
        assert!(page.contains(&format!("<b>{}</b> of 10 domains match", found.len())), "{page}");
    }
    let unknown = cell(&lead.get("/domains?mx=unknown").await.text, NAME);
    assert!(unknown.contains("Unknown") && !unknown.contains("data-tone"), "{unknown}");
    // A value that is none of the filter's is no filter, and filters add up.
    assert_eq!(names(&lead.get("/domains?mx=somewhere").await.text).len(), 10);
    assert!(names(&lead.get(&format!("/domains?mx=here&q={elsewhere}")).await.text).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_resolver_down_the_old_records_stay_with_their_age() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7]).await;
    assert!(card(&lead, NAME).await.contains("Not checked yet"));
    assert!(lead.submit("/do/mx/check", &[("name", NAME)]).await.text.contains("The MX records are looked up"));
    let known = card(&lead, NAME).await;
    assert!(
        known.contains(FILTER) && known.contains("priority 10") && known.contains("Mail goes to the filter"),
        "{known}"
    );
    assert!(!known.contains("The last answer came"), "{known}");
    app.sandbox.control().set_dns_fault(Some(DnsFault::Silent));
    let page = lead.submit("/do/mx/check", &[("name", NAME)]).await.text;
    assert!(page.contains("DNS gave no answer"), "{page}");
    let unknown = card(&lead, NAME).await;
    assert!(unknown.contains("Unknown") && unknown.contains(FILTER), "{unknown}");
    // The look-up took seconds, so the answer has an age that shows.
    assert!(unknown.contains("The last answer came ") && unknown.contains(" s ago:"), "{unknown}");
    assert!(!unknown.contains("data-tone"), "{unknown}");
    // The next answer ends it.
    app.sandbox.control().set_dns_fault(None);
    point(&app, NAME, &[OTHER]);
    lead.submit("/do/mx/check", &[("name", NAME)]).await;
    let moved = card(&lead, NAME).await;
    assert!(moved.contains(OTHER) && !moved.contains(FILTER) && moved.contains("Elsewhere"), "{moved}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_domain_is_no_exception_and_says_who_muted_it() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7]).await;
    point(&app, NAME, &[OTHER]);
    lead.submit("/do/mx/check", &[("name", NAME)]).await;
    assert!(cell(&lead.get("/domains?mx=elsewhere").await.text, NAME).contains("data-tone=\"warn\""));
    // A viewer checks, but does not mute.
    let viewer = app.signed_in("vera").await;
    assert!(viewer.submit("/do/mx/mute", &[("name", NAME)]).await.text.contains("Not done: this needs the role"));
    let page = lead.submit("/do/mx/mute", &[("name", NAME)]).await.text;
    assert!(page.contains("Its MX records are muted"), "{page}");
    assert!(page.contains("Muted its MX records"), "in the history: {page}");
    let muted = card(&lead, NAME).await;
    assert!(muted.contains("<dt>Muted</dt><dd>Tomasz") && muted.contains("Elsewhere, muted"), "{muted}");
    for filter in ["muted", "elsewhere"] {
        let cell = cell(&lead.get(&format!("/domains?mx={filter}")).await.text, NAME);
        assert!(cell.contains(", muted") && !cell.contains("data-tone"), "{filter}: {cell}");
    }
    assert!(lead.submit("/do/mx/mute", &[("name", NAME)]).await.text.contains("they are muted already"));
    // It is checked all the same.
    point(&app, NAME, &[FILTER]);
    lead.submit("/do/mx/check", &[("name", NAME)]).await;
    assert!(cell(&lead.get("/domains?mx=here").await.text, NAME).contains("Here, muted"));
    let page = lead.submit("/do/mx/unmute", &[("name", NAME)]).await.text;
    assert!(page.contains("no longer muted") && page.contains("Unmuted its MX records"), "{page}");
    assert!(names(&lead.get("/domains?mx=muted").await.text).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_up_what_their_keys_do_not_reach() {
    let app = TestApp::start(50).await;
    let (lead, stranger) = (app.lead_with_keys(&[7]).await, app.signed_in("ines").await);
    let queries = app.sandbox.control().dns_queries();
    for path in ["/do/mx/check", "/do/mx/mute", "/do/mx/unmute"] {
        stranger.post(path, &[("name", NAME)]).await;
        lead.post(path, &[("name", "nowhere.example")]).await;
    }
    stranger.get(&format!("/domains/{NAME}/deprovision")).await;
    assert_eq!(app.sandbox.control().dns_queries(), queries);
    assert!(app.running.desk.store().mx_of(NAME).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn before_deprovisioning_dns_is_asked_afresh() {
    let app = TestApp::start(50).await;
    let control = app.sandbox.control();
    let lead = app.lead_with_keys(&[7]).await;
    let path = format!("/domains/{NAME}/deprovision");
    let bounces = "Mail to it will bounce with 554 5.7.1 Relay access denied";
    // The mirror says elsewhere; by now DNS says here.
    point(&app, NAME, &[OTHER]);
    lead.submit("/do/mx/check", &[("name", NAME)]).await;
    point(&app, NAME, &[FILTER]);
    let page = lead.get(&path).await.text;
    assert!(page.contains(&format!("Mail to {NAME} will bounce")) && page.contains(bounces), "{page}");
    assert!(page.contains(&format!("looked up just now: 10 {FILTER}")), "{page}");
    assert!(page.contains(&format!("Type {NAME} to deprovision it")), "{page}");
    assert!(card(&lead, NAME).await.contains("Mail goes to the filter"), "what was found is kept");
    point(&app, NAME, &[FILTER, OTHER]);
    let page = lead.get(&path).await.text;
    assert!(
        page.contains(&format!("Some mail to {NAME} will bounce")) && page.contains("554 5.7.1 Relay access denied")
    );
    point(&app, NAME, &[OTHER]);
    let page = lead.get(&path).await.text;
    assert!(
        page.contains("Its MX records point elsewhere") && page.contains(OTHER) && !page.contains(bounces),
        "{page}"
    );
    point(&app, NAME, &[]);
    let page = lead.get(&path).await.text;
    assert!(page.contains("It has no MX record") && !page.contains(bounces), "{page}");
    // DNS that does not answer holds the page up for a moment only, and overwrites nothing.
    control.set_dns_fault(Some(DnsFault::Silent));
    let begun = Instant::now();
    let page = lead.get(&path).await.text;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(
        page.contains("could not be looked up just now") && page.contains("554 5.7.1 Relay access denied"),
        "{page}"
    );
    assert!(card(&lead, NAME).await.contains("No MX"));
    // The name is still to be typed.
    let page = lead.submit("/do/domains/deprovision", &[("name", NAME), ("typed", "")]).await.text;
    assert!(page.contains("to deprovision it") && !page.contains("is deprovisioned"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_nothing_is_looked_up_or_shown() {
    let app = TestApp::start_with(50, &["--mx-seconds", "0"]).await;
    let lead = app.lead_with_keys(&[7]).await;
    let list = lead.get("/domains").await.text;
    assert!(list.contains(NAME) && !list.contains("data-l=\"MX\"") && !list.contains("name=\"mx\""), "{list}");
    assert!(!lead.get(&format!("/domains/{NAME}")).await.text.contains("MX records"));
    let page = lead.get(&format!("/domains/{NAME}/deprovision")).await.text;
    assert!(page.contains("Its mail bounces unless its MX records have moved"), "{page}");
    let page = lead.submit("/do/mx/check", &[("name", NAME)]).await.text;
    assert!(page.contains("MX records are not checked here"), "{page}");
    assert_eq!(app.sandbox.control().dns_queries(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_expected_hosts_are_judged_from_what_is_kept() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7]).await;
    lead.submit("/do/mx/check", &[("name", NAME)]).await;
    assert!(card(&lead, NAME).await.contains("Mail goes to the filter"));
    let before = app.running.desk.store().mx_of(NAME).await.unwrap().unwrap();
    let app = app.restart_with(&["--mx-expected", OTHER]).await;
    let lead = app.signed_in("tomasz").await;
    let page = until(&lead, "/domains?mx=elsewhere", |page| names(page).iter().any(|name| name == NAME)).await;
    assert!(cell(&page, NAME).contains("data-tone=\"warn\""));
    let after = app.running.desk.store().mx_of(NAME).await.unwrap().unwrap();
    assert_eq!(after.checked_at, before.checked_at, "it was not looked up for that");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_a_second_at_most_and_none_twice() {
    let app = TestApp::start(120).await;
    let _lead = all_keys(&app).await;
    let desk = &app.running.desk;
    let begun = Instant::now();
    assert_eq!(desk.check_due().await.unwrap(), 120);
    let took = begun.elapsed();
    assert!((2_000..8_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(app.sandbox.control().dns_queries(), 120);
    assert_eq!(desk.check_due().await.unwrap(), 0, "nothing is due");
    assert_eq!(app.sandbox.control().dns_queries(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_ends_when_dns_answers_for_none() {
    let app = TestApp::start(120).await;
    let _lead = all_keys(&app).await;
    app.sandbox.control().set_dns_fault(Some(DnsFault::ServFail));
    assert_eq!(app.running.desk.check_due().await.unwrap(), 50);
    // The others are not unknown for an hour because of that, but first in the next pass.
    app.sandbox.control().set_dns_fault(None);
    assert_eq!(app.running.desk.check_due().await.unwrap(), 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_costs_as_many_statements_at_any_size() {
    let mut costs = Vec::new();
    for domains in [100, 10_000] {
        let app = TestApp::start(domains).await;
        let lead = app.lead_with_keys(&[1, 7]).await;
        lead.get("/domains").await;
        let mut cost = Vec::new();
        for path in ["/domains", "/domains?mx=here", "/domains?mx=unknown&sort=-servers", "/domains?mx=muted"] {
            let before = app.running.desk.store().statements();
            assert!(lead.get(path).await.status.is_success());
            cost.push(app.running.desk.store().statements() - before);
        }
        assert!(cost.iter().all(|statements| *statements <= 12), "{cost:?}");
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_that_still_point_here_are_said_before_deprovisioning() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7]).await;
    let alias = "northgatebikes.example";
    point(&app, NAME, &[OTHER]);
    let open = async || lead.get(&format!("/domains/{NAME}/deprovision")).await.text;
    for alias in [alias, "northgate-cycles.example", "bikes-northgate.example"] {
        point(&app, alias, &[OTHER]);
    }
    let page = open().await;
    assert!(page.contains("Its MX records point elsewhere") && !page.contains("will bounce too"), "{page}");
    point(&app, alias, &[FILTER]);
    let page = open().await;
    assert!(page.contains("will bounce too") && page.contains(alias), "{page}");
    app.sandbox.control().set_mx_fault(alias, Some(DnsFault::ServFail));
    let page = open().await;
    assert!(page.contains("MX records of 1 alias could not be looked up just now"), "{page}");
}
