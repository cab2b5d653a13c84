#![doc = include_str!("../README.md")]

mod cluster;
mod kubectl;
mod options;
mod program;
mod skip;

pub use cluster::TestCluster;
pub use options::Options;
