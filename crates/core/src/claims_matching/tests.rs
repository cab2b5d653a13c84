use proptest::prelude::*;
use serde_json::json;

use super::*;

fn expression(text: &str) -> ClaimsMatchingExpression {
    text.parse().unwrap()
}

fn error(text: &str) -> String {
    text.parse::<ClaimsMatchingExpression>().unwrap_err().to_string()
}

fn accepts(text: &str, claims: &Value) -> bool {
    expression(text).matches(&claims.clone().into())
}

#[test]
fn the_examples_of_entra_s_documents_accept_what_they_say() {
    let sub = |sub: &str| json!({ "sub": sub });
    let github = |sub: &str, workflow: &str| json!({ "sub": sub, "job_workflow_ref": workflow });
    let both = "claims['sub'] eq 'repo:contoso/contoso-repo:ref:refs/heads/main' and \
        claims['job_workflow_ref'] matches 'foo-org/bar-repo/.github/workflows/*@refs/heads/main'";
    let main = "repo:contoso/contoso-repo:ref:refs/heads/main";
    for (text, good, bad) in [
        (
            "claims['sub'] matches 'repo:contoso/contoso-repo:ref:refs/heads/*'",
            vec![sub(main), sub("repo:contoso/contoso-repo:ref:refs/heads/feature/x")],
            vec![sub("repo:contoso/contoso-repo:pull_request"), sub("repo:contoso/contoso-repo2:ref:refs/heads/main")],
        ),
        (
            "claims['sub'] matches 'repo:contoso/contoso-repo-*:ref:refs/heads/????'",
            vec![sub("repo:contoso/contoso-repo-a:ref:refs/heads/main")],
            vec![sub("repo:contoso/contoso-repo-a:ref:refs/heads/mai"), sub(main)],
        ),
        (
            "claims['sub'] eq 'repo:contoso/contoso-repo:ref:refs/heads/main'",
            vec![sub(main)],
            vec![sub(&main.to_uppercase())],
        ),
        (
            both,
            vec![github(main, "foo-org/bar-repo/.github/workflows/deploy.yml@refs/heads/main")],
            vec![
                github(main, "foo-org/bar-repo/.github/workflows/deploy.yml@refs/heads/dev"),
                github("repo:contoso/other", "foo-org/bar-repo/.github/workflows/deploy.yml@refs/heads/main"),
                sub(main),
            ],
        ),
        (
            "claims['sub'] matches 'project_path:group/*:ref_type:branch:ref:main'",
            vec![sub("project_path:group/project:ref_type:branch:ref:main")],
            vec![sub("project_path:group2/project:ref_type:branch:ref:main")],
        ),
        (
            "claims['sub'] matches 'organization:acme:project:devops:workspace:*:run_phase:*'",
            vec![sub("organization:acme:project:devops:workspace:one:run_phase:plan")],
            vec![sub("organization:acme:project:other:workspace:one:run_phase:plan")],
        ),
        (
            "claims['sub'] matches system:serviceaccount:ns:*",
            vec![sub("system:serviceaccount:ns:sa")],
            vec![sub("system:serviceaccount:ns2:sa")],
        ),
    ] {
        assert!(good.iter().all(|claims| accepts(text, claims)), "{text}");
        assert!(!bad.iter().any(|claims| accepts(text, claims)), "{text}");
    }
}

#[test]
fn a_path_of_brackets_reaches_into_objects() {
    let text = "claims['kubernetes.io']['namespace'] eq 'prod' and claims['kubernetes.io']['serviceaccount']['name'] matches 'web-*'";
    let pod =
        |namespace: &str| json!({ "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": "web-1" } } });
    assert!(accepts(text, &pod("prod")));
    assert!(!accepts(text, &pod("dev")));
    assert!(!accepts("claims['kubernetes.io.namespace'] eq 'prod'", &pod("prod")));
}

#[test]
fn a_claim_that_is_missing_or_no_string_never_matches() {
    for claims in [
        json!({}),
        json!({ "sub": 1 }),
        json!({ "sub": ["x"] }),
        json!({ "sub": null }),
        json!({ "sub": {} }),
        json!(["sub"]),
    ] {
        assert!(!accepts("claims['sub'] matches '*'", &claims), "{claims}");
    }
    assert!(accepts("claims['sub'] matches '*'", &json!({ "sub": "" })));
    let long = |length: usize| json!({ "sub": "é".repeat(length) });
    assert!(accepts("claims['sub'] matches '*'", &long(MAX_CLAIM_CHARS)));
    assert!(!accepts("claims['sub'] matches '*'", &long(MAX_CLAIM_CHARS + 1)));
}

