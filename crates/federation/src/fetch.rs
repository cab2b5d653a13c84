//! The two documents of an issuer, over a connection that keeps the address policy.

mod failure;

use std::sync::Arc;

use reqwest::header::{ACCEPT, CONTENT_ENCODING, LOCATION};
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use symbolon_core::difference::printable;
use symbolon_core::ports::IssuerKeysError;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::{Host, Url};

use self::failure::Failure;
use crate::key_set::{self, KeySet};
use crate::resolver::{GuardedResolver, check_literal};
use crate::{Resolver, Settings, discovery};

const USER_AGENT: &str = concat!("symbolon/", env!("CARGO_PKG_VERSION"));

/// An issuer, and what its registration allows.
pub(crate) struct Target<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) ca_pem: Option<&'a str>,
    pub(crate) allow_private: bool,
}

pub(crate) struct Fetcher {
    settings: Settings,
    resolver: Arc<dyn Resolver>,
    /// For issuers without a CA of their own; made at first use, since loading the public roots
    /// costs time and memory that an installation without foreign issuers need not spend.
    public: OnceCell<Client>,
    private: OnceCell<Client>,
}

#[derive(Clone, Copy)]
enum Document {
    Discovery,
    KeySet,
}

impl Fetcher {
    pub(crate) fn new(settings: Settings, resolver: Arc<dyn Resolver>) -> Self {
        Self { settings, resolver, public: OnceCell::new(), private: OnceCell::new() }
    }

    /// Fetches the discovery document and then the key set, both before `deadline`.
    pub(crate) async fn key_set(&self, target: &Target<'_>, deadline: Instant) -> Result<KeySet, IssuerKeysError> {
        let url = discovery::url(target.issuer)?;
        let document = self.get(target, &url, Document::Discovery, deadline).await?;
        let discovery = discovery::parse(&document, target.issuer)?;
        let document = self.get(target, discovery.jwks_uri(), Document::KeySet, deadline).await?;
        KeySet::parse(&document, self.settings.max_keys)
    }

