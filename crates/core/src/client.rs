//! A client as the token endpoint sees it.

use crate::{
    ClientId, ObjectId, TenantId,
    application::{CertificateKey, ClientSecret},
    federated_credential::FederatedCredentials,
};

/// Everything that the exchange needs to know of a client, in memory and ready to use.
#[derive(Debug)]
pub struct Client {
    /// The tenant whose directory it stands in.
    pub tenant: TenantId,
    /// Its `client_id`.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: ClientKind,
    /// Its federated credentials.
    pub federated_credentials: FederatedCredentials,
}

/// What a client is.
#[derive(Debug)]
pub enum ClientKind {
    /// A user-assigned managed identity.
    ManagedIdentity {
        /// Its `oid`.
        principal_id: ObjectId,
        /// The value of `xms_mirid`.
        mirid: String,
    },
    /// An application registration.
    Application {
        /// Its service principal; none makes AADSTS7000229.
        principal: Option<Principal>,
        /// Its secrets.
        secrets: Vec<ClientSecret>,
        /// Its certificates.
        certificates: Vec<CertificateKey>,
    },
}

/// An application's service principal as the exchange sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its `oid`.
    pub object_id: ObjectId,
    /// A disabled one gets no token.
    pub enabled: bool,
}

impl Client {
    /// The client's secrets; managed identities have none.
    #[must_use]
    pub fn secrets(&self) -> &[ClientSecret] {
        match &self.kind {
            ClientKind::Application { secrets, .. } => secrets,
            ClientKind::ManagedIdentity { .. } => &[],
        }
    }

    /// The client's certificates; managed identities have none.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateKey] {
        match &self.kind {
            ClientKind::Application { certificates, .. } => certificates,
            ClientKind::ManagedIdentity { .. } => &[],
        }
    }
}
