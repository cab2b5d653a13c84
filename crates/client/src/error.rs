//! What can go wrong between the command line and the management plane.

use std::path::PathBuf;

use thiserror::Error;

/// Why a command could not be carried out. The texts are for the person at the keyboard.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The data directory holds no installation.
    #[error("the data directory `{}` holds no installation: start one with `symbolon up`", .0.display())]
    NoInstallation(PathBuf),
    /// A file of the data directory cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the data directory is not what it should be.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// The administrator's key cannot sign.
    #[error("the administrator's key cannot be used")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name cannot stand in a URL.
    #[error("a name is empty, `.` or `..`, expected the name of something")]
    Name,
    /// Nobody answers.
    #[error("cannot reach `{url}`: is `symbolon up` running with the data directory `{}`?", data_dir.display())]
    Unreachable {
        /// What was called.
        url: String,
        /// The data directory.
        data_dir: PathBuf,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The authority refused the administrator.
    #[error("the administrator got no token, the log of `symbolon up` says why (a full disk is one cause): {0}")]
    Refused(String),
    /// The management plane refused.
    #[error("{message} ({code})")]
    Api {
        /// The HTTP status.
        status: u16,
        /// The API's code.
        code: String,
        /// The API's text.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("`{url}` answered {status} with something unexpected: {reason}")]
    Unexpected {
        /// What was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What was wrong.
        reason: String,
    },
}

impl ClientError {
    /// Whether the thing that was asked for is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { status: 404, .. })
    }
}
