//! Lists at three tiers: one table, added, removed, undone, exported and imported, either way the service goes.

use crate::app::{Answer, Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};
use reqwest::StatusCode;

const TO: &str = "reception@bikeshop-northgate.example";
const NAME: &str = "bikeshop-northgate.example";

async fn add(browser: &Browser, tier: &str, whose: &str, list: &str, text: &str) -> Answer {
    let back = format!("/lists?for={whose}");
    browser
        .submit("/do/lists/add", &[("tier", tier), ("whose", whose), ("list", list), ("text", text), ("back", &back)])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_tiers_stand_in_one_table() {
    let (app, agent) = TestApp::agent().await;
    let calls = app.upstream_calls();
    let page = agent.get(&format!("/lists?for={TO}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(app.upstream_calls() - calls, 6, "six lists");
    for tier in [">User</span>", ">Domain</span>", ">Account</span>"] {
        assert!(page.text.contains(tier), "{tier}: {}", page.text);
    }
    for (filter, there, gone) in [
        ("tier=user", ">User</span>", ">Account</span>"),
        ("list=blocklist", "aria-label=\"Remove ", "from the user safelist"),
        ("type=ip", "198.51.100.23", ">address</td>"),
        ("q=nothing-like-it", "No entry has all of these", ">Safelist</span>"),
    ] {
        let page = agent.get(&format!("/lists?for={TO}&{filter}")).await.text;
        let table = page.split("<div class=\"row meta sm\">").nth(1).unwrap();
        assert!(table.contains(there) && !table.contains(gone), "{filter}: {table}");
    }
    let page = agent.get("/lists?for=not%20an%20address").await.text;
    assert!(page.contains("filter-for-err"), "{page}");
    let page = agent.get("/lists?for=nobody@nowhere.example").await.text;
    assert!(page.contains("None of your keys reaches nobody@nowhere.example"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_comes_goes_and_is_taken_back_either_way_the_service_goes() {
    for (duplicate, missing) in [("201", "204"), ("409", "404")] {
        let app = TestApp::start(200).await;
        app.sandbox.control().set_switch("duplicate_entry", duplicate).unwrap();
        app.sandbox.control().set_switch("missing_delete", missing).unwrap();
        let agent = app.signed_in("maya").await;
        agent.add_key("web07", "sandbox-key-07").await;
        for (tier, whose) in [("user", TO), ("domain", NAME)] {
            let upstream = || app.sandbox.control().list(tier, whose, "safelist");
            let page = add(&agent, tier, whose, "safelist", "Ann@Parcels-New.example").await.text;
            assert!(page.contains("ann@parcels-new.example is on the safelist of"), "{page}");
            assert!(upstream().contains(&"ann@parcels-new.example".to_owned()));
            let again = add(&agent, tier, whose, "safelist", "ann@parcels-new.example").await.text;
            assert!(again.contains("It was on the list already"), "{again}");
            let change = hidden(&page, "/do/lists/undo", "change");
            let undo = [("change", change.as_str()), ("back", "/lists")];
            let page = agent.submit("/do/lists/undo", &undo).await.text;
            assert!(page.contains("is off the safelist of"), "{page}");
            assert!(!upstream().contains(&"ann@parcels-new.example".to_owned()));
            // Pressed twice it is as it is.
            let page = agent.submit("/do/lists/undo", &undo).await.text;
            assert!(page.contains("is off the safelist of") && !page.contains("somebody changed this"), "{page}");
            assert!(!upstream().contains(&"ann@parcels-new.example".to_owned()));
            // Removing what is gone already says so.
            let form = [("tier", tier), ("whose", whose), ("list", "safelist"), ("item", "ann@parcels-new.example")];
            let page = agent.submit("/do/lists/remove", &form).await.text;
            assert!(page.contains("It was not on the list"), "{page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_means_its_domain() {
    let (app, agent) = TestApp::agent().await;
    let page = add(&agent, "user", "reception@northgatebikes.example", "blocklist", "x@y.example").await.text;
    assert!(page.contains(&format!("is on the blocklist of {TO}")), "{page}");
    assert!(app.sandbox.control().list("user", TO, "blocklist").contains(&"x@y.example".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_tier_names_its_reach_and_asks() {
    let (app, agent) = TestApp::agent().await;
    let page = agent.get("/lists").await.text;
    let account = hidden(&page, "/do/lists/add", "account");
    let form = [("tier", "account"), ("account", account.as_str()), ("list", "blocklist"), ("text", "spam.example")];
    let calls = app.upstream_calls();
    let review = agent.submit("/do/lists/add", &form).await.text;
    assert_eq!(app.upstream_calls(), calls, "nothing was sent");
    assert!(review.contains("and any added later") && review.contains("Add 1 entry at the account tier"), "{review}");
    let draft = hidden(&review, "/do/lists/send", "draft");
    // What others may be shown for a second is no answer any more once it was changed here.
    let beside = format!("/lists?for={NAME}");
    assert!(!agent.get(&beside).await.text.contains("spam.example"));
    let page = agent.submit("/do/lists/send", &[("draft", &draft)]).await.text;
    assert!(page.contains("spam.example is on the blocklist of the account"), "{page}");
    assert!(agent.get(&beside).await.text.contains("Remove spam.example"));
    assert!(app.sandbox.control().list("account", "demo-host", "blocklist").contains(&"spam.example".to_owned()));
    let again = agent.submit("/do/lists/send", &[("draft", &draft)]).await;
    assert!(again.status == StatusCode::OK && again.text.contains("Added"), "{}", again.text);
    let form = [("tier", "account"), ("whose", account.as_str()), ("list", "blocklist"), ("item", "spam.example")];
    let review = agent.submit("/do/lists/remove", &form).await.text;
    assert!(review.contains("Remove 1 entry at the account tier"), "{review}");
    assert!(
        app.sandbox.control().list("account", "demo-host", "blocklist").contains(&"spam.example".to_owned()),
        "not before the yes"
    );
    let draft = hidden(&review, "/do/lists/send", "draft");
    agent.submit("/do/lists/send", &[("draft", &draft)]).await;
    assert!(!app.sandbox.control().list("account", "demo-host", "blocklist").contains(&"spam.example".to_owned()));
    assert!(!agent.get(&beside).await.text.contains("Remove spam.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_lines_are_all_said_and_nothing_is_sent() {
    let (app, agent) = TestApp::agent().await;
    let calls = app.upstream_calls();
    let text = "good@a.example\nnot good\n192.0.2.1/24, @\n";
    let answer = agent
        .post(
            "/do/lists/add",
            &[
                ("tier", "domain"),
                ("whose", NAME),
                ("list", "safelist"),
                ("text", text),
                ("back", "/lists?for=bikeshop-northgate.example"),
            ],
        )
        .await;
    assert_eq!(app.upstream_calls(), calls, "nothing was sent");
    let page = agent.get(answer.location.unwrap().split('#').next().unwrap()).await.text;
    for line in ["Line 2, “not good”", "Line 3, “192.0.2.1/24”", "Line 3, “@”"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(page.contains("good@a.example\nnot good"), "what was typed is kept");
    for (form, error) in [
        (vec![("tier", "domain"), ("whose", NAME), ("list", "safelist"), ("text", "")], "Enter at least one"),
        (vec![("tier", "moon"), ("whose", NAME), ("list", "safelist"), ("text", "a.example")], "Choose a tier"),
        (vec![("tier", "domain"), ("whose", NAME), ("list", "greylist"), ("text", "a.example")], "Choose a list"),
    ] {
        let page = agent.submit("/do/lists/add", &form).await.text;
        assert!(page.contains(error), "{error}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_need_their_count_and_end_on_a_page_with_each() {
    let (app, agent) = TestApp::agent().await;
    let lines: Vec<_> = (0..12).map(|n| format!("s{n}@parcels.example")).collect();
    let review = add(&agent, "domain", NAME, "blocklist", &lines.join("\n")).await.text;
    let draft = hidden(&review, "/do/lists/send", "draft");
    let page = agent.submit("/do/lists/send", &[("draft", &draft), ("typed", "11")]).await.text;
    assert!(page.contains("Type 12 to go on."), "{page}");
    app.sandbox
        .control()
        .add_fault(Fault::new("domain-list-add", FaultKind::Status { code: 400, body: None }).times(2));
    let page = agent.submit("/do/lists/send", &[("draft", &draft), ("typed", "12")]).await.text;
    assert_eq!((page.matches(">Added</span>").count(), page.matches(">Not added</span>").count()), (11, 3), "{page}");
    let after = app.sandbox.control().list("domain", NAME, "blocklist");
    assert_eq!(lines.iter().filter(|line| after.contains(line)).count(), 10);
    let id = hidden(&page, "/do/lists/undo-all", "id");
    let page = agent.submit("/do/lists/undo-all", &[("id", &id)]).await.text;
    assert_eq!(page.matches(">Removed</span>").count(), 11, "ten rows and their tile: {page}");
    let after = app.sandbox.control().list("domain", NAME, "blocklist");
    assert!(!after.iter().any(|item| lines.contains(item)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_imported_unedited() {
    let (app, agent) = TestApp::agent().await;
    let csv = agent.get(&format!("/lists/export.csv?for={TO}")).await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(csv.text.starts_with("tier,for,list,type,entry\n"), "{}", csv.text);
    let rows: Vec<_> = csv.text.lines().skip(1).filter(|line| !line.starts_with("account,")).collect();
    assert!(rows.len() >= 3, "{}", csv.text);
    for row in &rows {
        let cells: Vec<_> = row.split(',').collect();
        let form = [("tier", cells[0]), ("whose", cells[1]), ("list", cells[2]), ("item", cells[4])];
        assert!(agent.submit("/do/lists/remove", &form).await.text.contains("is no longer on"), "{row}");
    }
    // The very file, with the account's rows that are there already: so it is looked at first.
    let account = hidden(&agent.get("/lists").await.text, "/do/lists/add", "account");
    let form = [("tier", "user"), ("whose", TO), ("account", &account), ("list", "safelist"), ("text", &csv.text)];
    let review = agent.submit("/do/lists/add", &form).await.text;
    let all = csv.text.lines().count() - 1;
    assert!(review.contains(&format!("Add {all} entries")), "{review}");
    let draft = hidden(&review, "/do/lists/send", "draft");
    let page = agent.submit("/do/lists/send", &[("draft", &draft), ("typed", &all.to_string())]).await.text;
    assert_eq!(page.matches(">Added</span>").count(), rows.len() + 1, "each, and their tile: {page}");
    assert_eq!(page.matches(">Nothing to change</span>").count(), all - rows.len() + 1, "{page}");
    let again = agent.get(&format!("/lists/export.csv?for={TO}")).await.text;
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again), sorted(&csv.text));
    // A list that can't be read must not leave a file that looks whole.
    app.sandbox.control().add_fault(Fault::new("domain-list-get", FaultKind::Status { code: 400, body: None }));
    let broken = agent.get(&format!("/lists/export.csv?for={TO}")).await;
    assert_eq!(broken.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_read_back_and_not_repeated() {
    let (app, agent) = TestApp::agent().await;
    let post = |app: &TestApp| app.sandbox.control().ledger().iter().filter(|row| row.method == "POST").count();
    for kind in [FaultKind::ResetAfterChange, FaultKind::CutBody] {
        app.sandbox.control().add_fault(Fault::new("domain-list-add", kind.clone()).times(1));
        let before = post(&app);
        let item = format!("lost{before}.example");
        let page = add(&agent, "domain", NAME, "blocklist", &item).await.text;
        assert!(page.contains("is on the blocklist of"), "{kind:?}: {page}");
        assert_eq!(post(&app) - before, 1, "{kind:?}");
    }
    app.sandbox.control().add_fault(Fault::new("domain-list-add", FaultKind::Reset));
    let page = add(&agent, "domain", NAME, "blocklist", "never.example").await.text;
    assert!(page.contains("not sure whether it is on"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_the_service_refuses_are_said_beside_the_field() {
    let (app, agent) = TestApp::agent().await;
    let page = add(&agent, "domain", NAME, "blocklist", "192.0.2.0/24").await.text;
    assert!(page.contains("entries-text-err") && page.contains("may not take this kind of entry"), "{page}");
    app.sandbox.control().set_switch("cidr", "accepted").unwrap();
    let page = add(&agent, "domain", NAME, "blocklist", "192.0.2.0/24").await.text;
    assert!(page.contains("192.0.2.0/24 is on the blocklist"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_cannot_change() {
    let app = TestApp::start(200).await;
    let viewer = app.signed_in("vera").await;
    let page = add(&viewer, "domain", NAME, "safelist", "x.example").await.text;
    assert!(page.contains("this needs the role"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_below_a_list_that_was_not_read_is_not_sure() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().set_list("user", TO, "safelist", &["below.example"]);
    let page = agent.get(&format!("/lists?for={TO}&q=below")).await.text;
    assert!(page.contains(">Counts</span>") && !page.contains("Not sure"), "{page}");
    app.sandbox.control().set_list("user", TO, "safelist", &[]);
    app.sandbox.control().set_list("domain", NAME, "blocklist", &["below.example"]);
    app.sandbox.control().add_fault(Fault::new("user-list-get", FaultKind::Status { code: 400, body: None }));
    let page = agent.get(&format!("/lists?for={TO}&q=below")).await.text;
    assert!(
        page.contains("Not sure") && page.contains("The user safelist and user blocklist could not be read"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_is_said_once_and_nothing_is_claimed_of_it() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().add_fault(Fault::new("*", FaultKind::Status { code: 502, body: None }));
    let page = agent.get(&format!("/lists?for={NAME}")).await.text;
    assert_eq!(page.matches("could be read").count(), 1, "{page}");
    assert!(page.contains("None of the 4 lists could be read. MailChannels did not answer properly."), "{page}");
    for claim in ["No entries", "read just now", "Export CSV", "the change"] {
        assert!(!page.contains(claim), "{claim}: {page}");
    }
    let page = agent.get(&format!("/domains/{NAME}")).await.text;
    assert!(page.contains("unread here, unread account") && !page.contains("The filter alone judges"), "{page}");
    let page = agent.get("/domains/unheard-of.example").await.text;
    assert!(page.contains("Could not be looked up") && page.contains("Look again"), "{page}");
    assert!(!page.contains("Not within reach") && !page.contains("Provision it"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_not_even_sent_leaves_no_doubt_and_keeps_what_was_typed() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().add_fault(Fault::new("domain-list-get", FaultKind::Status { code: 502, body: None }));
    let page = add(&agent, "domain", NAME, "blocklist", "x.example").await.text;
    assert!(page.contains("Not added: x.example") && page.contains("nothing was sent"), "{page}");
    assert!(!page.contains("not sure whether") && !page.contains("the change was made"), "{page}");
    assert!(page.contains(">x.example</textarea>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_s_page_reads_its_lists_with_the_key_it_moved_to() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    // Moved behind Sluice's back: the mirror still names the old key.
    app.sandbox.control().move_domain(NAME, "web08");
    let page = lead.get(&format!("/domains/{NAME}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<dd>web08</dd>"), "{}", page.text);
    assert!(page.text.contains("chainset.example") && !page.text.contains("could not be read"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn dangerous_safelist_entries_are_looked_at_first() {
    let (app, agent) = TestApp::agent().await;
    for (text, said) in [
        ("gmail.com", "gmail.com: Anybody can have an address at this provider."),
        ("co.uk", "Other people register names below this domain"),
        (NAME, "This is the customer's own domain."),
        ("boss@northgatebikes.example", "This is the customer's own domain."),
    ] {
        let calls = app.upstream_calls();
        let review = add(&agent, "domain", NAME, "safelist", text).await.text;
        assert!(review.contains("Nothing was sent yet.") && review.contains(said), "{text}: {review}");
        assert_eq!(app.upstream_calls(), calls, "{text}");
        let draft = hidden(&review, "/do/lists/send", "draft");
        let page = agent.submit("/do/lists/send", &[("draft", &draft)]).await.text;
        assert!(page.contains("is on the safelist of"), "{text}: {page}");
    }
    for (list, text) in [("safelist", "ann@gmail.com"), ("blocklist", "gmail.com")] {
        let page = add(&agent, "domain", NAME, list, text).await.text;
        assert!(page.contains(&format!("{text} is on the {list} of")), "{page}");
    }
}
