//! The real program under a service manager: ready, stopping, a disk that is full or may not be written to.

use crate::{
    app::{Browser, TestApp, hidden, plan_number},
    crash::Server,
};
use mailchannels_sandbox::{Fault, FaultKind, Options, Sandbox, Seed};
use reqwest::{Method, StatusCode};
use sqlx::sqlite::SqliteConnectOptions;
use std::{
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

const NAME: &str = "bikeshop-northgate.example";

/// Asks again and again until the answer fits.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), found).await.unwrap_or_else(|_| panic!("{what}: not within 30 s"))
}

async fn ready(browser: &Browser, status: StatusCode, words: &str) -> String {
    until(words, async || {
        let answer = browser.get("/readyz").await;
        (answer.status == status && answer.text.contains(words)).then_some(answer.text)
    })
    .await
}

async fn sandbox(latency: u64) -> Sandbox {
    let latency = Duration::from_millis(latency);
    let options = Options { seed: Seed::Demo, domains: 400, rate: 10_000, latency, ..Options::default() };
    Sandbox::start(options).await.unwrap()
}

async fn lead(base: &str) -> Browser {
    let lead = Browser::new(base);
    lead.post("/sign-in", &[("person", "tomasz")]).await;
    lead
}

async fn database(path: &Path) -> sqlx::SqlitePool {
    sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(path)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_what_is_true_and_comes_back() {
    let app = TestApp::start(5).await;
    let visitor = app.visitor();
    let text = ready(&visitor, StatusCode::OK, "running: ok").await;
    for line in ["schema and migrations: ok", "encryption keys: ok", "database takes writes: ok", "disk writable: ok"] {
        assert!(text.contains(line), "{text}");
    }
    // Whoever asks from inside a container doesn't know our name; health says only that we live.
    visitor.always("host", "127.0.0.1");
    assert_eq!(visitor.get("/domains").await.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(visitor.get("/readyz").await.status, StatusCode::OK);

    let pool = database(&app.database()).await;
    for (harm, mend, words) in [
        ("UPDATE keks SET check_value = zeroblob(80)", "UPDATE keks SET check_value = ?1", "encryption keys: key-"),
        (
            "UPDATE _sqlx_migrations SET success = 0 WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
            "UPDATE _sqlx_migrations SET success = 1 WHERE ?1 IS NOT NULL",
            "schema and migrations: the database has schema",
        ),
    ] {
        let kept: Vec<u8> = sqlx::query_scalar("SELECT check_value FROM keks").fetch_one(&pool).await.unwrap();
        sqlx::query(harm).execute(&pool).await.unwrap();
        ready(&visitor, StatusCode::SERVICE_UNAVAILABLE, words).await;
        assert_eq!(visitor.get("/healthz").await.status, StatusCode::OK);
        sqlx::query(mend).bind(kept).execute(&pool).await.unwrap();
        ready(&visitor, StatusCode::OK, "running: ok").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_order_and_within_its_time() {
    let sandbox = sandbox(300).await;
    let dir = tempfile::tempdir().unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_sluice"));
    let slowly = [("SLUICE_ATTEMPT_MS", "2000"), ("SLUICE_RATE", "10")];
    let mut server = Server::start_by(program, dir.path(), &sandbox.base_url(), &slowly);
    let browser = lead(&server.base).await;
    browser.add_key("web07", "sandbox-key-07").await;
    let page = browser.get(&format!("/domains/{NAME}")).await.text;
    let base = hidden(&page, "/do/domains/settings", "base");
    let list = browser.get("/domains").await.text;
    let picks = list.split("name=\"pick\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let names: Vec<_> = picks.filter(|name| *name != NAME).take(30).collect();
    let rows = names.len().to_string();
    assert!(names.len() > 10, "{list}");
    // Each row has calls of its own, at ten a second.
    let plan = browser.bulk("servers", &[("text", &names.join("\n")), ("servers", "new.web09.example")]).await;
    let number = plan_number(&plan);

    // A change that hangs, and a job on its way.
    sandbox.control().add_fault(Fault::new("put-settings", FaultKind::HangAfterChange));
    let settings = browser.request(Method::POST, "/do/domains/settings").header("origin", &server.base);
    let settings = settings.form(&[("name", NAME), ("base", base.as_str()), ("policy", "block")]);
    browser.confirm(&plan, &rows).await;
    let sent = tokio::spawn(async move { settings.send().await });
    let begun = || sandbox.control().ledger().iter().any(|call| call.operation == "put-downstreams");
    until("the change and the job are under way", async || {
        let changed = sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"] == "block";
        (changed && begun()).then_some(())
    })
    .await;

    let asked = Instant::now();
    server.terminate();
    let late = Browser::new(&server.base);
    // A connection that is made in the very moment is hung up on; the next one is answered.
    until("it says that it is not ready", async || {
        let answer = late.request(Method::GET, "/readyz").send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        (status == StatusCode::SERVICE_UNAVAILABLE && text.contains("running: stopping")).then_some(())
    })
    .await;
    assert!(!sent.is_finished(), "not ready comes before the end of what is under way");
    let turned_away = late.get("/domains").await;
    assert_eq!(turned_away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(turned_away.text.contains("being restarted") && turned_away.headers.contains_key("retry-after"));
    assert_eq!(late.get("/healthz").await.status, StatusCode::OK);
    sandbox.control().clear_faults();
    let answer = sent.await.unwrap().expect("what was under way is answered");
    assert!(answer.status().is_redirection(), "{}", answer.status());
    let status = tokio::task::spawn_blocking(move || (server.child.wait().unwrap(), server)).await.unwrap();
    let (status, server) = status;
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    let order = ["\"stopping\"", "all requests have ended", "audit head", "the database is whole without its log"];
    let log = server.log.lock().unwrap().join("\n");
    let places: Vec<_> =
        order.iter().map(|words| log.rfind(words).unwrap_or_else(|| panic!("{words}: {log}"))).collect();
    assert!(places.is_sorted(), "{places:?} {log}");
    let journalled = log.find("all jobs are in the journal").expect(&log);
    assert!(places[0] < journalled && journalled < places[2], "{log}");

    let wal = dir.path().join("sluice.sqlite3-wal");
    assert!(std::fs::metadata(&wal).map_or(0, |wal| wal.len()) == 0, "the log is empty");
    let pool = database(&dir.path().join("sluice.sqlite3")).await;
    let count = |state: &'static str| {
        let pool = pool.clone();
        let number: i64 = number.parse().unwrap();
        async move {
            let text = "SELECT count(*) FROM job_rows WHERE job = ?1 AND state = ?2";
            sqlx::query_scalar::<_, i64>(text).bind(number).bind(state).fetch_one(&pool).await.unwrap()
        }
    };
    assert_eq!(count("sent").await, 0, "nothing was left on its way");
    assert!(count("planned").await > 0 && count("done").await > 0, "the job was in the middle");
}

/// A program under a disk of its own, mounted over a folder where nobody else sees it; `None` where the system does
/// not allow that.
fn on_a_disk(folder: &Path, options: &str) -> Option<Command> {
    let may = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("left out: this system lets nobody mount a disk of their own");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", "mount -t tmpfs -o \"$2\" tmpfs \"$0\" && exec \"$1\""]).args([
        folder.as_os_str(),
        env!("CARGO_BIN_EXE_sluice").as_ref(),
        options.as_ref(),
    ]);
    Some(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_and_mends_itself() {
    let sandbox = sandbox(0).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let Some(program) = on_a_disk(&data, "size=8m") else { return };
    let path = data.join("sluice.sqlite3").display().to_string();
    let mut server = Server::start_by(program, dir.path(), &sandbox.base_url(), &[("SLUICE_DATABASE", &path)]);
    let inside =
        Path::new("/proc").join(server.child.id().to_string()).join("root").join(data.strip_prefix("/").unwrap());
    let browser = lead(&server.base).await;
    assert!(browser.add_key("web07", "sandbox-key-07").await.text.contains("is stored"));
    ready(&browser, StatusCode::OK, "disk writable: ok").await;

    let filler = inside.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    let text = ready(&browser, StatusCode::SERVICE_UNAVAILABLE, "disk writable: ").await;
    assert!(!text.contains("disk writable: ok"), "{text}");

    // The database's log has some room of its own; when that is used up, everything that writes is refused.
    let page = browser.get(&format!("/domains/{NAME}")).await.text;
    let said = server.log.lock().unwrap().iter().rev().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(page.contains("/do/domains/settings"), "{said}");
    let mut base = hidden(&page, "/do/domains/settings", "base");
    let refused = "disk is full or cannot be written to";
    let mut policy = ["block", "flag"].into_iter().cycle();
    until("a change is refused", async || {
        let form = [("name", NAME), ("base", base.as_str()), ("policy", policy.next().unwrap())];
        let page = browser.submit("/do/domains/settings", &form).await;
        if page.text.contains(refused) {
            return Some(());
        }
        let page = browser.get(&format!("/domains/{NAME}")).await.text;
        base = hidden(&page, "/do/domains/settings", "base");
        None
    })
    .await;
    sandbox.control().clear_ledger();
    for (path, form) in [
        ("/do/domains/settings", vec![("name", NAME), ("base", base.as_str()), ("policy", "block")]),
        ("/do/domains/alias/add", vec![("name", NAME), ("alias", "new-alias.example")]),
        ("/do/keys/add", vec![("label", "web08"), ("secret", "sandbox-key-08")]),
    ] {
        let page = browser.submit(path, &form).await;
        assert!(page.text.contains(refused), "{path}: {}", page.text);
    }
    let changed: Vec<_> = sandbox.control().ledger().into_iter().filter(|call| call.changed).collect();
    assert!(changed.is_empty(), "what cannot be written down is not done: {changed:?}");
    for path in ["/domains", "/keys", "/jobs", "/lists", &format!("/domains/{NAME}")] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK, "reading goes on: {path}");
    }

    std::fs::remove_file(&filler).unwrap();
    ready(&browser, StatusCode::OK, "disk writable: ok").await;
    let page = browser.get(&format!("/domains/{NAME}")).await.text;
    let base = hidden(&page, "/do/domains/settings", "base");
    let form = [("name", NAME), ("base", base.as_str()), ("policy", "quarantine"), ("reason", "room again")];
    let page = browser.submit("/do/domains/settings", &form).await;
    assert!(!page.text.contains(refused) && !page.text.contains("Not done"), "{}", page.text);
    // Its disk is in a place of its own, where another program finds nothing by that name: so a copy is looked at.
    let copy = dir.path().join("copy.sqlite3");
    for more in ["", "-wal"] {
        let from = inside.join(format!("sluice.sqlite3{more}"));
        std::fs::copy(from, dir.path().join(format!("copy.sqlite3{more}"))).unwrap();
    }
    let verified = Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["audit", "verify"])
        .env_clear()
        .env("SLUICE_DATABASE", copy)
        .env("SLUICE_KEK_FILE", dir.path().join("kek"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    server.terminate();
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_disk_that_may_not_be_written_to_is_said_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut program) = on_a_disk(dir.path(), "size=1m,ro") else { return };
    let path = dir.path().join("sluice.sqlite3");
    let settings = [("SLUICE_AUTH", "demo"), ("SLUICE_LISTEN", "127.0.0.1:0"), ("SLUICE_KEK", crate::app::KEK)];
    let ended = program.env_clear().envs(settings).env("SLUICE_DATABASE", &path).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("sluice.sqlite3") && said.contains("Read-only file system"), "{said}");
}

/// Answers on a port until it is told to stop, so that the same address can be without a service for a while.
async fn service_at(port: u16) -> Sandbox {
    let options = Options { seed: Seed::Demo, domains: 20, rate: 10_000, ..Options::default() };
    until("the port is free again", async || {
        let options = Options { listen: ([127, 0, 0, 1], port).into(), ..options.clone() };
        Sandbox::start(options).await.ok()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_goes_away_is_said_and_comes_back_by_itself() {
    let TestApp { sandbox, running, dir: _dir, base } = TestApp::start(20).await;
    let url = sandbox.base_url();
    let port = reqwest::Url::parse(&url).unwrap().port().unwrap();
    let browser = lead(&base).await;
    browser.add_key("web07", "sandbox-key-07").await;
    let domain = format!("/domains/{NAME}");
    assert!(browser.get(&domain).await.text.contains("/do/domains/settings"));
    let base_of = async |browser: &Browser| hidden(&browser.get(&domain).await.text, "/do/domains/settings", "base");
    let old = base_of(&browser).await;

    drop(sandbox);
    until("the loss is said", async || {
        browser.get(&domain).await.text.contains("Changes wait until MailChannels answers").then_some(())
    })
    .await;
    assert_eq!(browser.get("/domains").await.status, StatusCode::OK);
    ready(&browser, StatusCode::OK, "running: ok").await;
    let form = [("name", NAME), ("base", old.as_str()), ("policy", "flag")];
    let refused = browser.submit("/do/domains/settings", &form).await.text;
    assert!(refused.contains("MailChannels"), "{refused}");

    let sandbox = service_at(port).await;
    until("it works again", async || browser.get(&domain).await.text.contains("/do/domains/settings").then_some(()))
        .await;
    // The breaker lets one call look after another first.
    until("a change is made", async || {
        let page = browser.get(&domain).await.text;
        let base = page.contains("/do/domains/settings").then(|| hidden(&page, "/do/domains/settings", "base"))?;
        browser.submit("/do/domains/settings", &[("name", NAME), ("base", base.as_str()), ("policy", "flag")]).await;
        (sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"] == "flag").then_some(())
    })
    .await;
    running.stop().await;
}

#[test]
fn logs_look_as_they_are_told() {
    let dir = tempfile::tempdir().unwrap();
    for (format, is_json) in [("auto", true), ("json", true), ("text", false)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .env_clear()
            .envs([("SLUICE_AUTH", "demo"), ("SLUICE_LISTEN", "127.0.0.1:0"), ("SLUICE_KEK", crate::app::KEK)])
            .envs([("SLUICE_LOG_FORMAT", format), ("SLUICE_MX_SECONDS", "0")])
            .env("SLUICE_DATABASE", dir.path().join("sluice.sqlite3"))
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("listening"))).unwrap().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), is_json, "{format}: {line}");
        assert!(!line.contains('\u{1b}'), "no colours outside a terminal");
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}
