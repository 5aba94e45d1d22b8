use super::*;
use crate::{
    AuditHead, NewSession, TokenHash,
    backup::tests::{files, ring, unlocked},
    testing::{Fixture, add_sealed, job},
};
use vault::Kek;

/// A job in each state that one can be in when a backup is made, with its number.
async fn job_of_each_state(store: &Store, owner: &str) -> Vec<(&'static str, i64)> {
    let mut jobs = Vec::new();
    for state in ["running", "queued", "planned", "cancelled"] {
        let (number, _) = store.create_job(&job(owner, state), &[]).await.unwrap();
        if state != "planned" {
            store.confirm_job(owner, number, "r", 1).await.unwrap();
        }
        match state {
            "running" => assert!(store.claim_job("me", 1, 100).await.unwrap().is_some()),
            "cancelled" => assert!(store.cancel_job(owner, number, 2).await.unwrap()),
            _ => {}
        }
        jobs.push((state, number));
    }
    jobs
}

/// The database of a program that was killed, at a path: the last change is in the log beside it only.
async fn killed(fixture: &Fixture, to: &Path) {
    fixture.store.checkpoint().await.unwrap();
    fixture.person("last").await;
    fs::copy(fixture.path(), to).unwrap();
    fs::copy(beside(&fixture.path(), "-wal"), beside(to, "-wal")).unwrap();
}

async fn names(path: &Path) -> Vec<String> {
    let store = Store::open(path).await.unwrap();
    let mut names: Vec<_> = store.people(0).await.unwrap().into_iter().map(|listed| listed.person.name).collect();
    names.sort();
    store.close().await;
    names
}

