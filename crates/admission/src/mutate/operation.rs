//! Operations of a patch.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// One operation of a JSON patch (RFC 6902).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a member, or an element before the index or at the end (`-`).
    Add {
        /// Where (RFC 6901).
        path: String,
        /// What.
        value: Json,
    },
    /// Replaces what is there.
    Replace {
        /// Where (RFC 6901).
        path: String,
        /// By what.
        value: Json,
    },
}

/// A value that was written once, and is copied into the answer as it stands.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    #[expect(clippy::expect_used, reason = "texts, numbers and JSON values; no key that is no text")]
    pub(super) fn of(value: &(impl Serialize + ?Sized)) -> Self {
        Self(to_raw_value(value).expect("an operation's value is JSON"))
    }

    /// The JSON text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}
