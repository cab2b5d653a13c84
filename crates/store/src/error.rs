//! What can go wrong, for people and for callers.

use std::{error::Error, fmt::Display, path::PathBuf};

use symbolon_core::ports::management::StoreError;
use thiserror::Error;

/// SQLite's `SQLITE_FULL`: the disk, or the largest size that was set, is reached.
const SQLITE_FULL: u32 = 13;
/// SQLite's `SQLITE_IOERR_SHMSIZE`: the shared index beside the database cannot grow.
const SQLITE_IOERR_SHMSIZE: u32 = 4874;

/// Why a data directory cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A newer version of the program has written it.
    #[error(
        "the data directory was written by a newer version of symbolon (schema {found}, this version knows up to {supported}): use that version, or a copy from before it"
    )]
    NewerSchema {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration that this program knows.
        supported: i64,
    },
    /// The database is there, the key of its secrets is not.
    #[error(
        "the wrapping key `{}` is missing, and without it the secrets in the database cannot be read: restore it from where it was kept",
        path.display()
    )]
    WrappingKeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key is not the one that the database was made with.
    #[error(
        "the wrapping key `{}` belongs to another database: restore the one that was made with this database",
        path.display()
    )]
    WrappingKeyWrong {
        /// Where it is.
        path: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("the wrapping key `{}` is damaged: restore it from where it was kept", path.display())]
    WrappingKeyMalformed {
        /// Where it is.
        path: PathBuf,
    },
    /// Others than its owner can read or write the key file.
    #[error("the wrapping key `{}` has mode {mode:04o}, so others can reach it: run `chmod 600 {}`", path.display(), path.display())]
    Permissions {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no room for a new database or a migration.
    #[error("the disk that holds the data directory is full")]
    Full,
    /// The database failed, or holds something that this program never wrote.
    #[error("the database `{}` cannot be opened", path.display())]
    Database {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why something inside this crate did not work out.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A rule of the port forbids it.
    #[error(transparent)]
    Refused(#[from] StoreError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A row holds something that this program never wrote.
    #[error("{what} in the database cannot be read: {reason}")]
    Damaged {
        /// What kind of value.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

impl Failure {
    /// A value that cannot be read back.
    pub(crate) fn damaged(what: &'static str) -> impl Fn(&dyn Error) -> Self {
        move |error| Self::Damaged { what, reason: error.to_string() }
    }

    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Refused(error) => matches!(error, StoreError::Full),
            Self::Sql(error) => is_full(error),
            Self::Damaged { .. } => false,
        }
    }
}

/// Whether the database says that there is no room.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    // The lowest byte of an extended code is the primary one.
    code.is_some_and(|code| code & 0xff == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Sql(error) if is_full(&error) => Self::Full,
            other => Self::Database(other.into()),
        }
    }
}

/// `NotFound`, without repetition.
pub(crate) fn not_found(what: &'static str, name: impl Display) -> StoreError {
    StoreError::NotFound { what, name: name.to_string() }
}

/// `Exists`, without repetition.
pub(crate) fn exists(what: &'static str, name: impl Display) -> StoreError {
    StoreError::Exists { what, name: name.to_string() }
}
