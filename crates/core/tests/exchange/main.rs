//! The exchange and the check of its tokens, with every port in memory.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod access;
mod assertion;
mod audit;
mod case;
mod certificate;
mod federated;
mod minted;
mod order;
mod random_claims;
mod secret;
mod tenant_and_resource;
mod token;
mod world;
