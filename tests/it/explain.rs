//! The explainer: which entry decides, what would change it, and how it costs.

use crate::app::TestApp;
use mailchannels_sandbox::{DnsFault, Fault, FaultKind};
use std::time::Duration;

const TO: &str = "reception@bikeshop-northgate.example";
const NAME: &str = "bikeshop-northgate.example";

fn verdict(page: &str) -> &str {
    page.split("<h2 id=\"v\">").nth(1).unwrap_or_else(|| panic!("no verdict: {page}")).split('<').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deciding_entry_is_found_and_the_shadowed_are_said() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.set_list("domain", NAME, "blocklist", &["parcelhub.example"]);
    control.set_list("account", "demo-host", "safelist", &["billing@parcelhub.example"]);
    control.set_list("user", TO, "safelist", &[]);
    let calls = app.upstream_calls();
    let url = format!("/explain?from=billing@parcelhub.example&to={TO}");
    let page = agent.get(&url).await.text;
    assert_eq!(app.upstream_calls() - calls, 6, "six lists, nothing else");
    assert_eq!(verdict(&page), "Blocked");
    assert!(page.contains("The domain blocklist of bikeshop-northgate.example has"), "{page}");
    assert!(page.contains("but step 4 already decided"), "{page}");
    // What would change it: the user tier allows, the account tier cannot.
    assert!(page.contains("Narrowest that works") && page.contains("Becomes allowed"), "{page}");
    assert!(page.contains("Stays blocked"), "{page}");
    let form = [
        ("tier", "user"),
        ("whose", TO),
        ("list", "safelist"),
        ("text", "billing@parcelhub.example"),
        ("back", url.as_str()),
    ];
    let page = agent.submit("/do/lists/add", &form).await.text;
    assert_eq!(verdict(&page), "Allowed", "one click, and it is shown again");
    // A user blocklist entry beats a domain safelist entry.
    control.set_list("user", TO, "safelist", &[]);
    control.set_list("user", TO, "blocklist", &["parcelhub.example"]);
    control.set_list("domain", NAME, "blocklist", &[]);
    control.set_list("domain", NAME, "safelist", &["billing@parcelhub.example"]);
    assert_eq!(verdict(&agent.get(&url).await.text), "Blocked");
    control.set_list("user", TO, "blocklist", &[]);
    assert_eq!(verdict(&agent.get(&url).await.text), "Allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_decides_is_said_as_such_and_ip_entries_count() {
    let (app, agent) = TestApp::agent().await;
    let page = agent.get(&format!("/explain?from=nobody@unknown.example&to={TO}")).await.text;
    assert_eq!(verdict(&page), "No list decides");
    assert!(page.contains("SPF, DMARC, attachment rules") && page.contains("greylisting"), "{page}");
    app.sandbox.control().set_list("domain", NAME, "blocklist", &["2001:db8::25"]);
    let page = agent.get(&format!("/explain?from=nobody@unknown.example&ip=2001:DB8:0:0::25&to={TO}")).await.text;
    assert_eq!(verdict(&page), "Blocked");
    assert!(page.contains("Matches the sending IP"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_depends_on_sub_domains() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().set_list("domain", NAME, "blocklist", &["parcelhub.example"]);
    let url = format!("/explain?from=a@news.parcelhub.example&to={TO}");
    let page = agent.get(&url).await.text;
    assert_eq!(verdict(&page), "No list decides");
    assert!(page.contains("It depends on sub-domains"), "{page}");
    let page = agent.get(&format!("{url}&sub=yes")).await.text;
    assert_eq!(verdict(&page), "Blocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_recipient_is_its_canonical_one() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().set_list("user", TO, "blocklist", &["x@y.example"]);
    let page = agent.get("/explain?from=x@y.example&to=Reception@northgatebikes.example").await.text;
    assert_eq!(verdict(&page), "Blocked");
    assert!(page.contains("northgatebikes.example is an alias of bikeshop-northgate.example"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_said_beside_its_field() {
    let (app, agent) = TestApp::agent().await;
    let calls = app.upstream_calls();
    let page = agent.get("/explain?from=nobody&ip=1.2.3&to=a@nowhere.example").await.text;
    for field in ["from", "ip"] {
        assert!(page.contains(&format!("id=\"{field}-err\"")), "{field}: {page}");
    }
    assert!(page.contains("value=\"1.2.3\""), "kept");
    assert_eq!(app.upstream_calls(), calls);
    // What the mirror does not have may be new: the one key is asked before anybody is told that it isn't there.
    let page = agent.get("/explain?from=a@b.example&to=a@nowhere.example").await.text;
    assert!(page.contains("None of your keys reaches nowhere.example"), "{page}");
    assert_eq!(app.upstream_calls() - calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_leaves_it_unsure() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().set_list("account", "demo-host", "blocklist", &["parcelhub.example"]);
    let url = format!("/explain?from=x@parcelhub.example&to={TO}");
    assert_eq!(verdict(&agent.get(&url).await.text), "Blocked");
    app.sandbox.control().add_fault(Fault::new("domain-list-get", FaultKind::Status { code: 400, body: None }));
    let page = agent.get(&url).await.text;
    assert_eq!(verdict(&page), "Not sure");
    assert!(page.contains("The domain safelist and domain blocklist could not be read"), "{page}");
    assert!(page.contains("Not all read") && !page.contains("Read just now"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_at_each_tier_still_answer_in_a_small_page() {
    let (app, agent) = TestApp::agent().await;
    let many: Vec<_> = (0..10_000).map(|n| format!("s{n}@parcelhub.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (tier, whose) in [("user", TO), ("domain", NAME), ("account", "demo-host")] {
        app.sandbox.control().set_list(tier, whose, "safelist", &many);
        app.sandbox.control().set_list(tier, whose, "blocklist", &many);
    }
    let page = agent.get(&format!("/explain?from=s9999@parcelhub.example&to={TO}")).await;
    assert_eq!(verdict(&page.text), "Allowed");
    assert!(page.text.len() < 200_000, "{} bytes", page.text.len());
    let page = agent.get(&format!("/lists?for={TO}&page=3")).await;
    assert!(page.text.contains("Page 3 of 1200") && page.text.len() < 200_000, "{} bytes", page.text.len());
    let page = agent.get(&format!("/recipients/{TO}")).await;
    assert!(page.text.contains("50 of 60,000 are shown") && page.text.len() < 200_000, "{} bytes", page.text.len());
    let page = agent.get(&format!("/domains/{NAME}")).await;
    assert!(page.text.len() < 200_000, "{} bytes", page.text.len());
}

/// Rounds of requests one after another, by the stand-in's ledger: what comes before the first of a round can have
/// been answered was sent together with it.
fn rounds(ledger: &[mailchannels_sandbox::Entry], latency: Duration) -> usize {
    let mut arrivals: Vec<_> = ledger.iter().map(|row| Duration::from_micros(row.at_us)).collect();
    arrivals.sort();
    let mut rounds: Vec<Duration> = Vec::new();
    for at in arrivals {
        if rounds.last().is_none_or(|first| at.saturating_sub(*first) >= latency) {
            rounds.push(at);
        }
    }
    rounds.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_six_reads_go_at_once_and_dns_is_not_waited_for() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    let latency = Duration::from_millis(1_500);
    control.add_fault(Fault::new("*", FaultKind::LatencyMs(1_500)));
    control.set_dns_fault(Some(DnsFault::Silent));
    for ip in ["", "&ip=203.0.113.80"] {
        control.clear_ledger();
        let page = agent.get(&format!("/explain?from=a@b.example{ip}&to={TO}")).await.text;
        assert_eq!(verdict(&page), "No list decides");
        let ledger = control.ledger();
        assert_eq!((ledger.len(), rounds(&ledger, latency)), (6, 1), "{ip}");
        // A warning that DNS was too late to give must not read as none.
        assert_eq!(page.contains("Not checked: DNS did not say in time"), !ip.is_empty(), "{page}");
    }
    // The measure sees a second round where there is one: a domain that is looked for first.
    control.clear_ledger();
    app.sandbox.control().move_domain(NAME, "web08");
    agent.get(&format!("/explain?from=a@b.example&to={TO}")).await;
    assert!(rounds(&control.ledger(), latency) > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_leaves_it_unsure_and_host_bits_match() {
    let (app, agent) = TestApp::agent().await;
    let control = app.sandbox.control();
    control.set_switch("cidr", "accepted").unwrap();
    control.set_list("domain", NAME, "blocklist", &["192.0.2.1/24"]);
    let url = format!("/explain?from=a@b.example&ip=192.0.2.9&to={TO}");
    let page = agent.get(&url).await.text;
    assert_eq!(verdict(&page), "Blocked");
    assert!(page.contains("192.0.2.1/24"), "as it stands on the list: {page}");
    control.set_list("domain", NAME, "blocklist", &["*@b-something"]);
    let page = agent.get(&url).await.text;
    assert_eq!(verdict(&page), "Not sure");
    assert!(page.contains("1 entry is not understood, so may match:") && page.contains("*@b-something"), "{page}");
    assert!(!page.contains("Reply for the customer"), "nothing certain is suggested");
    // A safelist entry of the recipient goes before what is not understood; one of the account comes after it.
    let changes = page.split("id=\"h-if\"").nth(1).unwrap();
    let result = |tier: &str| {
        let row = changes.split("<tr role=\"row\"").find(|row| row.contains(tier)).unwrap();
        (row.contains("Becomes allowed"), row.contains("Not sure"))
    };
    assert_eq!((result(">User</span>"), result(">Account</span>")), ((true, false), (false, true)), "{changes}");
    // Below an entry that decides, or where it would say the same, it does not matter.
    control.set_list("user", TO, "safelist", &["a@b.example"]);
    assert_eq!(verdict(&agent.get(&url).await.text), "Allowed");
    control.set_list("user", TO, "safelist", &[]);
    control.set_list("domain", NAME, "safelist", &["*@b-something"]);
    control.set_list("domain", NAME, "blocklist", &[]);
    control.set_list("account", "demo-host", "safelist", &["a@b.example"]);
    assert_eq!(verdict(&agent.get(&url).await.text), "Allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_new_or_moved_is_found_before_it_is_said_not_to_be() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let control = app.sandbox.control();
    control.set_list("domain", NAME, "blocklist", &["parcelhub.example"]);
    control.move_domain(NAME, "web08");
    let page = lead.get(&format!("/explain?from=a@parcelhub.example&to={TO}")).await.text;
    assert_eq!(verdict(&page), "Blocked");
    assert!(page.contains("web08") && !page.contains("could not be read"), "{page}");
    control.provision("fresh-one.example", "web08");
    let page = lead.get("/explain?from=a@b.example&to=x@fresh-one.example").await.text;
    assert_eq!(verdict(&page), "No list decides");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paste_that_is_made_to_harm_is_refused_and_the_server_lives() {
    let (_app, agent) = TestApp::agent().await;
    let nested = format!("Return-Path: <>\nFrom: m@b.example\n{}", "Content-Type:message/rfc822\n\n".repeat(12_000));
    let flat = format!("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(60_000));
    for (text, said) in [(nested, "nested more than 20 deep"), (flat, "more than 1,000 parts")] {
        let page = agent.submit("/do/explain/read", &[("text", &text)]).await.text;
        assert!(page.contains("paste-text-err") && page.contains(said), "{page}");
    }
    // The commonest paste: a customer's mail that quotes the bounce.
    let quoted = format!(
        "From: Ann <ann@shop-a.example>\nTo: support@harbourline.example\nSubject: help\n\nHi, they get:\n<{TO}>: host mx1.mailchannels.net said: 550 5.7.1 Message rejected\nfrom billing@parcelhub.example\n"
    );
    let page = agent.submit("/do/explain/read", &[("text", &quoted)]).await.text;
    for said in ["It was judged to be spam", "value=\"billing@parcelhub.example\"", &format!("value=\"{TO}\"")] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_fills_the_question_and_is_kept_nowhere() {
    let (app, agent) = TestApp::agent().await;
    let bounce = format!(
        "<{TO}>: host mx1.mailchannels.net said:\n 550 5.7.1 Message rejected, a-word-of-the-mail\nfrom billing@parcelhub.example at [203.0.113.7]"
    );
    let page = agent.submit("/do/explain/read", &[("text", &bounce)]).await.text;
    assert_eq!(verdict(&page), "Blocked");
    for said in
        ["550 5.7.1 Message rejected", "It was judged to be spam", "Report a false positive", "value=\"203.0.113.7\""]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(18).any(|window| window == b"a-word-of-the-mail"), "it is kept");
    }
    let page = agent.submit("/do/explain/read", &[("text", "nothing of use")]).await.text;
    assert!(page.contains("paste-text-err") && page.contains("No address, IP address or known bounce"), "{page}");
    let page = agent.submit("/do/explain/read", &[("text", " ")]).await.text;
    assert!(page.contains("Paste a bounce, headers or a message first."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_form_is_offered_and_dangerous_ones_are_warned_about() {
    let (app, agent) = TestApp::agent().await;
    let ask = async |from: &str, more: &str| agent.get(&format!("/explain?from={from}&to={TO}{more}")).await.text;
    let narrowest = |page: &str| {
        let row = page.split("<tr role=\"row\"").find(|row| row.contains("Narrowest that works")).unwrap().to_owned();
        row.split("mono\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let page = ask("bounce%2B4f2a91cc.8812@mail.newsletter.example", "").await;
    assert_eq!(narrowest(&page), "mail.newsletter.example");
    assert!(page.contains("differs with each mail. So the domain is offered first."), "{page}");
    let page = ask("ann@gmail.com", "").await;
    assert_eq!(narrowest(&page), "ann@gmail.com");
    assert!(page.contains("Anybody can have an address at this provider."), "{page}");
    assert!(ask("ann@co.uk", "").await.contains("Other people register names below this domain"));
    assert!(ask(&format!("boss@{NAME}"), "").await.contains("This is the customer's own domain"), "own");
    assert!(ask("boss@northgatebikes.example", "").await.contains("own domain"), "an alias is one's own too");
    // By DNS: the domain's own server, and the filter itself.
    let control = app.sandbox.control();
    let server = control.domain(NAME).unwrap()["downstreamAddresses"][0]["target"].as_str().unwrap().to_owned();
    control.set_addresses(server.trim_end_matches('.'), &["192.0.2.7".parse().unwrap()]);
    control.set_name("203.0.113.9".parse().unwrap(), "out1.mailchannels.net");
    for (ip, said) in [("192.0.2.7", "one of the domain's own servers"), ("203.0.113.9", "MailChannels's own")] {
        // The first answer may come too late for the page; then it is in the cache.
        let mut page = String::new();
        for _ in 0..50 {
            page = ask("a@b.example", &format!("&ip={ip}")).await;
            if page.contains(said) {
                break;
            }
        }
        assert!(page.contains(said), "{ip}: {page}");
    }
    let page = ask("a@b.example", "&ip=192.0.2.99").await;
    assert!(!page.contains("own servers") && !page.contains("MailChannels's own"), "{page}");
}