#[test]
fn a_payload_that_names_a_claim_twice_has_no_claims() {
    let twice = Claims::new(br#"{"sub":"a","sub":"b"}"#);
    assert!(!expression("claims['sub'] matches '*'").matches(&twice));
    assert!(expression("claims['sub'] eq 'a'").matches(&Claims::new(br#"{"sub":"a"}"#)));
}

#[test]
fn a_single_quote_is_doubled() {
    let text = "claims['o''clock'] eq 'it''s'' and claims[''x'";
    assert!(accepts(text, &json!({ "o'clock": "it's' and claims['x" })));
    assert_eq!(expression(text).clauses()[0].to_string(), text);
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    insta::assert_snapshot!(error("claim['sub'] eq 'a'"), @"claims matching expression is wrong at character 1: expected `claims['NAME']`, found `claim['sub'] eq 'a'`");
    insta::assert_snapshot!(error("claims[‘sub’] eq 'a'"), @"claims matching expression is wrong at character 8: expected the claim's name between single quotes, found `‘sub’] eq 'a'`");
    insta::assert_snapshot!(error("claims['sub'] like 'a'"), @"claims matching expression is wrong at character 15: expected `eq` or `matches`, and one space, found `like 'a'`");
    insta::assert_snapshot!(error("claims['sub'] eq 'a' or claims['b'] eq 'c'"), @"claims matching expression is wrong at character 21: expected ` and ` or the end, found ` or claims['b'] eq '`");
    insta::assert_snapshot!(error("claims['sub'] eq 'a"), @"claims matching expression is wrong at character 20: expected a closing single quote (a quote inside is doubled), found the end");
    insta::assert_snapshot!(error("claims['sub'] eq ''"), @"claims matching expression is wrong at character 19: expected at least one character between the quotes, found `'`");
    insta::assert_snapshot!(error("claims['sub']  eq 'a'"), @"claims matching expression is wrong at character 15: expected `eq` or `matches`, and one space, found ` eq 'a'`");
    insta::assert_snapshot!(error(""), @"claims matching expression has 0 characters, expected 1 to 600");
}

#[test]
fn expressions_are_bounded() {
    let clauses = |n: usize| vec!["claims['a'] eq b"; n].join(" and ");
    assert!(clauses(MAX_CLAUSES).parse::<ClaimsMatchingExpression>().is_ok());
    assert_eq!(clauses(17).parse::<ClaimsMatchingExpression>(), Err(InvalidExpression::Clauses(337)));
    let deep = |n: usize| format!("claims{} eq b", "['a']".repeat(n));
    assert!(deep(MAX_DEPTH).parse::<ClaimsMatchingExpression>().is_ok());
    assert!(matches!(deep(9).parse::<ClaimsMatchingExpression>(), Err(InvalidExpression::Depth(_))));
    assert!(format!("claims['sub'] eq '{}'", "é".repeat(581)).parse::<ClaimsMatchingExpression>().is_ok());
    assert!(error(&format!("claims['sub'] eq '{}'", "é".repeat(582))).contains("has 601 characters"));
    assert!(error("claims['a\nb'] eq c").contains("control character at character 10"));
}

#[test]
fn each_clause_is_explained() {
    let claims = json!({ "sub": "repo:contoso/one:pull_request", "ref": 1, "env": "prod" }).into();
    let text = "claims['sub'] matches 'repo:contoso/*:ref:*' and claims['sub'] matches 'repo:contosa/*' and \
        claims['ref'] eq 'x' and claims['gone'] eq 'x' and claims['env'] eq 'prof' and claims['env'] eq prod";
    let lines: Vec<_> = expression(text)
        .explain(&claims)
        .into_iter()
        .map(|e| format!("{}: {}", e.clause, e.mismatch.map_or_else(|| "matched".into(), |m| m.to_string())))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    claims['sub'] matches 'repo:contoso/*:ref:*': the claim ends after 29 characters, before the pattern does
    claims['sub'] matches 'repo:contosa/*': the claim leaves the pattern at character 12: nothing that it accepts has `o` there
    claims['ref'] eq 'x': the claim is a number, not a string
    claims['gone'] eq 'x': the token has no such claim
    claims['env'] eq 'prof': the claim differs from character 4 on: the token has `d`, the credential `f`
    claims['env'] eq 'prod': matched
    ");
}

#[test]
fn it_is_json_as_the_text_that_was_written() {
    let text = "claims['sub'] matches system:serviceaccount:ns:*";
    assert_eq!(serde_json::to_value(expression(text)).unwrap(), json!(text));
    assert_eq!(serde_json::from_value::<ClaimsMatchingExpression>(json!(text)).unwrap(), expression(text));
    assert!(serde_json::from_value::<ClaimsMatchingExpression>(json!("x")).is_err());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        let _ = text.parse::<ClaimsMatchingExpression>();
    }

    #[test]
    fn text_that_is_nearly_an_expression_never_panics(text in "(claims|\\[|\\]|'|''| |eq|matches|and|a|\\*){0,20}") {
        if let Ok(parsed) = text.parse::<ClaimsMatchingExpression>() {
            prop_assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same_clauses(
        name in "[a-z'\\]é.]{1,8}", nested in "[a-z']{1,4}", value in "[a-z'*? :]{1,12}", other in "[a-z*']{1,5}",
    ) {
        let quote = |text: &str| text.replace('\'', "''");
        let (name, nested, value, other) = (quote(&name), quote(&nested), quote(&value), quote(&other));
        let text = format!("claims['{name}']['{nested}'] eq '{value}' and claims['{name}'] matches '{other}'");
        let parsed = expression(&text);
        let clauses: Vec<_> = parsed.clauses().iter().map(ToString::to_string).collect();
        prop_assert_eq!(clauses.join(" and "), text.clone());
        prop_assert_eq!(expression(&parsed.to_string()), parsed);
    }

    #[test]
    fn eq_is_equality_of_strings(expected in "[ab*?']{1,4}", found in "[ab*?']{0,4}") {
        let text = format!("claims['sub'] eq '{}'", expected.replace('\'', "''"));
        prop_assert_eq!(accepts(&text, &json!({ "sub": found.clone() })), expected == found);
    }
}
