//! The management plane as its clients see it, on the real store.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod access;
mod applications;
mod arm_resources;
mod audit;
mod concurrency;
mod conditions;
mod federated_credentials;
mod graph_credentials;
mod identities;
mod isolation;
mod lists;
mod requests;
mod roles;
mod service_accounts;
mod service_principals;
mod simulated_trouble;
mod tenants;
mod trusted_issuers;
mod world;
