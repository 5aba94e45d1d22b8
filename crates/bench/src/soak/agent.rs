//! A support agent as Sluice sees one: opens pages, reads, thinks, presses a button.

use crate::{
    Step,
    browser::{Answer, Browser},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::time::{Duration, Instant};

/// Domains that an agent remembers from the lists opened last.
const REMEMBERED: usize = 200;
/// How long somebody looks at a page, milliseconds.
const THINK: std::ops::Range<u64> = 400..5_000;
/// Steps until somebody signs in anew.
const SHIFT: u32 = 40;
/// Looks at a job that has not ended.
const LOOKS: usize = 20;
/// What is searched for.
const TEXTS: [&str; 8] = ["bakery", "north", "cedar-legal", "shop", "alias0", "harbour", "web0", "zzqzz"];
/// Filters of the list.
const FILTERS: [&str; 8] = [
    "",
    "?policy=quarantine",
    "?key=free",
    "?subscription=demo-reseller",
    "?q=brew",
    "?sort=-servers",
    "?policy=flag&sort=-name",
    "?q=studio&policy=block",
];

/// What was asked of Sluice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Page {
    SignIn,
    List,
    Search,
    Domain,
    Explain,
    Lists,
    Add,
    Remove,
    Plan,
    Planned,
    Confirm,
    Job,
    Other,
}

impl Page {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::SignIn,
        Self::List,
        Self::Search,
        Self::Domain,
        Self::Explain,
        Self::Lists,
        Self::Add,
        Self::Remove,
        Self::Plan,
        Self::Planned,
        Self::Confirm,
        Self::Job,
        Self::Other,
    ];

    /// As the table has it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::List => "list of domains, filtered and sorted",
            Self::Search => "search",
            Self::Domain => "a domain",
            Self::Explain => "explain a mail",
            Self::Lists => "lists of a domain",
            Self::Add => "add an entry",
            Self::Remove => "remove it again",
            Self::Plan => "plan a bulk change",
            Self::Planned => "look at the plan",
            Self::Confirm => "confirm it and wait for it",
            Self::Job => "look at the job",
            Self::Other => "keys, jobs, key map",
        }
    }
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) page: Page,
    /// When it was sent.
    pub(crate) at: Instant,
    /// Until all of the answer was there.
    pub(crate) took: Duration,
    /// Its status; none when there was no answer.
    pub(crate) status: Option<u16>,
    /// The id that Sluice logs it by.
    pub(crate) request: String,
    /// The path, to be understood when it failed.
    pub(crate) path: String,
}

/// A person with a browser.
pub(crate) struct Agent {
    number: u32,
    lead: bool,
    browser: Browser,
    rng: StdRng,
    names: Vec<String>,
    counter: u32,
    samples: Vec<Sample>,
}

impl Agent {
    /// The agent of that number; the same number does the same.
    pub(crate) fn new(number: u32, lead: bool, browser: Browser) -> Self {
        let rng = StdRng::seed_from_u64(u64::from(number));
        Self { number, lead, browser, rng, names: Vec::new(), counter: 0, samples: Vec::new() }
    }

    /// Works until then; returns all that was asked.
    pub(crate) async fn work(mut self, until: Instant) -> Step<Vec<Sample>> {
        // Not all at the same moment.
        let first = self.rng.random_range(0..THINK.end);
        tokio::time::sleep(Duration::from_millis(first)).await;
        for step in 0_u32.. {
            if Instant::now() >= until {
                break;
            }
            if step.is_multiple_of(SHIFT) {
                self.sign_in().await;
            } else {
                self.step().await;
            }
            self.think().await;
        }
        Ok(self.samples)
    }

