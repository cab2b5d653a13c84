#![doc = include_str!("../README.md")]

pub mod accounts;
mod api;
mod backoff;
pub mod certificates;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod handler;
mod healer;
pub mod lease;
pub mod metrics;
pub mod server;

/// The pure half: what a pod needs.
pub use symbolon_admission as admission;
