//! Programs that run beside us, and what the kernel says of them (Linux).

use crate::Step;
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The kernel counts processor time in hundredths of a second, on every architecture (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
/// How long a program may take to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program that runs beside us and is ended, by its own id, when this is dropped.
pub(crate) struct Beside {
    child: Child,
    /// How long it took until it answered.
    pub(crate) ready_after: Duration,
}

impl Beside {
    /// Starts a program and waits until `path` answers 200.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, path: &str) -> Step<Self> {
        let shown = command.get_program().to_string_lossy().into_owned();
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("{shown} did not start: {error}"))?;
        let mut beside = Self { child, ready_after: Duration::ZERO };
        while !answers(address, path) {
            if let Ok(Some(status)) = beside.child.try_wait() {
                return Err(format!("{shown} ended at once: {status}"));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{shown} does not answer on {address}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        beside.ready_after = began.elapsed();
        Ok(beside)
    }

    /// Processor time so far, its own and the kernel's for it.
    pub(crate) fn cpu(&self) -> Step<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        ticks(&text).map(|ticks| TICK * ticks).ok_or_else(|| format!("{path} is not as expected"))
    }

    /// A line of its memory, in megabytes: `Rss` or `Pss` now.
    pub(crate) fn memory(&self, what: &str) -> Step<f64> {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        kilobytes(&text, what).map(|kb| kb / 1024.0).ok_or_else(|| format!("{path} has no {what}"))
    }

    /// The most memory it ever had, in megabytes.
    pub(crate) fn memory_peak(&self) -> Step<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        kilobytes(&text, "VmHWM").map(|kb| kb / 1024.0).ok_or_else(|| format!("{path} has no VmHWM"))
    }

    /// Waits until it does nothing: less than a fiftieth of a processor over two seconds.
    pub(crate) async fn settle(&self) -> Step {
        let began = Instant::now();
        let mut before = self.cpu()?;
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let now = self.cpu()?;
            if now.saturating_sub(before) <= 4 * TICK {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("process {} does not come to rest", self.child.id()));
            }
            before = now;
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Asked politely first, so that it can finish what it writes.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of `/proc/<pid>/stat`, in ticks. The name in it may hold anything, also `)`.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some(user.parse::<u32>().ok()? + system.parse::<u32>().ok()?)
}

/// The line `what:  123 kB`.
fn kilobytes(text: &str, what: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == what)
        .and_then(|(_, value)| value.split_ascii_whitespace().next()?.parse().ok())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head)?;
        Ok(&head[9..] == b"200")
    };
    ask().unwrap_or(false)
}

/// An address that is free now.
pub(crate) fn free_address() -> Step<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "4711 (a) b c) S 1 4711 4711 0 -1 4194560 900 0 0 0 123 45 0 0 20 0 9 0 100 1 2 3";
        assert_eq!(ticks(stat), Some(168));
        assert_eq!(ticks("nonsense"), None);
        let rollup = "55f0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:   61440 kB\nPss:   60000 kB\nPss_Anon: 1 kB\n";
        assert_eq!(kilobytes(rollup, "Rss"), Some(61_440.0));
        assert_eq!(kilobytes(rollup, "Swap"), None);
    }
}
