//! Managed identities and their credentials, through the command line.

use crate::installation::Installation;

/// The audience of tokens that are there to be exchanged.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A managed identity.
pub(crate) struct Identity {
    pub(crate) client_id: String,
    pub(crate) principal_id: String,
}

pub(crate) fn create_identity(installation: &Installation, name: &str) -> Identity {
    let made = installation.json(["identity", "create", name, "--output", "json"]);
    let text = |member: &str| made[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {made}")).to_owned();
    assert_eq!(text("tenantId"), installation.variable("AZURE_TENANT_ID"));
    Identity { client_id: text("clientId"), principal_id: text("principalId") }
}

pub(crate) fn create_credential(installation: &Installation, identity: &str, name: &str, issuer: &str, subject: &str) {
    installation.symbolon(
        [
            ["federated-credential", "create"],
            ["--identity", identity],
            ["--name", name],
            ["--issuer", issuer],
            ["--subject", subject],
            ["--audience", AUDIENCE],
        ]
        .concat(),
    );
}
