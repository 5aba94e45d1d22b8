//! Backups: made while people work, checked, kept for a while. And the lock that says that a database is used.

mod keeping;

use crate::server::run::RunError;
use desk::{Desk, system_clock};
use keeping::{is_due, is_left_over, name_of, superfluous, time_of};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use store::Copied;

pub use keeping::{Backup, newest};

/// How often the schedule looks whether a backup is due.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// Where backups go, how often, and how many stay.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    /// The folder; without one there is no schedule and no button.
    pub folder: Option<PathBuf>,
    /// Hours between two.
    pub hours: u32,
    /// From how many slots of time one stays, and how many of the newest; at least one.
    pub keep: usize,
}

impl Backups {
    /// The backups that are there, newest first.
    pub fn list(&self) -> io::Result<Vec<Backup>> {
        let mut found = Vec::new();
        for entry in self.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(at) = time_of(&name) {
                found.push(Backup { name, at, bytes: entry.metadata()?.len() });
            }
        }
        found.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(found)
    }

    /// What is in the folder, which is made with the first backup.
    fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>> + use<>> {
        let entries = self.folder.as_ref().map(fs::read_dir).transpose();
        let entries = match entries {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            entries => entries?,
        };
        Ok(entries.into_iter().flatten())
    }

    /// Whether backups can be written, tried with a file without a name: the folder, or what it would be made in.
    pub fn try_folder(&self) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let there = folder.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(there).map(drop)
    }

    /// Where they go, in words.
    pub fn in_words(&self) -> String {
        let Some(folder) = &self.folder else {
            return "no backups are made: SLUICE_BACKUP_DIR is not set".into();
        };
        let folder = folder.display();
        match self.hours {
            0 => format!("backups go to {folder}, made by hand only, and the newest {} stay", self.keep),
            1 => format!("backups go to {folder}, every hour, and {} of them stay", self.keep),
            hours => format!("backups go to {folder}, every {hours} hours, and {} of them stay", self.keep),
        }
    }

    /// Makes one now, and drops those that are too many.
    pub async fn make(&self, desk: &Desk, asker: &desk::Asker) -> Result<Copied, RunError> {
        let folder = self.folder.as_ref().ok_or_else(|| RunError::Command("SLUICE_BACKUP_DIR is not set".into()))?;
        // Whoever can read it has everything but the key-encryption key.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| RunError::Folder { path: folder.clone(), source })?;
        let now = desk.now_ms();
        let copied = make(desk, asker, &folder.join(name_of(now))).await?;
        if let Err(error) = self.prune(now) {
            tracing::warn!(%error, "old backups could not be deleted");
        }
        Ok(copied)
    }

    fn prune(&self, now: i64) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for name in superfluous(&self.list()?, self.keep, self.hours, now) {
            fs::remove_file(folder.join(name))?;
        }
        Ok(())
    }

    /// Deletes what backups that were killed have left.
    fn drop_left_over(&self, now: i64) -> io::Result<()> {
        for entry in self.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let written = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            if is_left_over(&name, i64::try_from(written.as_millis()).unwrap_or(i64::MAX), now) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes backups on schedule, until it is dropped.
    pub async fn keep(&self, desk: &Desk) {
        if let Err(error) = self.drop_left_over(system_clock()) {
            tracing::warn!(%error, "half backups could not be deleted");
        }
        if self.folder.is_none() || self.hours == 0 {
            return std::future::pending().await;
        }
        let asker = desk::the_schedule();
        loop {
            match self.list() {
                Ok(found) if is_due(&found, self.hours, system_clock()) => match self.make(desk, &asker).await {
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
        backups.prune(1_790_000_003_000).unwrap();
        let left: Vec<_> = backups.list().unwrap().into_iter().map(|backup| backup.at).collect();
        assert_eq!(left, [1_790_000_003_000, 1_790_000_002_000]);
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn halves_that_a_kill_left_go_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        let all = ["sluice-20260921T141320Z.sqlite3.partial", "sluice-20260921T141320Z.sqlite3", "my.partial"];
        for file in all {
            fs::write(name(file), "x").unwrap();
        }
        let backups = Backups { folder: Some(folder.path().into()), hours: 0, keep: 1 };
        backups.drop_left_over(system_clock()).unwrap();
        assert!(all.iter().all(|file| name(file).exists()), "one may still be written to");
        backups.drop_left_over(system_clock() + 2 * 3_600_000).unwrap();
        assert_eq!(all.map(|file| name(file).exists()), [false, true, true]);
        let nowhere = Backups { folder: Some(name("not/made/yet")), ..backups };
        nowhere.drop_left_over(system_clock()).unwrap();
    }

    #[test]
    fn a_folder_is_tried_before_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let backups = |path: &str| Backups { folder: Some(folder.path().join(path)), hours: 24, keep: 14 };
        backups("not/made/yet").try_folder().unwrap();
        assert!(!folder.path().join("not").exists(), "nothing is made");
        fs::write(folder.path().join("file"), "x").unwrap();
        assert!(backups("file").try_folder().is_err());
        assert!(Backups::default().in_words().contains("no backups"));
        assert!(backups("b").in_words().ends_with("/b, every 24 hours, and 14 of them stay"));
    }
}
