//! The declarative form: what an installation should hold, what it holds, and the steps between.
//!
//! A file names what it manages. A section that is not in it is left alone, and so is a field that
//! is not in an entry; what is there and not in a section that the file has goes away only where
//! that was asked for.

mod document;
mod execute;
mod found;
mod plan;

pub use document::{
    CredentialEntry, Document, GrantEntry, IdentityEntry, InvalidDocument, IssuerEntry, RoleEntry, ServiceAccountEntry,
};
pub use found::Found;
pub use plan::{Action, Change, Kind, Object, Step, plan};

/// Where relative names of a document lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The subscription's id.
    pub subscription: String,
    /// The resource group of identities that name none.
    pub resource_group: String,
    /// The embedded issuer's URL.
    pub issuer: String,
}

impl Place {
    /// The subscription as a scope.
    fn subscription_scope(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    /// A scope of a document in full: `subscription` and `resourceGroups/…` are relative to the
    /// subscription, since its id is another one in each installation.
    fn absolute(&self, scope: &str) -> String {
        match scope {
            "subscription" => self.subscription_scope(),
            scope if scope.starts_with('/') => scope.to_owned(),
            scope => format!("{}/{scope}", self.subscription_scope()),
        }
    }

    /// The shortest way to write a scope in a document.
    fn relative(&self, scope: &str) -> String {
        let own = self.subscription_scope();
        match scope.get(..own.len()) {
            Some(head) if head.eq_ignore_ascii_case(&own) => match &scope[own.len()..] {
                "" => "subscription".to_owned(),
                rest if rest.starts_with('/') => rest[1..].to_owned(),
                _ => scope.to_owned(),
            },
            _ => scope.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_relative_to_the_subscription_or_in_full() {
        let place = Place { subscription: "s".into(), resource_group: "g".into(), issuer: "https://i".into() };
        for (relative, absolute) in [
            ("subscription", "/subscriptions/s"),
            ("resourceGroups/g", "/subscriptions/s/resourceGroups/g"),
            ("/", "/"),
            ("/subscriptions/other", "/subscriptions/other"),
            ("/subscriptions/s2/resourceGroups/g", "/subscriptions/s2/resourceGroups/g"),
        ] {
            assert_eq!(place.absolute(relative), absolute);
            assert_eq!(place.relative(absolute), relative);
        }
    }
}
