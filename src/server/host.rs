//! What the process and its disk say of themselves.

use std::{fs, path::Path, sync::Arc};

/// The process and the disk of the database.
pub struct Host {
    folder: Arc<Path>,
    started_at: i64,
}

/// A look at it. What the system does not say is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostFacts {
    /// Memory of the process that is in RAM, in bytes.
    pub memory: Option<u64>,
    /// Open files and connections.
    pub files: Option<u64>,
    /// Free bytes of the disk that has the database.
    pub disk_free: Option<u64>,
}

impl Host {
    /// A process that started then (unix milliseconds), with its database in that folder.
    pub fn new(folder: Arc<Path>, started_at: i64) -> Self {
        Self { folder, started_at }
    }

    /// When the process started, unix milliseconds.
    pub fn started_at(&self) -> i64 {
        self.started_at
    }

    /// Looks.
    pub fn look(&self) -> HostFacts {
        HostFacts {
            memory: fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)),
            files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
            disk_free: rustix::fs::statvfs(&*self.folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }
}

/// The resident memory that `/proc/self/status` tells, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        assert_eq!(resident("Name:\tsluice\nVmRSS:\t   12345 kB\nThreads:\t9\n"), Some(12_345 * 1024));
        assert_eq!(resident("VmRSS:\tmany kB"), None);
        assert_eq!(resident(""), None);
        let facts = Host::new(Path::new(".").into(), 1).look();
        assert!(facts.disk_free.is_some_and(|free| free > 0), "{facts:?}");
    }
}
