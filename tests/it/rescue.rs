//! A leaked key: from the first step to the last, with a thief in between, and with everything that can go wrong.

use crate::app::{Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

const NAME: &str = "bikeshop-northgate.example";
const STALE: &str = "somebody changed this";

/// A lead with the leaked key web07 and with web08, and the id of each.
async fn leaked() -> (TestApp, Browser, String, String) {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    app.running.desk.watch().await.unwrap();
    lead.submit("/do/keys/sync", &[]).await;
    let page = lead.get("/keys").await.text;
    let id = |label: &str| {
        let link = page.split("<a href=\"/keys/").find(|link| link.contains(&format!(">{label}</a>"))).unwrap();
        link.split('"').next().unwrap().to_owned()
    };
    let ids = (id("web07"), id("web08"));
    (app, lead, ids.0, ids.1)
}

async fn begin(lead: &Browser, old: &str, new: &str) {
    lead.submit("/do/rescue/begin", &[("id", old), ("since", "7")]).await;
    let page = lead.submit("/do/rescue/key", &[("id", old), ("key", new)]).await.text;
    assert!(page.contains("The new key is chosen"), "{page}");
}

async fn step(lead: &Browser, step: &str, old: &str) -> String {
    lead.submit(&format!("/do/rescue/{step}"), &[("id", old)]).await.text
}

async fn page(lead: &Browser, old: &str) -> String {
    let page = lead.get(&format!("/keys/{old}/leaked")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.text
}

/// The section of the step that is next.
fn next(page: &str) -> &str {
    let tags = page.split("<li ").skip(1).map(|item| item.split('>').next().unwrap());
    let tag = tags.into_iter().find(|tag| tag.contains("aria-current=\"step\"")).unwrap_or_default();
    tag.split("id=\"").nth(1).unwrap_or_default().split('"').next().unwrap()
}

/// How many domains stand in a group of the page.
fn group(page: &str, title: &str) -> u64 {
    page.split(&format!("</svg>{title}</span> <b>"))
        .nth(1)
        .map_or(0, |rest| rest.split("</b>").next().unwrap().replace(',', "").parse().unwrap())
}

/// Names that a key truly sees.
fn seen_by(app: &TestApp, label: &str, names: &[String]) -> Vec<String> {
    let control = app.sandbox.control();
    let sees = |name: &&String| {
        control.domain(name).is_some_and(|domain| domain["key"].as_str().is_none_or(|key| key == label))
    };
    names.iter().filter(sees).cloned().collect()
}

/// All names that the lead's keys reach.
async fn names(app: &TestApp, lead: &Browser) -> Vec<String> {
    let person = lead_id(app).await;
    let mut names = Vec::new();
    for key in app.running.desk.store().keys_of(&person).await.unwrap() {
        names.extend(app.running.desk.store().names_seen(&key.fingerprint).await.unwrap());
    }
    names.sort();
    names.dedup();
    assert!(lead.get("/keys").await.text.contains("web07"));
    names
}

async fn lead_id(app: &TestApp) -> String {
    app.running.desk.store().person_of("demo", "tomasz").await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_step_to_the_last() {
    let (app, lead, old, new) = leaked().await;
    let control = app.sandbox.control();
    let start = page(&lead, &old).await;
    for said in
        ["Mint login links", "Edit the account’s own safelist and blocklist", "one call replaces a domain’s servers"]
    {
        assert!(start.contains(said), "{said}: {start}");
    }
    let calls = app.upstream_calls();
    let begun = lead.submit("/do/rescue/begin", &[("id", &old), ("since", "7")]).await.text;
    assert_eq!(next(&begun), "new-key", "{begun}");
    assert!(begun.contains(">web08</option>") && !begun.contains(">web07</option>"), "{begun}");

    // No step is skipped, whatever is posted.
    for skipped in ["moved", "verify", "compare", "deleted", "check", "remove"] {
        let page = step(&lead, skipped, &old).await;
        assert!(page.contains(STALE) && next(&page) == "new-key", "{skipped}: {page}");
    }
    let wrong = lead.submit("/do/rescue/key", &[("id", &old), ("key", &old)]).await.text;
    assert!(wrong.contains("That is the leaked key"), "{wrong}");
    assert_eq!(app.upstream_calls(), calls, "nobody was asked");

    let chosen = lead.submit("/do/rescue/key", &[("id", &old), ("key", &new)]).await.text;
    assert_eq!(next(&chosen), "move", "{chosen}");
    let plan = chosen.split("href=\"/bulk/associate?").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert!(plan.starts_with(&format!("from={old}&to={new}&rescue=")), "{plan}");
    assert!(chosen.contains("are free: any key of the account reaches them"), "free ones are explained: {chosen}");

    let all = names(&app, &lead).await;
    let theirs = seen_by(&app, "web07", &all);
    for name in &theirs[1..] {
        control.move_domain(name, "web08");
    }
    assert_eq!(next(&step(&lead, "moved", &old).await), "verify");
    // One is left: said, and asked again once it moved.
    let some = step(&lead, "verify", &old).await;
    let moved = theirs.len() - 1;
    assert!(some.contains(&format!("{moved} domains moved; the old key still sees 1 domain.")), "{some}");
    assert_eq!(next(&some), "verify", "{some}");
    assert!(step(&lead, "compare", &old).await.contains(STALE));
    control.move_domain(&theirs[0], "web08");
    let verified = step(&lead, "verify", &old).await;
    assert!(
        verified.contains(&format!("{} domains moved: the old key sees none of them any more.", theirs.len())),
        "{verified}"
    );
    assert_eq!(group(&verified, "With the new key only"), theirs.len() as u64, "{verified}");
    assert_eq!(group(&verified, "Seen by both keys") + group(&verified, "With the old key"), 0, "{verified}");

    assert_eq!(next(&verified), "compare");
    let compared = step(&lead, "compare", &old).await;
    // It is watched since the keys were added, which says nothing of the days before.
    assert!(compared.contains("Nothing found, but watched for "), "{compared}");
    assert!(!compared.contains("Nothing changed that was not done here"), "{compared}");
    assert!(next(&compared) == "delete" && compared.contains("ends in <b class=\"mono\">y-07</b>"), "{compared}");
    let alive = step(&lead, "deleted", &old).await;
    assert!(alive.contains("MailChannels still takes the old key") && next(&alive) == "delete", "{alive}");
    control.delete_key("web07");
    let dead = step(&lead, "deleted", &old).await;
    assert!(dead.contains("The old key is dead") && dead.contains("Done: web07 is dead"), "{dead}");
    let typo = lead.submit("/do/rescue/remove", &[("id", &old), ("typed", "web08")]).await.text;
    assert!(typo.contains("Type web07 to remove it"), "{typo}");
    let removed = lead.submit("/do/rescue/remove", &[("id", &old), ("typed", "web07")]).await.text;
    assert!(removed.contains("dead, and removed from Sluice") && !removed.contains(">web07</a>"), "{removed}");
    let after = page(&lead, &old).await;
    assert!(after.contains("This key is dead, and removed from Sluice"), "{after}");
    for name in &theirs {
        assert_eq!(control.domain(name).unwrap()["key"], "web08", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nothing_changed_is_said_of_watched_time_only() {
    let (app, lead, old, new) = leaked().await;
    begin(&lead, &old, &new).await;
    step(&lead, "moved", &old).await;
    lead.submit("/do/rescue/verify", &[("id", &old), ("leave", "yes")]).await;
    step(&lead, "compare", &old).await;
    let green = "Nothing changed that was not done here";
    let mut file = SqliteConnection::connect(&format!("sqlite://{}", app.database().display())).await.unwrap();
    let week = 8 * 24 * 60 * 60 * 1000_i64;
    // The lists are watched for long; the leaked key, and what is locked to it, only since it was added.
    for (sql, all) in [
        ("UPDATE account_lists SET first_at = first_at - ?1 WHERE list = 'safelist'", false),
        ("UPDATE account_lists SET first_at = first_at - ?1 WHERE list = 'blocklist'", false),
        ("UPDATE api_keys SET created_at = created_at - ?1", true),
    ] {
        sqlx::query(sql).bind(week).execute(&mut file).await.unwrap();
        let page = page(&lead, &old).await;
        assert_eq!(page.contains(green), all, "{sql}: {page}");
        assert_eq!(page.contains("Nothing found, but watched for "), !all, "{sql}: {page}");
        assert_eq!(page.contains("Sluice has watched all of it for "), !all, "{sql}: {page}");
    }
    sqlx::query("UPDATE account_lists SET first_at = NULL").execute(&mut file).await.unwrap();
    let page = page(&lead, &old).await;
    assert!(page.contains("lists were never read") && !page.contains(green), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_thief_did_is_listed_and_what_was_done_here_is_not() {
    let (app, lead, old, new) = leaked().await;
    let control = app.sandbox.control();
    // Through Sluice: settings, admins, an alias, servers, an entry of the account's.
    let domain = format!("/domains/{NAME}");
    let base = |page: &str, form: &str| hidden(page, form, "base");
    let at = lead.get(&domain).await.text;
    let settings = base(&at, "/do/domains/settings");
    lead.submit("/do/domains/settings", &[("name", NAME), ("base", &settings), ("policy", "block")]).await;
    let admins = base(&lead.get(&domain).await.text, "/do/domains/admins");
    lead.submit(
        "/do/domains/admins",
        &[("name", NAME), ("base", &admins), ("text", "Boss@bikeshop-northgate.example")],
    )
    .await;
    lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "ours.example")]).await;
    let servers = base(&lead.get(&domain).await.text, "/do/domains/servers/review");
    let row = [("servers[0][priority]", "10"), ("servers[0][weight]", "1"), ("servers[0][port]", "25")];
    let form = [("name", NAME), ("base", servers.as_str()), ("servers[0][target]", "ours.example")];
    let review = lead.submit("/do/domains/servers/review", &[&form[..], &row].concat()).await.text;
    let draft = hidden(&review, "/do/domains/servers/replace", "draft");
    lead.submit("/do/domains/servers/replace", &[("name", NAME), ("draft", &draft)]).await;
    let account = hidden(&lead.get("/lists").await.text, "/do/lists/add", "account");
    let form =
        [("tier", "account"), ("account", account.as_str()), ("list", "blocklist"), ("text", "ours-blocked.example")];
    let review = lead.submit("/do/lists/add", &form).await.text;
    lead.submit("/do/lists/send", &[("draft", &hidden(&review, "/do/lists/send", "draft"))]).await;

    // Past Sluice, with the leaked key.
    let thief = "sandbox-key-07";
    let all = names(&app, &lead).await;
    let theirs = seen_by(&app, "web07", &all);
    let victim = theirs.iter().find(|name| *name != NAME && control.domain(name).unwrap()["key"] == "web07").unwrap();
    let evil = json!({ "records": [{ "priority": 1, "weight": 1, "port": 25, "target": "evil.example." }] });
    app.past_sluice(thief, Method::PUT, &format!("/domains/{victim}/downstream-address"), evil).await;
    app.past_sluice(thief, Method::POST, &format!("/domains/{NAME}/alias/evil-alias.example"), json!({})).await;
    app.past_sluice(thief, Method::POST, "/lists/safelist", json!({ "item": "evil-sender.example" })).await;
    app.past_sluice(thief, Method::DELETE, "/lists/safelist?item=billing%40parcelhub.example", json!(null)).await;
    let stolen = theirs.iter().find(|name| *name != NAME && *name != victim).unwrap();
    app.past_sluice(thief, Method::DELETE, &format!("/domains/{stolen}"), json!(null)).await;

    begin(&lead, &old, &new).await;
    for name in theirs.iter().filter(|name| *name != stolen) {
        control.move_domain(name, "web08");
    }
    step(&lead, "moved", &old).await;
    let verified = step(&lead, "verify", &old).await;
    assert!(verified.contains("1 domain of the old key’s not seen by either"), "{verified}");
    assert_eq!(group(&verified, "Not seen any more"), 1, "{verified}");
    assert!(verified.contains(&format!("<li class=\"mono\">{stolen}</li>")), "{verified}");
    let compared = step(&lead, "compare", &old).await;
    let found = compared.split("id=\"changes\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(found.contains("4 changes that nobody made through Sluice"), "{found}");
    for evidence in [
        "Downstream servers, 1 domain",
        "<b>+ New</b>1 1 25 evil.example<",
        "<b>- Gone</b>10 ",
        "Aliases, 1 domain",
        "<b>+ New</b>evil-alias.example<",
        "evil-sender.example</b> appeared on the safelist",
        "billing@parcelhub.example</b> vanished from the safelist",
    ] {
        assert!(found.contains(evidence), "{evidence}: {found}");
    }
    assert!(found.contains(&format!("href=\"/domains/{victim}#servers\"")), "{found}");
    for ours in ["+ New</b>ours.example", "ours-blocked", "oss@bikeshop", "policy"] {
        assert!(!found.contains(ours), "{ours} was done here: {found}");
    }
    assert!(found.contains("5 changes made through Sluice in that time not shown"), "{found}");
    // Nobody else sees it, not even with a key of the same account, unless it reaches those domains.
    let admin = app.signed_in("ines").await;
    admin.add_key("web01", "sandbox-key-01").await;
    let person = app.running.desk.store().person_of("demo", "ines").await.unwrap().unwrap();
    let person = app.running.desk.person(&person.id).await.unwrap().unwrap();
    let seen = app.running.desk.tampering(&person, &account, 0).await.unwrap();
    assert!(seen.servers.is_empty() && seen.aliases.is_empty(), "{seen:?}");
    assert_eq!(seen.entries.len(), 2, "the account's lists are everybody's");
    assert!(app.running.desk.tampering(&person, "another account", 0).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_in_the_middle_loses_nothing_and_blames_no_key() {
    let (app, lead, old, new) = leaked().await;
    let control = app.sandbox.control();
    begin(&lead, &old, &new).await;
    step(&lead, "moved", &old).await;
    let down = |operation: &str| control.add_fault(Fault::new(operation, FaultKind::Status { code: 500, body: None }));
    down("list-domains");
    let failed = step(&lead, "verify", &old).await;
    assert!(failed.contains("MailChannels did not answer properly") && next(&failed) == "verify", "{failed}");
    assert!(!failed.contains("heck below"), "it only read: {failed}");
    control.clear_faults();
    let left = lead.submit("/do/rescue/verify", &[("id", &old), ("leave", "yes")]).await.text;
    assert!(left.contains("0 domains moved; the old key still sees") && left.contains("You leave them"), "{left}");
    assert_eq!(next(&left), "compare");

    // A domain that is left with the old key is looked at through it.
    let evil = json!({ "records": [{ "priority": 1, "weight": 1, "port": 25, "target": "evil.example." }] });
    app.past_sluice("sandbox-key-07", Method::PUT, &format!("/domains/{NAME}/downstream-address"), evil).await;
    for operation in ["list-domains", "account-list-get"] {
        down(operation);
        let failed = step(&lead, "compare", &old).await;
        assert!(failed.contains("MailChannels did not answer properly") && next(&failed) == "compare", "{failed}");
        assert!(!failed.contains("heck below"), "it only read: {failed}");
        control.clear_faults();
    }
    let compared = step(&lead, "compare", &old).await;
    assert!(compared.contains("1 1 25 evil.example") && next(&compared) == "delete", "{compared}");
    down("*");
    let unknown = step(&lead, "deleted", &old).await;
    assert!(unknown.contains("Only a rejection proves that the key is dead"), "{unknown}");
    assert_eq!(next(&unknown), "check", "that it was deleted is kept");
    let again = step(&lead, "check", &old).await;
    assert!(again.contains("Not known:") && next(&again) == "check", "{again}");
    control.clear_faults();
    let keys = lead.get("/keys").await.text;
    assert!(!keys.contains("Rejected"), "no key is to blame: {keys}");

    // A 401 of login links is not the key's, and proves nothing.
    control.add_fault(Fault::new("login-link", FaultKind::Status { code: 401, body: None }));
    lead.post(&format!("/domains/{NAME}/login-link"), &[("then", "show")]).await;
    control.clear_faults();
    assert!(!lead.get("/keys").await.text.contains("Rejected"));
    let alive = step(&lead, "check", &old).await;
    assert!(alive.contains("MailChannels still takes the old key") && next(&alive) == "delete", "{alive}");

    // Sluice is stopped and started: the guide stands where it stood.
    let app = app.restart_with(&[]).await;
    let lead = app.signed_in("tomasz").await;
    assert_eq!(next(&page(&lead, &old).await), "delete");
    let keys = lead.get("/keys").await.text;
    assert!(keys.contains("The guide for web07, which leaked, is not finished"), "{keys}");
    app.sandbox.control().delete_key("web07");
    let dead = step(&lead, "deleted", &old).await;
    assert!(dead.contains("Done: web07 is dead"), "{dead}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_deleted_first_is_rescued_all_the_same() {
    let (app, lead, old, new) = leaked().await;
    let control = app.sandbox.control();
    control.delete_key("web07");
    begin(&lead, &old, &new).await;
    step(&lead, "moved", &old).await;
    let verified = step(&lead, "verify", &old).await;
    assert!(verified.contains("MailChannels rejects the old key already"), "{verified}");
    assert!(group(&verified, "With the new key only") > 0, "{verified}");
    step(&lead, "compare", &old).await;
    assert!(step(&lead, "deleted", &old).await.contains("Done: web07 is dead"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guide_is_its_persons_own_and_keys_that_cannot_take_over_are_refused() {
    let (app, lead, old, new) = leaked().await;
    lead.submit("/do/rescue/begin", &[("id", &old), ("since", "7")]).await;
    let refused = lead.submit("/do/rescue/begin", &[("id", &old), ("since", "365")]).await.text;
    assert!(refused.contains("Choose how long ago") || next(&refused) == "new-key", "{refused}");
    let other = app.signed_in("ines").await;
    other.add_key("mine", "sandbox-key-08").await;
    assert_eq!(other.get(&format!("/keys/{old}/leaked")).await.status, StatusCode::NOT_FOUND);
    for theirs in ["moved", "verify", "compare", "deleted", "check", "remove", "close"] {
        other.post(&format!("/do/rescue/{theirs}"), &[("id", &old)]).await;
    }
    other.post("/do/rescue/key", &[("id", &old), ("key", &new)]).await;
    assert_eq!(next(&page(&lead, &old).await), "new-key", "nothing was stepped or closed");

    let foreign = lead
        .submit("/do/rescue/add-key", &[("id", &old), ("label", "foreign"), ("secret", "sandbox-other-key")])
        .await
        .text;
    assert!(foreign.contains("foreign is stored, but belongs to another account"), "{foreign}");
    assert!(!foreign.contains("Nothing was") && next(&foreign) == "new-key", "it is stored: {foreign}");
    assert!(lead.get("/keys").await.text.contains(">foreign</a>"));
    assert!(!foreign.contains("sandbox-other-key"));
    let wrong =
        lead.submit("/do/rescue/add-key", &[("id", &old), ("label", "x"), ("secret", "no-such-key")]).await.text;
    assert!(wrong.contains("MailChannels rejected this key") && wrong.contains("value=\"x\""), "{wrong}");
    let added =
        lead.submit("/do/rescue/add-key", &[("id", &old), ("label", "web09"), ("secret", "sandbox-key-09")]).await.text;
    assert!(added.contains("web09 is stored and takes over") && next(&added) == "move", "{added}");

    // Another key than the one that was moved to: moved and asked again.
    step(&lead, "moved", &old).await;
    lead.submit("/do/rescue/verify", &[("id", &old), ("leave", "yes")]).await;
    assert_eq!(next(&page(&lead, &old).await), "compare");
    let changed = lead.submit("/do/rescue/key", &[("id", &old), ("key", &new)]).await.text;
    assert_eq!(next(&changed), "move", "{changed}");

    // Removed in between: said, and the guide can be closed.
    lead.submit("/do/keys/remove", &[("id", &old), ("typed", "web07")]).await;
    let gone = page(&lead, &old).await;
    assert!(gone.contains("The leaked key is not stored here any more"), "{gone}");
    assert!(step(&lead, "close", &old).await.contains("The guide is closed"));
    assert!(page(&lead, &old).await.contains("closed before its end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_watched_at_a_measured_pace() {
    let (app, _lead, ..) = leaked().await;
    let reads = || app.sandbox.control().ledger().iter().filter(|entry| entry.operation == "account-list-get").count();
    assert_eq!(reads(), 2, "both lists, with one key of the account's two");
    assert_eq!(app.running.desk.watch().await.unwrap(), 0, "not due again for five minutes");
    assert_eq!(reads(), 2);
}
