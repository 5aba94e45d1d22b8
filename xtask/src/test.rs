//! `cargo xtask test`: every part, or those named.

use crate::{
    Step, assets, lint, node,
    proc::{self, Beside, apt, cargo, run, there},
    proxies, root, target,
};
use clap::{Args, ValueEnum};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    time::Instant,
};

/// The parts, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting.
    Fmt,
    /// Clippy for server and browser, and the rules of the house.
    Lint,
    /// Unit and property tests of every crate.
    Unit,
    /// The real router, database and stand-in over TCP.
    Integration,
    /// The alert rules, by Prometheus' own tool.
    Alerts,
    /// The stand-in against the vendor's description.
    Contract,
    /// The console in Chromium.
    Browser,
}

/// Flags of the tests.
#[derive(Args)]
pub(crate) struct Test {
    /// Parts to run; all without any.
    parts: Vec<Part>,
    /// Go on after a part failed.
    #[arg(long)]
    keep_going: bool,
}

impl Test {
    pub(crate) fn run(self) -> Step {
        let parts = if self.parts.is_empty() { Part::value_variants().to_vec() } else { self.parts };
        let mut results = Vec::new();
        for part in parts {
            println!("\n== {part:?}");
            let began = Instant::now();
            let done = part.run();
            if let Err(why) = &done {
                println!("{why}");
            }
            results.push((part, began.elapsed(), done.is_ok()));
            if done.is_err() && !self.keep_going {
                break;
            }
        }
        println!();
        for (part, took, good) in &results {
            println!(
                "{:<12} {:>5} s  {}",
                format!("{part:?}"),
                took.as_secs(),
                if *good { "passed" } else { "FAILED" }
            );
        }
        let failed = results.iter().filter(|(.., good)| !good).count();
        println!("{} passed, {failed} failed", results.len() - failed);
        if failed == 0 { Ok(()) } else { Err("some tests failed".into()) }
    }
}

impl Part {
    fn run(self) -> Step {
        match self {
            Self::Fmt => cargo(&["fmt", "--all", "--check"]),
            Self::Lint => {
                lint::run()?;
                cargo(&[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--all-features",
                    "--exclude",
                    "sluice",
                    "--",
                    "-D",
                    "warnings",
                ])?;
                cargo(&["clippy", "-p", "sluice", "--all-targets", "--", "-D", "warnings"])?;
                // A workspace of its own; without the fuzzer itself, which wants a C++ compiler.
                let (manifest, target) = (root().join("fuzz/Cargo.toml"), target().join("fuzz"));
                cargo(&[
                    "check",
                    "--no-default-features",
                    "--manifest-path",
                    &manifest.to_string_lossy(),
                    "--target-dir",
                    &target.to_string_lossy(),
                ])?;
                cargo(&[&["clippy"][..], &assets::BROWSER_CODE, &["--", "-D", "warnings"]].concat())
            }
            Self::Unit => {
                cargo(&["test", "--workspace", "--exclude", "sluice", "--all-features"])?;
                cargo(&["test", "-p", "sluice", "--lib", "--bins"])
            }
            Self::Integration => cargo(&["test", "-p", "sluice", "--test", "it"]),
            Self::Alerts => alerts(),
            Self::Contract => contract(),
            Self::Browser => browser(),
        }
    }
}

fn alerts() -> Step {
    let promtool = match env::var_os("PROMTOOL") {
        Some(path) => PathBuf::from(path),
        None if there("promtool") => "promtool".into(),
        None => proc::unpacked("prometheus", &[], "usr/bin/promtool")?,
    };
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        run(Command::new(&promtool).args(arguments).current_dir(root().join("deploy")))?;
    }
    Ok(())
}

fn contract() -> Step {
    let schema = root().join("../shared/api/inbound-api-1.2.0.json");
    if !schema.exists() {
        println!(
            "SKIPPED: the vendor's description is not part of this repository and was not found beside it ({}).",
            schema.display()
        );
        return Ok(());
    }
    let venv = target().join("venv");
    let wanted = fs::read(root().join("tests/contract/requirements.txt")).map_err(|error| error.to_string())?;
    let stamp = venv.join("installed.txt");
    if fs::read(&stamp).unwrap_or_default() != wanted {
        if !there("python3") {
            apt(&["python3", "python3-venv"])?;
        }
        let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        if make().is_err() {
            apt(&["python3-venv"])?;
            make()?;
        }
        run(Command::new(venv.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(root().join("tests/contract/requirements.txt")))?;
        fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    }
    cargo(&["build", "-p", "mailchannels-sandbox", "--bin", "mailchannels-sandbox"])?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, proc::free_port()?));
    let _sandbox = Beside::start(
        Command::new(target().join("debug/mailchannels-sandbox")).args([
            "--listen",
            &address.to_string(),
            "--seed",
            "demo",
            "--domains",
            "200",
            "--rate",
            "1000000",
        ]),
        address,
        "/_sandbox/health",
    )?;
    run(Command::new(venv.join("bin/python"))
        .arg(root().join("tests/contract/run.py"))
        .args(["--base-url", &format!("http://{address}/inbound/v1"), "--schema"])
        .arg(schema)
        .current_dir(root().join("tests/contract")))
}

fn browser() -> Step {
    node::require()?;
    node::install()?;
    let chromium = node::chromium()?;
    let nginx = proxies::install()?;
    assets::build()?;
    proc::build_both(false)?;
    let tests = root().join("end2end/tests");
    let mut files: Vec<_> = fs::read_dir(&tests)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    run(Command::new("node")
        .args(["--test", "--test-concurrency=2", "--test-reporter=spec"])
        .args(files)
        .env("CHROMIUM", chromium)
        .env("NGINX", nginx)
        .env("SLUICE_BIN", target().join("debug/sluice"))
        .env("SANDBOX_BIN", target().join("debug/mailchannels-sandbox"))
        .current_dir(root().join("end2end")))
}
