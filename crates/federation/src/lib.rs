#![doc = include_str!("../README.md")]

mod address;
mod cache;
pub mod discovery;
mod entry;
mod federation;
mod fetch;
mod key_set;
mod registration;
mod resolver;
mod settings;
mod slots;

pub use address::AddressKind;
pub use federation::{Federation, TrustedIssuers};
pub use registration::{InvalidRegistration, KeySetSummary, validate, validate_ca, validate_registered_jwks};
pub use resolver::{Resolver, SystemResolver};
pub use settings::Settings;
