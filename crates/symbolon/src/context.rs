//! What every command is given.

#[cfg(feature = "authority")]
use std::{path::PathBuf, sync::Arc};

#[cfg(feature = "authority")]
use symbolon_client::ManagementClient;

use crate::output::OutputFormat;
#[cfg(feature = "authority")]
use crate::system::SystemClock;

/// The data directory, and how output is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    #[cfg(feature = "authority")]
    pub(crate) data_dir: PathBuf,
    /// Whom to act as, where it is not the administrator of the data directory.
    #[cfg(feature = "authority")]
    pub(crate) administrator: Option<PathBuf>,
    pub(crate) output: OutputFormat,
}

#[cfg(feature = "authority")]
impl Context {
    /// A client of the installation in the data directory.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn client(&self) -> anyhow::Result<ManagementClient> {
        let client = ManagementClient::open(&self.data_dir, Arc::new(SystemClock))?;
        match &self.administrator {
            Some(file) => Ok(client.acting_as(file)?),
            None => Ok(client),
        }
    }
}
