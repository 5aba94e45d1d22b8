//! Entries under harder conditions: races, files that come back, what reaches far, keys that changed.

use crate::app::{Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};

const TO: &str = "reception@bikeshop-northgate.example";
const NAME: &str = "bikeshop-northgate.example";

async fn add(browser: &Browser, tier: &str, whose: &str, list: &str, text: &str) -> String {
    let account = hidden(&browser.get("/lists").await.text, "/do/lists/add", "account");
    let back = format!("/lists?for={NAME}");
    let form =
        [("tier", tier), ("whose", whose), ("account", &account), ("list", list), ("text", text), ("back", &back)];
    browser.submit("/do/lists/add", &form).await.text
}

/// Sends what waits for a yes.
async fn yes(browser: &Browser, review: &str, typed: &str) -> String {
    let draft = hidden(review, "/do/lists/send", "draft");
    browser.submit("/do/lists/send", &[("draft", &draft), ("typed", typed)]).await.text
}

/// Statuses of the writes so far.
fn writes(app: &TestApp) -> Vec<(String, u16)> {
    let ledger = app.sandbox.control().ledger().into_iter();
    ledger.filter(|row| row.method != "GET").map(|row| (row.method, row.status)).collect()
}

/// Between the read and the write somebody else does the same: the service answers either way.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_second_hears_so_either_way_the_service_goes() {
    for (duplicate, missing) in [(201, 204), (409, 404)] {
        let (app, agent) = TestApp::agent().await;
        let control = app.sandbox.control();
        control.set_switch("duplicate_entry", &duplicate.to_string()).unwrap();
        control.set_switch("missing_delete", &missing.to_string()).unwrap();
        for (tier, whose) in [("user", TO), ("domain", NAME)] {
            control.clear_ledger();
            control.add_fault(Fault::new(&format!("{tier}-list-add"), FaultKind::SomebodyFirst).times(1));
            let page = add(&agent, tier, whose, "blocklist", "twice.example").await;
            assert_eq!(writes(&app), [("POST".to_owned(), duplicate)], "the race is run");
            if duplicate == 409 {
                assert!(page.contains("It was on the list already") && !page.contains("/do/lists/undo"), "{page}");
            } else {
                assert!(page.contains("twice.example is on the blocklist of"), "{page}");
            }
            assert!(control.list(tier, whose, "blocklist").contains(&"twice.example".to_owned()));
            control.clear_ledger();
            control.add_fault(Fault::new(&format!("{tier}-list-remove"), FaultKind::SomebodyFirst).times(1));
            let form = [("tier", tier), ("whose", whose), ("list", "blocklist"), ("item", "twice.example")];
            let page = agent.submit("/do/lists/remove", &form).await.text;
            assert_eq!(writes(&app), [("DELETE".to_owned(), missing)], "the race is run");
            assert!(page.contains("twice.example is no longer on the blocklist of"), "{page}");
            assert!(!control.list(tier, whose, "blocklist").contains(&"twice.example".to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_come_back_and_what_is_not_understood_too() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.set_switch("cidr", "accepted").unwrap();
    let mut items: Vec<_> = (0..300).map(|n| format!("sender{n}@mail.parcels.example")).collect();
    items.extend(["192.0.2.1/24".to_owned(), "*@odd pattern".to_owned(), "=odd, \"quoted\"".to_owned()]);
    control.set_list("domain", NAME, "blocklist", &items.iter().map(String::as_str).collect::<Vec<_>>());
    let csv = agent.get(&format!("/lists/export.csv?for={NAME}&tier=domain&list=blocklist")).await.text;
    assert_eq!(csv.lines().count(), items.len() + 1, "{csv}");
    control.set_list("domain", NAME, "blocklist", &[]);
    let review = add(&agent, "domain", NAME, "safelist", &csv).await;
    let page = yes(&agent, &review, &items.len().to_string()).await;
    // The stand-in takes only two kinds of these entries; each ends with its own outcome.
    assert_eq!(page.matches(">Added</span>").count(), 301 + 1, "{page}");
    let sent = control.list("domain", NAME, "blocklist");
    assert!(sent.contains(&"192.0.2.1/24".to_owned()) && sent.len() == 301, "{}", sent.len());
    assert_eq!(page.matches(">Not added</span>").count(), 2 + 1, "{page}");
    // More than the form takes is said before anything is read.
    let many: Vec<_> = (0..1_500).map(|n| format!("sender{n}@mail.some-long-name-of-parcels.example")).collect();
    let calls = writes(&app).len();
    let page = add(&agent, "domain", NAME, "blocklist", &many.join("\n")).await;
    assert!(page.contains("1500 entries; at most 1000 at a time"), "{page}");
    // Every wrong line is told.
    let wrong: Vec<_> = (0..120).map(|n| format!("wrong line {n}")).collect();
    let page = add(&agent, "domain", NAME, "blocklist", &wrong.join("\n")).await;
    assert!(page.contains("Nothing was added: 120 lines to correct."), "{page}");
    assert_eq!(page.matches("<li>Line ").count(), 120);
    assert_eq!(writes(&app).len(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_come_back_apart() {
    let app = TestApp::start(50).await;
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    agent.add_key("other", "sandbox-other-key").await;
    let control = app.sandbox.control();
    control.set_list("account", "demo-host", "blocklist", &["one.example"]);
    control.set_list("account", "demo-host", "safelist", &[]);
    let other: Vec<_> = control.keys().into_iter().filter(|(label, _)| label == "other").map(|(_, of)| of).collect();
    control.set_list("account", &other[0], "blocklist", &["two.example"]);
    let csv = agent.get("/lists/export.csv").await.text;
    let whose =
        |item: &str| csv.lines().find(|line| line.ends_with(item)).unwrap().split(',').nth(1).unwrap().to_owned();
    assert!(!whose("one.example").is_empty() && whose("one.example") != whose("two.example"), "{csv}");
    for (account, list) in [("demo-host", "blocklist"), (&other[0], "blocklist")] {
        control.set_list("account", account, list, &[]);
    }
    let form = [("tier", "account"), ("list", "blocklist"), ("text", csv.as_str())];
    let review = agent.submit("/do/lists/add", &form).await.text;
    yes(&agent, &review, "").await;
    assert_eq!(control.list("account", "demo-host", "blocklist"), ["one.example"]);
    assert_eq!(control.list("account", &other[0], "blocklist"), ["two.example"]);
    let strange = csv.replace(&format!("account,{}", whose("one.example")), "account,nobody-s");
    let back = format!("/lists?for={NAME}");
    let form = [("tier", "account"), ("list", "blocklist"), ("text", strange.as_str()), ("back", &back)];
    let page = agent.submit("/do/lists/add", &form).await;
    assert!(page.text.contains("none of your keys is of “nobody-s”"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reach_of_an_account_is_never_understated() {
    let (app, agent) = TestApp::agent().await;
    let reach = async || {
        let page = agent.get("/lists").await.text;
        let said = page.split("Reaches at least ").nth(1).unwrap_or_else(|| panic!("{page}"));
        said.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let own = reach().await;
    app.lead_with_keys(&[1, 2, 3]).await;
    assert!(reach().await > own + 3, "domains of a colleague's keys are of the account too");
    let review = add(&agent, "account", "", "blocklist", "spam.example").await;
    assert!(review.contains("This reaches at least") && review.contains("and any added later"), "{review}");
    assert!(!review.contains("This reaches all"), "{review}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_too_far_is_looked_at_on_every_tier_and_list() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.set_switch("cidr", "accepted").unwrap();
    let server = control.domain(NAME).unwrap()["downstreamAddresses"][0]["target"].as_str().unwrap().to_owned();
    control.set_addresses(server.trim_end_matches('.'), &["192.0.2.7".parse().unwrap()]);
    control.set_name("203.0.113.9".parse().unwrap(), "out1.mailchannels.net");
    for (tier, whose, list, text, said) in [
        ("account", "", "safelist", NAME, "This is the customer's own domain."),
        ("account", "", "safelist", "boss@northgatebikes.example", "This is the customer's own domain."),
        ("domain", NAME, "safelist", "0.0.0.0/0", "wider than /24"),
        ("domain", NAME, "blocklist", "2001:db8::/32", "wider than /24"),
        ("domain", NAME, "safelist", "192.0.2.7", "one of the domain's own servers"),
        ("user", TO, "safelist", "192.0.2.0/24", "one of the domain's own servers"),
        ("domain", NAME, "blocklist", "203.0.113.9", "MailChannels's own"),
    ] {
        let before = writes(&app).len();
        let review = add(&agent, tier, whose, list, text).await;
        assert!(review.contains("Nothing was sent yet.") && review.contains(said), "{tier} {list} {text}: {review}");
        assert_eq!(writes(&app).len(), before);
    }
    let page = add(&agent, "domain", NAME, "blocklist", "203.0.113.0/24").await;
    assert!(page.contains("203.0.113.0/24 is on the blocklist of"), "a narrow one goes at once: {page}");
    control.set_dns_fault(Some(mailchannels_sandbox::DnsFault::Silent));
    let review = add(&agent, "domain", NAME, "blocklist", "198.51.100.44").await;
    assert!(review.contains("Not checked: DNS did not say"), "{review}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_with_the_key_that_was_chosen() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let page = lead.get("/lists").await.text;
    let key = |label: &str| {
        let option = page.split("<option ").find(|option| option.contains(&format!(">{label}<"))).unwrap();
        option.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let labels = |from: usize| -> Vec<String> {
        app.sandbox.control().ledger()[from..].iter().map(|row| row.key.clone()).collect()
    };
    let before = app.upstream_calls();
    let found = lead.get(&format!("/lists?for={TO}&key={}", key("web07"))).await.text;
    assert!(found.contains("read just now from 6 lists"), "{found}");
    assert_eq!(labels(before), ["web07"; 6]);
    let before = app.upstream_calls();
    let none = lead.get(&format!("/lists?for={TO}&key={}", key("web08"))).await.text;
    assert!(none.contains("The key web08 does not reach"), "{none}");
    assert!(labels(before).is_empty());
    lead.get(&format!("/lists?key={}", key("web08"))).await;
    assert_eq!(labels(before), ["web08"; 2], "the account's lists, by the key that was chosen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_reaches_a_domain_that_moved_to_another_key_or_came_since() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    for tier in ["domain", "user"] {
        // Behind Sluice's back, back and forth: the mirror names the wrong key each time.
        app.sandbox.control().move_domain(NAME, if tier == "domain" { "web08" } else { "web07" });
        let page = add(&lead, tier, if tier == "domain" { NAME } else { TO }, "blocklist", "fine.example").await;
        assert!(page.contains("fine.example is on the blocklist of"), "{tier}: {page}");
    }
    let page = add(&lead, "domain", "nowhere-at-all.example", "blocklist", "fine.example").await;
    assert!(page.contains("None of your keys reaches nowhere-at-all.example"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_effect_is_told_both_ways_where_sub_domains_decide() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.set_list("user", TO, "blocklist", &["parcelhub.example"]);
    control.set_list("domain", NAME, "safelist", &["a@news.parcelhub.example", "b@parcelhub.example"]);
    for page in [format!("/lists?for={TO}"), format!("/recipients/{TO}")] {
        let page = agent.get(&page).await.text;
        let row = |entry: &str| page.split("<tr role=\"row\"").find(|row| row.contains(entry)).unwrap().to_owned();
        let depends = row(">a@news.parcelhub.example<");
        let (now, then) =
            depends.split_once("If domain entries match sub-domains too:").unwrap_or_else(|| panic!("{depends}"));
        assert!(now.contains(">Counts</span>") && then.contains(">Shadowed</span>"), "{depends}");
        assert!(!row(">b@parcelhub.example<").contains("match sub-domains too"), "it is shadowed either way");
        assert!(page.contains("MailChannels does not say whether domain entries match sub-domains"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_shows_some_of_each_list() {
    let (app, agent) = TestApp::agent().await;
    let many: Vec<_> = (0..300).map(|n| format!("s{n}@parcels.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let control = app.sandbox.control();
    control.set_list("user", TO, "safelist", &many);
    control.set_list("domain", NAME, "safelist", &many);
    control.set_list("domain", NAME, "blocklist", &["last.example"]);
    control.set_list("account", "demo-host", "blocklist", &["wide.example"]);
    for (page, shown) in [(format!("/domains/{NAME}"), 20), (format!("/recipients/{TO}"), 50)] {
        let page = agent.get(&page).await.text;
        let card = page.split("id=\"lists\"").nth(1).unwrap().split("</section>").next().unwrap();
        assert!(card.contains(">last.example<") && card.contains(">wide.example<"), "{card}");
        assert_eq!(card.matches("role=\"rowheader\"").count(), shown);
        assert!(card.contains(&format!("{shown} of ")) && card.contains("Show all"), "{card}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_accepted_is_not_called_undone_when_its_list_cannot_be_read_back() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.add_fault(Fault::new("domain-list-get", FaultKind::Status { code: 503, body: None }).after(1));
    let page = add(&agent, "domain", NAME, "blocklist", "x.example").await;
    assert!(page.contains("x.example: not sure whether it is on") && page.contains("accepted the change"), "{page}");
    assert!(!page.contains("Not added") && !page.contains("Not done"), "{page}");
    assert!(control.list("domain", NAME, "blocklist").contains(&"x.example".to_owned()), "it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_press_leads_to_what_became_of_the_first() {
    let (app, agent) = TestApp::agent().await;
    let many: Vec<_> = (0..20).map(|n| format!("s{n}.example")).collect();
    for (tier, text, typed, said) in
        [("domain", many.join("\n"), "20", "s19.example"), ("account", "one.example".to_owned(), "", "one.example")]
    {
        let review = add(&agent, tier, NAME, "blocklist", &text).await;
        let draft = hidden(&review, "/do/lists/send", "draft");
        let press = async || agent.submit("/do/lists/send", &[("draft", &draft), ("typed", typed)]).await;
        press().await;
        let sent = writes(&app).len();
        let page = press().await.text;
        assert!(page.contains("Added") && page.contains(said), "{page}");
        assert!(!page.contains("somebody changed this"), "{page}");
        assert_eq!(writes(&app).len(), sent, "sent once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_said_also_where_the_form_is_not() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().add_fault(Fault::new("domain-list-add", FaultKind::Status { code: 400, body: None }));
    let back = format!("/explain?from=x@y.example&to={TO}");
    let form = [("tier", "domain"), ("whose", NAME), ("list", "blocklist"), ("text", "x.example"), ("back", &back)];
    let page = agent.submit("/do/lists/add", &form).await.text;
    assert!(page.contains("Not added: x.example") && page.contains("may not take this kind of entry"), "{page}");
    assert!(!page.contains("Nothing was sent"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_no_key_could_be_asked_for_is_not_said_to_be_out_of_reach() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().add_fault(Fault::new("list-domains", FaultKind::Status { code: 502, body: None }));
    for path in ["/lists?for=unheard-of.example", "/explain?from=x@y.example&to=a@unheard-of.example"] {
        let page = agent.get(path).await.text;
        assert!(page.contains("could not be looked up, because web"), "{path}: {page}");
        assert!(!page.contains("None of your keys") && !page.contains("provisioned"), "{path}: {page}");
    }
}
