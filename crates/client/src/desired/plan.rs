//! The steps from what is there to what should be.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use serde::Serialize;
use serde_json::Value;

use super::{Document, Found, Place};

/// What an object is, in the order in which objects can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A registered issuer.
    TrustedIssuer,
    /// A custom role.
    RoleDefinition,
    /// A managed identity.
    Identity,
    /// A federated credential.
    FederatedCredential,
    /// A service account.
    ServiceAccount,
    /// A role of an identity at a scope.
    RoleAssignment,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TrustedIssuer => "trusted issuer",
            Self::RoleDefinition => "role definition",
            Self::Identity => "identity",
            Self::FederatedCredential => "federated credential",
            Self::ServiceAccount => "service account",
            Self::RoleAssignment => "role assignment",
        })
    }
}

/// Something that is there, or should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name, with those of what it hangs on.
    pub name: String,
    /// The identity that it hangs on.
    pub owner: Option<String>,
    /// What is known of it; in a document, what it should be.
    pub fields: BTreeMap<&'static str, Value>,
}

impl Object {
    pub(super) fn new(kind: Kind, name: String, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self { kind, name, owner: None, fields: fields.into_iter().collect() }
    }

    pub(super) fn owned_by(self, owner: &str) -> Self {
        Self { owner: Some(owner.to_owned()), ..self }
    }

    /// What tells it from others: issuers and service accounts are exact, ARM's names are not.
    pub(super) fn key(&self) -> (Kind, String) {
        let exact = matches!(self.kind, Kind::TrustedIssuer | Kind::ServiceAccount);
        (self.kind, if exact { self.name.clone() } else { self.name.to_lowercase() })
    }

    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Which.
    pub field: &'static str,
    /// What it is now; null for nothing.
    pub old: Value,
    /// What it becomes.
    pub new: Value,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What to; as it is where it is deleted, as it should be otherwise.
    pub object: Object,
    /// What changes.
    pub changes: Vec<Change>,
}

/// The steps that lead from `found` to the objects of `document`, each of which can be carried out
/// when those before it were. With `prune`, what the document manages and does not name goes.
///
/// # Errors
/// [`super::InvalidDocument`]
pub fn plan(
    document: &Document,
    found: &Found,
    place: &Place,
    prune: bool,
) -> Result<Vec<Step>, super::InvalidDocument> {
    let wanted = document.objects(place)?;
    let known: HashMap<_, _> = found.objects.iter().map(|object| (object.key(), object)).collect();
    let mut steps: Vec<Step> =
        wanted.iter().filter_map(|object| step(object, known.get(&object.key()).copied())).collect();
    if prune {
        let named: HashSet<_> = wanted.iter().map(Object::key).collect();
        let extra = |object: &&Object| !named.contains(&object.key()) && goes(document, object, place, &named);
        let mut extra: Vec<_> = found.objects.iter().filter(extra).collect();
        extra.sort_by_key(|object| std::cmp::Reverse(object.kind));
        steps.extend(extra.into_iter().map(|object| Step {
            action: Action::Delete,
            object: object.clone(),
            changes: Vec::new(),
        }));
    }
    Ok(steps)
}

/// What hangs on an identity that goes, goes with it and needs no step.
fn goes(document: &Document, object: &Object, place: &Place, named: &HashSet<(Kind, String)>) -> bool {
    let stays = |owner: &String| named.contains(&(Kind::Identity, owner.to_lowercase()));
    object.owner.as_ref().is_none_or(stays) && document.manages(object, place)
}

fn step(wanted: &Object, found: Option<&Object>) -> Option<Step> {
    let old = |field: &str| found.and_then(|found| found.fields.get(field)).cloned().unwrap_or_default();
    let changes: Vec<_> = wanted
        .fields
        .iter()
        .map(|(field, new)| Change { field, old: old(field), new: new.clone() })
        .filter(|change| !same(change))
        .collect();
    let action = match found {
        None => Action::Create,
        // Its fields are its name, so there is nothing to change but letter case.
        Some(_) if changes.is_empty() || wanted.kind == Kind::RoleAssignment => return None,
        Some(_) => Action::Update,
    };
    Some(Step { action, object: wanted.clone(), changes })
}

