//! The token file of one run, in memory where the system has a runtime directory for that.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

const PREFIX: &str = "symbolon-run-";
const FILE: &str = "azure-identity-token";
const LOCK: &str = "lock";

/// A directory with a token file, both for the owner alone; removed when dropped.
pub(crate) struct TokenFile {
    directory: PathBuf,
    /// Held as long as this run lives: what the sweep goes by.
    _lock: File,
}

impl TokenFile {
    /// Writes `token` to a new file of mode 0600 in a new directory of mode 0700, and sweeps what
    /// runs that were killed left behind.
    ///
    /// # Errors
    /// When the runtime directory cannot be written.
    pub(crate) fn create(token: &str) -> Result<Self> {
        Self::create_in(&runtime_directory(), token)
    }

    fn create_in(base: &Path, token: &str) -> Result<Self> {
        sweep(base);
        let cannot = || format!("no token file can be made in `{}`", base.display());
        // The directory gets its real name only once its lock is held, so that no sweep of another
        // run can take it for a leftover.
        let fresh = tempfile::Builder::new()
            .prefix(".symbolon-new-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)
            .with_context(cannot)?;
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(fresh.path().join(LOCK))
            .with_context(cannot)?;
        lock.try_lock().with_context(cannot)?;
        let name = fresh.path().file_name().unwrap_or_default().to_string_lossy().replace(".symbolon-new-", PREFIX);
        let directory = base.join(name);
        fs::rename(fresh.path(), &directory).with_context(cannot)?;
        // Its old path is gone; there is nothing left for the guard to remove.
        let _ = fresh.keep();
        let file = Self { directory, _lock: lock };
        file.replace(token)?;
        Ok(file)
    }

    /// Where the token is.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Puts another token in its place; a reader sees the old or the new one.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn replace(&self, token: &str) -> Result<()> {
        let new = self.directory.join(".new");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(token.as_bytes())?;
            fs::rename(&new, self.path())
        };
        write().with_context(|| format!("`{}` cannot be written", self.path().display()))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("symbolon: `{}` cannot be removed, please do: {error}", self.directory.display());
        }
    }
}

/// `$XDG_RUNTIME_DIR` or `/dev/shm`, which live in memory; else the directory for temporary files.
pub(crate) fn runtime_directory() -> PathBuf {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
    let shared = PathBuf::from("/dev/shm");
    named.or_else(|| shared.is_dir().then_some(shared)).unwrap_or_else(std::env::temp_dir)
}

/// Removes directories of this user's runs whose lock nobody holds: their run was killed.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    let me = rustix::process::getuid().as_raw();
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == me);
        if !ours {
            continue;
        }
        let abandoned = File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned {
            // Another sweep may have been faster.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_for_its_owner_and_goes_with_the_run() {
        let base = tempfile::tempdir().unwrap();
        let file = TokenFile::create_in(base.path(), "one").unwrap();
        let path = file.path();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        file.replace("two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        drop(file);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn leftovers_are_swept_and_living_runs_are_not() {
        let base = tempfile::tempdir().unwrap();
        let living = TokenFile::create_in(base.path(), "living").unwrap();
        let left = base.path().join("symbolon-run-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::write(left.join(FILE), "secret").unwrap();
        let _next = TokenFile::create_in(base.path(), "next").unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_to_string(living.path()).unwrap(), "living");
    }
}
