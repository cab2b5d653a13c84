//! Where an installation is reached.

use std::path::Path;

use serde::Deserialize;

use crate::ClientError;

/// What `endpoints.json` says. URLs have no slash at their end.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Installation {
    /// The authority.
    pub authority: String,
    /// The management plane.
    pub management: String,
    /// The embedded cluster issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant_id: String,
    /// The subscription that commands work in.
    pub subscription_id: String,
    /// The resource group that commands work in.
    pub resource_group: String,
    /// The local CA's certificate.
    pub ca_file: String,
}

impl Installation {
    pub(crate) fn read(data_dir: &Path) -> Result<Self, ClientError> {
        let path = data_dir.join("endpoints.json");
        let text = std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => ClientError::NoInstallation(data_dir.to_owned()),
            _ => ClientError::Read { path: path.clone(), source },
        })?;
        serde_json::from_slice(&text).map_err(|error| ClientError::Damaged { path, reason: error.to_string() })
    }
}
