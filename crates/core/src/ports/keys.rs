//! The authority's signing keys as they are stored.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretSlice;

use super::management::StoreError;

/// What a signing key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningKeyState {
    /// Published, not yet signing: relying parties learn of it before its first token.
    Next,
    /// Published and signing; exactly one.
    Active,
    /// Published only, until its last token has expired.
    Retiring,
}

impl SigningKeyState {
    /// The word for it in the store and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
        }
    }
}

/// A signing key with its certificate. The private part is encrypted wherever it is stored.
pub struct StoredSigningKey {
    /// `kid`, the SHA-1 thumbprint of the certificate.
    pub key_id: String,
    /// What it is used for.
    pub state: SigningKeyState,
    /// The private key, PKCS#8 DER.
    pub pkcs8: SecretSlice<u8>,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
    /// Unix seconds.
    pub created: i64,
}

impl fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("key_id", &self.key_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The authority's signing keys on disk.
#[async_trait]
pub trait SigningKeyStore: Send + Sync {
    /// All keys, oldest first.
    async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;
    /// Adds a key; [`StoreError::Exists`] where its id is taken, or a second one would be active.
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError>;
}
