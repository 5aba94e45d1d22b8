//! The project's own tool: `cargo xtask demo | build | test | bench | crash | soak | fresh | image | sbom`. Needs nothing but cargo to start;
//! what a step needs beyond that it installs, or says what is missing.
#![expect(clippy::print_stdout, reason = "a tool talks to its terminal")]

mod assets;
mod bare;
mod bench;
mod crash;
mod demo;
mod fresh;
mod image;
mod lint;
mod node;
mod proc;
mod proxies;
mod sbom;
mod table;
mod test;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// A step failed; the text says which and why.
type Step<T = ()> = Result<T, String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, try, test and measure Sluice")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run Sluice in demo mode with the stand-in; Ctrl-C ends both.
    Demo(demo::Demo),
    /// Build the release binary with its browser files embedded.
    Build,
    /// Build the browser files only.
    Assets,
    /// Run the tests: all parts, or those named.
    Test(test::Test),
    /// Measure a release build and print a table.
    Bench(bench::Bench),
    /// Kill it at random points and show that nothing is lost.
    Crash(crash::Crash),
    /// Let 50 people use a release build for some minutes, at a service that fails now and then.
    Soak(bench::Soak),
    /// Follow the README in a fresh Debian, until a key is stored. As root.
    Fresh(fresh::Fresh),
    /// Build the image without Docker, and run it as an engine would. As root.
    Image(image::Image),
    /// List the crates in the binary, with licences and checksums, as `CycloneDX`.
    Sbom(sbom::Sbom),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::Build => build(),
        Task::Assets => assets::build(),
        Task::Test(test) => test.run(),
        Task::Bench(bench) => bench.run(),
        Task::Crash(crash) => crash.run(),
        Task::Soak(soak) => soak.run(),
        Task::Fresh(fresh) => fresh.run(),
        Task::Image(image) => image.run(),
        Task::Sbom(sbom) => sbom.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn build() -> Step {
    assets::build()?;
    proc::cargo(&["build", "--release", "-p", "sluice", "--bin", "sluice"])?;
    let binary = target().join("release/sluice");
    let size = std::fs::metadata(&binary).map_err(|error| format!("{}: {error}", binary.display()))?.len();
    println!("{} ({:.1} MB)", binary.display(), to_mb(size));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn to_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