    async fn think(&mut self) {
        let pause = self.rng.random_range(THINK);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    async fn step(&mut self) {
        let (choice, lead) = (self.rng.random_range(0..100_u32), self.lead);
        if lead && choice < 12 {
            return self.bulk().await;
        }
        match choice {
            0..28 => self.list().await,
            28..48 => self.search().await,
            48..73 => {
                let path = format!("/domains/{}", self.name());
                self.open(Page::Domain, &path).await;
            }
            73..84 => {
                let path = format!("/explain?from=news%40parcelhub.example&to=info%40{}", self.name());
                self.open(Page::Explain, &path).await;
            }
            84..90 => {
                let path = format!("/lists?for={}", self.name());
                self.open(Page::Lists, &path).await;
            }
            90..97 => self.entry().await,
            _ => {
                let path = ["/keys", "/jobs", "/keys/map"].choose(&mut self.rng).copied().unwrap_or("/keys");
                self.open(Page::Other, path).await;
            }
        }
    }

    async fn sign_in(&mut self) {
        self.browser.forget();
        if let Some(answer) = self.open(Page::SignIn, "/domains").await {
            self.remember(&answer.text);
        }
    }

    async fn list(&mut self) {
        let filter = FILTERS.choose(&mut self.rng).copied().unwrap_or_default();
        let path = format!("/domains{filter}");
        let Some(answer) = self.open(Page::List, &path).await else { return };
        self.remember(&answer.text);
        let next = link(&answer.text, "rel=\"next\"");
        if let Some(next) = next.filter(|_| self.rng.random_bool(0.3)) {
            self.think().await;
            if let Some(answer) = self.open(Page::List, &next).await {
                self.remember(&answer.text);
            }
        }
    }

    async fn search(&mut self) {
        let text = if self.rng.random_bool(0.3) {
            self.name()
        } else {
            TEXTS.choose(&mut self.rng).copied().unwrap_or_default().to_owned()
        };
        let path = format!("/search?q={text}");
        let Some(answer) = self.open(Page::Search, &path).await else { return };
        let Some(next) = answer.location else { return };
        let page = if next.starts_with("/domains?") {
            Page::List
        } else if next.starts_with("/domains/") {
            Page::Domain
        } else {
            Page::Search
        };
        if let Some(answer) = self.open(page, &next).await {
            self.remember(&answer.text);
        }
    }

    /// Puts somebody on a list, and mostly takes them off again.
    async fn entry(&mut self) {
        let name = self.name();
        self.counter += 1;
        let item = format!("sender-{}-{}.example", self.number, self.counter);
        let back = format!("/lists?for={name}");
        let form = [("tier", "domain"), ("whose", &name), ("list", "blocklist"), ("text", &item), ("back", &back)];
        self.submit(Page::Add, "/do/lists/add", &form, Page::Lists).await;
        if self.rng.random_bool(0.7) {
            self.think().await;
            let form = [("tier", "domain"), ("whose", &name), ("list", "blocklist"), ("item", &item), ("back", &back)];
            self.submit(Page::Remove, "/do/lists/remove", &form, Page::Lists).await;
        }
    }

    /// Changes a few domains at once.
    async fn bulk(&mut self) {
        let count = self.rng.random_range(4..=12_usize);
        let mut names: Vec<_> = self.names.choose_multiple(&mut self.rng, count).cloned().collect();
        names.sort();
        names.dedup();
        self.counter += 1;
        let (request, text) = (format!("soak-{}-{}", self.number, self.counter), names.join("\n"));
        let policy = ["block", "quarantine"].choose(&mut self.rng).copied().unwrap_or("block");
        let fields = [("request", request.as_str()), ("policy", policy), ("text", text.as_str())];
        let began = Instant::now();
        let answer = self.browser.bulk_form("settings", &fields).await;
        let Some(plan) = self.note(Page::Plan, began, "/bulk/settings", answer).and_then(|answer| answer.location)
        else {
            return;
        };
        self.open(Page::Planned, &plan).await;
        self.think().await;
        let number = plan.rsplit('/').next().unwrap_or_default().to_owned();
        let form = [("number", number.as_str()), ("typed", &names.len().to_string())];
        self.submit(Page::Confirm, "/do/jobs/confirm", &form, Page::Job).await;
        for _ in 0..LOOKS {
            self.think().await;
            let looked = self.open(Page::Job, &format!("/jobs/{number}")).await;
            if looked.is_some_and(|answer| answer.text.contains("Ended</span>")) {
                break;
            }
        }
    }

    /// A domain of the lists opened last.
    fn name(&mut self) -> String {
        self.names.choose(&mut self.rng).cloned().unwrap_or_else(|| "bikeshop-northgate.example".to_owned())
    }

    fn remember(&mut self, page: &str) {
        let rows = page.split("<tbody").nth(1).unwrap_or_default();
        let links = rows.split("href=\"/domains/").skip(1).filter_map(|rest| rest.split('"').next());
        for name in links.filter(|name| !name.contains(['/', '?', '#'])) {
            if !self.names.iter().any(|known| known == name) {
                self.names.push(name.to_owned());
            }
        }
        let over = self.names.len().saturating_sub(REMEMBERED);
        self.names.drain(..over);
    }

    async fn open(&mut self, page: Page, path: &str) -> Option<Answer> {
        let path = path.split('#').next().unwrap_or("/");
        let began = Instant::now();
        let answer = self.browser.visit(path).await;
        self.note(page, began, path, answer)
    }

    /// Sends a form and opens the page it leads to.
    async fn submit(&mut self, page: Page, path: &str, form: &[(&str, &str)], then: Page) {
        let began = Instant::now();
        let answer = self.browser.post(path, form).await;
        if let Some(next) = self.note(page, began, path, answer).and_then(|answer| answer.location) {
            self.open(then, &next).await;
        }
    }

    fn note(&mut self, page: Page, at: Instant, path: &str, answer: Step<Answer>) -> Option<Answer> {
        let took = at.elapsed();
        let (status, request) = match &answer {
            Ok(answer) => (Some(answer.status), answer.request.clone()),
            Err(_) => (None, String::new()),
        };
        self.samples.push(Sample { page, at, took, status, request, path: path.to_owned() });
        answer.ok()
    }
}

/// Where the link with this in its tag leads.
fn link(page: &str, with: &str) -> Option<String> {
    let mut links = page.split("<a href=\"").skip(1);
    let tag = links.find(|tag| tag.split('>').next().is_some_and(|tag| tag.contains(with)))?;
    Some(tag.split('"').next()?.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_table_and_the_link_is_the_one_meant() {
        let browser = Browser::new("http://localhost").unwrap();
        let mut agent = Agent::new(1, false, browser);
        agent.remember(
            r#"<a href="/domains/not.example">x</a><tbody><a href="/domains/a.example">a</a><a href="/domains/a.example">a</a><a href="/domains/b.example/servers">s</a><a href="/domains/b.example">b</a>"#,
        );
        assert_eq!(agent.names, ["a.example", "b.example"]);
        let page = r#"<a href="/x">x</a><a href="/domains?a=1&amp;after=2" rel="next">Next</a>"#;
        assert_eq!(link(page, "rel=\"next\"").as_deref(), Some("/domains?a=1&after=2"));
        assert_eq!(link(page, "rel=\"prev\""), None);
    }
}
