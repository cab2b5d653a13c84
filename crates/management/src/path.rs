//! One spelling for each path: ARM and Graph compare the fixed words without regard to letter case.

use axum::extract::Request;
use http::Uri;
use percent_encoding::percent_decode_str;

/// Fixed words of ARM that follow a scope or a namespace. Names are never looked up here, so that a
/// resource group may be called `Providers`.
const ARM_WORDS: [&str; 18] = [
    "subscriptions",
    "resourceGroups",
    "providers",
    "locations",
    "resources",
    "tenants",
    "register",
    "tagNames",
    "Microsoft.Authorization",
    "Microsoft.ManagedIdentity",
    "Microsoft.Resources",
    "Microsoft.KeyVault",
    "Microsoft.AppConfiguration",
    "userAssignedIdentities",
    "federatedIdentityCredentials",
    "roleAssignments",
    "roleDefinitions",
    "permissions",
];
const GRAPH: [&str; 5] = ["applications", "servicePrincipals", "directoryObjects", "organization", "me"];
const GRAPH_WORDS: [&str; 5] = ["addPassword", "removePassword", "federatedIdentityCredentials", "getByIds", "owners"];

/// What stands before an `appId` key in a settled path.
pub(crate) const BY_APP_ID: &str = "appId=";
/// What stands before a `name` key in a settled path.
pub(crate) const BY_NAME: &str = "name=";

/// Where the resources of `Microsoft.Authorization` are routed, whatever scope they extend.
pub(crate) const AUTHORIZATION: &str = "/-authorization";

/// The scope that a resource of `Microsoft.Authorization` extends: what stands before its
/// `/providers/`, settled and decoded; `/` for the root. Only [`settle`] sets it, so a request that
/// names [`AUTHORIZATION`] itself has none and finds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtendedScope(pub(crate) String);

/// Rewrites the request's path in the spelling that the routes have.
pub(crate) fn settle(mut request: Request) -> Request {
    let Settled { path, scope } = settled(request.uri().path());
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // A text that is no path leaves the request as it was, to end at the fallback.
    if let Ok(path_and_query) = target.parse() {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
            if let Some(scope) = scope {
                request.extensions_mut().insert(scope);
            }
        }
    }
    request
}

struct Settled {
    path: String,
    scope: Option<ExtendedScope>,
}

fn settled(path: &str) -> Settled {
    let mut segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    if segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    // As clouds' metadata names Graph: see `Urls::graph`.
    if let [first, version, ..] = segments.as_slice()
        && first.eq_ignore_ascii_case("graph")
        && matches!(version.as_str(), "v1.0" | "beta")
    {
        segments.remove(0);
    }
    let mut scope = None;
    match segments.first().map(|first| first.to_ascii_lowercase()).as_deref() {
        Some("subscriptions" | "providers" | "tenants") => {
            arm(&mut segments);
            scope = extend(&mut segments);
        }
        Some("metadata") => segments.iter_mut().for_each(|segment| segment.make_ascii_lowercase()),
        // What Graph's beta has beyond version 1.0 is served there too.
        Some("v1.0" | "beta") => {
            "v1.0".clone_into(&mut segments[0]);
            graph(&mut segments);
        }
        _ => {}
    }
    Settled { path: format!("/{}", segments.join("/")), scope }
}

/// Settles the fixed words: scope words at the start, and after `providers` a namespace and pairs of
/// type and name.
fn arm(segments: &mut [String]) {
    let mut at = 0;
    while at < segments.len() {
        word(&mut segments[at]);
        let is_namespace_next = segments[at] == "providers";
        let has_name = matches!(segments[at].as_str(), "subscriptions" | "resourceGroups" | "locations");
        at += 1;
        if is_namespace_next {
            at = provider(segments, at);
        } else if has_name {
            at += 1;
        }
    }
}

/// A namespace, then types and names in turn, up to the next `providers`.
fn provider(segments: &mut [String], namespace: usize) -> usize {
    if let Some(namespace) = segments.get_mut(namespace) {
        word(namespace);
    }
    let mut at = namespace + 1;
    while at < segments.len() && !segments[at].eq_ignore_ascii_case("providers") {
        word(&mut segments[at]);
        at += 2;
    }
    at
}

fn word(segment: &mut String) {
    if let Some(word) = ARM_WORDS.iter().find(|word| word.eq_ignore_ascii_case(segment)) {
        (*word).clone_into(segment);
    }
}

/// Takes the scope off a path that ends with a resource of `Microsoft.Authorization`.
fn extend(segments: &mut Vec<String>) -> Option<ExtendedScope> {
    let last = segments.iter().rposition(|segment| segment == "providers")?;
    let rest = segments.get(last + 1..)?;
    let [namespace, kind, ..] = rest else { return None };
    if namespace != "Microsoft.Authorization" || rest.len() > 3 {
        return None;
    }
    if !matches!(kind.as_str(), "roleAssignments" | "roleDefinitions" | "permissions") {
        return None;
    }
    let scope = segments[..last].iter().map(|segment| decoded(segment)).collect::<Option<Vec<_>>>()?;
    let path = segments.split_off(last + 2);
    *segments = vec![AUTHORIZATION.trim_start_matches('/').to_owned()];
    segments.extend(path);
    Some(ExtendedScope(format!("/{}", scope.join("/"))))
}

/// A decoded segment; none where it would be more than one, or not text: a scope must mean the same
/// here as where it is compared.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    let plain = !text.is_empty() && text.chars().all(|c| c != '/' && !c.is_control());
    plain.then(|| text.into_owned())
}

