//! The management plane as its clients see it, on the real store.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod access;
mod applications;
mod audit;
mod federated_credentials;
mod identities;
mod requests;
mod roles;
mod service_accounts;
mod trusted_issuers;
mod world;
