//! The way to the API server.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Why there is no way to an API server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The file cannot be used.
    #[error("the kubeconfig `{path}` cannot be used")]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No file was named, and this is no pod.
    #[error(
        "no API server is known: this is no pod of a cluster, and there is no kubeconfig (--kubeconfig, KUBECONFIG)"
    )]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client cannot be made.
    #[error("the client of the API server cannot be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A client of the cluster that the file names, or else of the one that this process runs in.
///
/// # Errors
///
/// A [`ClusterError`] that says what is missing.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ClusterError> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => Config::infer().await.map_err(|error| ClusterError::Unknown(Box::new(error)))?,
    };
    // Whoever asks here has a pause and a limit of its own.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| ClusterError::Client(Box::new(error)))
}

async fn from_file(path: &Path) -> Result<Config, ClusterError> {
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| ClusterError::Kubeconfig {
        path: path.display().to_string(),
        source,
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(Box::new(error)))?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| wrong(Box::new(error)))
}
