//! `kill -9` at random points of rotation, migration and backup (a bulk change has a test of its own): after each the
//! database is whole, the audit log is whole, everything sealed opens, and nothing is lost.
//!
//! `SLUICE_KILLS` says how many; `cargo xtask crash` runs 200 with the bulk change among them.

use crate::kills::{between, kills_or};
use secrecy::SecretString;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use store::{NewKey, NewPerson, Store};
use vault::{Context, Kek, KeyRing};

/// Kills of each kind in an ordinary test run.
const KILLS: u64 = 12;
/// Keys that are sealed: enough that a rotation takes a while.
const KEYS: usize = 1_500;
/// Domains in a database that is migrated.
const DOMAINS: usize = 20_000;

fn kills() -> u64 {
    kills_or(KILLS)
}

/// A database with its two key-encryption keys.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, byte) in [("old", 1_u8), ("new", 2)] {
            fs::write(dir.path().join(name), hex(byte)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("sluice.sqlite3")
    }

    /// The program with these arguments; the key is `current`, the other one is known too.
    fn command(&self, current: &str, arguments: &[&str]) -> Command {
        let other = if current == "old" { "new" } else { "old" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command
            .args(arguments)
            .env_clear()
            .env("SLUICE_DATABASE", self.database())
            .env("SLUICE_KEK_FILE", self.path(current))
            .env("SLUICE_KEK_PREVIOUS_FILES", self.path(other))
            .env("SLUICE_AUTH", "demo")
            .env("SLUICE_LISTEN", "127.0.0.1:0")
            .env("SLUICE_UPSTREAM", "http://127.0.0.1:9/")
            .env("SLUICE_MX_SECONDS", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, current: &str, arguments: &[&str]) -> Output {
        self.command(current, arguments).output().unwrap()
    }

    /// Runs it and kills it after so many milliseconds; whether it had ended by itself.
    fn kill(&self, current: &str, arguments: &[&str], after: u64) -> bool {
        let mut child = self.command(current, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        let ended = child.try_wait().unwrap().is_some();
        let _ = child.kill();
        child.wait().unwrap();
        ended
    }

    /// How long a command takes that is left alone.
    fn time(&self, current: &str, arguments: &[&str]) -> u64 {
        let began = Instant::now();
        let output = self.run(current, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        u64::try_from(began.elapsed().as_millis()).unwrap()
    }

    /// Starts the server, which alone migrates; ends it when it listens, or kills it after so many milliseconds. Returns
    /// whether it listened, and how long it ran.
    fn serve(&self, kill_after: Option<u64>) -> (bool, u64) {
        let began = Instant::now();
        let mut child = self.command("old", &["serve"]).stdout(Stdio::null()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        if let Some(after) = kill_after {
            std::thread::sleep(Duration::from_millis(after));
            child.kill().unwrap();
        }
        // The log ends with the process.
        let listened = log.lines().map_while(Result::ok).any(|line| line.contains("\"listening\""));
        let took = u64::try_from(began.elapsed().as_millis()).unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        (listened, took)
    }

    async fn check(&self, current: &str, what: &str) {
        check_whole(&self.database(), |arguments| self.run(current, arguments), what).await;
    }
}

/// The database is whole, and so is what is in it; `run` runs the program on it.
pub(crate) async fn check_whole(database: &Path, run: impl Fn(&[&str]) -> Output, what: &str) {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    for (pragma, wanted) in [("PRAGMA integrity_check", Some("ok")), ("PRAGMA foreign_key_check", None)] {
        let said: Vec<sqlx::sqlite::SqliteRow> = sqlx::query(pragma).fetch_all(&mut connection).await.unwrap();
        let first: Option<String> = said.first().and_then(|row| sqlx::Row::try_get(row, 0).ok());
        assert_eq!(first.as_deref(), wanted, "{what}: {pragma}");
    }
    connection.close().await.unwrap();
    for arguments in [["audit", "verify"], ["keys", "verify"]] {
        let output = run(&arguments);
        assert!(output.status.success(), "{what}: {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// How long the work takes, milliseconds, after one kill: a machine that was busy when the work was timed may be quicker by
/// now, and a kill that comes too late shows nothing.
fn sooner(whole: u64, ended: bool) -> u64 {
    if ended { (whole * 3 / 4).max(20) } else { whole }
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn ring(current: u8) -> KeyRing {
    KeyRing::new(Kek::from_bytes([current; 32]), vec![Kek::from_bytes([3 - current; 32])])
}

/// A database with many sealed keys; returns how many.
async fn with_keys(place: &Place) -> usize {
    let ring = ring(1);
    let store = Store::open(place.database()).await.unwrap();
    let master = store.unlock(&ring, 1).await.unwrap();
    let person = NewPerson {
        issuer: "demo",
        subject: "tomasz",
        name: "Tomasz",
        email: None,
        role: "lead",
        mapped_by: "",
        now: 1,
    };
    let owner = store.upsert_person(&person).await.unwrap().id;
    for number in 0..KEYS {
        let (id, secret) = (format!("k{number}"), SecretString::from(format!("test-key-{number}")));
        let plain = secrecy::ExposeSecret::expose_secret(&secret);
        let context = Context { table: "api_keys", column: "sealed", row: &id, owner: &owner };
        store
            .add_key(&NewKey {
                id: &id,
                owner_id: &owner,
                label: &id,
                fingerprint: &master.fingerprint(plain).full(),
                last_four: "0000",
                sealed: &ring.seal(&context, plain.as_bytes()).unwrap(),
                account_id: None,
                now: 1,
            })
            .await
            .unwrap();
    }
    store.close().await;
    KEYS
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_is_begun_again_and_loses_nothing() {
    let place = Place::new();
    with_keys(&place).await;
    let (mut current, mut next) = ("old", "new");
    let mut whole = place.time(next, &["keys", "rotate"]).max(20);
    (current, next) = (next, current);
    let mut interrupted = 0;
    for kill in 0..kills() {
        // To and fro: each time everything has to be wrapped anew.
        let ended = place.kill(next, &["keys", "rotate"], between(kill + 1, 1, whole));
        interrupted += u64::from(!ended);
        whole = sooner(whole, ended);
        place.check(next, &format!("rotation {kill}")).await;
        let output = place.run(next, &["keys", "rotate"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status = String::from_utf8_lossy(&place.run(next, &["keys", "status"]).stdout).into_owned();
        assert!(status.contains(&format!("{} sealed under it", KEYS + 1)), "kill {kill}: {status}");
        (current, next) = (next, current);
    }
    place.check(current, "in the end").await;
    eprintln!("killed: Rotation of the key-encryption key, 1,501 blobs | {} | {interrupted}", kills());
    assert!(interrupted * 2 > kills(), "{interrupted} of {} kills came before the end", kills());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_leaves_no_half_file_and_the_database_as_it_was() {
    let place = Place::new();
    with_keys(&place).await;
    let first = place.path("first.sqlite3");
    let mut whole = place.time("old", &["backup", "--to", first.to_str().unwrap()]).max(20);
    let mut interrupted = 0;
    for kill in 0..kills() {
        let path = place.path(&format!("backup-{kill}.sqlite3"));
        let ended = place.kill("old", &["backup", "--to", path.to_str().unwrap()], between(kill + 1, 1, whole));
        interrupted += u64::from(!ended);
        whole = sooner(whole, ended);
        place.check("old", &format!("backup {kill}")).await;
        if path.exists() {
            let other = Place::new();
            let restored = other.run("old", &["restore", path.to_str().unwrap()]);
            assert!(restored.status.success(), "{kill}: {}", String::from_utf8_lossy(&restored.stderr));
            other.check("old", &format!("restored {kill}")).await;
            fs::remove_file(&path).unwrap();
        }
    }
    eprintln!("killed: Backup, and each whole one put back | {} | {interrupted}", kills());
    assert!(interrupted * 2 > kills(), "{interrupted} of {} kills came before the end", kills());
}

/// A database of the first schemas, with domains in it.
async fn of_an_old_schema(database: &Path, migrations: &Path) {
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .foreign_keys(true)
        .connect()
        .await
        .unwrap();
    sqlx::migrate::Migrator::new(migrations).await.unwrap().run_direct(None, &mut connection, false).await.unwrap();
    for statement in [
        "INSERT INTO accounts (id, name) VALUES ('a', 'a')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO domains (account_id, name, display, subscription, servers, aliases, detail, synced_at)
         SELECT 'a', 'shop-' || i || '.example', 'shop-' || i || '.example', 's', 1, 0,
                '{\"admins\":[],\"servers\":[],\"aliases\":[]}', 1 FROM n",
    ] {
        sqlx::query(statement).bind(i64::try_from(DOMAINS).unwrap()).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_killed_goes_on_at_the_next_start() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let first = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&all).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.as_str() < "0004" {
            fs::copy(&path, first.path().join(name)).unwrap();
        }
    }
    let template = Place::new();
    of_an_old_schema(&template.database(), first.path()).await;
    let fresh = || {
        let place = Place::new();
        fs::copy(template.database(), place.database()).unwrap();
        place
    };
    let refused = fresh().run("old", &["keys", "status"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("start the server once"), "{words}");
    let (listened, mut whole) = fresh().serve(None);
    assert!(listened);
    let mut interrupted = 0;
    for kill in 0..kills() {
        let place = fresh();
        let (listened, _) = place.serve(Some(between(kill + 1, 1, whole.max(20))));
        interrupted += u64::from(!listened);
        whole = sooner(whole, listened);
        assert!(place.serve(None).0, "kill {kill}: the next start goes on");
        place.check("old", &format!("migration {kill}")).await;
        let mut connection = SqliteConnectOptions::new().filename(place.database()).connect().await.unwrap();
        let domains: i64 = sqlx::query_scalar("SELECT count(*) FROM domains").fetch_one(&mut connection).await.unwrap();
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM names WHERE names MATCH '\"op-\" AND \"p-7\" AND \"-7.\" AND \"7.e\"'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        assert_eq!(domains, i64::try_from(DOMAINS).unwrap(), "kill {kill}");
        assert!(found > 0, "kill {kill}: the index of names has what was there before");
        connection.close().await.unwrap();
    }
    eprintln!("killed: Migration of 20,000 domains | {} | {interrupted}", kills());
    assert!(interrupted * 2 > kills(), "{interrupted} of {} kills came before the end", kills());
}
