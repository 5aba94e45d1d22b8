//! Twenty people at work for half a minute, at a service that fails now and then: what `cargo xtask soak` measures on
//! a release build, with only that asked here which is exact.

use crate::{
    app::{Browser, TestApp},
    jobs::names as reached,
};
use mailchannels_sandbox::{Fault, FaultKind};
use reqwest::{Method, StatusCode};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long.
const TIME: Duration = Duration::from_secs(20);
const AGENTS: u64 = 20;
/// Rows of a job beside them, so that the budget is used up.
const ROWS: usize = 400;
/// Requests that the service takes from one customer in any second.
const LIMIT: usize = 100;

/// Numbers that follow from a seed: everybody does something else, and the same the next time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// What somebody met: how often what was asked, and what was answered that must not be.
#[derive(Default)]
struct Met {
    asked: usize,
    /// Pages that say that the service did not answer, which it did not.
    unanswered: usize,
    wrong: Vec<String>,
}

impl Met {
    async fn get(&mut self, browser: &Browser, path: &str) -> String {
        let answer = browser.send(browser.request(Method::GET, path)).await;
        self.note(path, answer.status);
        answer.text
    }

    async fn post(&mut self, browser: &Browser, path: &str, form: &[(&str, &str)]) -> Option<String> {
        let answer = browser.post(path, form).await;
        self.note(path, answer.status);
        answer.location
    }

    fn note(&mut self, path: &str, status: StatusCode) {
        self.asked += 1;
        self.unanswered += usize::from(status == StatusCode::BAD_GATEWAY);
        if !status.is_success() && !status.is_redirection() && status != StatusCode::BAD_GATEWAY {
            self.wrong.push(format!("{path}: {status}"));
        }
    }
}

/// Names in the rows of a list.
fn names(page: &str) -> Vec<String> {
    let rows = page.split("<tbody").nth(1).unwrap_or_default().split("href=\"/domains/").skip(1);
    let mut names: Vec<_> = rows.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    names.retain(|name| !name.contains(['/', '?', '#']));
    names.dedup();
    names
}

async fn work(browser: Browser, number: u64, lead: bool, until: Instant) -> Met {
    let (mut met, mut dice) = (Met::default(), Dice(number));
    let mut known = names(&met.get(&browser, "/domains").await);
    assert!(!known.is_empty(), "the keys reach something");
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200 + u64::try_from(dice.below(1_500)).unwrap())).await;
        let name = known[dice.below(known.len())].clone();
        match dice.below(if lead { 11 } else { 10 }) {
            0..3 => {
                let path = ["/domains", "/domains?policy=quarantine&sort=-name", "/domains?key=free"][dice.below(3)];
                let found = names(&met.get(&browser, path).await);
                known = if found.is_empty() { known } else { found };
            }
            3 => drop(met.get(&browser, ["/find?q=shop", "/search?q=north", "/find.json?q=web"][dice.below(3)]).await),
            4..7 => drop(met.get(&browser, &format!("/domains/{name}")).await),
            7 => drop(met.get(&browser, &format!("/explain?from=a%40parcelhub.example&to=info%40{name}")).await),
            8..10 => {
                let (item, back) = (format!("sender-{number}.example"), format!("/lists?for={name}"));
                let form = [("tier", "domain"), ("whose", &name), ("list", "blocklist"), ("back", &back)];
                let added = [&form[..], &[("text", item.as_str())]].concat();
                let removed = [&form[..], &[("item", item.as_str())]].concat();
                for (path, form) in [("/do/lists/add", added), ("/do/lists/remove", removed)] {
                    let next = met.post(&browser, path, &form).await.expect("a page to go to");
                    met.get(&browser, next.split('#').next().unwrap()).await;
                }
            }
            _ => {
                let rows = known.iter().take(4).cloned().collect::<Vec<_>>().join("\n");
                let plan = browser.bulk("settings", &[("policy", "block"), ("text", &rows)]).await;
                met.note("/bulk/settings", plan.status);
                let job = browser.confirm(&plan, "").await;
                met.note("/do/jobs/confirm", job.status);
            }
        }
    }
    met
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_people_meet_no_error_of_ours_and_the_service_no_more_than_it_takes() {
    let app = TestApp::start_upstream(600, 100, Duration::from_millis(20), &["--sync-seconds", "10"]).await;
    let lead = app.lead_with_keys(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).await;
    let agent = app.signed_in("maya").await;
    for key in ["05", "06", "07"] {
        agent.add_key(&format!("web{key}"), &format!("sandbox-key-{key}")).await;
    }
    app.running.desk.sync_own(&app.running.desk.demo_person("maya").await.unwrap().unwrap()).await.unwrap();
    let control = app.sandbox.control();
    for (kind, often) in [
        (FaultKind::Status { code: 503, body: None }, 0.01),
        (FaultKind::Reset, 0.01),
        (FaultKind::ResetAfterChange, 0.01),
        (FaultKind::CutBody, 0.01),
        (FaultKind::LatencyMs(500), 0.03),
    ] {
        control.add_fault(Fault::new("*", kind).often(often));
    }
    let rows = reached(&app, ROWS).await.join("\n");
    let plan = lead.bulk("settings", &[("policy", "quarantine"), ("text", &rows)]).await;
    control.clear_ledger();
    let until = Instant::now() + TIME;
    lead.confirm(&plan, &ROWS.to_string()).await;
    let mut people = JoinSet::new();
    for number in 0..AGENTS {
        let lead = number % 5 == 0;
        let browser = app.signed_in(if lead { "tomasz" } else { "maya" }).await;
        people.spawn(work(browser, number + 1, lead, until));
    }
    let (mut asked, mut unanswered, mut wrong) = (0, 0, Vec::new());
    for met in people.join_all().await {
        asked += met.asked;
        unanswered += met.unanswered;
        wrong.extend(met.wrong);
    }
    assert_eq!(wrong, Vec::<String>::new(), "of {asked} requests");
    let ledger = control.ledger();
    let mut times: Vec<_> = ledger.iter().map(|entry| entry.at_us).collect();
    times.sort_unstable();
    let most = times
        .iter()
        .enumerate()
        .map(|(first, at)| times[first..].iter().take_while(|other| *other - at < 1_000_000).count())
        .max();
    assert!(most.is_some_and(|most| (20..=LIMIT).contains(&most)), "{most:?} in a second");
    // It was a soak, and things did go wrong.
    let failed = ledger.iter().filter(|entry| entry.status == 0 || entry.status == 503).count();
    assert!(
        asked > 100 && failed > 0 && unanswered < asked / 20,
        "{asked} asked, {failed} failed, {unanswered} unanswered"
    );
}
