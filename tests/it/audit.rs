//! The audit log: what gets into it, that it cannot be changed unnoticed, and who reads it.

use crate::app::{TestApp, config, first_key, hidden};
use reqwest::StatusCode;
use sluice::server::{audit_cli, run::RunError};
use sqlx::{Connection, SqliteConnection};
use store::{AuditFilter, AuditHead, AuditRow, Broken};

const DOMAIN: &str = "/domains/bikeshop-northgate.example";
const NAME: &str = "bikeshop-northgate.example";

/// All entries, newest first, with how they ended.
async fn log(app: &TestApp) -> Vec<(AuditRow, Option<String>)> {
    app.running.desk.refusals_written().await;
    let page = app.running.desk.audit_page(&AuditFilter::default(), None, 1_000).await.unwrap();
    page.rows.into_iter().map(|entry| (entry.row.clone(), entry.outcome().map(str::to_owned))).collect()
}

async fn last(app: &TestApp) -> (AuditRow, String) {
    let (row, outcome) = log(app).await.remove(0);
    (row, outcome.expect("an outcome"))
}

async fn verify(app: &TestApp, heads: &[AuditHead]) -> Result<String, RunError> {
    let mut out = Vec::new();
    audit_cli::verify(&config(&app.dir, &app.sandbox, &[]), heads, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn broken(app: &TestApp, heads: &[AuditHead]) -> Broken {
    match verify(app, heads).await {
        Err(RunError::Audit(broken)) => broken,
        other => panic!("{other:?}"),
    }
}

/// Somebody with the file in their hands: a connection of their own, and no triggers.
async fn intruder(app: &TestApp) -> SqliteConnection {
    let url = format!("sqlite://{}", app.database().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for trigger in ["audit_no_update", "audit_no_delete", "audit_chained"] {
        let sql = format!("DROP TRIGGER IF EXISTS {trigger}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    connection
}

async fn exec(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// A lead who did a few things.
async fn busy() -> (TestApp, crate::app::Browser) {
    let app = TestApp::start(200).await;
    let lead = app.lead_with_keys(&[7]).await;
    for alias in ["one.example", "two.example", "three.example"] {
        let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", alias)]).await;
        assert!(page.text.contains("is an alias now"), "{}", page.text);
    }
    (app, lead)
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_deletions_order_and_cuts_in_the_file_are_found() {
    let (app, _lead) = busy().await;
    let whole = verify(&app, &[]).await.unwrap();
    assert!(whole.contains("The audit log is whole: ") && whole.contains("audit head id="), "{whole}");
    let head = app.running.desk.store().audit_head().await.unwrap().unwrap();
    assert!(whole.contains(&head.line()), "{whole}");
    assert!(verify(&app, &[head]).await.is_ok());
    let mut file = intruder(&app).await;

    // Each is done, found, and taken back.
    exec(&mut file, "CREATE TABLE kept AS SELECT * FROM audit").await;
    let columns = "id, at, person_id, person_name, action, object_kind, object, account_id, fingerprint, request_id,
        intent_id, outcome, before, after, reason, job, key_label, mac";
    let gap = |last, found| Broken::Gap { last, found };
    for (what, sql, found) in [
        ("edit", "UPDATE audit SET person_name = 'Somebody else' WHERE id = 3", Broken::Row(3)),
        ("edit of a reason", "UPDATE audit SET reason = 'they asked for it' WHERE id = 5", Broken::Row(5)),
        ("deletion", "DELETE FROM audit WHERE id = 4", gap(3, 5)),
        ("deletion of the first", "DELETE FROM audit WHERE id = 1", gap(0, 2)),
        (
            "order",
            "UPDATE audit SET id = CASE id WHEN 5 THEN -7 ELSE -5 END WHERE id IN (5, 7); UPDATE audit SET id = -id WHERE id < 0",
            Broken::Row(5),
        ),
        (
            "insertion",
            "INSERT INTO audit (id, at, person_id, person_name, action, object_kind, object, request_id, mac)
             SELECT 1000, at, person_id, person_name, action, object_kind, object, request_id, mac FROM audit WHERE id = 1",
            gap(head.id, 1000),
        ),
        (
            "insertion without a mac",
            "INSERT INTO audit (at, person_id, person_name, action, object_kind, object, request_id)
             VALUES (1, 'p', 'Ines', 'domain.deprovision', 'domain', 'a.example', 'r')",
            Broken::Foreign(head.id + 1),
        ),
        ("cut", "DELETE FROM audit WHERE id > 6", Broken::Cut { last: 6, had: head.id }),
    ] {
        exec(&mut file, "PRAGMA foreign_keys = OFF").await;
        for sql in sql.split("; ") {
            exec(&mut file, sql).await;
        }
        assert_eq!(broken(&app, &[]).await, found, "{what}");
        let words = verify(&app, &[]).await.unwrap_err().to_string();
        assert!(words.starts_with("the audit log is broken: "), "{words}");
        exec(&mut file, "DELETE FROM audit").await;
        exec(&mut file, &format!("INSERT INTO audit ({columns}) SELECT {columns} FROM kept")).await;
        exec(&mut file, &format!("UPDATE sqlite_sequence SET seq = {} WHERE name = 'audit'", head.id)).await;
        assert!(verify(&app, &[head]).await.is_ok(), "{what}, taken back");
    }
    // Who also sets back the sequence is found by the exported head only.
    exec(&mut file, "DELETE FROM audit WHERE id > 6").await;
    exec(&mut file, "UPDATE sqlite_sequence SET seq = 6 WHERE name = 'audit'").await;
    assert!(verify(&app, &[]).await.is_ok());
    assert_eq!(broken(&app, &[head]).await, Broken::Cut { last: 6, had: head.id });
    // And goes on being found when the log has grown again.
    for alias in ["four.example", "five.example", "six.example"] {
        let _ =
            app.signed_in("tomasz").await.submit("/do/domains/alias/add", &[("name", NAME), ("alias", alias)]).await;
    }
    assert_eq!(broken(&app, &[head]).await, Broken::Head(head.id));
    exec(&mut file, "DELETE FROM meta WHERE key = 'audit-adopted'").await;
    assert_eq!(broken(&app, &[]).await, Broken::Note);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_audited_is_not_done() {
    let (app, lead) = busy().await;
    let page = lead.get(DOMAIN).await.text;
    let base = hidden(&page, "/do/domains/settings", "base");
    let key = first_key(&lead.get("/keys").await.text);
    let sent = |from: usize| {
        let ledger = app.sandbox.control().ledger();
        ledger[from..].iter().filter(|call| call.method != "GET").count()
    };
    let mut file = intruder(&app).await;
    exec(&mut file, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'the disk is full'); END")
        .await;
    let from = app.upstream_calls();
    let forms: [(&str, &[(&str, &str)]); 9] = [
        ("/do/domains/settings", &[("name", NAME), ("base", &base), ("policy", "flag"), ("header_name", "X-Spam")]),
        (
            "/do/domains/admins",
            &[("name", NAME), ("base", &hidden(&page, "/do/domains/admins", "base")), ("admins", "a@b.example")],
        ),
        ("/do/domains/alias/add", &[("name", NAME), ("alias", "more.example")]),
        ("/do/domains/alias/remove", &[("name", NAME), ("alias", "one.example")]),
        ("/do/domains/deprovision", &[("name", NAME), ("typed", NAME)]),
        ("/do/lists/add", &[("tier", "domain"), ("whose", NAME), ("list", "blocklist"), ("text", "bad.example")]),
        ("/do/keys/rename", &[("id", &key), ("label", "other")]),
        ("/do/keys/remove", &[("id", &key), ("typed", "web07")]),
        ("/do/keys/add", &[("label", "web08"), ("secret", "sandbox-key-08")]),
    ];
    for (path, form) in forms {
        let page = lead.submit(path, form).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("disk is full"), "{path}");
        assert_eq!(sent(from), 0, "{path}: {:?}", app.sandbox.control().ledger().last());
    }
    lead.post(&format!("{DOMAIN}/login-link"), &[("then", "show")]).await;
    assert!(!app.sandbox.control().ledger()[from..].iter().any(|call| call.path.contains("login")));
    assert_eq!(lead.get("/audit.csv").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let plan = lead.bulk("add-entries", &[("list", "blocklist"), ("item", "x.example"), ("text", NAME)]).await;
    let job = lead.confirm(&plan, "").await;
    assert!(!job.text.contains("Under way"), "{}", job.text);
    assert_eq!(sent(from), 0);
    let keys = lead.get("/keys").await.text;
    assert!(keys.contains(">web07<") && !keys.contains("web08"), "{keys}");

    // The same works as soon as it can be written.
    exec(&mut file, "DROP TRIGGER full").await;
    let page = lead.submit("/do/domains/alias/add", &[("name", NAME), ("alias", "more.example")]).await;
    assert!(page.text.contains("is an alias now"), "{}", page.text);
    assert_eq!(sent(from), 1);
    assert!(verify(&app, &[]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_who_what_with_which_key_and_why() {
    let (app, lead) = busy().await;
    let form = [("name", NAME), ("alias", "why.example"), ("reason", " #4711 asked by phone ")];
    lead.submit("/do/domains/alias/add", &form).await;
    let (row, outcome) = last(&app).await;
    assert_eq!(
        (row.person_name.as_str(), row.action.as_str(), outcome.as_str()),
        ("Tomasz Wieliczko", "domain.alias.add", "done")
    );
    assert_eq!((row.reason.as_deref(), row.key_label.as_deref()), (Some("#4711 asked by phone"), Some("web07")));
    assert!(row.fingerprint.is_some() && row.account_id.is_some() && row.request_id.len() == 36);
    assert!(row.before.unwrap().contains("\"present\":false") && row.after.unwrap().contains("\"present\":true"));

    // A reason that is none changes nothing, and is told beside its field.
    let before = log(&app).await.len();
    for bad in ["x".repeat(201), "two\nlines".into(), "\u{202e}turned".into()] {
        let form = [("name", NAME), ("alias", "not.example"), ("reason", bad.as_str())];
        let page = lead.submit("/do/domains/alias/add", &form).await;
        assert!(page.text.contains("alias-reason-err"), "{}", page.text);
    }
    assert_eq!(log(&app).await.len(), before);

    // Entries that are looked at first keep the reason on the way.
    let form = [
        ("tier", "domain"),
        ("whose", NAME),
        ("list", "blocklist"),
        ("text", "a.example\nb.example"),
        ("reason", "#9"),
    ];
    let review = lead.submit("/do/lists/add", &form).await;
    let page = if review.text.contains("Nothing was sent yet") {
        assert!(review.text.contains("value=\"#9\""), "{}", review.text);
        let draft = hidden(&review.text, "/do/lists/send", "draft");
        lead.submit("/do/lists/send", &[("draft", &draft), ("reason", "#9")]).await
    } else {
        review
    };
    assert!(page.status.is_success());
    let (row, _) = last(&app).await;
    assert_eq!((row.action.as_str(), row.reason.as_deref()), ("list.add", Some("#9")));

    // Keys: added, renamed, removed; never their secret.
    let key = first_key(&lead.get("/keys").await.text);
    lead.submit("/do/keys/rename", &[("id", &key), ("label", "web7"), ("reason", "typo")]).await;
    let (row, _) = last(&app).await;
    assert_eq!(
        (row.action.as_str(), row.before.as_deref(), row.after.as_deref()),
        ("key.rename", Some("web07"), Some("web7"))
    );
    lead.submit("/do/keys/remove", &[("id", &key), ("typed", "web7"), ("reason", "left us")]).await;
    let (row, _) = last(&app).await;
    assert_eq!(
        (row.action.as_str(), row.key_label.as_deref(), row.reason.as_deref()),
        ("key.remove", Some("web7"), Some("left us"))
    );
    let csv = lead.get("/audit.csv").await.text;
    assert!(!csv.contains("sandbox-key"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_the_log() {
    let app = TestApp::start(5).await;
    let viewer = app.signed_in("vera").await;
    viewer.post("/do/domains/deprovision", &[("name", NAME), ("typed", NAME)]).await;
    let (row, outcome) = last(&app).await;
    assert_eq!((row.action.as_str(), row.object.as_str()), ("refused", "POST /do/domains/deprovision"));
    assert!(row.person_name.starts_with("Vera"), "{row:?}");
    assert_eq!(outcome, "refused: it needs lead, not viewer");
    for (path, what) in [("/audit?person=secret", "GET /audit"), ("/audit.csv", "GET /audit.csv")] {
        assert_eq!(viewer.get(path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(last(&app).await.0.object, what);
    }
    let link = viewer.post(&format!("{DOMAIN}/login-link"), &[("then", "show")]).await;
    assert_eq!(link.status, StatusCode::FORBIDDEN);
    assert_eq!(last(&app).await.0.object, format!("POST {DOMAIN}/login-link"));
    assert_eq!(log(&app).await.iter().filter(|(row, _)| row.action == "refused").count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_for_leads_and_filters_are_in_its_address() {
    let (app, lead) = busy().await;
    for (person, may) in [("vera", false), ("maya", false), ("tomasz", true), ("ines", true)] {
        let browser = app.signed_in(person).await;
        let page = browser.get("/audit").await;
        assert_eq!(page.status == StatusCode::OK, may, "{person}");
        assert_eq!(browser.get("/domains").await.text.contains("href=\"/audit\""), may, "{person}");
        assert_eq!(browser.get("/audit.csv").await.status == StatusCode::OK, may, "{person}");
    }
    let all = lead.get("/audit").await.text;
    assert!(all.contains("alias: <ins>three.example</ins>"), "{all}");
    let rows = |page: &str| page.matches("role=\"rowheader\"").count();
    let shown = rows(&all);
    assert!(shown >= 6, "{shown}");
    let (row, _) = log(&app).await.into_iter().find(|(row, _)| row.action == "domain.alias.add").unwrap();
    for (query, wanted) in [
        (format!("person={}", row.person_id), 7),
        ("action=domain.alias.add".into(), 3),
        ("action=domain.alias.add&outcome=done".into(), 3),
        ("action=domain.alias.add&outcome=failed".into(), 0),
        ("outcome=open".into(), 0),
        (format!("object={NAME}"), 3),
        (format!("kind=key&object={NAME}"), 0),
        ("kind=key".into(), 1),
        (format!("request={}", row.request_id), 1),
        (format!("key={}&kind=domain", row.fingerprint.unwrap()), 3),
        (format!("account={}", row.account_id.unwrap()), 3),
        ("job=1".into(), 0),
        ("from=2000-01-01&to=2000-01-02".into(), 0),
    ] {
        let page = lead.get(&format!("/audit?{query}")).await;
        assert_eq!((page.status, rows(&page.text)), (StatusCode::OK, wanted), "{query}");
    }
    let page = lead.get("/audit?from=yesterday").await;
    assert!(page.text.contains("A day is written as year, month, day"), "{}", page.text);
    assert!(lead.get(DOMAIN).await.text.contains(&format!("href=\"/audit?kind=domain&amp;object={NAME}\"")));
    assert!(!app.signed_in("maya").await.get("/keys").await.text.contains("/audit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_says_is_text_and_the_export_is_no_program() {
    let app = TestApp::start(5).await;
    let admin = app.signed_in("ines").await;
    let nasty = "=HYPERLINK(\"http://evil.example\")<script>alert(1)</script>\r\nforged\u{202e}";
    let event = store::NewIntent {
        at: app.running.desk.now_ms(),
        person_id: "p",
        person_name: nasty,
        action: nasty,
        object_kind: "domain",
        object: nasty,
        account_id: Some(nasty),
        fingerprint: Some(nasty),
        request_id: nasty,
        before: Some(nasty),
        after: Some("@SUM(A1)"),
        reason: Some(nasty),
        job: None,
    };
    app.running.desk.store().record_event(&event, nasty).await.unwrap();
    let page = admin.get("/audit").await.text;
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("\\r\\nforged\\u{202e}") && page.contains("&lt;script&gt;alert(1)"), "{page}");
    let table = page.split("<table").nth(1).unwrap();
    assert!(!table.contains('\u{202e}'), "{table}");

    let file = admin.get("/audit.csv?action=nothing").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(file.text.lines().count(), 1, "{}", file.text);
    let file = admin.get("/audit.csv").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"audit.csv\"");
    assert!(file.text.contains("'=HYPERLINK") && file.text.contains("'@SUM(A1)"), "{}", file.text);
    assert!(
        !file.text.contains(",=") && !file.text.contains("\"=") && !file.text.contains('\u{202e}'),
        "{}",
        file.text
    );
    // Taking it away is in the log, with the filter.
    assert!(file.text.contains("audit.export,audit,everything"), "{}", file.text);
    assert!(file.text.contains("audit.export,audit,action=nothing"), "{}", file.text);

    let mut out = Vec::new();
    audit_cli::export(&config(&app.dir, &app.sandbox, &[]), &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    let head = app.running.desk.store().audit_head().await.unwrap().unwrap();
    assert_eq!(out.lines().last(), Some(format!("# {}", head.line()).as_str()));
    assert!(out.starts_with("id,time,person,") && out.contains("'=HYPERLINK"), "{out}");
    assert_eq!(i64::try_from(out.lines().count()).unwrap(), head.id + 2, "{out}");
}
