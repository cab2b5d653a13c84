//! The whole webhook in front of an API server that does what tests need to go wrong.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod accounts;
mod certificates;
mod cluster;
mod drain;
mod fake;
mod requests;
mod world;
