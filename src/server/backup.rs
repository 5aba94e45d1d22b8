//! Backups: made while people work, checked, kept for a while. And the lock that says that a database is used.

use crate::server::run::RunError;
use desk::{Desk, system_clock};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use store::Copied;

/// What our backups' names begin and end with; between them is the time.
const NAME: (&str, &str) = ("sluice-", ".sqlite3");
/// How often the schedule looks whether a backup is due.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// Where backups go, how often, and how many stay.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    /// The folder; without one there is no schedule and no button.
    pub folder: Option<PathBuf>,
    /// Hours between two.
    pub hours: u32,
    /// How many stay; at least one.
    pub keep: usize,
}

/// A backup that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file's name.
    pub name: String,
    /// When it was made, unix milliseconds.
    pub at: i64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// The name of a backup made at a time. Names sort by time.
fn name_of(now: i64) -> String {
    let at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(TimeZone::UTC);
    format!("{}{}{}", NAME.0, at.strftime("%Y%m%dT%H%M%SZ"), NAME.1)
}

/// When a backup of that name was made; `None` for a file that is none of ours, which is never touched.
fn time_of(name: &str) -> Option<i64> {
    let text = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?.strip_suffix('Z')?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text).ok()?;
    let at = at.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    (name_of(at) == name).then_some(at)
}

/// Whether the next backup is due.
fn is_due(last: Option<i64>, hours: u32, now: i64) -> bool {
    // A clock that was set back doesn't stop backups for long.
    last.is_none_or(|last| now - last >= i64::from(hours) * 3_600_000 || last - now > 3_600_000)
}

impl Backups {
    /// The backups that are there, newest first.
    pub fn list(&self) -> io::Result<Vec<Backup>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let entries = match fs::read_dir(folder) {
            // It is made with the first backup.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(at) = time_of(&name) {
                found.push(Backup { name, at, bytes: entry.metadata()?.len() });
            }
        }
        found.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(found)
    }

    /// Makes one now, and drops the oldest above the number that stays. `who` is for the audit log.
    pub async fn make(&self, desk: &Desk, asker: &desk::Asker) -> Result<Copied, RunError> {
        let folder = self.folder.as_ref().ok_or_else(|| RunError::Command("SLUICE_BACKUP_DIR is not set".into()))?;
        // Whoever can read it has everything but the key-encryption key.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| RunError::Folder { path: folder.clone(), source })?;
        let copied = make(desk, asker, &folder.join(name_of(desk.now_ms()))).await?;
        if let Err(error) = self.prune() {
            tracing::warn!(%error, "old backups could not be deleted");
        }
        Ok(copied)
    }

    fn prune(&self) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for old in self.list()?.into_iter().skip(self.keep.max(1)) {
            fs::remove_file(folder.join(old.name))?;
        }
        Ok(())
    }

    /// Makes backups on schedule, until it is dropped.
    pub async fn keep(&self, desk: &Desk) {
        if self.folder.is_none() || self.hours == 0 {
            return std::future::pending().await;
        }
        let asker = desk::the_schedule();
        loop {
            let last = self.list().map(|found| found.first().map(|backup| backup.at));
            match last {
                Ok(last) if is_due(last, self.hours, system_clock()) => match self.make(desk, &asker).await {
                    Ok(copied) => tracing::info!(file = %copied.path.display(), bytes = copied.bytes, "backup made"),
                    Err(error) => tracing::error!(%error, "a backup could not be made"),
                },
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the folder of backups can't be read"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Makes a backup at a path.
pub async fn make(desk: &Desk, asker: &desk::Asker, path: &Path) -> Result<Copied, RunError> {
    let failed = |source| RunError::Store { path: path.display().to_string(), source };
    desk.back_up(asker, path).await.map_err(failed)
}

/// The lock of a database: who serves holds it, and who puts a backup back wants it.
#[derive(Debug)]
pub struct DatabaseLock(#[expect(dead_code, reason = "it is held")] File);

/// Takes the lock of a database, or says that another program has it.
pub fn lock(database: &Path) -> Result<DatabaseLock, RunError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let failed = |source: io::Error| RunError::Lock { path: path.clone(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(DatabaseLock(file)),
        Err(TryLockError::WouldBlock) => Err(RunError::InUse(database.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_sort_so() {
        let (one, two) = (name_of(1_790_000_000_000), name_of(1_790_000_001_000));
        assert_eq!(one, "sluice-20260921T141320Z.sqlite3");
        assert!(one < two);
        assert_eq!(time_of(&one), Some(1_790_000_000_000));
        for other in [
            "sluice.sqlite3",
            "sluice-x.sqlite3",
            "sluice-20260921T141320Z.sqlite3.partial",
            "sluice-20269921T141320Z.sqlite3",
            "",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_backup_is_due_after_so_many_hours() {
        let hour = 3_600_000;
        assert!(is_due(None, 24, 0));
        assert!(!is_due(Some(0), 24, 24 * hour - 1));
        assert!(is_due(Some(0), 24, 24 * hour));
        assert!(is_due(Some(100 * hour), 24, 0), "the clock was set back");
    }

    #[test]
    fn a_database_has_one_holder() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.sqlite3");
        let first = lock(&database).unwrap();
        assert!(matches!(lock(&database), Err(RunError::InUse(_))));
        drop(first);
        assert!(lock(&database).is_ok());
    }

    #[test]
    fn the_oldest_go_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups { folder: Some(folder.path().into()), hours: 24, keep: 2 };
        for number in 0..4 {
            fs::write(folder.path().join(name_of(1_790_000_000_000 + number * 1_000)), "x").unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        backups.prune().unwrap();
        let left: Vec<_> = backups.list().unwrap().into_iter().map(|backup| backup.at).collect();
        assert_eq!(left, [1_790_000_003_000, 1_790_000_002_000]);
        assert!(folder.path().join("notes.txt").exists());
    }
}
