//! Bare roots: a Debian that holds nothing yet, and programs that run in a folder as if it were all there is.

use crate::{
    Step,
    proc::{apt, run, there},
    target,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The Debian that Sluice is promised to run on, at the oldest.
const RELEASE: &str = "bookworm";
/// Enters a root: the kernel's file systems, then the command.
const ENTER: &str = r#"
root=$1; shift
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
exec /usr/sbin/chroot "$root" "$@"
"#;
/// Enters a root as a container engine does with `read_only`, `cap_drop: [ALL]` and `no-new-privileges`, as the image's
/// user. The three capabilities left in the bounding set are what entering itself takes; the program gets none of them.
const CONFINE: &str = r#"
root=$1 data=$2 secrets=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
mount --bind "$data" "$root/data"
mount --bind "$secrets" "$root/run/secrets"
mount -o remount,ro,bind "$root/run/secrets"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+setuid,+setgid,+sys_chroot \
  /usr/sbin/chroot --userspec=10001:10001 --groups=10001 "$root" "$@"
"#;
/// The user of the image.
pub(crate) const USER: u32 = 10_001;

/// A root, by its folder.
pub(crate) struct Bare(pub(crate) PathBuf);

impl Bare {
    /// A fresh Debian in `target/bare/`, with nothing beyond what makes it one, and these packages.
    pub(crate) fn debian(name: &str, packages: &[&str]) -> Step<Self> {
        let root = folder(name)?;
        if !there("debootstrap") {
            apt(&["debootstrap"])?;
        }
        println!("A fresh Debian ({RELEASE}) in {} …", root.display());
        let mut command = Command::new("debootstrap");
        command.arg("--variant=minbase");
        if !packages.is_empty() {
            command.arg(format!("--include={}", packages.join(",")));
        }
        let done = command.arg(RELEASE).arg(&root).output().map_err(|error| format!("debootstrap: {error}"))?;
        if !done.status.success() {
            return Err(format!("debootstrap failed:\n{}", String::from_utf8_lossy(&done.stdout)));
        }
        let bare = Self(root);
        bare.know_itself()?;
        Ok(bare)
    }

    /// What installers and engines write for every machine.
    pub(crate) fn know_itself(&self) -> Step {
        fs::write(self.0.join("etc/hosts"), "127.0.0.1 localhost\n").map_err(|error| error.to_string())
    }

    /// A command in it; its environment is what is set on it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = entering(ENTER, arguments, &[&self.0]);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    /// A command in it as a container engine runs it; its environment is what is set on it.
    pub(crate) fn confined(&self, data: &Path, secrets: &Path, arguments: &[&str]) -> Command {
        entering(CONFINE, arguments, &[&self.0, data, secrets])
    }
}

fn entering(script: &str, arguments: &[&str], folders: &[&Path]) -> Command {
    let mut command = Command::new("/usr/bin/unshare");
    command.env_clear().args(["--mount", "--", "/bin/bash", "-euc", script, "enter"]).args(folders).args(arguments);
    command
}

/// An empty folder below `target/bare/`.
pub(crate) fn folder(name: &str) -> Step<PathBuf> {
    let folder = target().join("bare").join(name);
    if folder.exists() {
        // Without asking what is mounted in it: mounts are in a name space that ended with its program.
        run(Command::new("rm").arg("-rf").arg("--one-file-system").arg(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
