//! The authority: Entra's token endpoints, discovery documents, keys and instance discovery.
//!
//! A handler here extracts, calls [`symbolon_core`], and responds. What a client is told is decided
//! in core; how HTTP says it is decided in [`error`] and [`token`].

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get},
};
use symbolon_core::{
    exchange::Exchange,
    ports::{Clock, Directory, Random},
    urls::Urls,
};

pub mod discovery;
pub mod error;
mod form;
pub mod headers;
pub mod instance;
pub mod keys;
pub mod metrics;
pub mod segment;
pub mod signing_keys;
pub mod token;

pub use metrics::TokenMetrics;
pub use signing_keys::SigningKeys;

/// What the authority's handlers share.
#[derive(Clone)]
pub struct Authority {
    /// The exchange.
    pub exchange: Arc<Exchange>,
    /// The published keys.
    pub signing_keys: Arc<SigningKeys>,
    /// Counters of what was asked and answered.
    pub metrics: TokenMetrics,
}

impl Authority {
    fn urls(&self) -> &Urls {
        &self.exchange.urls
    }

    fn directory(&self) -> &dyn Directory {
        self.exchange.directory.as_ref()
    }

    fn clock(&self) -> &dyn Clock {
        self.exchange.clock.as_ref()
    }

    fn random(&self) -> &dyn Random {
        self.exchange.random.as_ref()
    }
}

/// The authority's routes.
pub fn router(authority: Authority) -> Router {
    Router::new()
        .route("/common/discovery/instance", get(instance::instance))
        .route("/{tenant}/oauth2/v2.0/token", any(token::v2))
        .route("/{tenant}/oauth2/token", any(token::v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::v2))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::v1))
        .route("/{tenant}/discovery/v2.0/keys", get(keys::v2))
        .route("/{tenant}/discovery/keys", get(keys::v1))
        .with_state(authority)
}
