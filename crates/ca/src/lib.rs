#![doc = include_str!("../README.md")]

mod authority;
mod constraints;
mod error;
mod name;

pub use authority::{CertificateAuthority, Leaf};
pub use constraints::ConstrainedNames;
pub use error::CaError;
pub use name::{InvalidSubjectName, SubjectName};
