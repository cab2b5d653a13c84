//! How JSON is read here: borrowed where possible, and as Kubernetes reads it.

mod object;
mod text;

pub(crate) use object::Object;
pub(crate) use text::Text;
