//! Servers on real sockets.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod connections;
mod drain;
mod health;
mod http2;
mod requests;
mod support;
mod tls;
