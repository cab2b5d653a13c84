//! Roles: which actions a principal may take, and where.

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use crate::{ObjectId, TenantId};

/// A role: a name for a set of management actions.
#[derive(Clone, Copy, Debug)]
pub struct RoleDefinition {
    /// Azure's id of the built-in role.
    pub id: Uuid,
    /// Azure's name of it.
    pub name: &'static str,
    /// Patterns of the actions that it allows; `*` stands for any characters.
    pub actions: &'static [&'static str],
    /// Patterns of the actions that it takes back.
    pub not_actions: &'static [&'static str],
}

/// The administrator's role.
pub const OWNER: Uuid = uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");

/// The built-in roles that are known so far.
pub const BUILT_IN: [RoleDefinition; 3] = [
    RoleDefinition { id: OWNER, name: "Owner", actions: &["*"], not_actions: &[] },
    RoleDefinition {
        id: uuid!("acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        name: "Reader",
        actions: &["*/read"],
        not_actions: &[],
    },
    RoleDefinition {
        id: uuid!("e40ec5ca-96e0-45a2-b4ff-59039f2c2b59"),
        name: "Managed Identity Contributor",
        actions: &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        not_actions: &[],
    },
];

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

/// Whether one of `assignments` allows `action` at `scope`. Nothing is allowed that no role allows.
#[must_use]
pub fn allows(assignments: &[RoleAssignment], action: &str, scope: &str) -> bool {
    assignments.iter().filter(|assignment| covers(&assignment.scope, scope)).any(|assignment| {
        BUILT_IN.iter().filter(|role| role.id == assignment.role).any(|role| {
            role.actions.iter().any(|pattern| matches(pattern, action))
                && !role.not_actions.iter().any(|pattern| matches(pattern, action))
        })
    })
}

/// Whether `scope` is `assigned` or below it; whole path segments, without regard to letter case.
fn covers(assigned: &str, scope: &str) -> bool {
    let assigned = assigned.trim_end_matches('/');
    let head = scope.get(..assigned.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(assigned))
        && scope.get(assigned.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Matches an action against a pattern whose `*` stands for any characters, in linear time.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
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

    fn assigned(role: &str, scope: &str) -> Vec<RoleAssignment> {
        let role = BUILT_IN.iter().find(|known| known.name == role).unwrap().id;
        let id = Uuid::nil();
        vec![RoleAssignment { id, tenant: TenantId::new(id), principal: ObjectId::new(id), role, scope: scope.into() }]
    }

    #[test]
    fn a_role_reaches_its_scope_and_what_is_below_and_nothing_beside() {
        let owner = assigned("Owner", "/subscriptions/s/resourceGroups/rg");
        assert!(allows(&owner, "Anything/write", "/subscriptions/s/resourceGroups/rg"));
        assert!(allows(&owner, "Anything/write", "/subscriptions/S/resourcegroups/RG/providers/x"));
        for other in ["/subscriptions/s/resourceGroups/rg2", "/subscriptions/s", "/", ""] {
            assert!(!allows(&owner, "Anything/write", other), "{other}");
        }
        assert!(allows(&assigned("Owner", "/"), "Anything/write", "/subscriptions/s"));
    }

    #[test]
    fn a_reader_reads_and_writes_nothing() {
        let reader = assigned("Reader", "/");
        assert!(allows(&reader, "Microsoft.ManagedIdentity/userAssignedIdentities/read", "/subscriptions/s"));
        assert!(!allows(&reader, "Microsoft.ManagedIdentity/userAssignedIdentities/write", "/subscriptions/s"));
        assert!(!allows(&[], "Microsoft.ManagedIdentity/userAssignedIdentities/read", "/"));
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("a/*/c", "a/b/x/C"));
        assert!(matches("*", ""));
        assert!(!matches("a/*", "b/a/"));
        assert!(!matches("a/b", "a/bc"));
        assert!(!matches("ab*ba", "aba"));
    }
}
