use std::time::Duration;

/// Limits and times of the fetching and caching of foreign issuers' keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long one connection may take, with name resolution and TLS handshake.
    pub connect_timeout: Duration,
    /// How long both documents together may take, with the wait for a free slot. A caller whose
    /// key is not in the cache waits this long at most.
    pub total_timeout: Duration,
    /// The largest discovery document, in bytes.
    pub max_document_bytes: usize,
    /// The largest key set, in bytes.
    pub max_key_set_bytes: usize,
    /// How many keys of a set are used; the rest is left out, as Entra does.
    pub max_keys: usize,
    /// The shortest time between two refreshes of an issuer because of unknown key ids. Whoever
    /// invents key ids costs the issuer no more than this.
    pub refresh_interval: Duration,
    /// The age from which keys are fetched again, beside the requests that still use them.
    pub fresh_for: Duration,
    /// The age up to which keys serve while the issuer fails. A stolen key that the issuer has
    /// withdrawn is honoured no longer than this, even if its finder can keep the issuer unreachable.
    pub usable_for: Duration,
    /// The pause after the first failure; each further one doubles it. Up to half is taken off at random.
    pub first_backoff: Duration,
    /// The longest pause after a failure.
    pub max_backoff: Duration,
    /// How many issuers are fetched at the same time.
    pub max_concurrent_fetches: usize,
    /// How many of these a single tenant may take.
    pub max_concurrent_fetches_per_tenant: usize,
    /// How many issuers are kept. Beyond, those go that the tenant with the most has not used for longest.
    pub max_cached_issuers: usize,
    /// How many keys are kept in all, give or take those that are being fetched; about 1.5 KiB each.
    /// Beyond, issuers go as for `max_cached_issuers`.
    pub max_cached_keys: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(5),
            max_document_bytes: 64 * 1024,
            max_key_set_bytes: 1024 * 1024,
            max_keys: 100,
            refresh_interval: Duration::from_secs(30),
            fresh_for: Duration::from_hours(1),
            usable_for: Duration::from_hours(24),
            first_backoff: Duration::from_secs(5),
            max_backoff: Duration::from_mins(5),
            max_concurrent_fetches: 32,
            max_concurrent_fetches_per_tenant: 8,
            max_cached_issuers: 10_000,
            max_cached_keys: 50_000,
        }
    }
}
