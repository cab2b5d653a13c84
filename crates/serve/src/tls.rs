use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files of [`Tls::from_files`] are read again, unless said otherwise.
const RELOAD_INTERVAL: Duration = Duration::from_mins(1);

/// The certificate and the settings of a server's TLS: versions 1.2 and 1.3, HTTP/2 and HTTP/1.1.
///
/// Clones share the certificate, so one of them can be kept to replace it while the server runs.
/// Connections that are open keep the certificate that they began with.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
    files: Option<Arc<Files>>,
}

/// The certificate that the next handshake gets, once there is one.
#[derive(Debug)]
struct Certificate(ArcSwapOption<CertifiedKey>);

/// What a server's TLS agrees to. [`TlsSettings::default`] is what [`Tls::from_pem`] uses.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The oldest version.
    pub minimum_version: TlsVersion,
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    pub http2: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V12,
    /// TLS 1.3 (RFC 8446).
    V13,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { minimum_version: TlsVersion::default(), http2: true }
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    interval: Duration,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file of the pair cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The text holds no certificate, or a broken one.
    #[error("there is no certificate in PEM form, or it is broken")]
    Certificate,
    /// The text holds no private key, or a broken one.
    #[error("there is no private key in PEM form, or it is broken")]
    Key,
    /// The pair cannot be used; most often the key is not the one of the first certificate.
    #[error("certificate and key cannot be used together: the first certificate must be the server's own")]
    Pair(#[source] rustls::Error),
    /// The TLS library refuses the settings or has no random numbers.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
    /// The certificate was given as text, so there is nothing to read again.
    #[error("this certificate does not come from files")]
    NotFromFiles,
}

impl Tls {
    /// Makes TLS from a chain, the server's own certificate first, and its key, both in PEM form.
    ///
    /// # Errors
    ///
    /// A [`TlsError`] that says which of the two is wrong.
    pub fn from_pem(cert_chain: &str, key: &str) -> Result<Self, TlsError> {
        let tls = Self::without_certificate(&TlsSettings::default())?;
        tls.reload_pem(cert_chain, key)?;
        Ok(tls)
    }

    /// Makes TLS that has no certificate yet: every handshake fails until [`Self::reload_pem`]
    /// brings one.
    ///
    /// For servers whose certificate is made or fetched after their socket is bound.
    ///
    /// # Errors
    ///
    /// [`TlsError::Setup`].
    pub fn without_certificate(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions: &[&SupportedProtocolVersion] = match settings.minimum_version {
            TlsVersion::V12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::V13 => &[&rustls::version::TLS13],
        };
        let certificate = Arc::new(Certificate(ArcSwapOption::empty()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if settings.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        // Resumption through tickets under rotating keys: no memory per session.
        config.ticketer = Ticketer::new().map_err(TlsError::Setup)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { config: Arc::new(config), certificate, files: None })
    }

    /// Whether there is a certificate.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        self.certificate.0.load().is_some()
    }

    /// The certificate that is served, without those above it.
    #[must_use]
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.certificate.0.load().as_ref()?.cert.first().cloned()
    }

    /// Makes TLS from two PEM files, which the server reads again every 60 s while it runs.
    ///
    /// # Errors
    ///
    /// As [`Self::from_pem`], and [`TlsError::Read`] with the file that cannot be read.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let (chain_pem, key_pem) = (read(cert)?, read(key)?);
        Ok(Self::from_pem(&chain_pem, &key_pem)?.with_files(cert, key))
    }

    /// Names two PEM files, which the server reads every 60 s while it runs.
    ///
    /// They need not be there yet.
    #[must_use]
    pub fn with_files(mut self, cert: &Path, key: &Path) -> Self {
        self.files =
            Some(Arc::new(Files { certificate: cert.to_owned(), key: key.to_owned(), interval: RELOAD_INTERVAL }));
        self
    }

    /// Changes how often files are read again; without effect on TLS from text.
    #[must_use]
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.files = self.files.map(|files| {
            let (certificate, key) = (files.certificate.clone(), files.key.clone());
            Arc::new(Files { certificate, key, interval })
        });
        self
    }

    /// Replaces the certificate for all handshakes from now on, and says whether it is another one.
    ///
    /// # Errors
    ///
    /// As [`Self::from_pem`]. The old certificate then stays in use.
    pub fn reload_pem(&self, cert_chain: &str, key: &str) -> Result<bool, TlsError> {
        let pair = parse(cert_chain.as_bytes(), key.as_bytes(), self.config.crypto_provider())?;
        // Two different keys cannot match the same certificate: the chain alone decides.
        if self.certificate.0.load().as_ref().is_some_and(|current| current.cert == pair.cert) {
            return Ok(false);
        }
        self.certificate.0.store(Some(Arc::new(pair)));
        Ok(true)
    }

    /// Reads the files again now, and says whether the certificate is another one.
    ///
    /// A pair that is read while it is being written does not match and is refused, so the next
    /// reading gets it right.
    ///
    /// # Errors
    ///
    /// As [`Self::from_files`], and [`TlsError::NotFromFiles`]. The old certificate then stays in use.
    pub fn reload_files(&self) -> Result<bool, TlsError> {
        let files = self.files.as_deref().ok_or(TlsError::NotFromFiles)?;
        self.reload_pem(&read(&files.certificate)?, &read(&files.key)?)
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// How often [`Self::reload_files`] is due, if there are files.
    pub(crate) fn reload_interval(&self) -> Option<Duration> {
        self.files.as_ref().map(|files| files.interval)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

fn parse(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain =
        CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(|_| TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Pair)
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
