//! Issuers of every kind, over real sockets on this machine.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod caching;
mod documents;
mod policy;
mod sharing;
mod support;
mod tenants;
