//! One spelling for each path: ARM and Graph compare the fixed words without regard to letter case.

use axum::extract::Request;
use http::Uri;
use percent_encoding::percent_decode_str;

/// The fixed words of an ARM path by their position; others are names and stay as they are.
const IN_GROUP: [Option<&str>; 10] = [
    Some("subscriptions"),
    None,
    Some("resourceGroups"),
    None,
    Some("providers"),
    Some("Microsoft.ManagedIdentity"),
    Some("userAssignedIdentities"),
    None,
    Some("federatedIdentityCredentials"),
    None,
];
const IN_SUBSCRIPTION: [Option<&str>; 5] =
    [Some("subscriptions"), None, Some("providers"), Some("Microsoft.ManagedIdentity"), Some("userAssignedIdentities")];
const GRAPH: [&str; 2] = ["applications", "servicePrincipals"];
const GRAPH_ACTIONS: [&str; 2] = ["addPassword", "removePassword"];

/// What stands before an `appId` key in a settled path.
pub(crate) const BY_APP_ID: &str = "appId=";

/// Rewrites the request's path in the spelling that the routes have.
pub(crate) fn settle(mut request: Request) -> Request {
    let path = settled(request.uri().path());
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
        }
    }
    request
}

fn settled(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    if segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    match segments.first().map(|first| first.to_ascii_lowercase()).as_deref() {
        Some("subscriptions") => arm(&mut segments),
        Some("v1.0") => graph(&mut segments),
        _ => {}
    }
    format!("/{}", segments.join("/"))
}

fn arm(segments: &mut [String]) {
    let of_subscription = segments.get(2).is_some_and(|word| word.eq_ignore_ascii_case("providers"));
    let words: &[Option<&str>] = if of_subscription { &IN_SUBSCRIPTION } else { &IN_GROUP };
    for (segment, word) in segments.iter_mut().zip(words) {
        if let Some(word) = word
            && segment.eq_ignore_ascii_case(word)
        {
            (*word).clone_into(segment);
        }
    }
}

/// Also turns the key form `applications(appId='…')` into a segment of its own.
fn graph(segments: &mut Vec<String>) {
    let Some(collection) = segments.get(1).cloned() else { return };
    let collection = percent_decode_str(&collection).decode_utf8_lossy().into_owned();
    let (name, key) = collection.split_once('(').unwrap_or((&collection, ""));
    if let Some(word) = GRAPH.iter().find(|word| word.eq_ignore_ascii_case(name)) {
        (*word).clone_into(&mut segments[1]);
        if let Some(app_id) = app_id(key) {
            segments.insert(2, format!("{BY_APP_ID}{app_id}"));
        } else if !key.is_empty() {
            segments[1] = collection;
        }
    }
    if let Some(action) = segments.get_mut(3)
        && let Some(word) = GRAPH_ACTIONS.iter().find(|word| word.eq_ignore_ascii_case(action))
    {
        (*word).clone_into(action);
    }
}

fn app_id(key: &str) -> Option<&str> {
    let (name, value) = key.strip_suffix(')')?.split_once('=')?;
    let id = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (name.eq_ignore_ascii_case("appId") && plain && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::settled;

    #[test]
    fn fixed_words_of_arm_are_settled_and_names_are_kept() {
        assert_eq!(
            settled(
                "/Subscriptions/S/resourcegroups/RG/PROVIDERS/microsoft.managedidentity/userassignedidentities/Providers/federatedidentitycredentials/FIC/"
            ),
            "/subscriptions/S/resourceGroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Providers/federatedIdentityCredentials/FIC"
        );
        assert_eq!(
            settled("/subscriptions/S/Providers/microsoft.managedIdentity/userassignedidentities"),
            "/subscriptions/S/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
        );
    }

    #[test]
    fn the_key_form_of_graph_becomes_a_segment() {
        assert_eq!(settled("/v1.0/Applications(appId='a-1')/addpassword"), "/v1.0/applications/appId=a-1/addPassword");
        assert_eq!(settled("/v1.0/applications%28appId=%27a-1%27%29"), "/v1.0/applications/appId=a-1");
        assert_eq!(settled("/v1.0/applications(appId='a/b')"), "/v1.0/applications(appId='a/b')");
    }

    #[test]
    fn symbolon_s_own_paths_are_exact() {
        assert_eq!(settled("/symbolon/v1/Keys"), "/symbolon/v1/Keys");
    }
}
