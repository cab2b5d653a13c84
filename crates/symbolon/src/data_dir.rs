//! The data directory: what lies where, and who may have it.
//!
//! | file | what | mode |
//! |---|---|---|
//! | `symbolon.db` | everything that is stored, secrets encrypted | 0600 |
//! | `wrapping.key` | the key that the secrets are encrypted under | 0600 |
//! | `administrator.json` | the administrator's key and certificate | 0600 |
//! | `endpoints.json` | where the parts of the last start listen | 0644 |
//! | `ca.pem` | the local CA's certificate | 0644 |
//! | `ca-bundle.pem` | the system's roots and the local CA together | 0644 |
//! | `lock` | held by the process that uses the directory | 0600 |

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

/// A data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

/// Proof that this process alone uses a data directory; released when dropped.
pub(crate) struct Lock {
    _file: File,
}

impl DataDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("symbolon.db")
    }

    pub(crate) fn wrapping_key(&self) -> PathBuf {
        self.0.join("wrapping.key")
    }

    pub(crate) fn administrator(&self) -> PathBuf {
        self.0.join("administrator.json")
    }

    pub(crate) fn endpoints(&self) -> PathBuf {
        self.0.join("endpoints.json")
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(crate) fn ca_bundle(&self) -> PathBuf {
        self.0.join("ca-bundle.pem")
    }

    /// Creates the directory with mode 0700 where it is missing, and takes its lock.
    ///
    /// # Errors
    /// When it cannot be created, or another process holds the lock.
    pub(crate) fn lock(&self) -> Result<Lock> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .with_context(|| format!("the data directory `{}` cannot be created", self.0.display()))?;
        self.check_owner()?;
        let path = self.0.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // Never through a link: the file is emptied below.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .with_context(|| format!("the data directory `{}` cannot be written", self.0.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only a hint for the reader of the message: an unreadable file changes nothing.
                let _ = file.read_to_string(&mut holder);
                bail!(
                    "the data directory `{}` is in use by another `symbolon up` (process {}): stop that one, or choose another directory with --data-dir",
                    self.0.display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("`{}` cannot be locked", path.display()));
            }
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Lock { _file: file })
    }
}

impl DataDir {
    /// A database that is gone while the administrator is there was lost: to start anew without a
    /// word would hand out another tenant and another CA under the old name. A start that was cut
    /// off before it had made an administrator is no loss.
    ///
    /// # Errors
    /// When the database was lost.
    pub(crate) fn check_database(&self) -> Result<()> {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
        let is_empty = size(self.database()) == 0 && size(self.0.join("symbolon.db-wal")) == 0;
        if is_empty && self.administrator().exists() {
            bail!(
                "the database `{}` is missing or empty, though this directory holds an installation: put it back from a backup, or remove the directory to start anew",
                self.database().display()
            );
        }
        Ok(())
    }

    /// Who else could write the directory could put another database or another key in place.
    fn check_owner(&self) -> Result<()> {
        let found = fs::metadata(&self.0).with_context(|| format!("`{}` cannot be read", self.0.display()))?;
        let me = rustix::process::getuid().as_raw();
        if found.uid() != me {
            bail!("the data directory `{}` belongs to user {}, expected {me}", self.0.display(), found.uid());
        }
        if found.mode() & 0o022 != 0 {
            bail!(
                "the data directory `{}` can be written by others (mode {:04o}): mend it with `chmod go-w {0}`",
                self.0.display(),
                found.mode() & 0o7777
            );
        }
        Ok(())
    }
}

/// Writes a file as a whole: a reader sees the old or the new one, never half of it, and after a
/// crash one of them is there. A file that has these contents and this mode already is left alone.
pub(crate) fn write_atomically(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let unchanged = fs::metadata(path).is_ok_and(|found| found.mode() & 0o777 == mode)
        && fs::read(path).map(Zeroizing::new).is_ok_and(|found| found.as_slice() == contents);
    if unchanged {
        // A restart on a full disk must not fail for want of what is there already.
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Where data lies when the command line does not say: `$SYMBOLON_DATA_DIR`, else
/// `$XDG_DATA_HOME/symbolon`, else `~/.local/share/symbolon`, else a folder in the current
/// directory. A variable that is set to nothing counts as not set.
pub(crate) fn default_path() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = from("SYMBOLON_DATA_DIR") {
        return named;
    }
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from("symbolon-data"), |base| base.join("symbolon"))
}

/// The administrator that `$SYMBOLON_ADMINISTRATOR` names, where the command line names none.
pub(crate) fn administrator_from_environment() -> Option<PathBuf> {
    std::env::var_os("SYMBOLON_ADMINISTRATOR").filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused_until_it_is_free() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::new(temporary.path().join("data"));
        let first = directory.lock().unwrap();
        let message = directory.lock().err().unwrap().to_string();
        assert!(message.contains("is in use by another `symbolon up`"), "{message}");
        assert!(message.contains(&std::process::id().to_string()), "{message}");
        drop(first);
        assert!(directory.lock().is_ok());
    }

    #[test]
    fn a_lost_database_is_not_replaced_by_a_new_one() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::new(temporary.path().to_owned());
        assert!(directory.check_database().is_ok());
        fs::write(directory.administrator(), "{}").unwrap();
        let message = directory.check_database().unwrap_err().to_string();
        assert!(message.contains("is missing or empty"), "{message}");
        fs::write(directory.database(), "SQLite").unwrap();
        assert!(directory.check_database().is_ok());
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let directory = DataDir::new(temporary.path().to_owned());
        let message = directory.lock().err().unwrap().to_string();
        assert!(message.contains("can be written by others (mode 0777)"), "{message}");
    }

    #[test]
    fn the_directory_is_for_its_owner_only() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::new(temporary.path().join("data"));
        let _lock = directory.lock().unwrap();
        let mode = fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_with_its_mode() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("f");
        write_atomically(&path, b"one", 0o600).unwrap();
        write_atomically(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    }
}
