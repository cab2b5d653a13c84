use crate::SubjectName;

/// Why the certificate authority could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// The name lies outside of what this CA may sign for.
    #[error(
        "this certificate authority may not sign for `{name}`: it is limited to local names and those given when it was made"
    )]
    NotPermitted {
        /// The refused name.
        name: SubjectName,
    },
    /// A leaf without any name would be valid for nothing.
    #[error("a certificate needs at least one name or address")]
    NoNames,
    /// The text is not one PEM certificate that can be parsed.
    #[error("the certificate of the authority cannot be read: it must be one X.509 certificate in PEM form")]
    Certificate,
    /// The text is not a PEM private key of a supported kind.
    #[error("the key of the authority cannot be read: it must be one PKCS#8 key in PEM form")]
    Key(#[source] rcgen::Error),
    /// The certificate cannot sign others: it lacks the CA flag or the key usage.
    #[error("the certificate is not one of a certificate authority")]
    NotAnAuthority,
    /// The certificate does not limit both host names and addresses.
    #[error(
        "the certificate authority has no limits on the names it may sign for: only one with name constraints for host names and for addresses is used"
    )]
    Unconstrained,
    /// The key is not the one of the certificate.
    #[error("the key does not belong to the certificate of the authority")]
    KeyMismatch,
    /// The CA is not valid at the given time.
    #[error("the certificate authority is not valid at this time: it expires at unix time {not_after}")]
    Expired {
        /// The end of the CA's validity, in unix seconds.
        not_after: i64,
    },
    /// The clock gave a time that a certificate cannot express.
    #[error("unix time {0} cannot stand in a certificate: check the clock of this machine")]
    Clock(i64),
    /// Generating a key or signing failed.
    #[error("the certificate could not be made")]
    Generate(#[source] rcgen::Error),
    /// The system gave no random bytes.
    #[error("the system gave no random numbers")]
    Random,
}
