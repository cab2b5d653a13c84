//! The management plane as its clients see it, on the real store.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod access;
mod applications;
mod audit;
mod federated_credentials;
mod graph_credentials;
mod identities;
mod lists;
mod requests;
mod service_accounts;
mod service_principals;
mod trusted_issuers;
mod world;
