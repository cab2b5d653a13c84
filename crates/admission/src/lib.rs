#![doc = include_str!("../README.md")]

pub mod account;
mod json;
pub mod mutate;
mod pod;
pub mod policy;
pub mod review;
pub mod settings;

pub use account::{Key, ServiceAccount};
pub use mutate::{Mutation, Operation, Refusal, Warning};
pub use pod::Pod;
pub use review::Review;
pub use settings::Settings;