/// Also turns the key forms `applications(appId='…')` and `federatedIdentityCredentials(name='…')`
/// into segments of their own.
fn graph(segments: &mut Vec<String>) {
    keyed(segments, 1, &GRAPH, "appId", BY_APP_ID);
    keyed(segments, 3, &GRAPH_WORDS, "name", BY_NAME);
    // `directoryObjects/getByIds` and `me/ownedObjects` have their word where others have a key.
    let words = ["getByIds", "ownedObjects"];
    if let Some(segment) = segments.get_mut(2)
        && let Some(word) = words.into_iter().find(|word| word.eq_ignore_ascii_case(segment))
    {
        word.clone_into(segment);
    }
}

fn keyed(segments: &mut Vec<String>, at: usize, words: &[&str], key_name: &str, mark: &str) {
    let Some(segment) = segments.get(at) else { return };
    let text = percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let (name, key) = text.split_once('(').unwrap_or((&text, ""));
    let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(name)) else { return };
    if let Some(value) = key_value(key, key_name) {
        (*word).clone_into(&mut segments[at]);
        segments.insert(at + 1, format!("{mark}{value}"));
    } else if key.is_empty() {
        (*word).clone_into(&mut segments[at]);
    } else {
        segments[at] = text;
    }
}

fn key_value<'a>(key: &'a str, key_name: &str) -> Option<&'a str> {
    let (name, value) = key.strip_suffix(')')?.split_once('=')?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (name.trim().eq_ignore_ascii_case(key_name) && plain && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::{ExtendedScope, settled};

    fn path(text: &str) -> String {
        settled(text).path
    }

    fn extended(text: &str) -> (String, Option<String>) {
        let found = settled(text);
        (found.path, found.scope.map(|ExtendedScope(scope)| scope))
    }

    #[test]
    fn fixed_words_of_arm_are_settled_and_names_are_kept() {
        assert_eq!(
            path(
                "/Subscriptions/S/resourcegroups/RG/PROVIDERS/microsoft.managedidentity/userassignedidentities/Providers/federatedidentitycredentials/FIC/"
            ),
            "/subscriptions/S/resourceGroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Providers/federatedIdentityCredentials/FIC"
        );
        assert_eq!(
            path("/subscriptions/S/Providers/microsoft.managedIdentity/userassignedidentities"),
            "/subscriptions/S/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
        );
        assert_eq!(path("/SUBSCRIPTIONS/s/resourceGROUPS/providers"), "/subscriptions/s/resourceGroups/providers");
        assert_eq!(path("/Metadata/Endpoints"), "/metadata/endpoints");
    }

    #[test]
    fn the_scope_of_an_authorization_resource_is_what_stands_before_it() {
        let some = |scope: &str| Some(scope.to_owned());
        assert_eq!(
            extended("/subscriptions/s/resourcegroups/RG/providers/microsoft.authorization/roleassignments/N"),
            ("/-authorization/roleAssignments/N".into(), some("/subscriptions/s/resourceGroups/RG"))
        );
        assert_eq!(
            extended("/providers/Microsoft.Authorization/roleDefinitions"),
            ("/-authorization/roleDefinitions".into(), some("/"))
        );
        assert_eq!(
            extended(
                "/subscriptions/s/resourceGroups/r/providers/Microsoft.KeyVault/vaults/v/secrets/providers/providers/Microsoft.Authorization/permissions"
            ),
            (
                "/-authorization/permissions".into(),
                some("/subscriptions/s/resourceGroups/r/providers/Microsoft.KeyVault/vaults/v/secrets/providers")
            )
        );
        assert_eq!(
            extended("/subscriptions/s/resourceGroups/a%28b%29/providers/Microsoft.Authorization/roleAssignments").1,
            some("/subscriptions/s/resourceGroups/a(b)")
        );
    }

    #[test]
    fn a_scope_that_could_be_read_in_two_ways_is_none() {
        for text in [
            "/subscriptions/s/resourceGroups/a%2fb/providers/Microsoft.Authorization/roleAssignments",
            "/subscriptions//resourceGroups/a/providers/Microsoft.Authorization/roleAssignments",
            "/subscriptions/s/resourceGroups/a%00/providers/Microsoft.Authorization/roleAssignments",
            "/-authorization/roleAssignments",
        ] {
            assert_eq!(extended(text).1, None, "{text}");
        }
    }

    #[test]
    fn the_key_forms_of_graph_become_segments() {
        assert_eq!(path("/v1.0/Applications(appId='a-1')/addpassword"), "/v1.0/applications/appId=a-1/addPassword");
        assert_eq!(path("/v1.0/applications%28appId=%27a-1%27%29"), "/v1.0/applications/appId=a-1");
        assert_eq!(path("/v1.0/applications(appId='a/b')"), "/v1.0/applications(appId='a/b')");
        assert_eq!(
            path("/v1.0/applications/o/federatedidentitycredentials(name='fic_1')"),
            "/v1.0/applications/o/federatedIdentityCredentials/name=fic_1"
        );
        assert_eq!(path("/graph/v1.0/Applications/x"), "/v1.0/applications/x");
        assert_eq!(path("/v1.0/directoryobjects/GetByIds"), "/v1.0/directoryObjects/getByIds");
    }

    #[test]
    fn symbolon_s_own_paths_are_exact() {
        assert_eq!(path("/symbolon/v1/Keys"), "/symbolon/v1/Keys");
    }
}
