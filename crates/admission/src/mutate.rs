//! The injection.

mod aws;
mod azure;
mod draft;
mod gcp;
mod go;
mod mounts;
mod operation;
mod variables;
mod warning;

use crate::{Pod, ServiceAccount, Settings};
use draft::Draft;

pub use azure::advise;
pub use operation::{Json, Operation};
pub use warning::Warning;

/// What is to be done to a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mutation {
    /// The operations, in order; none if the pod is as it should be.
    pub patch: Vec<Operation>,
    /// What its author should know.
    pub warnings: Vec<Warning>,
}

/// Why a pod is not admitted: the answer's `status`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// An HTTP status code, inside the AdmissionReview.
    pub code: u16,
    /// What upstream says in this case, or what we say where it says nothing.
    pub message: String,
}

impl Refusal {
    /// Upstream answers 400 to whatever a pod's author can mend.
    fn new(message: impl Into<String>) -> Self {
        Self { code: 400, message: message.into() }
    }
}

impl Pod<'_> {
    /// Says what the pod needs.
    ///
    /// Nothing that stands in the pod is changed, except a volume and its mounts that an earlier
    /// injection made. A pod that was injected already needs nothing, whatever its name is by now.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if it cannot have what it asks for.
    pub fn mutate(&self, account: &ServiceAccount, settings: &Settings) -> Result<Mutation, Refusal> {
        let mut draft = Draft::new(self);
        if settings.azure {
            azure::inject(&mut draft, account, settings)?;
        }
        if let Some(aws) = &settings.aws {
            aws::inject(&mut draft, account, aws);
        }
        if let Some(gcp) = &settings.gcp {
            gcp::inject(&mut draft, account, gcp)?;
        }
        Ok(draft.finish())
    }
}

/// The names in a list; an empty one, as after a last separator, names nothing.
fn names(list: &str, separator: char) -> impl Iterator<Item = &str> {
    list.split(separator).map(str::trim).filter(|name| !name.is_empty())
}
