//! Recipients: created, found to exist, left unfiltered, refused.

use crate::app::{Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};

const NAME: &str = "bikeshop-northgate.example";

async fn create(agent: &Browser, address: &str, filter: &str, safelist: &str) -> String {
    let form = [("address", address), ("filter", filter), ("safelist", safelist), ("blocklist", "")];
    agent.submit("/do/recipients/create", &form).await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_one_has_its_entries_and_an_existing_one_is_left_alone() {
    let (app, agent) = TestApp::agent().await;
    let page = create(&agent, &format!("New.Person@{NAME}"), "compute", "vip@partner.example\n192.0.2.7").await;
    assert!(page.contains("is created.") && page.contains("Its mail is filtered."), "{page}");
    let at = app.sandbox.control().list("user", &format!("New.Person@{NAME}").to_lowercase(), "safelist");
    assert_eq!(at, ["vip@partner.example", "192.0.2.7"]);
    let before = app.sandbox.control().list("user", &format!("reception@{NAME}"), "safelist");
    let page = create(&agent, &format!("reception@{NAME}"), "compute", "other@partner.example").await;
    assert!(page.contains("exists; nothing was changed."), "{page}");
    assert_eq!(app.sandbox.control().list("user", &format!("reception@{NAME}"), "safelist"), before);
    // By an alias it is the same recipient.
    let page = create(&agent, "reception@northgatebikes.example", "compute", "").await;
    assert!(page.contains(&format!("reception@{NAME} exists; nothing was changed.")), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_compute_leaves_unfiltered_and_true_is_refused() {
    let (app, agent) = TestApp::agent().await;
    app.sandbox.control().set_protected("demo-host", 0);
    let page = create(&agent, &format!("a@{NAME}"), "compute", "").await;
    assert!(page.contains("is created, and left unfiltered."), "{page}");
    let page = create(&agent, &format!("b@{NAME}"), "true", "").await;
    assert!(
        page.contains("recipient-filter-err") && page.contains("the limit of protected recipients is reached"),
        "{page}"
    );
    assert!(page.contains(&format!("value=\"b@{NAME}\"")), "what was typed is kept");
    let page = create(&agent, &format!("c@{NAME}"), "false", "").await;
    assert!(page.contains("Its mail is not filtered."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_said_beside_its_field_and_sends_nothing() {
    let (app, agent) = TestApp::agent().await;
    let calls = app.upstream_calls();
    for (address, filter, entries, error) in [
        ("nobody", "compute", "", "recipient-address-err"),
        ("a@bikeshop-northgate.example", "maybe", "", "recipient-filter-err"),
        ("a@bikeshop-northgate.example", "true", "fine.example\nnot fine", "Line 2:"),
    ] {
        let page = create(&agent, address, filter, entries).await;
        assert!(page.contains(error), "{error}: {page}");
    }
    // A line of an export that belongs on another list would land on the wrong one.
    let csv = format!(
        "tier,for,list,type,entry\nuser,a@{NAME},safelist,domain,fine.example\ndomain,{NAME},blocklist,domain,evil.example"
    );
    let page = create(&agent, &format!("a@{NAME}"), "true", &csv).await;
    assert!(page.contains("Line 3: “evil.example” is of a domain blocklist."), "{page}");
    assert_eq!(app.upstream_calls(), calls);
    let page = create(&agent, "a@nowhere.example", "compute", "").await;
    assert!(page.contains("None of your keys reaches its domain"), "{page}");
    assert!(!app.sandbox.control().ledger().iter().any(|row| row.method == "PUT"), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_entries_that_are_too_wide_are_looked_at_first() {
    let (app, agent) = TestApp::agent().await;
    let (address, entries) = (format!("new@{NAME}"), format!("gmail.com\n{NAME}"));
    let form = [("address", address.as_str()), ("filter", "compute"), ("safelist", &entries)];
    let page = agent.submit("/do/recipients/create", &form).await.text;
    assert!(
        page.contains("gmail.com: Anybody can have an address") && page.contains("customer's own domain"),
        "{page}"
    );
    assert!(!app.sandbox.control().ledger().iter().any(|row| row.method == "PUT"), "nothing was sent");
    let sure = hidden(&page, "/do/recipients/create", "sure");
    // A yes is one to these entries only.
    let other = [form[0], form[1], ("safelist", "gmail.com\nco.uk"), ("sure", sure.as_str())];
    let page = agent.submit("/do/recipients/create", &other).await.text;
    assert!(page.contains("Other people register names below"), "{page}");
    let page = agent.submit("/do/recipients/create", &[form[0], form[1], form[2], ("sure", &sure)]).await.text;
    assert!(page.contains("is created."), "{page}");
    assert_eq!(app.sandbox.control().list("user", &address, "safelist"), ["gmail.com", NAME]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_read_back_and_not_taken_for_a_failure() {
    let (app, agent) = TestApp::agent().await;
    let ends = async |address: &str| {
        let store = app.running.desk.store();
        let rows = store.history("recipient", address, 10).await.unwrap();
        rows.into_iter().find_map(|row| row.outcome).unwrap()
    };
    let address = format!("lost@{NAME}");
    app.sandbox.control().add_fault(Fault::new("put-user", FaultKind::ResetAfterChange));
    let page = create(&agent, &address, "compute", "").await;
    assert!(page.contains("exists now, but MailChannels's answer was lost."), "{page}");
    assert!(ends(&address).await.starts_with("unknown"), "{}", ends(&address).await);
    app.sandbox.control().clear_faults();
    let address = format!("never@{NAME}");
    app.sandbox.control().add_fault(Fault::new("put-user", FaultKind::Reset));
    let page = create(&agent, &address, "compute", "").await;
    assert!(page.contains("does not know it when asked again"), "{page}");
    assert!(ends(&address).await.starts_with("failed"), "{}", ends(&address).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_s_page_shows_what_stands_above_and_below() {
    let (app, agent) = TestApp::agent().await;
    let to = format!("reception@{NAME}");
    app.sandbox.control().set_list("user", &to, "blocklist", &["parcelhub.example"]);
    app.sandbox.control().set_list("domain", NAME, "safelist", &["billing@parcelhub.example"]);
    app.sandbox.control().set_list("account", "demo-host", "blocklist", &["parcelhub.example"]);
    let page = agent.get(&format!("/recipients/{to}")).await.text;
    assert!(page.contains(">Shadowed</span>") && page.contains("The user blocklist has"), "{page}");
    assert!(page.contains(">Duplicate</span>"), "the account entry does what the user's does: {page}");
    let page = agent.get(&format!("/recipients/unheard-of@{NAME}")).await.text;
    assert!(page.contains("MailChannels does not know unheard-of@"), "{page}");
    let open = agent.get(&format!("/recipients?open=Reception@{NAME}")).await;
    assert_eq!(open.location.as_deref(), Some(format!("/recipients/reception%40{NAME}").as_str()), "{}", open.text);
}
