//! The injection.

use serde::Serialize;
use serde_json::Value;

use crate::{ServiceAccount, Settings};

/// A pod as it came in a request, reduced to what the injection looks at.
#[derive(Debug)]
pub struct Pod<'a> {
    raw: &'a str,
}

/// What is to be done to a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mutation {
    /// The operations, in order; none if the pod is as it should be.
    pub patch: Vec<Operation>,
    /// What its author should know.
    pub warnings: Vec<Warning>,
}

/// One operation of a JSON patch (RFC 6902).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a member, or an element before the index or at the end (`-`).
    Add {
        /// Where (RFC 6901).
        path: String,
        /// What.
        value: Value,
    },
    /// Replaces what is there.
    Replace {
        /// Where (RFC 6901).
        path: String,
        /// By what.
        value: Value,
    },
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

/// What the author of a pod should know, though the pod is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A word for metrics and Events, from a closed list, in CamelCase as Kubernetes' reasons are.
    pub reason: &'static str,
    /// One sentence of at most 120 characters where possible: what, and what to do.
    pub message: String,
}

impl<'a> Pod<'a> {
    /// Reads the raw pod; unknown fields are passed over.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with code 400 if it is no pod.
    pub fn parse(raw: &'a str) -> Result<Self, Refusal> {
        Ok(Self { raw })
    }

    /// The name of its service account, `default` where it names none.
    #[must_use]
    pub fn service_account_name(&self) -> &str {
        let _ = self.raw;
        "default"
    }

    /// Says what the pod needs.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if it cannot have what it asks for.
    pub fn mutate(&self, account: &ServiceAccount, settings: &Settings) -> Result<Mutation, Refusal> {
        let _ = (account, settings);
        Ok(Mutation::default())
    }
}
