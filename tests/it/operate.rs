//! Running it for a year: rotation of the key-encryption key, backups, putting one back.

use crate::app::{TestApp, config};
use reqwest::StatusCode;
use sluice::server::{
    audit_cli,
    command::{self, KeysCommand, UserCommand},
    run::{self, RunError},
};
use std::os::unix::fs::PermissionsExt;

/// The key-encryption keys of these tests; the first is the harness's own.
const OLD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

#[tokio::test(flavor = "multi_thread")]
async fn the_key_encryption_key_is_rotated_while_people_work() {
    let app = TestApp::start(50).await;
    let lead = app.lead_with_keys(&[7, 8]).await;
    let old_file = app.dir.path().join("old-kek");
    std::fs::write(&old_file, OLD).unwrap();
    let old_file = old_file.to_str().unwrap().to_owned();
    let seen = lead.get("/keys").await.text.matches("role=\"rowheader\"").count();

    // The new one alone: nothing starts, and the one that is missing is named.
    let TestApp { sandbox, running, dir, .. } = app;
    running.stop().await;
    let refused = run::start(config(&dir, &sandbox, &["--kek", NEW])).await.err().unwrap();
    assert!(refused.to_string().contains("is not configured"), "{refused}");

    let both = ["--kek", NEW, "--kek-previous-files", &old_file];
    let running = run::start(config(&dir, &sandbox, &both)).await.unwrap();
    let status = running.desk.kek_status().await.unwrap();
    assert_eq!(status.iter().map(|kek| kek.blobs).sum::<u64>(), 3, "two keys and the master secret: {status:?}");
    assert!(status.iter().any(|kek| !kek.is_current && kek.is_configured && kek.blobs == 3), "{status:?}");
    // Beside the running server, as from the command line; and again, as after it was broken off.
    let settings = config(&dir, &sandbox, &both);
    for _ in 0..2 {
        command::keys(&settings, KeysCommand::Rotate).await.unwrap();
        command::keys(&settings, KeysCommand::Verify).await.unwrap();
        command::keys(&settings, KeysCommand::Status).await.unwrap();
    }
    let status = running.desk.kek_status().await.unwrap();
    assert_eq!(status.len(), 1, "the old one is forgotten: {status:?}");
    assert!(status[0].is_current && status[0].blobs == 3);
    running.stop().await;

    let running = run::start(config(&dir, &sandbox, &["--kek", NEW])).await.unwrap();
    let base = format!("http://{}", running.address);
    let app = TestApp { sandbox, running, dir, base };
    let lead = app.signed_in("tomasz").await;
    assert_eq!(lead.get("/keys").await.text.matches("role=\"rowheader\"").count(), seen);
    let calls = app.upstream_calls();
    assert_eq!(lead.get("/domains/bikeshop-northgate.example").await.status, StatusCode::OK);
    assert!(app.upstream_calls() > calls, "the keys still speak");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_damaged_is_named_and_keeps_its_key_known() {
    let app = TestApp::start(20).await;
    app.lead_with_keys(&[7, 8]).await;
    let database = app.database();
    let damage = "UPDATE api_keys SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB) WHERE label = 'web08'";
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query(damage).execute(&mut connection).await.unwrap();
    let (good, wrong) = app.running.desk.verify_sealed().await.unwrap();
    assert_eq!((good, wrong.len()), (1, 1), "{wrong:?}");
    let old_file = app.dir.path().join("old-kek");
    std::fs::write(&old_file, OLD).unwrap();
    let TestApp { sandbox, running, dir, .. } = app;
    running.stop().await;
    let both = ["--kek", NEW, "--kek-previous-files", old_file.to_str().unwrap()];
    let settings = config(&dir, &sandbox, &both);
    // Rotation says it and does the rest.
    let error = command::keys(&settings, KeysCommand::Rotate).await.unwrap_err();
    let (store, desk) = run::open(&settings, settings.key_ring().unwrap()).await.unwrap();
    assert!(matches!(&error, RunError::Command(words) if words.contains("1 do not open")), "{error}");
    let status = desk.kek_status().await.unwrap();
    let blobs = |current: bool| status.iter().filter(|kek| kek.is_current == current).map(|kek| kek.blobs).sum::<u64>();
    assert_eq!((blobs(true), blobs(false)), (2, 1), "{status:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_the_server_and_put_back_while_none_runs() {
    let folder = tempfile::tempdir().unwrap();
    // The folder is made with the first backup.
    let folder = folder.path().join("kept/here");
    let path = folder.to_str().unwrap().to_owned();
    let app = TestApp::start_with(50, &["--backup-dir", &path, "--backup-hours", "0", "--backup-keep", "3"]).await;
    app.lead_with_keys(&[7]).await;
    let admin = app.signed_in("ines").await;
    assert!(admin.get("/backups").await.text.contains("No backup yet"));
    let page = admin.submit("/do/backups/make", &[]).await;
    assert!(page.text.contains("is made and checked"), "{}", page.text);
    let made: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(made.len(), 1, "{made:?}");
    let backup = &made[0];
    assert_eq!(std::fs::metadata(backup).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(backup).unwrap();
    for secret in [OLD.as_bytes(), b"sandbox-key-07"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a secret is in the backup");
    }

    // What comes after the backup is gone when it is put back.
    let lead = app.lead_with_keys(&[8]).await;
    let flags = ["--backup-dir", path.as_str()];
    let settings = config(&app.dir, &app.sandbox, &flags);
    let refused = command::restore(&settings, backup).await.unwrap_err();
    assert!(matches!(refused, RunError::InUse(_)), "{refused}");
    assert_eq!(lead.get("/keys").await.status, StatusCode::OK, "the server is as it was");
    let TestApp { sandbox, running, dir, .. } = app;
    running.stop().await;
    let other = command::restore(&config(&dir, &sandbox, &["--kek", NEW]), backup).await.unwrap_err();
    assert!(
        other.to_string().contains("nothing was changed") && other.to_string().contains("not configured"),
        "{other}"
    );
    command::restore(&settings, backup).await.unwrap();
    let running = run::start(config(&dir, &sandbox, &[])).await.unwrap();
    let base = format!("http://{}", running.address);
    let app = TestApp { sandbox, running, dir, base };
    let cookie = lead.cookie("__Host-sluice").unwrap();
    let old = app.visitor();
    old.set_cookie("__Host-sluice", &cookie);
    assert_eq!(old.get("/keys").await.status, StatusCode::SEE_OTHER, "everybody is signed out");
    let lead = app.signed_in("tomasz").await;
    let keys = lead.get("/keys").await.text;
    assert!(keys.contains(">web07</a>") && !keys.contains(">web08</a>"), "{keys}");
    assert_eq!(lead.get("/domains/bikeshop-northgate.example").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_made_by_themselves_and_a_second_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start_with(5, &["--backup-dir", folder.path().to_str().unwrap()]).await;
    let made = async {
        while std::fs::read_dir(folder.path())
            .unwrap()
            .all(|entry| entry.unwrap().path().extension().is_none_or(|ending| ending != "sqlite3"))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), made).await.expect("the first one, at the start");
    let second = run::start(config(&app.dir, &app.sandbox, &[])).await.err().unwrap();
    assert!(matches!(second, RunError::InUse(_)), "{second}");
    assert_eq!(app.visitor().get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_neither_make_nor_upgrade_a_database() {
    let sandbox = mailchannels_sandbox::Sandbox::start(mailchannels_sandbox::Options::default()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = config(&dir, &sandbox, &[]);
    let refused = async || {
        let link = UserCommand::Link { who: "Night shift".into(), admin: true };
        let copy = dir.path().join("copy.sqlite3");
        let errors = [
            command::keys(&settings, KeysCommand::Rotate).await,
            command::user(&settings, link).await,
            command::make_backup(&settings, Some(&copy)).await,
            audit_cli::verify(&settings, &[], &mut Vec::new()).await,
            audit_cli::export(&settings, &mut Vec::new()).await,
        ];
        assert!(!copy.exists());
        errors.map(|done| done.unwrap_err())
    };
    for error in refused().await {
        assert!(matches!(&error, RunError::NoDatabase(path) if *path == settings.database), "{error}");
    }
    assert!(!settings.database.exists());

    let (store, _) = run::open(&settings, settings.key_ring().unwrap()).await.unwrap();
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&settings.database);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let newest = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(newest).execute(&mut connection).await.unwrap();
    for error in refused().await {
        assert!(error.to_string().contains("start the server once"), "{error}");
    }
}

#[test]
fn the_check_of_settings_says_where_backups_go() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let check = |folder: Option<&std::path::Path>| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"));
        program.arg("check-config").env_clear().envs([("SLUICE_AUTH", "demo"), ("SLUICE_KEK", OLD)]);
        program.envs(folder.map(|folder| ("SLUICE_BACKUP_DIR", folder)));
        let said = program.output().unwrap();
        (said.status.success(), String::from_utf8([said.stdout, said.stderr].concat()).unwrap())
    };
    let (good, words) = check(None);
    assert!(good && words.contains("no backups are made: SLUICE_BACKUP_DIR is not set"), "{words}");
    let (good, words) = check(Some(&dir.path().join("later")));
    assert!(good && words.contains("/later, every 24 hours, and 14 of them stay"), "{words}");
    let (good, words) = check(Some(&file));
    assert!(!good && words.contains("/file, which can't be written to"), "{words}");
}
