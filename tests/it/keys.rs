//! Storing keys: what is told apart, what is kept, what never shows.

use crate::app::{TestApp, first_key};
use mailchannels_sandbox::{Fault, FaultKind};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_working_key_is_stored_and_its_domains_are_there() {
    let app = TestApp::start(200).await;
    let agent = app.signed_in("maya").await;
    let page = agent.add_key("web07", "sandbox-key-07").await;
    assert!(page.text.contains("web07 is stored"), "{}", page.text);
    assert!(page.text.contains("y-07") && page.text.contains("Working"), "last four and health: {}", page.text);
    let list = agent.get("/domains?q=bikeshop-northgate").await;
    assert!(list.text.contains("bikeshop-northgate.example"), "{}", list.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_wrong_scope_and_unreachable_are_told_apart_and_store_nothing() {
    let app = TestApp::start(20).await;
    let agent = app.signed_in("maya").await;
    let rejected = agent.add_key("web07", "no-such-key").await;
    assert!(rejected.text.contains("MailChannels rejected this key"), "{}", rejected.text);
    assert!(rejected.text.contains("value=\"web07\""), "the label is kept");
    assert!(!rejected.text.contains("no-such-key"), "the secret is not");

    app.sandbox.control().add_fault(Fault::new("*", FaultKind::Status { code: 403, body: None }));
    let scope = agent.add_key("web07", "sandbox-key-07").await;
    assert!(scope.text.contains("lacks the inbound scope"), "{}", scope.text);
    app.sandbox.control().clear_faults();

    app.sandbox
        .control()
        .add_fault(Fault::new("*", FaultKind::Status { code: 502, body: Some("<html>bad gateway".into()) }));
    let down = agent.add_key("web07", "sandbox-key-07").await;
    assert!(down.text.contains("Not done, nothing was sent: MailChannels did not answer properly"), "{}", down.text);
    assert!(!down.text.contains("heck below"), "nothing can have changed: {}", down.text);
    app.sandbox.control().clear_faults();

    assert!(agent.get("/keys").await.text.contains("No key yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_said_beside_its_field_and_asks_nobody() {
    let app = TestApp::start(1).await;
    let agent = app.signed_in("maya").await;
    let page = agent.add_key("  ", "").await;
    assert!(page.text.contains("id=\"add-label-err\"") && page.text.contains("id=\"add-secret-err\""), "{}", page.text);
    let long = agent.add_key(&"x".repeat(41), "two words").await;
    assert!(
        long.text.contains("longer than 40 characters") && long.text.contains("id=\"add-secret-err\""),
        "{}",
        long.text
    );
    assert_eq!(app.upstream_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_label_or_key_twice_is_refused() {
    let app = TestApp::start(1).await;
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    assert!(agent.add_key("web07", "sandbox-key-08").await.text.contains("already have a key labelled web07"));
    assert!(agent.add_key("other", "sandbox-key-07").await.text.contains("already have this key, as web07"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rename_replace_remove() {
    let app = TestApp::start(200).await;
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    let page = agent.get("/keys").await.text;
    let id = first_key(&page);
    assert!(agent.submit("/do/keys/rename", &[("id", &id), ("label", "web seven")]).await.text.contains("web seven"));
    assert!(
        agent
            .submit("/do/keys/replace", &[("id", &id), ("secret", "nonsense")])
            .await
            .text
            .contains("rejected this key")
    );
    assert!(
        agent
            .submit("/do/keys/replace", &[("id", &id), ("secret", "sandbox-key-08")])
            .await
            .text
            .contains("The key is replaced")
    );
    let list = agent.get("/domains?q=bikeshop-northgate").await.text;
    assert!(list.contains("Nothing matches"), "web08 does not see what web07 holds: {list}");
    assert!(
        agent
            .submit("/do/keys/remove", &[("id", &id), ("typed", "wrong")])
            .await
            .text
            .contains("Type web seven to remove it")
    );
    assert!(agent.submit("/do/keys/remove", &[("id", &id), ("typed", "web seven")]).await.text.contains("No key yet"));
    assert!(agent.get("/domains").await.text.contains("Add your first API key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_deleted_at_the_vendor_is_said_and_a_down_service_is_not_that() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("list-domains", FaultKind::Status { code: 500, body: None }));
    let page = lead.submit("/do/keys/sync", &[("back", "/domains")]).await.text;
    assert!(
        page.contains("The last sync of web07 failed")
            && page.contains("bikeshop-northgate") | page.contains("domains"),
        "{page}"
    );
    app.sandbox.control().clear_faults();
    app.sandbox.control().delete_key("web07");
    let page = lead.submit("/do/keys/sync", &[("back", "/domains")]).await.text;
    assert!(page.contains("MailChannels rejected the key web07"), "{page}");
    assert!(lead.get("/keys").await.text.contains("Replace key"));
}

/// The number in the first cell of a column.
fn number(page: &str, column: &str) -> String {
    let cell = page.split(&format!("data-l=\"{column}\"")).nth(1).unwrap_or_else(|| panic!("no {column} in {page}"));
    let cell = cell.split("</td>").next().unwrap().split("<small>").next().unwrap();
    let text = cell.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text)).collect::<String>();
    text.chars().filter(|c| c.is_ascii_digit() || *c == ',').collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_single_key_what_is_locked_to_it_is_not_said_to_be_nothing() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let keys = lead.get("/keys").await.text;
    let all = number(&keys, "All");
    assert_ne!(all, "0", "{keys}");
    assert!(keys.contains(&format!("0 domains are locked to them, and of {all} that is not known.")), "{keys}");
    assert!(keys.contains(&format!("<small>{all} not known</small>")), "{keys}");
    let page = lead.get(&format!("/keys/{}", first_key(&keys))).await.text;
    assert!(page.contains(&format!("Leaves {all} domains out of your reach.")), "{page}");
    assert!(page.contains(&format!("stays locked to it (perhaps some of {all} domains)")), "{page}");
    assert!(page.contains(&format!("key not known</dt><dd>{all}</dd>")), "{page}");
    assert!(!page.contains("0 domains"), "{page}");

    // Rejected: the same.
    app.sandbox.control().delete_key("web07");
    lead.submit("/do/keys/sync", &[("back", "/keys")]).await;
    let keys = lead.get("/keys").await.text;
    assert!(keys.contains(&format!("Locked to it by the last sync: perhaps some of {all} domains.")), "{keys}");

    // With a second key of the account it is known.
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    lead.submit("/do/keys/sync", &[("back", "/keys")]).await;
    let keys = lead.get("/keys").await.text;
    assert!(keys.contains(" locked to them.") && !keys.contains("not known"), "{keys}");
    let locked = number(&keys, "Locked");
    let page = lead.get(&format!("/keys/{}", first_key(&keys))).await.text;
    assert!(page.contains(&format!("Leaves {locked} domains out of your reach.")), "{locked}: {page}");
    assert!(page.contains(&format!("stays locked to it ({locked} domains)")), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_are_said_to_be_in_the_list_only_when_they_are() {
    let app = TestApp::start(200).await;
    let lead = app.signed_in("tomasz").await;
    let control = app.sandbox.control();
    // The check of the key is answered, and then the reading of its domains is not.
    let first = || control.add_fault(Fault::new("list-domains", FaultKind::LatencyMs(0)).times(1));
    first();
    control.add_fault(Fault::new("list-domains", FaultKind::Status { code: 500, body: None }));
    let page = lead.add_key("web07", "sandbox-key-07").await.text;
    assert!(page.contains("web07 is stored. Its domains could not be read yet"), "{page}");
    assert!(page.contains("what is locked to them is not known yet"), "{page}");
    let map = lead.get("/keys/map").await.text;
    assert_eq!(map.matches("Not known yet: its domains were never read").count(), 2, "{map}");
    assert!(!map.contains("Frees nothing") && !map.contains("Nothing is lost"), "{map}");
    let key = lead.get(&format!("/keys/{}", first_key(&page))).await.text;
    assert!(key.contains("Not known yet: its domains were never read.") && key.contains("(not known yet)"), "{key}");

    control.clear_faults();
    first();
    control.add_fault(Fault::new("list-domains", FaultKind::LatencyMs(9_000)).times(1));
    let page = lead.add_key("web08", "sandbox-key-08").await.text;
    assert!(page.contains("web08 is stored. Its domains are being read"), "{page}");
    let read = async {
        while lead.get("/keys/map").await.text.contains("Not synced yet") {
            lead.submit("/do/keys/sync", &[("back", "/keys")]).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("it is read in the end");
    let page = lead.add_key("web09", "sandbox-key-09").await.text;
    assert!(page.contains("web09 is stored. Its domains are in the list."), "{page}");
}
