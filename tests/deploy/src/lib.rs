#![doc = include_str!("../README.md")]

mod generated;
mod helm;
mod policy;

pub use generated::{Generated, generated, goldens};
pub use helm::{Helm, chart};
pub use policy::policy_template;

use std::path::Path;

/// The workspace's directory.
#[must_use]
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}
