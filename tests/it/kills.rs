//! `kill -9` at fifty random points of a job: after each the journal and the stand-in's ledger agree, and in the end
//! every row is done, once.

use crate::{
    app::{Browser, plan_number},
    crash::Server,
};
use mailchannels_sandbox::{Options, Sandbox, Seed};
use std::{collections::HashMap, process::Command, time::Duration};

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
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(between(kill + 1, 20, 260))).await;
        server.child.kill().unwrap();
        server.child.wait().unwrap();
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

    let mut changes: HashMap<String, usize> = HashMap::new();
    for entry in sandbox.control().ledger() {
        if entry.operation == "deprovision" && entry.changed {
            *changes.entry(entry.path.rsplit('/').next().unwrap().to_owned()).or_default() += 1;
        }
    }
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

    eprintln!("killed: Bulk change of 1,000 domains | {kills} | {kills}");

    // The audit log is whole, beside the running server; a killed transaction left neither a row nor a hole.
    let verified = Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["audit", "verify"])
        .env_clear()
        .env("SLUICE_DATABASE", dir.path().join("sluice.sqlite3"))
        .env("SLUICE_KEK_FILE", dir.path().join("kek"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains("The audit log is whole: "), "{verified:?}");
}
