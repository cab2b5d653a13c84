#![doc = include_str!("../README.md")]

pub mod account;
pub mod mutate;
pub mod policy;
pub mod settings;

pub use account::{Key, ServiceAccount};
pub use mutate::{Mutation, Operation, Pod, Refusal, Warning};
pub use settings::Settings;