    async fn get(
        &self,
        target: &Target<'_>,
        url: &Url,
        document: Document,
        deadline: Instant,
    ) -> Result<Vec<u8>, IssuerKeysError> {
        let fetched = async {
            check(target, url)?;
            let client = self.client(target).await?;
            let describe = |error| failure::describe(&error, target, url, &self.settings);
            let remaining = deadline.saturating_duration_since(Instant::now());
            let request = client.get(url.clone()).header(ACCEPT, document.media_types()).timeout(remaining);
            let mut response = request.send().await.map_err(describe)?;
            check_head(&response, url)?;
            let limit = document.limit(&self.settings);
            let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
            if announced.is_some_and(|length| length > limit) {
                return Err(Failure::TooLarge { limit });
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(describe)? {
                if body.len() + chunk.len() > limit {
                    return Err(Failure::TooLarge { limit });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        fetched.await.map_err(|failure| document.error(failure))
    }

    async fn client(&self, target: &Target<'_>) -> Result<Client, Failure> {
        if let Some(pem) = target.ca_pem {
            // `tls_certs_only` drops the public roots also if the list were empty.
            return self.build(target.allow_private, Some(certificates(pem)?)).await.map_err(|error| {
                Failure::Unreachable(format!("the registered CA cannot be used: {}", failure::chain(&error)))
            });
        }
        let shared = if target.allow_private { &self.private } else { &self.public };
        let client = shared.get_or_try_init(|| async {
            match self.build(target.allow_private, None).await {
                // Plain http works on a machine without public roots.
                Err(_) if target.allow_private => self.build(true, Some(vec![])).await,
                built => built,
            }
        });
        client.await.cloned().map_err(|error| {
            Failure::Unreachable(format!(
                "the public root certificates of this machine cannot be loaded ({}); install them, often as package `ca-certificates`",
                failure::chain(&error)
            ))
        })
    }

    async fn build(&self, allow_private: bool, only: Option<Vec<Certificate>>) -> reqwest::Result<Client> {
        let mut builder = self.builder(allow_private);
        if let Some(only) = only {
            return builder.tls_certs_only(only).build();
        }
        builder = builder.tls_backend_rustls();
        // Reading the public roots from disk takes milliseconds.
        match tokio::task::spawn_blocking(move || builder.build()).await {
            Ok(built) => built,
            Err(_) => self.builder(allow_private).build(),
        }
    }

    fn builder(&self, allow_private: bool) -> ClientBuilder {
        let resolver = GuardedResolver { resolver: Arc::clone(&self.resolver), allow_private };
        Client::builder()
            .dns_resolver(resolver)
            // A proxy would choose the address that is connected to.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .https_only(!allow_private)
            .tls_backend_rustls()
            .connect_timeout(self.settings.connect_timeout)
            .http1_only()
            // Nothing is asked twice within an hour, and no connection outlives its check.
            .pool_max_idle_per_host(0)
            // Features of another crate could switch these on; the limits count what is received.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .user_agent(USER_AGENT)
    }
}

impl Document {
    /// What is asked for. A Kubernetes API server gives its key set as `application/jwk-set+json`
    /// (RFC 7517) and answers 406 to whoever does not name that; other issuers know plain JSON only.
    fn media_types(self) -> &'static str {
        match self {
            Self::Discovery => "application/json",
            Self::KeySet => "application/jwk-set+json, application/json",
        }
    }

    const fn limit(self, settings: &Settings) -> usize {
        match self {
            Self::Discovery => settings.max_document_bytes,
            Self::KeySet => settings.max_key_set_bytes,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Discovery => discovery::NAME,
            Self::KeySet => key_set::NAME,
        }
    }

    fn error(self, failure: Failure) -> IssuerKeysError {
        match (failure, self) {
            (Failure::Refused(reason), _) => IssuerKeysError::Refused { reason },
            (Failure::TooLarge { limit }, _) => IssuerKeysError::TooLarge { document: self.name(), limit },
            (Failure::Malformed(reason), _) => IssuerKeysError::Malformed { document: self.name(), reason },
            (Failure::Unreachable(reason), Self::Discovery) => IssuerKeysError::DiscoveryUnreachable { reason },
            (Failure::Unreachable(reason), Self::KeySet) => IssuerKeysError::KeysUnreachable { reason },
        }
    }
}

/// What the policy says of a URL before anything is resolved. An address that stands in the URL
/// never reaches the resolver, so it is checked here.
fn check(target: &Target<'_>, url: &Url) -> Result<(), Failure> {
    if url.scheme() != "https" && !target.allow_private {
        return Err(failure::plain_http(target, url));
    }
    let checked = match url.host() {
        Some(Host::Ipv4(ip)) => check_literal(ip.into(), target.allow_private),
        Some(Host::Ipv6(ip)) => check_literal(ip.into(), target.allow_private),
        Some(Host::Domain(_)) | None => Ok(()),
    };
    checked.map_err(|error| failure::address(&error, target))
}

fn check_head(response: &Response, url: &Url) -> Result<(), Failure> {
    let status = response.status();
    let at = printable(url.as_str());
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).map(|to| printable(&String::from_utf8_lossy(to.as_bytes())));
        let to = to.unwrap_or_default();
        return Err(Failure::Unreachable(format!(
            "`{at}` answers {status} with a redirect to `{to}`, which is not followed"
        )));
    }
    if status != StatusCode::OK {
        return Err(Failure::Unreachable(format!("`{at}` answers {status}")));
    }
    match response.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            Err(Failure::Malformed(format!("`{at}` sends it compressed, which was not asked for")))
        }
        _ => Ok(()),
    }
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, Failure> {
    let broken = || Failure::Unreachable("the registered CA is not PEM; register the issuer again".to_owned());
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|der| Certificate::from_der(&der.map_err(|_| broken())?).map_err(|_| broken()))
        .collect()
}
