//! `cargo xtask image`: the image, built from the `Dockerfile` without Docker, and run as an engine would run it.

use crate::{
    Step,
    bare::{Bare, USER, folder},
    fresh::{first_start, stand_in},
    node,
    proc::{self, Beside, apt, run, there},
    root, target, to_mb,
};
use clap::Args;
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// What the image is called here.
const TAG: &str = "localhost/sluice:check";
/// What the base that is made here is called.
const BASE: &str = "localhost/rust-slim:check";
/// Where the official base has Rust.
const CARGO: &str = "/usr/local/cargo";

/// Flags of the image's check.
#[derive(Args)]
pub(crate) struct Image {
    /// Base to build on. Without one, it is made: a fresh Debian with this machine's Rust.
    #[arg(long)]
    base: Option<String>,
    /// Run the image of the last time.
    #[arg(long)]
    built: bool,
}

/// buildah, with storage of its own.
struct Buildah(PathBuf);

impl Buildah {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.0.join("storage")).arg("--runroot").arg(self.0.join("run")).args(arguments);
        // Without the kernel's overlays and name spaces, which a build machine may not have.
        command.env("STORAGE_DRIVER", "vfs").env("BUILDAH_ISOLATION", "chroot").env("TMPDIR", self.0.join("tmp"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Step {
        run(&mut self.command(arguments))
    }

    fn says(&self, arguments: &[&str]) -> Step<String> {
        let done = self.command(arguments).output().map_err(|error| format!("buildah: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// A base as the official one is: Debian with Rust in `/usr/local/cargo`.
    fn make_base(&self) -> Step {
        let debian = Bare::debian("base", &["ca-certificates", "gcc", "libc6-dev"])?;
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().map_err(|error| error.to_string())?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
        let toolchain = sysroot.file_name().ok_or("rustc names no toolchain")?.to_string_lossy().into_owned();
        let rustup = debian.0.join("usr/local/rustup");
        let home = std::env::var("CARGO_HOME")
            .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
            .map_err(|error| error.to_string())?;
        let make = |folder: &Path| fs::create_dir_all(folder).map_err(|error| error.to_string());
        make(&rustup.join("toolchains"))?;
        make(&debian.0.join(&CARGO[1..]))?;
        run(Command::new("cp").arg("-a").arg(&sysroot).arg(rustup.join("toolchains")))?;
        run(Command::new("cp").arg("-aL").arg(format!("{home}/bin")).arg(debian.0.join(&CARGO[1..])))?;
        let settings =
            format!("version = \"12\"\ndefault_toolchain = \"{toolchain}\"\nprofile = \"minimal\"\n[overrides]\n");
        fs::write(rustup.join("settings.toml"), settings).map_err(|error| error.to_string())?;
        // Where somebody between us and the registries looks into TLS, this machine knows them.
        run(Command::new("cp")
            .args(["-aT", "/usr/local/share/ca-certificates"])
            .arg(debian.0.join("usr/local/share/ca-certificates")))?;
        run(&mut debian.command(&["update-ca-certificates"]))?;
        let from = self.says(&["from", "scratch"])?;
        self.run(&["add", "--quiet", &from, &debian.0.to_string_lossy(), "/"])?;
        let path = format!("PATH={CARGO}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let home = format!("CARGO_HOME={CARGO}");
        let trust = "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt";
        self.run(&[
            "config",
            "--env",
            "RUSTUP_HOME=/usr/local/rustup",
            "--env",
            &home,
            "--env",
            &path,
            "--env",
            trust,
            &from,
        ])?;
        self.run(&["commit", "--quiet", "--rm", &from, BASE])?;
        folder("base").map(|_| ())
    }
}

impl Image {
    pub(crate) fn run(self) -> Step {
        if !there("buildah") {
            apt(&["buildah", "debootstrap"])?;
        }
        node::require()?;
        node::install()?;
        let buildah = Buildah(target().join("image"));
        fs::create_dir_all(buildah.0.join("tmp")).map_err(|error| error.to_string())?;
        let commit = commit()?;
        if !self.built {
            self.build(&buildah, &commit)?;
        }
        let sandbox = "mailchannels-sandbox";
        proc::cargo(&["build", "-p", sandbox, "--bin", sandbox])?;
        try_it(&buildah, &commit)
    }

    /// Builds what is committed.
    fn build(&self, buildah: &Buildah, commit: &str) -> Step {
        let base = if let Some(base) = &self.base {
            base.as_str()
        } else {
            if buildah.says(&["inspect", "--type", "image", BASE]).is_err() {
                buildah.make_base()?;
            }
            BASE
        };
        let source = folder("source")?;
        let archive = format!("git archive HEAD | tar -x -C '{}'", source.display());
        run(Command::new("sh").args(["-c", &archive]).current_dir(root()))?;
        let began = Instant::now();
        let (base, commit) = (format!("BASE={base}"), format!("SLUICE_COMMIT={commit}"));
        run(buildah
            .command(&["build", "--quiet", "--format", "docker", "--build-arg", &base, "--build-arg", &commit])
            .args(["-t", TAG, "."])
            .current_dir(&source))?;
        println!("built in {} s", began.elapsed().as_secs());
        Ok(())
    }
}

fn commit() -> Step<String> {
    let said = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(root()).output();
    Ok(String::from_utf8_lossy(&said.map_err(|error| error.to_string())?.stdout).trim().to_owned())
}

/// Runs the image's root as its configuration says, and looks at what an operator would look at.
fn try_it(buildah: &Buildah, commit: &str) -> Step {
    let described: Value = serde_json::from_str(&buildah.says(&["inspect", "--type", "image", TAG])?)
        .map_err(|error| format!("the image's description: {error}"))?;
    let config = &described["Docker"]["config"];
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    expect("its user", config["User"].as_str(), &format!("{USER}:{USER}"))?;
    expect("its revision", config["Labels"]["org.opencontainers.image.revision"].as_str(), commit)?;
    let health = words(&config["Healthcheck"]["Test"]);
    let (entry, serve) = (words(&config["Entrypoint"]), words(&config["Cmd"]));

    let image = Bare(folder("image")?);
    let from = buildah.says(&["from", "--pull-never", TAG])?;
    let mounted = buildah.says(&["mount", &from])?;
    run(Command::new("cp").args(["-aT", &mounted]).arg(&image.0))?;
    buildah.run(&["rm", &from])?;
    let size = Command::new("du").args(["-sb"]).arg(&image.0).output().map_err(|error| error.to_string())?;
    let size = String::from_utf8_lossy(&size.stdout).split_whitespace().next().and_then(|size| size.parse().ok());
    println!("{:.1} MB", to_mb(size.unwrap_or_default()));
    // What an engine brings.
    for point in ["proc", "run/secrets"] {
        fs::create_dir_all(image.0.join(point)).map_err(|error| error.to_string())?;
    }
    image.know_itself()?;
    let (data, secrets) = (folder("data")?, folder("secrets")?);
    run(Command::new("chown").arg(format!("{USER}:{USER}")).arg(&data))?;
    let kek = Command::new("openssl").args(["rand", "-base64", "32"]).output().map_err(|error| error.to_string())?;
    fs::write(secrets.join("kek"), kek.stdout).map_err(|error| error.to_string())?;

    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let [sluice, upstream, dns] = [proc::free_port()?, proc::free_port()?, proc::free_port()?].map(address);
    let inside = |program: &[String], more: &[&str]| {
        let program: Vec<_> = program.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let mut command = image.confined(&data, &secrets, &program);
        command.envs(words(&config["Env"]).iter().filter_map(|pair| pair.split_once('=')));
        command
            .env("SLUICE_AUTH", "demo")
            .env("SLUICE_LISTEN", sluice.to_string())
            .env("SLUICE_KEK_FILE", "/run/secrets/kek")
            .env("SLUICE_UPSTREAM", format!("http://{upstream}/inbound/v1"))
            .env("SLUICE_MX_RESOLVER", dns.to_string());
        command
    };
    let [_, check @ ..] = health.as_slice() else { return Err("the image has no health check".into()) };
    run(&mut inside(&entry, &["--version"]))?;
    run(&mut inside(&entry, &["check-config"]))?;
    if run(&mut inside(check, &[])).is_ok() {
        return Err("healthy before it runs".into());
    }
    let _upstream = stand_in(&target().join("debug"), upstream, dns)?;
    let serve: Vec<_> = entry.iter().chain(&serve).cloned().collect();
    let running = Beside::start(&mut inside(&serve, &[]), sluice, "/healthz")?;
    run(&mut inside(check, &[]))?;
    confined(running.id())?;
    first_start(&format!("http://{sluice}"), None)?;
    let began = Instant::now();
    let ended = running.end()?;
    if !ended.success() {
        return Err(format!("it ended with {ended}"));
    }
    println!("stopped orderly in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Whether a process is nobody in particular and may nothing in particular.
fn confined(process: u32) -> Step {
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|line| line.split_whitespace().next().unwrap_or_default())
    };
    expect("its user", of("Uid"), &USER.to_string())?;
    expect("its capabilities", of("CapEff"), "0000000000000000")?;
    expect("no new privileges", of("NoNewPrivs"), "1")
}

fn expect(what: &str, found: Option<&str>, wanted: &str) -> Step {
    println!("{what}: {}", found.unwrap_or("none"));
    if found == Some(wanted) { Ok(()) } else { Err(format!("{what}: {found:?}, not {wanted}")) }
}
