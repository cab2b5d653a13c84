#![doc = include_str!("../README.md")]

mod accept;
mod activity;
mod connection;
mod deadline;
mod health;
mod limits;
pub mod log;
mod metrics;
mod observe;
mod server;
mod signals;
mod tls;

pub use health::{Readiness, ReadyHandle, health_router, metrics_router};
pub use limits::Limits;
pub use metrics::Metrics;
pub use observe::{Quiet, RequestId};
pub use server::{ServeError, Server, Servers};
pub use signals::system_signals;
pub use tls::{Tls, TlsError, TlsSettings, TlsVersion};
