//! Running other programs: to their end, or beside us for as long as we live.

use crate::{Step, root, target};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Step {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("{shown} did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed: {status}")) }
}

/// Runs cargo in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Step {
    run(Command::new(env!("CARGO")).args(arguments).current_dir(root()))
}

/// Builds Sluice and the stand-in.
pub(crate) fn build_both(release: bool) -> Step {
    let sandbox = "mailchannels-sandbox";
    let mut build = vec!["build", "-p", "sluice", "--bin", "sluice", "-p", sandbox, "--bin", sandbox];
    if release {
        build.push("--release");
    }
    cargo(&build)
}

/// Whether a program is there.
pub(crate) fn there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Installs Debian packages, where we may.
pub(crate) fn apt(packages: &[&str]) -> Step {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !root || !there("apt-get") {
        return Err(format!("install {} first (not root on Debian, so xtask cannot)", packages.join(", ")));
    }
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(Command::new("apt-get")
        .args(["-qq", "-y", "install", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A program of a Debian package, unpacked into `target/` and not installed, because that would start a service. `needs` are
/// packages that it needs to run, and that come without one.
pub(crate) fn unpacked(package: &str, needs: &[&str], program: &str) -> Step<PathBuf> {
    let folder = target().join(package);
    let program = folder.join(program);
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    apt(needs)?;
    run(Command::new("apt-get").args(["-qq", "download", package]).current_dir(&folder))?;
    let deb = fs::read_dir(&folder)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .ok_or("apt-get downloaded no package")?;
    run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&folder))?;
    Ok(program)
}

/// A program that runs beside us, leading a process group, which is ended when this is dropped.
pub(crate) struct Beside(Child);

impl Beside {
    /// Starts it and waits until `path` answers 200.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, path: &str) -> Step<Self> {
        let shown = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().map_err(|error| format!("{shown} did not start: {error}"))?;
        let mut beside = Self(child);
        let began = Instant::now();
        while !answers(address, path) {
            if let Ok(Some(status)) = beside.0.try_wait() {
                return Err(format!("{shown} ended at once: {status}"));
            }
            if began.elapsed() > Duration::from_mins(1) {
                return Err(format!("{shown} does not answer on {address}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(beside)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub(crate) fn alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks it to end, and all that it began, and waits for that.
    pub(crate) fn end(mut self) -> Step<ExitStatus> {
        self.ask_to_end();
        self.0.wait().map_err(|error| error.to_string())
    }

    fn ask_to_end(&self) {
        let _ = Command::new("kill").args(["--", &format!("-{}", self.0.id())]).status();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.alive() {
            return;
        }
        // Asked politely first, so that it can finish what it writes.
        self.ask_to_end();
        let began = Instant::now();
        while self.alive() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head)?;
        Ok(&head[9..] == b"200")
    };
    ask().unwrap_or(false)
}

/// A port that is free now.
pub(crate) fn free_port() -> Step<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}
