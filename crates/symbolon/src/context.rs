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
    pub(crate) output: OutputFormat,
}

#[cfg(feature = "authority")]
impl Context {
    /// A client of the installation in the data directory.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn client(&self) -> anyhow::Result<ManagementClient> {
        Ok(ManagementClient::open(&self.data_dir, Arc::new(SystemClock))?)
    }
}
