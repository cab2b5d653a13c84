//! An error with its causes, on one line.

use std::error::Error;

/// The text of `error` and of everything behind it, separated by colons: for the log, where an
/// error of ours is written once with all that is known of it.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
