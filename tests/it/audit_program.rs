//! The real program: the audit head in its log, and its commands over the database.

use crate::app::{Browser, KEK};
use reqwest::StatusCode;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
};

/// The real program over a database.
fn program(database: &std::path::Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sluice"));
    program.env_clear().env("SLUICE_DATABASE", database).env("SLUICE_KEK", KEK).args(arguments);
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_in_the_programs_log_is_what_the_command_takes() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("sluice.sqlite3");
    let missing = program(&database, &["audit", "verify"]).output().unwrap();
    assert!(!missing.status.success() && !database.exists(), "nothing is made: {missing:?}");

    let mut child = program(&database, &[])
        .envs([("SLUICE_AUTH", "demo"), ("SLUICE_LISTEN", "127.0.0.1:0"), ("SLUICE_MX_SECONDS", "0")])
        .env("SLUICE_UPSTREAM", "http://127.0.0.1:9/inbound/v1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let (mut line, mut said) = (String::new(), String::new());
    while !line.contains("listening") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it listens");
        said.push_str(&line);
    }
    let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
    let viewer = Browser::new(&format!("http://{}", fields["fields"]["address"].as_str().unwrap()));
    viewer.post("/sign-in", &[("person", "vera")]).await;
    assert_eq!(viewer.get("/audit").await.status, StatusCode::FORBIDDEN);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    log.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    // Once at the start, beside everything else, and once at the end, with what was written meanwhile.
    assert_eq!(said.matches("audit head").count(), 2, "{said}");
    let (id, mac) = said.rsplit_once("audit head id=").expect(&said).1.split_once(" mac=").unwrap();
    let head = format!("{id}:{}", &mac[..64]);

    let verify = |head: &str| -> Output { program(&database, &["audit", "verify", "--head", head]).output().unwrap() };
    let good = verify(&head);
    assert!(good.status.success(), "{good:?}");
    assert!(String::from_utf8_lossy(&good.stdout).contains(&format!("audit head id={id} mac=")), "{good:?}");
    let bad = verify(&format!("{id}:{}", "0".repeat(64)));
    assert!(!bad.status.success(), "{bad:?}");
    let words = format!("sluice: the audit log is broken: row {id} is not the one of the exported head");
    assert!(String::from_utf8_lossy(&bad.stderr).contains(&words), "{bad:?}");
    let export = program(&database, &["audit", "export"]).output().unwrap();
    let text = String::from_utf8_lossy(&export.stdout).into_owned();
    assert!(
        export.status.success() && text.contains("refused") && text.ends_with(&format!("{}\n", &mac[..64])),
        "{text}"
    );
}
