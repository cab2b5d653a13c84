//! Roles: which actions a principal may take, and where.
//!
//! Everything is refused that no role allows. What `notActions` take back they take back from their
//! own role only: another role may still allow it, as in Azure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use crate::{ObjectId, TenantId};

pub mod built_in;

/// The administrator's role.
pub const OWNER: Uuid = uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");

/// Providers whose actions no wildcard of another role reaches.
///
/// Service accounts, the audit trail and the directory are no resources of Azure, so nobody who
/// gives out Contributor or Reader thinks of them. Contributor at `/` would otherwise mint the token
/// of any pod, and a custom role with `*/write` would add secrets to any application.
const GUARDED: [&str; 2] = ["symbolon/", "microsoft.directory/"];

/// Whether an action is one on a resource, or one on what the resource holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// On a resource: what `actions` allow.
    Management,
    /// On data in a resource: what `dataActions` allow. No `actions` ever do, not even Owner's.
    Data,
}

/// Who made a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleType {
    /// It is Azure's, with Azure's id.
    BuiltIn,
    /// A tenant made it.
    Custom,
}

/// What a role allows: patterns of action names, in which `*` stands for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// Management actions that it allows.
    pub actions: Vec<String>,
    /// Management actions that it takes back.
    pub not_actions: Vec<String>,
    /// Data actions that it allows.
    pub data_actions: Vec<String>,
    /// Data actions that it takes back.
    pub not_data_actions: Vec<String>,
}

/// A role: a name for a set of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDefinition {
    /// Its id; Azure's where the role is built in.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who made it.
    pub kind: RoleType,
    /// Where it may be given: `/` or ARM ids, and what is below them.
    pub assignable_scopes: Vec<String>,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// A role given to a principal at a scope and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// The assignment's own id.
    pub id: Uuid,
    /// The tenant that it holds in.
    pub tenant: TenantId,
    /// Who has the role.
    pub principal: ObjectId,
    /// Which role.
    pub role: Uuid,
    /// Where: `/` or an ARM id.
    pub scope: String,
}

/// What somebody wants to do, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The action's name.
    pub action: &'a str,
    /// Whether it is one on data.
    pub kind: ActionKind,
    /// `/` or an ARM id.
    pub scope: &'a str,
}

impl RoleDefinition {
    /// Whether the role may be given at `scope`.
    #[must_use]
    pub fn is_assignable_at(&self, scope: &str) -> bool {
        self.assignable_scopes.iter().any(|assignable| covers(assignable, scope))
    }

    /// Whether the role, given at `assigned`, allows `action`.
    fn allows(&self, action: &str, kind: ActionKind, assigned: &str) -> bool {
        let guarded = is_guarded(action);
        if guarded && self.kind == RoleType::BuiltIn && !(self.id == OWNER && is_root(assigned)) {
            return false;
        }
        let names_it = |pattern: &str| !guarded || self.kind == RoleType::BuiltIn || is_guarded(pattern);
        self.permissions.iter().any(|permission| {
            let (allowed, taken_back) = match kind {
                ActionKind::Management => (&permission.actions, &permission.not_actions),
                ActionKind::Data => (&permission.data_actions, &permission.not_data_actions),
            };
            allowed.iter().any(|pattern| names_it(pattern) && matches(pattern, action))
                && !taken_back.iter().any(|pattern| matches(pattern, action))
        })
    }
}

/// Whether one of `assignments` allows what is wanted. `custom` finds the tenant's own roles.
#[must_use]
pub fn allows(
    assignments: &[RoleAssignment],
    custom: impl Fn(Uuid) -> Option<Arc<RoleDefinition>>,
    wanted: Wanted<'_>,
) -> bool {
    let covering = assignments.iter().filter(|assignment| covers(&assignment.scope, wanted.scope));
    covering.into_iter().any(|assignment| {
        definition(assignment, &custom).is_some_and(|role| role.allows(wanted.action, wanted.kind, &assignment.scope))
    })
}

/// The role of an assignment. A custom role that was meant for other places counts for nothing: whoever
/// may write it there may not decide what it allows here.
pub fn definition(
    assignment: &RoleAssignment,
    custom: impl Fn(Uuid) -> Option<Arc<RoleDefinition>>,
) -> Option<Arc<RoleDefinition>> {
    let found = built_in::find(assignment.role).or_else(|| custom(assignment.role))?;
    found.is_assignable_at(&assignment.scope).then_some(found)
}

/// Whether `scope` is `assigned` or below it; whole path segments, without regard to letter case.
#[must_use]
pub fn covers(assigned: &str, scope: &str) -> bool {
    // Nothing but `/` itself is the root; an empty scope is a mistake, and grants nothing.
    if assigned.is_empty() {
        return false;
    }
    let assigned = assigned.trim_end_matches('/');
    let head = scope.get(..assigned.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(assigned))
        && scope.get(assigned.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_root(scope: &str) -> bool {
    scope == "/"
}

fn is_guarded(text: &str) -> bool {
    GUARDED.iter().any(|provider| text.get(..provider.len()).is_some_and(|head| head.eq_ignore_ascii_case(provider)))
}

/// Matches an action against a pattern whose `*` stands for any characters, in linear time.
///
/// A `/*/` also stands for a single `/`: Azure's Managed Identity Operator may read and assign
/// identities by `userAssignedIdentities/*/read` and `userAssignedIdentities/*/assign/action`. For
/// that, all slashes are doubled but those around such a star, which may share one pair.
fn matches(pattern: &str, action: &str) -> bool {
    let doubled = |text: &str| text.to_ascii_lowercase().replace('/', "//");
    let (pattern, action) = (doubled(pattern).replace("//*//", "/*/"), doubled(action));
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("a/*/c", "a/b/x/C"));
        assert!(matches("*", ""));
        assert!(matches("*/read", "a/b/read"));
        assert!(matches("a/*", "a/b"));
        assert!(!matches("a/*", "b/a/"));
        assert!(!matches("a/b", "a/bc"));
        assert!(!matches("ab*ba", "aba"));
        assert!(!matches("*/read", "a/bread"));
    }

    #[test]
    fn a_star_between_slashes_may_stand_for_nothing() {
        assert!(matches("a/*/read", "a/read"));
        assert!(matches("a/*/read", "a/b/read"));
        assert!(!matches("a/*/read", "aread"));
        assert!(!matches("a/*/read", "ab/read"));
        assert!(!matches("a/*/read", "a/bread"));
        assert!(!matches("a/*/read", "a"));
    }

    #[test]
    fn an_empty_scope_covers_nothing() {
        assert!(!covers("", "/subscriptions/s"));
        assert!(covers("/", "/subscriptions/s"));
        assert!(covers("/", "/"));
    }
}
