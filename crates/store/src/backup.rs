//! Copies of the database, made while it is used, and putting one back.

mod restore;

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Result, Store, StoreError};

pub use restore::NotRestorable;

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// An empty file that only its owner reads; refuses one that is there.
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Where a file is.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Beside a path: the same name with more behind it.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

async fn integrity(connection: &mut SqliteConnection) -> Result<Option<String>> {
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut *connection).await?;
    Ok((said != ["ok"]).then(|| said.join("; ")))
}

impl Store {
    /// Makes a consistent copy while the database is used: one file, readable by its owner only, checked, and under its
    /// name only when it is whole and on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a file of that name is there or the disk is full; no half copy stays.
    pub async fn copy_to(&self, path: &Path) -> Result<Copied> {
        if path.exists() {
            return Err(StoreError::Io(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists")));
        }
        let partial = beside(path, ".partial");
        let _ = fs::remove_file(&partial);
        let done = self.copy(&partial, path).await;
        if done.is_err() {
            let _ = fs::remove_file(&partial);
        }
        done
    }

    async fn copy(&self, partial: &Path, path: &Path) -> Result<Copied> {
        drop(create_private(partial).map_err(StoreError::Io)?);
        let name = partial.to_str().ok_or(StoreError::Io(io::Error::other("the name of the file is no text")))?;
        // A connection of its own: readers may not write, not even elsewhere, and the writer has to go on.
        let mut connection = SqliteConnectOptions::new().filename(self.path()).read_only(true).connect().await?;
        let copied = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut connection).await;
        let _ = connection.close().await;
        copied?;
        let mut copy = SqliteConnectOptions::new().filename(partial).read_only(true).connect().await?;
        let wrong = integrity(&mut copy).await?;
        let _ = copy.close().await;
        if wrong.is_some() {
            return Err(StoreError::Corrupt);
        }
        let finish = || -> io::Result<u64> {
            sync(partial)?;
            fs::rename(partial, path)?;
            sync(folder_of(path))?;
            Ok(fs::metadata(path)?.len())
        };
        Ok(Copied { path: path.to_owned(), bytes: finish().map_err(StoreError::Io)? })
    }
}

#[cfg(test)]
mod tests;
