//! The domain of Symbolon, without I/O.
//!
//! A workload presents a token that its cluster signed; the tenant's directory holds the
//! federated credential that names the issuer, the subject and the audience of that token; when
//! both halves fit and the signature verifies, an access token is minted. [`exchange`] is that
//! story, rule by rule, and the place to start reading. Everything that needs a socket, a disk,
//! a clock or randomness stands behind a trait in [`ports`].

pub mod aad_error;
pub mod access;
pub mod application;
pub mod arm_id;
pub mod audit;
pub mod causes;
pub mod claims_matching;
pub mod client;
pub mod difference;
pub mod exchange;
pub mod federated_credential;
pub mod ids;
pub mod issuer;
pub mod managed_identity;
pub mod ports;
pub mod resource;
pub mod role;
pub mod tenant;
pub mod urls;

pub use aad_error::AadError;
pub use ids::{ClientId, ObjectId, SubscriptionId, TenantId};
pub use tenant::Tenant;
