//! `kill -9` during a change: the database opens, the change is marked unknown, the mirror heals.

use crate::app::{Browser, hidden};
use mailchannels_sandbox::{Fault, FaultKind, Options, Sandbox, Seed};
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

const NAME: &str = "bikeshop-northgate.example";

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) base: String,
    /// What it has logged so far, line by line.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the real program and waits until it says where it listens.
    pub(crate) fn start(dir: &Path, upstream: &str) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_sluice")), dir, upstream, &[])
    }

    /// The same by another command, with more settings.
    pub(crate) fn start_by(mut command: Command, dir: &Path, upstream: &str, settings: &[(&str, &str)]) -> Self {
        let kek = dir.join("kek");
        std::fs::write(&kek, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff").unwrap();
        let mut child = command
            .env_clear()
            .envs([
                ("SLUICE_AUTH", "demo"),
                ("SLUICE_LISTEN", "127.0.0.1:0"),
                ("SLUICE_SYNC_SECONDS", "1"),
                ("SLUICE_MX_SECONDS", "0"),
                ("SLUICE_UPSTREAM", upstream),
            ])
            .env("SLUICE_DATABASE", dir.join("sluice.sqlite3"))
            .env("SLUICE_KEK_FILE", kek)
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sluice starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line =
            lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("listening"))).expect("it listens").unwrap();
        // Keep reading, so that a full pipe never stops the server.
        let log = Arc::new(Mutex::new(vec![line.clone()]));
        let kept = log.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
        let said: serde_json::Value = serde_json::from_str(&line).expect("JSON logs");
        let address: SocketAddr = said["fields"]["address"].as_str().unwrap().parse().unwrap();
        Self { child, base: format!("http://{address}"), log }
    }
}

impl Server {
    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_change() {
    let sandbox =
        Sandbox::start(Options { seed: Seed::Demo, domains: 200, rate: 10_000, ..Options::default() }).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &sandbox.base_url());
    let lead = Browser::new(&server.base);
    lead.post("/sign-in", &[("person", "tomasz")]).await;
    assert!(lead.add_key("web07", "sandbox-key-07").await.text.contains("is stored"));
    let page = lead.get(&format!("/domains/{NAME}")).await.text;
    let base = hidden(&page, "/do/domains/settings", "base");

    // The change is made at the service, whose answer never comes; then the power goes.
    sandbox.control().add_fault(Fault::new("put-settings", FaultKind::HangAfterChange));
    let changed = async {
        while sandbox.control().domain(NAME).unwrap()["settings"]["abusePolicy"] != "block" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let sent = lead.request(reqwest::Method::POST, "/do/domains/settings").header("origin", &server.base).form(&[
        ("name", NAME),
        ("base", base.as_str()),
        ("policy", "block"),
    ]);
    let sent = tokio::spawn(async move { sent.send().await });
    tokio::time::timeout(Duration::from_secs(20), changed).await.expect("the change reaches the service");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(sent.await.unwrap().is_err(), "the browser got no answer");
    sandbox.control().clear_faults();

    let server = Server::start(dir.path(), &sandbox.base_url());
    let lead = Browser::new(&server.base);
    lead.post("/sign-in", &[("person", "tomasz")]).await;
    let page = lead.get(&format!("/domains/{NAME}")).await.text;
    assert!(page.contains("unknown: Sluice stopped while it was under way"), "{page}");
    let healed = async {
        loop {
            let list = lead.get("/domains?q=bikeshop-northgate&policy=block").await.text;
            if list.contains("bikeshop-northgate.example</a>") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), healed).await.expect("the mirror heals by itself");
}

#[test]
fn without_a_sign_in_mode_the_server_explains_and_exits() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sluice")).env_clear().stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(said.contains("SLUICE_AUTH is not set"), "{said}");
}
