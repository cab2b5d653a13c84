//! What the rendered objects may do and how their pods run, in every golden file.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use serde_json::Value;
use symbolon_test_deploy::goldens;

/// The objects of every golden file, each with the file's name.
fn objects() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for golden in goldens().unwrap() {
        let objects: Vec<Value> = serde_saphyr::from_multiple(&golden.content).unwrap();
        all.extend(objects.into_iter().filter(|object| !object.is_null()).map(|one| (golden.name().to_owned(), one)));
    }
    assert!(all.len() > 200, "only {} objects were found", all.len());
    all
}

fn of_kind(kind: &str) -> impl Iterator<Item = (String, Value)> {
    objects().into_iter().filter(move |(_, object)| object["kind"] == kind)
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The rules of roles: where they are, the resource, what the rule says.
fn rules() -> Vec<(String, String, Value)> {
    let roles = objects().into_iter().filter(|(_, one)| one["kind"] == "Role" || one["kind"] == "ClusterRole");
    let mut all = Vec::new();
    for (case, role) in roles {
        let place = format!("{case}: {} {}", role["kind"], role["metadata"]["name"]);
        for rule in role["rules"].as_array().unwrap() {
            all.extend(list(&rule["resources"]).into_iter().map(|resource| (place.clone(), resource, rule.clone())));
        }
    }
    all
}

#[test]
fn every_pod_runs_under_the_restricted_profile() {
    for (case, deployment) in of_kind("Deployment") {
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{case}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{case}");
        assert_eq!(pod["hostNetwork"] == true, case == "host-network", "{case}");
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{case}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{case}");
            assert_eq!(list(&context["capabilities"]["drop"]), ["ALL"], "{case}");
            assert!(!container["resources"]["requests"].is_null(), "{case}");
            assert!(!container["resources"]["limits"]["memory"].is_null(), "{case}");
        }
    }
}

#[test]
fn no_role_grants_everything_of_anything() {
    for (place, resource, rule) in rules() {
        let groups = list(&rule["apiGroups"]);
        for words in [list(&rule["verbs"]), groups, vec![resource]] {
            assert!(words.iter().all(|word| word != "*"), "{place}: {rule}");
        }
    }
}

#[test]
fn secrets_and_webhook_configurations_are_named() {
    let mut found = 0;
    for (place, resource, rule) in rules() {
        if ["secrets", "mutatingwebhookconfigurations"].contains(&resource.as_str()) {
            let (names, verbs) = (list(&rule["resourceNames"]), list(&rule["verbs"]));
            // A create cannot be limited to a name.
            assert!(names.len() == 1 || (resource == "secrets" && verbs == ["create"]), "{place}: {rule}");
            assert!(!verbs.iter().any(|verb| verb == "delete"), "{place}: {rule}");
            assert!(resource != "secrets" || !place.contains("ClusterRole"), "{place}: secrets of every namespace");
            found += 1;
        }
    }
    assert!(found > 20, "only {found} such rules were found");
}

#[test]
fn pods_are_evicted_only_where_that_was_asked_for() {
    for (place, resource, rule) in rules() {
        let writes = list(&rule["verbs"]).iter().any(|verb| !["get", "list", "watch"].contains(&verb.as_str()));
        if resource.starts_with("pods") && writes {
            assert!(place.starts_with("heal-evict"), "{place}: {rule}");
        }
    }
}

#[test]
fn a_pods_labels_are_what_its_deployment_and_its_service_look_for() {
    let all = objects();
    for (case, deployment) in of_kind("Deployment") {
        let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
        for (name, value) in deployment["spec"]["selector"]["matchLabels"].as_object().unwrap() {
            assert_eq!(labels.get(name), Some(value), "{case}");
        }
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        if container["name"] != "webhook" {
            continue;
        }
        let services = all.iter().filter(|(of, one)| *of == case && one["kind"] == "Service");
        let selects = |service: &Value| {
            service["spec"]["selector"].as_object().unwrap().iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        assert!(services.map(|(_, service)| service).all(selects), "{case}");
    }
}

#[test]
fn a_webhook_configuration_names_the_service_that_is_there() {
    let all = objects();
    for (case, configuration) in of_kind("MutatingWebhookConfiguration") {
        for webhook in configuration["webhooks"].as_array().unwrap() {
            let target = &webhook["clientConfig"]["service"];
            let service = all
                .iter()
                .find(|(of, one)| *of == case && one["kind"] == "Service" && one["metadata"]["name"] == target["name"]);
            let (_, service) = service.unwrap_or_else(|| panic!("{case}: no Service {}", target["name"]));
            assert_eq!(service["spec"]["ports"][0]["port"], target["port"], "{case}");
            assert_eq!(service["metadata"]["namespace"], target["namespace"], "{case}");
        }
    }
}
