//! The certificate that is served, and the CA that API servers are told to trust.
//!
//! Both stand in a Secret. Every replica watches it through the API and serves what it says; the
//! one that holds the lease writes it, and keeps `caBundle` of the webhook configuration equal to
//! it. A kubelet, which brings a mounted Secret a minute late, has no part in this.

mod files;
mod plan;
mod reader;
mod self_check;
mod stored;
mod writer;
mod x509;

use std::time::Duration;

use crate::api::ApiError;

pub(crate) use files::watch_files;
pub use reader::{Published, Reader};
pub use self_check::SelfCheck;
pub use writer::Writer;

/// Where the certificates stand, and for whom they are.
#[derive(Clone, Debug)]
pub struct Objects {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// The name of the `MutatingWebhookConfiguration`.
    pub webhook_configuration: String,
    /// The names in the served certificate; the first one is that of the Service.
    pub names: Vec<String>,
}

/// How long certificates live.
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// A CA. It is replaced when less is left than a leaf lives.
    pub ca: Duration,
    /// A served certificate. It is replaced when a third is left.
    pub leaf: Duration,
    /// How long a new CA is in the webhook configuration before it signs. API servers watch the
    /// configuration, so seconds are usual; a busy one may take longer.
    pub overlap: Duration,
    /// Everything is looked at this often, even if nothing changed.
    pub check: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self { ca: DAY * 3650, leaf: DAY * 90, overlap: Duration::from_mins(5), check: Duration::from_mins(30) }
    }
}

/// Why certificates could not be made or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A certificate or a key cannot be read.
    #[error("a certificate or a key in the Secret cannot be read")]
    Unreadable,
    /// The key is not the certificate's, or the certificate is none of a CA.
    #[error("the key does not belong to the certificate, or the certificate is none of a CA")]
    Mismatch,
    /// The cryptography failed, or a name cannot stand in a certificate.
    #[error("the certificate cannot be made")]
    Make(#[source] rcgen::Error),
    /// An object cannot be read or written.
    #[error("`{object}` cannot be read or written")]
    Api {
        /// Which one.
        object: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lease was lost before the write.
    #[error("this replica does not hold the lease any more")]
    NotLeader,
}

impl CertificateError {
    fn api(object: &str, source: ApiError) -> Self {
        Self::Api { object: object.to_owned(), source: Box::new(source) }
    }
}

impl Objects {
    fn secret_path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, self.secret)
    }

    fn configuration_path(&self) -> String {
        format!("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{}", self.webhook_configuration)
    }
}
