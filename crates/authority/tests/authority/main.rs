//! The authority's routes, called as a client calls them, with every port in memory.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod documents;
mod instance;
mod requests;
mod support;
mod token_endpoint;

#[expect(dead_code, reason = "shared with the tests of core, which use all of it")]
#[path = "../../../core/tests/exchange/token.rs"]
mod token;
#[expect(dead_code, reason = "shared with the tests of core, which use all of it")]
#[path = "../../../core/tests/exchange/world.rs"]
mod world;
