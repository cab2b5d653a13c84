//! What every command is given.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use symbolon_client::ManagementClient;

use crate::{output::OutputFormat, system::SystemClock};

/// The data directory, and how output is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) data_dir: PathBuf,
    pub(crate) output: OutputFormat,
}

impl Context {
    /// A client of the installation in the data directory.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn client(&self) -> Result<ManagementClient> {
        Ok(ManagementClient::open(&self.data_dir, Arc::new(SystemClock))?)
    }
}
