//! The scope that a role, an assignment or a question for permissions is about.
//!
//! A scope is compared as text wherever rights are decided, so that of each place exactly one
//! spelling may get in: this file makes it, and refuses what could be read in two ways.

use axum::extract::FromRequestParts;
use http::request::Parts;
use symbolon_core::{SubscriptionId, access::Authorized, ports::management::StoreError};

use super::{group_not_found, subscription};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    path::ExtendedScope,
};

const MAX_LENGTH: usize = 2048;

impl FromRequestParts<Shared> for ExtendedScope {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or_else(|| {
            let path = crate::shorten(parts.uri.path());
            Refusal::not_found("NotFound", format!("There is nothing at the path '{path}'."))
        })
    }
}

/// A place in a subscription of the caller's tenant, or its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    id: String,
    subscription: Option<SubscriptionId>,
    group: Option<String>,
}

impl Scope {
    /// Reads a scope. That its resource group exists is not looked at.
    pub(super) async fn read(
        management: &Management,
        caller: &Caller<ResourceManager>,
        text: &str,
    ) -> Result<Self, Refusal> {
        if text == "/" {
            return Ok(Self { id: "/".to_owned(), subscription: None, group: None });
        }
        let segments = segments(text).ok_or_else(|| invalid(text))?;
        let (id, below) = match segments.as_slice() {
            [word, id, below @ ..] if word.eq_ignore_ascii_case("subscriptions") => (*id, below),
            _ => return Err(invalid(text)),
        };
        let id = subscription(management, caller, id).await?.id;
        let (group, below) = match below {
            [word, name, below @ ..] if word.eq_ignore_ascii_case("resourceGroups") => (Some(*name), below),
            below => (None, below),
        };
        if !is_resource(below) {
            return Err(invalid(text));
        }
        let mut scope = format!("/subscriptions/{id}");
        if let Some(group) = group {
            scope = format!("{scope}/resourceGroups/{group}");
        }
        for segment in below {
            scope = format!("{scope}/{segment}");
        }
        Ok(Self { id: scope, subscription: Some(id), group: group.map(str::to_owned) })
    }

    /// `/` or an ARM id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What is prefixed to the path of something that extends this scope.
    pub(super) fn prefix(&self) -> &str {
        prefix(&self.id)
    }

    /// Refuses where the resource group is not there.
    pub(super) async fn require(&self, management: &Management) -> Result<(), Refusal> {
        let (Some(subscription), Some(group)) = (self.subscription, &self.group) else { return Ok(()) };
        match management.store.resource_group(subscription, group).await {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound { .. }) => Err(group_not_found(group)),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is prefixed to the path of something that extends `scope`.
pub(super) fn prefix(scope: &str) -> &str {
    scope.trim_end_matches('/')
}

/// What is prefixed to the id of a role that is seen from `scope`: its subscription.
pub(super) fn subscription_of(scope: &str) -> &str {
    let end = scope.match_indices('/').nth(2).map_or(scope.len(), |(at, _)| at);
    prefix(&scope[..end])
}

/// The scope of a request, and the right to `action` there.
pub(super) async fn enter(
    management: &Management,
    caller: &Caller<ResourceManager>,
    ExtendedScope(text): &ExtendedScope,
    action: ManagementAction,
) -> Result<(Authorized<ManagementAction>, Scope), Refusal> {
    let scope = Scope::read(management, caller, text).await?;
    let authorized = caller.authorize(management, action, scope.id()).await?;
    scope.require(management).await?;
    Ok((authorized, scope))
}

/// The segments of an ARM id; none where one of them could be taken for something else than a name.
fn segments(text: &str) -> Option<Vec<&str>> {
    let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
    let is_name = |segment: &&str| {
        !segment.is_empty()
            && segment.is_ascii()
            && !matches!(*segment, "." | "..")
            && segment.trim() == *segment
            && !segment.contains(|c: char| c.is_control() || "%?#\\<>&:\"".contains(c))
    };
    (text.len() <= MAX_LENGTH && segments.iter().all(is_name)).then_some(segments)
}

/// A provider with pairs of type and name. What extends others is no place for a role: whoever may
/// give roles on an assignment could not be told from whoever may give them beside it.
fn is_resource(below: &[&str]) -> bool {
    match below {
        [] => true,
        [word, namespace, rest @ ..] => {
            word.eq_ignore_ascii_case("providers")
                && !namespace.eq_ignore_ascii_case("Microsoft.Authorization")
                && !rest.is_empty()
                && rest.len().is_multiple_of(2)
                && !rest.iter().step_by(2).any(|kind| kind.eq_ignore_ascii_case("providers"))
        }
        [_] => false,
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::invalid(
        "InvalidScope",
        format!(
            "The scope '{}' is not valid, expected '/', a subscription, a resource group or a resource.",
            crate::shorten(text)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{is_resource, segments, subscription_of};

    #[test]
    fn a_segment_that_is_no_name_is_refused() {
        for text in
            ["/a/../b", "/a/./b", "/a//b", "/a/", "a/b", "", "/a/%2e%2e", "/a/ b", "/a/b\\c", "/a/b?c", "/a/b#c"]
        {
            assert_eq!(segments(text), None, "{text}");
        }
        assert_eq!(segments("/a/b(1)_x-y.z"), Some(vec!["a", "b(1)_x-y.z"]));
    }

    #[test]
    fn a_resource_is_a_provider_with_pairs_of_type_and_name() {
        for good in [&[][..], &["providers", "N", "t", "n"], &["Providers", "N", "t", "n", "t2", "n2"]] {
            assert!(is_resource(good), "{good:?}");
        }
        for bad in [
            &["providers"][..],
            &["providers", "N"],
            &["providers", "N", "t"],
            &["resources", "N", "t", "n"],
            &["providers", "microsoft.authorization", "roleAssignments", "n"],
            &["providers", "N", "t", "n", "providers", "Microsoft.Authorization"],
        ] {
            assert!(!is_resource(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_subscription_of_a_scope_is_its_beginning() {
        assert_eq!(subscription_of("/"), "");
        assert_eq!(subscription_of("/subscriptions/s"), "/subscriptions/s");
        assert_eq!(subscription_of("/subscriptions/s/resourceGroups/g"), "/subscriptions/s");
    }
}
