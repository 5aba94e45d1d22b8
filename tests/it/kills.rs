//! `kill -9` at fifty random points of a job: after each the database, the audit log and what is sealed are whole, and the
//! journal and the stand-in's ledger agree; in the end every row is done, once.

use crate::{
    app::{Browser, plan_number},
    crash::Server,
    kill_points::check_whole,
};
use mailchannels_sandbox::{Options, Sandbox, Seed};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

/// Kills in an ordinary test run.
const KILLS: u64 = 50;
const ROWS: usize = 1_000;

/// A number between two others that follows from a seed: a run can be repeated.
pub(crate) fn between(seed: u64, low: u64, high: u64) -> u64 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    low + (mixed >> 17) % (high - low).max(1)
}

/// How many kills of one of the four kinds: what `SLUICE_KILLS` says for all of them, or so many.
pub(crate) fn kills_or(ordinary: u64) -> u64 {
    let all = std::env::var("SLUICE_KILLS").ok().and_then(|text| text.parse::<u64>().ok());
    all.map_or(ordinary, |all| all / 4)
}

async fn signed_in(base: &str) -> Browser {
    let lead = Browser::new(base);
    lead.post("/sign-in", &[("person", "tomasz")]).await;
    lead
}

/// A command of the program on a database.
fn run(database: &Path, kek: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(arguments)
        .env_clear()
        .env("SLUICE_DATABASE", database)
        .env("SLUICE_KEK_FILE", kek)
        .output()
        .unwrap()
}

/// Domains that the stand-in has deprovisioned, and how often.
fn changes(sandbox: &Sandbox) -> HashMap<String, usize> {
    let mut changes: HashMap<String, usize> = HashMap::new();
    for entry in sandbox.control().ledger() {
        if entry.operation == "deprovision" && entry.changed {
            *changes.entry(entry.path.rsplit('/').next().unwrap().to_owned()).or_default() += 1;
        }
    }
    changes
}

/// What a killed server has left, looked at in a copy, so that the next one finds it as the kill left it. Returns whether
/// the job was still under way.
async fn check_left(dir: &Path, sandbox: &Sandbox, number: &str, what: &str) -> bool {
    let copy = tempfile::tempdir().unwrap();
    let database = copy.path().join("sluice.sqlite3");
    for more in ["", "-wal"] {
        let name = format!("sluice.sqlite3{more}");
        if dir.join(&name).exists() {
            fs::copy(dir.join(&name), copy.path().join(&name)).unwrap();
        }
    }
    // Before the journal: what arrives at the stand-in after that is on its way by the journal.
    let changed = changes(sandbox);
    check_whole(&database, |arguments| run(&database, &dir.join("kek"), arguments), what).await;
    let mut connection = SqliteConnectOptions::new().filename(&database).connect().await.unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT object, state FROM job_rows WHERE job = ?1")
        .bind(number.parse::<i64>().unwrap())
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let in_state = |wanted: &[&str]| -> HashSet<&str> {
        rows.iter().filter(|(_, state)| wanted.contains(&state.as_str())).map(|(object, _)| object.as_str()).collect()
    };
    for name in in_state(&["done"]) {
        assert!(changed.contains_key(name), "{what}: {name} is done by the journal, and was not changed");
    }
    let begun = in_state(&["sent", "unknown", "done"]);
    for (name, times) in &changed {
        assert_eq!(*times, 1, "{what}: {name} was changed twice");
        assert!(begun.contains(name.as_str()), "{what}: {name} was changed, and the journal does not know");
    }
    !in_state(&["planned", "sent", "unknown"]).is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_and_double_nothing() {
    let options = Options {
        seed: Seed::Demo,
        domains: 2_400,
        rate: 10_000,
        latency: Duration::from_millis(5),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &sandbox.base_url());
    let lead = signed_in(&server.base).await;
    for key in ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"] {
        lead.add_key(&format!("web{key}"), &format!("sandbox-key-{key}")).await;
    }
    let mut names = Vec::new();
    let mut path = "/domains".to_owned();
    while names.len() < ROWS {
        let page = lead.get(&path).await.text;
        names.extend(
            page.split("name=\"pick\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
        let next =
            page.split("<a href=\"").skip(1).find(|link| link.split('>').next().unwrap().contains("rel=\"next\""));
        path = next.expect("more pages").split('"').next().unwrap().replace("&amp;", "&");
    }
    names.truncate(ROWS);
    sandbox.control().clear_ledger();
    let plan = lead.bulk("deprovision", &[("text", &names.join("\n"))]).await;
    let number = plan_number(&plan);
    lead.confirm(&plan, &ROWS.to_string()).await;

    let kills = kills_or(KILLS);
    let mut interrupted = 0;
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(between(kill + 1, 20, 260))).await;
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let under_way = check_left(dir.path(), &sandbox, &number, &format!("kill {kill}")).await;
        interrupted += u64::from(under_way);
        server = Server::start(dir.path(), &sandbox.base_url());
    }
    let lead = signed_in(&server.base).await;
    let ended = async {
        loop {
            let page = lead.get(&format!("/jobs/{number}")).await.text;
            if page.contains("Ended</span>") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), ended).await.expect("the job ends");

    let changes = changes(&sandbox);
    let results = lead.get(&format!("/jobs/{number}/results.csv")).await.text;
    let done: Vec<_> = results.lines().filter(|line| line.contains(",Deprovisioned,")).collect();
    assert_eq!(
        done.len(),
        ROWS,
        "every row is done: {}",
        results.lines().filter(|line| !line.contains("Deprovisioned")).collect::<Vec<_>>().join("\n")
    );
    for name in &names {
        assert_eq!(changes.get(name), Some(&1), "{name} was changed once");
    }
    assert_eq!(changes.len(), ROWS, "and nothing else was");

    eprintln!("killed: Bulk change of 1,000 domains | {kills} | {interrupted}");
    assert!(interrupted * 2 > kills, "{interrupted} of {kills} kills came before the end");

    // The audit log is whole, beside the running server; a killed transaction left neither a row nor a hole.
    let verified = run(&dir.path().join("sluice.sqlite3"), &dir.path().join("kek"), &["audit", "verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains("The audit log is whole: "), "{verified:?}");
}