#[tokio::test]
async fn a_copy_is_put_back_and_what_was_there_is_kept() {
    let mut fixture = unlocked().await;
    let ann = fixture.person("ann").await;
    let session = NewSession {
        hash: TokenHash::of("t"),
        name: "t",
        person_id: &ann,
        epoch: 0,
        mode: "oidc",
        proved_at: 0,
        device: "",
        address: "",
        provider_session: None,
        hint: None,
        now: 1,
    };
    fixture.store.begin_session(&session).await.unwrap();
    // One job waits, one runs, one is a plan, and one has ended.
    let jobs = job_of_each_state(&fixture.store, &ann).await;
    let copy = fixture.directory.path().join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    fixture.person("bob").await;
    fixture.store.close().await;
    let kept = Store::restore(&copy, &fixture.path(), &ring(1), 77).await.unwrap().unwrap();
    assert!(kept.exists() && kept.to_str().unwrap().ends_with(".before-restore-77"));
    fixture.reopen().await;
    fixture.store.unlock(&ring(1), 2).await.unwrap();
    let people = fixture.store.people(0).await.unwrap();
    assert_eq!(people.iter().map(|listed| listed.person.name.as_str()).collect::<Vec<_>>(), ["ann"]);
    assert!(fixture.store.session(TokenHash::of("t"), 1).await.unwrap().is_none(), "everybody is signed out");
    for (state, number) in jobs {
        let job = fixture.store.job(&ann, number).await.unwrap().unwrap();
        if ["queued", "running"].contains(&state) {
            assert_eq!((job.state.as_str(), job.lease_by, job.lease_until), ("paused", None, 0), "{state}");
            assert_eq!(job.why_what.as_deref(), Some("A backup was put back."));
            assert!(job.why_next.unwrap().ends_with("Then let it go on."));
        } else {
            assert_eq!((job.state.as_str(), job.why_what), (state, None));
        }
    }
    assert!(fixture.store.claim_job("me", 1_000, 2_000).await.unwrap().is_none(), "nothing goes on by itself");
    let before = Store::open(&kept).await.unwrap();
    assert_eq!(before.people(0).await.unwrap().len(), 2);
    before.close().await;
    let no_heads: [AuditHead; 0] = [];
    let key = fixture.store.unlock_to_read(&ring(1)).await.unwrap().audit_key();
    fixture.store.verify_audit(&key, &no_heads).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_not_put_back_and_nothing_changes() {
    let fixture = unlocked().await;
    fixture.person("ann").await;
    let folder = fixture.directory.path();
    let copy = folder.join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    fixture.store.close().await;
    let before = fs::read(fixture.path()).unwrap();
    let restore =
        async |copy: &Path, byte: u8| Store::restore(copy, &fixture.path(), &ring(byte), 1).await.unwrap_err();

    assert!(matches!(restore(&copy, 2).await, NotRestorable::Kek { .. }));
    let text = folder.join("text");
    fs::write(&text, "no database at all").unwrap();
    assert!(matches!(restore(&text, 1).await, NotRestorable::Damaged { .. }));
    let newer = folder.join("newer.sqlite3");
    fs::copy(&copy, &newer).unwrap();
    let mut connection = SqliteConnectOptions::new().filename(&newer).connect().await.unwrap();
    sqlx::query(
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    assert!(matches!(restore(&newer, 1).await, NotRestorable::Newer { found: 9999, .. }));
    let torn = folder.join("torn.sqlite3");
    let whole = fs::read(&copy).unwrap();
    let mut bytes = whole.clone();
    let middle = whole.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(&torn, bytes).unwrap();
    assert!(matches!(restore(&torn, 1).await, NotRestorable::Damaged { .. } | NotRestorable::Store(_)));
    assert!(matches!(restore(&folder.join("nothing"), 1).await, NotRestorable::File { .. }));
    assert_eq!(fs::read(fixture.path()).unwrap(), before, "what was there is as it was");
    assert!(!files(folder).iter().any(|name| name.contains("restor")), "{:?}", files(folder));
}

/// A copy, in its folder, and another folder with what a kill left of the database `x.sqlite3` after that.
async fn copied_and_killed() -> ((tempfile::TempDir, PathBuf), tempfile::TempDir) {
    let fixture = unlocked().await;
    fixture.person("ann").await;
    let copy = fixture.directory.path().join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    killed(&fixture, &place.path().join("x.sqlite3")).await;
    ((fixture.directory, copy), place)
}

#[tokio::test]
async fn what_waited_in_the_old_log_is_in_what_is_kept() {
    let ((_folder, copy), place) = copied_and_killed().await;
    let database = place.path().join("x.sqlite3");
    // A restore that was killed, too, left its own: no part of this one.
    fs::copy(&database, beside(&database, ".restoring")).unwrap();
    fs::copy(beside(&database, "-wal"), beside(&database, ".restoring-wal")).unwrap();
    let kept = Store::restore(&copy, &database, &ring(1), 77).await.unwrap().unwrap();
    let beside_them: Vec<_> = files(place.path());
    assert_eq!(beside_them, ["x.sqlite3", "x.sqlite3.before-restore-77"], "one whole file each");
    assert_eq!(names(&database).await, ["ann"]);
    assert_eq!(names(&kept).await, ["ann", "last"]);
}

#[tokio::test]
async fn a_log_without_its_database_is_no_part_of_what_is_put_back() {
    let ((_folder, copy), place) = copied_and_killed().await;
    let database = place.path().join("x.sqlite3");
    fs::remove_file(&database).unwrap();
    let log = fs::read(beside(&database, "-wal")).unwrap();
    assert_eq!(Store::restore(&copy, &database, &ring(1), 77).await.unwrap(), None);
    assert_eq!(names(&database).await, ["ann"]);
    assert_eq!(fs::read(beside(&database, ".before-restore-77-wal")).unwrap(), log, "nothing is thrown away");
}

#[tokio::test]
async fn a_damaged_database_is_kept_as_it_is_with_its_log() {
    let fixture = unlocked().await;
    let copy = fixture.directory.path().join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    for damage in [&b"no database at all"[..], b""] {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("x.sqlite3");
        killed(&fixture, &database).await;
        fs::write(&database, damage).unwrap();
        let log = fs::read(beside(&database, "-wal")).unwrap();
        let kept = Store::restore(&copy, &database, &ring(1), 77).await.unwrap().unwrap();
        assert_eq!(fs::read(&kept).unwrap(), damage);
        assert_eq!(fs::read(beside(&kept, "-wal")).unwrap(), log);
        assert!(names(&database).await.is_empty());
    }
}

#[tokio::test]
async fn an_exchange_that_fails_is_not_called_nothing() {
    let fixture = unlocked().await;
    let copy = fixture.directory.path().join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let database = place.path().join("x.sqlite3");
    fs::write(beside(&database, "-wal"), "x").unwrap();
    fs::create_dir(beside(&database, ".before-restore-77-wal")).unwrap();
    let error = Store::restore(&copy, &database, &ring(1), 77).await.unwrap_err();
    assert!(error.is_halfway() && error.to_string().contains("put the backup back again"), "{error}");
    // Before that, a name that is taken changes nothing.
    fs::write(&database, "x").unwrap();
    fs::write(beside(&database, ".before-restore-78"), "y").unwrap();
    let error = Store::restore(&copy, &database, &ring(1), 78).await.unwrap_err();
    assert!(matches!(error, NotRestorable::File { .. }) && !error.is_halfway(), "{error}");
    assert_eq!(fs::read(&database).unwrap(), b"x");
    assert_eq!(fs::read(beside(&database, ".before-restore-78")).unwrap(), b"y");
    assert!(!beside(&database, ".restoring").exists());
}

#[tokio::test]
async fn where_there_are_no_links_a_copy_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::write(&from, "x").unwrap();
    copy_whole(&from, &to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"x");
    fs::write(&from, "y").unwrap();
    assert!(copy_whole(&from, &to).is_err() && keep(&from, &to).is_err(), "nothing is written over");
    assert_eq!(fs::read(&to).unwrap(), b"x");
}

#[tokio::test]
async fn every_key_that_something_is_under_must_be_at_hand() {
    let fixture = unlocked().await;
    let store = &fixture.store;
    let owner = fixture.person("ann").await;
    let folder = fixture.directory.path();
    let database = folder.join("elsewhere.sqlite3");
    let missed = async |copy: &Path| match Store::restore(copy, &database, &ring(1), 1).await {
        Err(NotRestorable::Kek { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    let kek = |byte: u8| Kek::from_bytes([byte; 32]);

    // Of a rotation that was broken off: nothing is under the second one yet, but it is registered.
    let registered = folder.join("registered.sqlite3");
    store.unlock(&KeyRing::new(kek(2), vec![kek(1)]), 2).await.unwrap();
    store.copy_to(&registered).await.unwrap();
    assert_eq!(missed(&registered).await, kek(2).id().to_string());

    // And one that only a row names.
    store.sql("DELETE FROM keks WHERE kek_id = ?1").bind(kek(2).id().to_string()).execute(store.write()).await.unwrap();
    add_sealed(store, &ring(3), &owner).await;
    let named = folder.join("named.sqlite3");
    store.copy_to(&named).await.unwrap();
    assert_eq!(missed(&named).await, kek(3).id().to_string());
    assert!(!database.exists());
    Store::restore(&named, &database, &KeyRing::new(kek(1), vec![kek(3)]), 1).await.unwrap();

    // Another key under the right id.
    let wrong = ring(2).check_value(kek(2).id()).unwrap();
    store.sql("UPDATE keks SET check_value = ?1").bind(wrong).execute(store.write()).await.unwrap();
    let forged = folder.join("forged.sqlite3");
    store.copy_to(&forged).await.unwrap();
    let error = Store::restore(&forged, &database, &KeyRing::new(kek(1), vec![kek(3)]), 1).await.unwrap_err();
    assert!(matches!(error, NotRestorable::Damaged { .. }), "{error}");
}