fn same(change: &Change) -> bool {
    let nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    change.old == change.new || (nothing(&change.old) && nothing(&change.new))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place() -> Place {
        Place { subscription: "s".into(), resource_group: "g".into(), issuer: "https://own".into() }
    }

    fn document(text: Value) -> Document {
        serde_json::from_value(text).unwrap()
    }

    fn full() -> Document {
        document(json!({
            "trustedIssuers": [{ "issuer": "https://i.example", "allowPrivate": true }],
            "roleDefinitions": [{ "name": "Lister", "actions": ["*/read"] }],
            "identities": [{
                "name": "one",
                "tags": { "team": "a" },
                "federatedCredentials": [{ "name": "own", "serviceAccount": "default/one" }],
                "roles": [{ "role": "Reader", "scope": "subscription" }],
            }],
            "serviceAccounts": [{ "name": "default/one", "identity": "one" }],
        }))
    }

    fn steps(document: &Document, found: &Found, prune: bool) -> Vec<String> {
        let steps = plan(document, found, &place(), prune).unwrap();
        steps.iter().map(|step| format!("{:?} {} {}", step.action, step.object.kind, step.object.name)).collect()
    }

    fn holding(document: &Document) -> Found {
        Found { objects: document.objects(&place()).unwrap() }
    }

    #[test]
    fn everything_is_made_in_an_order_in_which_it_can_be() {
        insta::assert_debug_snapshot!(steps(&full(), &Found::default(), true), @r#"
        [
            "Create trusted issuer https://i.example",
            "Create role definition Lister",
            "Create identity g/one",
            "Create federated credential g/one/own",
            "Create service account default/one",
            "Create role assignment g/one: Reader at /subscriptions/s",
        ]
        "#);
    }

    #[test]
    fn what_is_there_already_needs_no_step() {
        assert_eq!(steps(&full(), &holding(&full()), true), [""; 0]);
    }

    #[test]
    fn letter_case_of_arm_names_is_no_difference() {
        let mut found = holding(&full());
        for object in &mut found.objects {
            if object.kind == Kind::Identity {
                object.name = object.name.to_uppercase();
            }
        }
        assert_eq!(steps(&full(), &found, true), [""; 0]);
    }

    #[test]
    fn a_changed_field_is_named_with_both_values() {
        let mut wanted = full();
        wanted.identities.as_mut().unwrap()[0].tags.as_mut().unwrap().insert("team".into(), "b".into());
        let steps = plan(&wanted, &holding(&full()), &place(), false).unwrap();
        let [step] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!(step.action, Action::Update);
        let expected = Change { field: "tags", old: json!({ "team": "a" }), new: json!({ "team": "b" }) };
        assert_eq!(step.changes, [expected]);
    }

    #[test]
    fn without_prune_nothing_is_deleted_and_with_it_only_what_the_file_has_a_section_for() {
        let found = holding(&full());
        let only_identities = document(json!({ "identities": [] }));
        assert_eq!(steps(&only_identities, &found, false), [""; 0]);
        assert_eq!(steps(&only_identities, &found, true), ["Delete identity g/one"]);
        let no_credentials = document(json!({ "identities": [{ "name": "one", "federatedCredentials": [] }] }));
        assert_eq!(steps(&no_credentials, &found, true), ["Delete federated credential g/one/own"]);
        assert_eq!(steps(&document(json!({})), &found, true), [""; 0]);
    }

    #[test]
    fn a_document_that_means_nothing_is_refused() {
        for (text, why) in [
            (json!({ "identities": [{ "name": "a" }, { "name": "A" }] }), "identity `g/A` is in the file twice"),
            (
                json!({ "identities": [{ "name": "a", "federatedCredentials": [{ "name": "fic", "issuer": "https://i" }] }] }),
                "federated credential `fic` needs one of `serviceAccount`, `issuer` with `subject`, and `issuer` with `claimsMatchingExpression`",
            ),
            (
                json!({ "serviceAccounts": [{ "name": "default" }] }),
                "service account `default` is not of the form NAMESPACE/NAME",
            ),
            (json!({ "identities": [{ "name": "a/b" }] }), "identity `a/b` has a name that is empty or holds `/`"),
        ] {
            let refused = plan(&document(text), &Found::default(), &place(), false).unwrap_err();
            assert_eq!(refused.to_string(), why);
        }
    }
}
