//! Login links that did not come: one may have been made all the same, and that is what is said and noted.

use crate::{
    app::{Browser, TestApp, plan_number},
    provision::ended,
};
use mailchannels_sandbox::{Fault, FaultKind};

const NAME: &str = "bikeshop-northgate.example";
const LOST: &str = "No link came. One may have been made that nobody received; it expires by itself.";

async fn start() -> (TestApp, Browser) {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    (app, lead)
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, body: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_may_have_been_made() {
    let (app, lead) = start().await;
    let control = app.sandbox.control();
    let mint = async || lead.post(&format!("/domains/{NAME}/login-link"), &[("then", "show")]).await.text;
    for kind in [FaultKind::ResetAfterChange, FaultKind::CutBody, status(500), status(503)] {
        control.add_fault(Fault::new("login-link", kind.clone()));
        let page = mint().await;
        control.clear_faults();
        assert!(page.contains(LOST) && page.contains("Ask again"), "{kind:?}: {page}");
        assert!(!page.contains("heck below"), "{kind:?}: {page}");
        assert!(ended(&app, "domain.login-link").await.starts_with("unknown: "), "{kind:?}");
        // Answers that count as an outage keep the breaker open for a while.
        mint().await;
    }
    control.add_fault(Fault::new("login-link", status(401)).times(1));
    let page = mint().await;
    assert!(page.contains("belongs to another customer") && !page.contains(LOST), "{page}");
    assert!(ended(&app, "domain.login-link").await.starts_with("failed: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_none_of_several_came_what_was_typed_is_kept() {
    let (app, lead) = start().await;
    let control = app.sandbox.control();
    let typed = format!("{NAME}\nxn--bcherwurm-q9a.example");
    let mint = async |typed: &str| lead.post("/login-links", &[("domains", typed)]).await.text;
    let area = |page: &str| {
        let area = page.split("<textarea").nth(1).unwrap().split("</textarea>").next().unwrap();
        area.split_once('>').unwrap().1.trim().to_owned()
    };
    for kind in [FaultKind::ResetAfterChange, status(500), status(503), status(504)] {
        control.add_fault(Fault::new("login-link-batch", kind.clone()).times(1));
        let page = mint(&typed).await;
        assert!(page.contains(LOST) && !page.contains("heck below"), "{kind:?}: {page}");
        assert!(page.contains("0 of ") && area(&page).starts_with(NAME), "{kind:?}: {page}");
        assert!(ended(&app, "domain.login-link").await.starts_with("unknown: "), "{kind:?}");
    }
    let nowhere = mint("nowhere.example").await;
    assert_eq!(area(&nowhere), "nowhere.example");
    let page = mint(NAME).await;
    assert!(page.contains("1 of 1 link") && area(&page).is_empty(), "{page}");
    assert_eq!(ended(&app, "domain.login-link").await, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_batch_of_a_job_is_not_called_a_failure() {
    let (app, lead) = start().await;
    let plan = lead.bulk("login-links", &[("text", NAME)]).await;
    app.sandbox.control().add_fault(Fault::new("login-link-batch", FaultKind::ResetAfterChange).times(1));
    let file = lead.post(&format!("/jobs/{}/links", plan_number(&plan)), &[("typed", "")]).await;
    assert!(file.text.contains(LOST) && !file.text.contains("token="), "{}", file.text);
    assert!(ended(&app, "domain.login-link").await.starts_with("unknown: "));
}
