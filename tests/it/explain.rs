//! The explainer: which entry decides, what would change it, and how it costs.

use crate::app::TestApp;
use mailchannels_sandbox::{Fault, FaultKind};

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
    let page = agent.get("/explain?from=a@b.example&to=a@nowhere.example").await.text;
    assert!(page.contains("None of your keys reaches nowhere.example"), "{page}");
    assert_eq!(app.upstream_calls(), calls);
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
    assert!(page.contains("The domain safelist could not be read"), "{page}");
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
    let page = agent.get(&format!("/domains/{NAME}")).await;
    assert!(page.text.len() < 200_000, "{} bytes", page.text.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_six_reads_go_at_once() {
    let (app, agent) = TestApp::agent().await;
    // Each answer takes far longer than our own time: what arrives before the first answer went together.
    let round_trip = 1_500;
    app.sandbox.control().add_fault(Fault::new("*", FaultKind::LatencyMs(round_trip)));
    let before = app.upstream_calls();
    let start = std::time::Instant::now();
    let page = agent.get(&format!("/explain?from=a@b.example&to={TO}")).await.text;
    let took = start.elapsed().as_secs_f64() * 1_000.0 / f64::from(u32::try_from(round_trip).unwrap());
    assert_eq!(verdict(&page), "No list decides");
    assert_eq!(app.upstream_calls() - before, 6);
    assert!(took < 1.5, "{took:.2} round trips");
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
