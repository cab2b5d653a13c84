//! What this implementation promises beyond the ports.

mod audit;
mod concurrency;
mod durability;
mod full_disk;
mod migrations;
mod secrets;
pub(crate) mod support;
