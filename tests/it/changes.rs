//! Changing one domain.

use crate::app::{Browser, TestApp, hidden};
use mailchannels_sandbox::{Fault, FaultKind};
use reqwest::StatusCode;

const NAME: &str = "bikeshop-northgate.example";
const PAGE: &str = "/domains/bikeshop-northgate.example";

async fn save_policy(lead: &Browser, policy: &str) -> String {
    let page = lead.get(PAGE).await.text;
    let base = hidden(&page, "/do/domains/settings", "base");
    lead.submit("/do/domains/settings", &[("name", NAME), ("base", &base), ("policy", policy)]).await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_change_keeps_every_other_section_and_can_be_undone() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let before = app.sandbox.control().domain(NAME).expect("it is there");
    let page = save_policy(&lead, "block").await;
    assert!(page.contains("Spam handling is saved") && page.contains("Undo"), "{page}");
    let after = app.sandbox.control().domain(NAME).unwrap();
    assert_eq!(after["settings"]["abusePolicy"], "block");
    for section in ["admins", "aliases", "downstreamAddresses"] {
        assert_eq!(before[section], after[section], "{section}");
    }
    let change = hidden(&page, "/do/domains/undo", "change");
    let page = lead.submit("/do/domains/undo", &[("name", NAME), ("change", &change)]).await.text;
    assert!(page.contains("The change is taken back"), "{page}");
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"], "quarantine");
    // Pressed twice there is nothing left to take back, and nobody to blame.
    let page = lead.submit("/do/domains/undo", &[("name", NAME), ("change", &change)]).await.text;
    assert!(page.contains("Nothing to change") && !page.contains("somebody changed this"), "{page}");
    // The world has moved on since that change: taking it back is refused.
    let base = hidden(&page, "/do/domains/settings", "base");
    let flag = [("name", NAME), ("base", base.as_str()), ("policy", "flag"), ("header_name", "X-Spam-Flag")];
    lead.submit("/do/domains/settings", &flag).await;
    let page = lead.submit("/do/domains/undo", &[("name", NAME), ("change", &change)]).await.text;
    assert!(page.contains("somebody changed this"), "{page}");
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"], "flag");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_survive_whether_or_not_the_service_carries_omitted_sections() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().set_switch("settings_omitted", "cleared").expect("the switch is there");
    let before = app.sandbox.control().domain(NAME).unwrap();
    save_policy(&lead, "flag").await;
    let after = app.sandbox.control().domain(NAME).unwrap();
    assert_eq!(
        (&before["aliases"], &before["downstreamAddresses"]),
        (&after["aliases"], &after["downstreamAddresses"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_meanwhile_is_not_overwritten() {
    let app = TestApp::start(200).await;
    let (lead, other) = (app.lead_with_keys(&[7]).await, app.signed_in("ines").await);
    other.add_key("seven", "sandbox-key-07").await;
    let base = hidden(&lead.get(PAGE).await.text, "/do/domains/settings", "base");
    save_policy(&other, "block").await;
    let page = lead.submit("/do/domains/settings", &[("name", NAME), ("base", &base), ("policy", "flag")]).await.text;
    assert!(page.contains("somebody changed this"), "{page}");
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"], "block");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_reviewed_before_they_are_replaced() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let base = hidden(&lead.get(PAGE).await.text, "/do/domains/servers/review", "base");
    let form = |target: &'static str| {
        [
            ("name", NAME.to_owned()),
            ("base", base.clone()),
            ("servers[0][priority]", "10".into()),
            ("servers[0][weight]", "100".into()),
            ("servers[0][port]", "25".into()),
            ("servers[0][target]", target.to_owned()),
        ]
    };
    let sent =
        |form: &[(&'static str, String)]| form.iter().map(|(name, value)| (*name, value.clone())).collect::<Vec<_>>();
    let before = app.sandbox.control().domain(NAME).unwrap();
    let typed = sent(&form("new.fra07.example"));
    let typed: Vec<_> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let review = lead.submit("/do/domains/servers/review", &typed).await.text;
    assert!(
        review.contains("2 servers become 1") && review.contains("- Remove") && review.contains("+ Add"),
        "{review}"
    );
    assert_eq!(app.sandbox.control().domain(NAME).unwrap(), before, "nothing was sent yet");
    let draft = hidden(&review, "/do/domains/servers/replace", "draft");
    let page = lead.submit("/do/domains/servers/replace", &[("name", NAME), ("draft", &draft)]).await.text;
    assert!(page.contains("Replaced 2 servers with 1") && page.contains("new.fra07.example"), "{page}");
    // Pressed twice it says so, and blames nobody.
    let again = lead.submit("/do/domains/servers/replace", &[("name", NAME), ("draft", &draft)]).await.text;
    assert!(again.contains("Nothing to change") && !again.contains("somebody changed this"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_all_servers_needs_the_name() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let base = hidden(&lead.get(PAGE).await.text, "/do/domains/servers/review", "base");
    let review = lead.submit("/do/domains/servers/review", &[("name", NAME), ("base", &base)]).await.text;
    assert!(review.contains("Without servers no mail is delivered"), "{review}");
    let draft = hidden(&review, "/do/domains/servers/replace", "draft");
    let refused = lead
        .submit("/do/domains/servers/replace", &[("name", NAME), ("draft", &draft), ("typed", "bikeshop")])
        .await
        .text;
    assert!(refused.contains("to clear them all"), "{refused}");
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["downstreamAddresses"].as_array().unwrap().len(), 2);
    lead.submit("/do/domains/servers/replace", &[("name", NAME), ("draft", &draft), ("typed", NAME)]).await;
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["downstreamAddresses"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_servers_are_said_beside_their_fields_and_kept() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let calls = app.upstream_calls();
    let answer = lead
        .post(
            "/do/domains/servers/review",
            &[
                ("name", NAME),
                ("servers[0][priority]", "-1"),
                ("servers[0][weight]", "x"),
                ("servers[0][port]", "99999"),
                ("servers[0][target]", "mx a.example"),
            ],
        )
        .await;
    assert_eq!(app.upstream_calls(), calls, "nothing was sent");
    let page = lead.get(answer.location.unwrap().split('#').next().unwrap()).await.text;
    for field in ["priority", "weight", "port", "target"] {
        assert!(page.contains(&format!("id=\"server-0-{field}-err\"")), "{field}: {page}");
    }
    assert!(page.contains("value=\"99999\"") && page.contains("value=\"mx a.example\""), "what was typed is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_come_go_and_conflict() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let add = async |alias: &str| lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", alias)]).await.text;
    assert!(add("Northgate-Räder.example").await.contains("is an alias now"));
    assert!(lead.get(PAGE).await.text.contains("northgate-räder.example"));
    assert!(add("owned-by-other.example").await.contains("is in use already"));
    assert!(add("bikes-northgate.example").await.contains("is an alias of this domain already"));
    assert!(add("not a domain").await.contains("alias-alias-err"));
    let page =
        lead.submit("/do/domains/alias/remove", &[("name", NAME), ("alias", "bikes-northgate.example")]).await.text;
    assert!(page.contains("is no longer an alias"), "{page}");
    let alias = lead.get("/domains/northgatebikes.example").await;
    assert!(alias.text.contains("An alias of bikeshop-northgate.example"), "{}", alias.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_checked_line_by_line() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let base = hidden(&lead.get(PAGE).await.text, "/do/domains/admins", "base");
    let page = lead
        .submit(
            "/do/domains/admins",
            &[("name", NAME), ("base", &base), ("admins", "a@b.example\nnobody\n</textarea><script>x")],
        )
        .await
        .text;
    assert!(page.contains("Line 2:"), "{page}");
    assert!(page.contains("&lt;/textarea&gt;&lt;script&gt;x"), "kept, as text: {page}");
    let page = lead
        .submit("/do/domains/admins", &[("name", NAME), ("base", &base), ("admins", "new@bikeshop.example")])
        .await
        .text;
    assert!(page.contains("The domain admins are saved"), "{page}");
    let now = app.sandbox.control().domain(NAME).unwrap();
    assert_eq!(now["admins"], serde_json::json!(["new@bikeshop.example"]));
    assert_eq!(now["aliases"].as_array().unwrap().len(), 3, "aliases stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_moves_to_another_of_ones_keys() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let page = lead.get(PAGE).await.text;
    let id = page
        .split("<option value=\"")
        .find(|option| option.contains(">web08<"))
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let page = lead.submit("/do/domains/associate", &[("name", NAME), ("key", &id)]).await.text;
    assert!(page.contains("locked to that key now") && page.contains("Locked to web08"), "{page}");
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["key"], "web08");
    let change = hidden(&page, "/do/domains/undo", "change");
    lead.submit("/do/domains/undo", &[("name", NAME), ("change", &change)]).await;
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["key"], "web07");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_whose_answer_is_lost_is_confirmed_by_the_new_key() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let page = lead.get(PAGE).await.text;
    let option = page.split("<option value=\"").find(|option| option.contains(">web08<")).unwrap();
    let id = option.split('"').next().unwrap();
    app.sandbox.control().add_fault(Fault::new("put-api-key", FaultKind::ResetAfterChange).times(1));
    let page = lead.submit("/do/domains/associate", &[("name", NAME), ("key", id)]).await.text;
    assert_eq!(app.sandbox.control().domain(NAME).unwrap()["key"], "web08");
    assert!(page.contains("Locked to web08") && page.contains("done: confirmed by reading back"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_gateway_after_the_change_does_not_claim_that_nothing_was_done() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("put-settings", FaultKind::Status { code: 502, body: None }));
    let page = save_policy(&lead, "block").await;
    assert!(page.contains("did not answer properly") && page.contains("Check below"), "{page}");
    assert!(!page.contains("Not done: MailChannels did not"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deprovisioning_needs_the_name_and_then_the_list_knows() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let page = lead.submit("/do/domains/deprovision", &[("name", NAME), ("typed", "bikeshop")]).await.text;
    assert!(page.contains("to deprovision it"), "{page}");
    assert!(app.sandbox.control().domain(NAME).is_some());
    let page = lead.submit("/do/domains/deprovision", &[("name", NAME), ("typed", NAME)]).await.text;
    assert!(page.contains("is deprovisioned"), "{page}");
    assert!(app.sandbox.control().domain(NAME).is_none());
    assert!(lead.get("/domains?q=bikeshop-northgate").await.text.contains("Nothing matches"));
}

/// Outcomes in the audit log, the newest first.
async fn outcomes(lead: &crate::app::Browser) -> String {
    lead.get(&format!("/audit?object={NAME}")).await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_accepted_is_not_called_undone_when_it_cannot_be_read_back() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let control = app.sandbox.control();
    control.add_fault(Fault::new("get-downstreams", FaultKind::Status { code: 503, body: None }).after(1));
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "new.example")]).await.text;
    assert!(page.contains("MailChannels accepted the change, but it could not be read back"), "{page}");
    assert!(!page.contains("Not done"), "{page}");
    assert!(control.domain(NAME).unwrap()["aliases"].to_string().contains("new.example"), "it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_503_what_is_there_decides() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let control = app.sandbox.control();
    // It may be some proxy's word on what was done behind it. Here it was not, and looking says so.
    control.add_fault(Fault::new("add-alias", FaultKind::Status { code: 503, body: None }));
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "new.example")]).await.text;
    assert!(page.contains("Not done: MailChannels is limiting requests just now"), "{page}");
    // And where looking is not possible either, nobody says that it was not done.
    control.add_fault(Fault::new("get-downstreams", FaultKind::Status { code: 503, body: None }).after(1));
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "new.example")]).await.text;
    assert!(page.contains("may or may not have been made") && !page.contains("Not done"), "{page}");
    assert!(outcomes(&lead).await.contains("unknown"), "so does the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deprovisioning_whose_answer_is_lost_is_looked_up() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let control = app.sandbox.control();
    let press = async || lead.submit("/do/domains/deprovision", &[("name", NAME), ("typed", NAME)]).await.text;
    control.add_fault(Fault::new("deprovision", FaultKind::Status { code: 500, body: None }));
    let page = press().await;
    assert!(page.contains("is still there: it was not deprovisioned so far"), "{page}");
    control.clear_faults();
    control.add_fault(Fault::new("deprovision", FaultKind::Status { code: 500, body: None }));
    control.add_fault(Fault::new("list-domains", FaultKind::Status { code: 500, body: None }));
    let page = press().await;
    assert!(page.contains("may or may not be deprovisioned"), "{page}");
    // What it would lose can't be known now, so there is nothing to press.
    let page = lead.get(&format!("/domains/{NAME}/deprovision")).await.text;
    assert!(
        page.contains("What it would lose can&#x27;t be read now")
            || page.contains("What it would lose can't be read now"),
        "{page}"
    );
    assert!(!page.contains("Deprovision 1 domain"), "{page}");
    control.clear_faults();
    control.add_fault(Fault::new("deprovision", FaultKind::ResetAfterChange));
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        // The breaker lets calls through again.
        while control.domain(NAME).is_some() {
            press().await;
        }
    })
    .await
    .unwrap();
    assert!(lead.get("/domains?q=bikeshop-northgate").await.text.contains("Nothing matches"));
    assert!(outcomes(&lead).await.contains("confirmed by reading back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_service_down_the_page_shows_the_mirror_and_changes_wait() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("*", FaultKind::Status { code: 502, body: None }));
    let page = lead.get(PAGE).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text.contains("Shown as of") && page.text.contains("bikeshop-northgate.example"), "{}", page.text);
    assert!(!page.text.contains("Save spam handling"), "no form that could not be merged");
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "new.example")]).await.text;
    assert!(page.contains("Not done, nothing was sent: MailChannels did not answer properly."), "{page}");
    assert!(!page.contains("Check below"), "{page}");
    assert_eq!(lead.get("/domains").await.status, StatusCode::OK, "the list does not need it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_comes_to_its_end_though_the_browser_went_away() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    let base = hidden(&lead.get(PAGE).await.text, "/do/domains/settings", "base");
    app.sandbox.control().add_fault(Fault::new("put-settings", FaultKind::LatencyMs(700)).times(1));
    let gone = lead
        .request(reqwest::Method::POST, "/do/domains/settings")
        .header("origin", &app.base)
        .form(&[("name", NAME), ("base", base.as_str()), ("policy", "block")])
        .timeout(std::time::Duration::from_millis(400))
        .send()
        .await;
    assert!(gone.is_err_and(|error| error.is_timeout()), "the browser gave up first");
    let noted = async {
        while !lead.get(PAGE).await.text.contains("Changed policy from quarantine to block") {}
        while lead.get(PAGE).await.text.contains("under way") {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), noted).await.expect("its outcome is noted");
    // The outcome is noted before the domain is read back, and the list knows after it.
    let list = "/domains?q=bikeshop-northgate&policy=block";
    let known = async { while !lead.get(list).await.text.contains("bikeshop-northgate.example</a>") {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), known).await.expect("and the list knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_does_not_keep_the_page_waiting() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("list-domains", FaultKind::LatencyMs(60_000)));
    let page = lead.get(PAGE).await;
    assert!(page.text.contains("Shown as of") && page.text.contains("did not answer in time"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_decided_by_reading_back() {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    app.sandbox.control().add_fault(Fault::new("add-alias", FaultKind::ResetAfterChange).times(1));
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "lost.example")]).await.text;
    assert!(page.contains("lost.example is an alias now"), "{page}");
    let posts = app.sandbox.control().ledger().into_iter().filter(|entry| entry.operation == "add-alias").count();
    assert_eq!(posts, 1, "a POST is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_link_is_minted_once_and_kept_nowhere() {
    let app = TestApp::start(200).await;
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    let answer = agent.post(&format!("{PAGE}/login-link"), &[("then", "open")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let link = answer
        .text
        .split("0; url=")
        .nth(1)
        .expect("it goes there at once")
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let token = link.rsplit(['/', '=']).next().unwrap();
    assert!(token.len() >= 8, "{link}");
    let page = agent.get(PAGE).await.text;
    assert!(page.contains("Created a login link") && !page.contains(token), "audited, not kept");
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "in the database");
    }
}
