//! What comes from npm, and the browser.

use crate::{
    Step,
    proc::{apt, run, there},
    root,
};
use std::{env, fs, path::PathBuf, process::Command};

/// Installs `end2end`'s packages when they don't match its lock file.
pub(crate) fn install() -> Step {
    let folder = root().join("end2end");
    let read = |path: PathBuf| fs::read(path).unwrap_or_default();
    let stamp = folder.join("node_modules/.installed-lock");
    let lock = read(folder.join("package-lock.json"));
    if read(stamp.clone()) == lock {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))?;
    fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Node and npm, installed where we may.
pub(crate) fn require() -> Step {
    if there("node") && there("npm") { Ok(()) } else { apt(&["nodejs", "npm"]) }
}

/// Whether Node and npm are there.
pub(crate) fn is_there() -> bool {
    there("node") && there("npm")
}

/// Chromium: from `CHROMIUM`, the PATH, or Debian.
pub(crate) fn chromium() -> Step<String> {
    if let Ok(path) = env::var("CHROMIUM") {
        return if there(&path) { Ok(path) } else { Err(format!("CHROMIUM is set to {path}, which does not run")) };
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    // The browser is started by a library that wants a whole path.
    let on_path = |name: &str| {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .map(|path| path.display().to_string())
    };
    let find = || names.into_iter().filter_map(on_path).find(|path| there(path));
    if let Some(found) = find() {
        return Ok(found);
    }
    apt(&["chromium", "fonts-liberation"])?;
    find().ok_or_else(|| "no Chromium: install it, or set CHROMIUM to its path".to_owned())
}
