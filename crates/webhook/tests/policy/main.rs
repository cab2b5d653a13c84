//! The admission policies, the controller and the healer on a real API server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test")]

mod attacks;
mod comparison;
mod controller;
mod healer;
mod reinvocation;
mod support;
#[path = "../../../admission/tests/conformance/table.rs"]
#[expect(dead_code, reason = "not everything of the table is read here")]
mod table;
