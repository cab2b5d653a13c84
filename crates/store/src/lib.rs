#![doc = include_str!("../README.md")]

mod applications;
mod audit;
mod change;
mod clients;
mod database;
mod error;
mod federated_credentials;
mod identities;
mod load;
mod management;
mod memory;
mod resource_groups;
mod roles;
mod row;
mod sealing;
mod secrets;
mod service_accounts;
mod store;
mod tenants;
mod trusted_issuers;
mod wrapping_key;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use store::{Options, Store};
