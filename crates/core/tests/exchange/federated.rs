//! Federated credentials: matching comes before fetching, and both halves must fit exactly.

use symbolon_core::ports::IssuerKeysError;

use crate::case::{
    Case,
    Keys::{Asked, NotAsked},
    Row, refuses,
};
use crate::token::{ATTACKER_KEYS, payload};
use crate::world::{
    APP, AUDIENCE, AUTHORITY, BARE_IDENTITY, IDENTITY, ISSUER, NOW, OTHER_TENANT, SUBJECT, TENANT, credential,
    expression,
};

#[tokio::test]
async fn the_token_of_a_pod_is_exchanged_and_one_key_of_one_issuer_is_asked_for() {
    let answer = Case::federated().call().await;
    assert_eq!(answer.asked, [(TENANT, ISSUER.to_owned(), "rsa".to_owned())]);
    assert!(payload(&answer.granted().access_token).contains(&IDENTITY.to_string()));
}

#[tokio::test]
async fn an_application_exchanges_as_a_managed_identity_does() {
    let answer = Case::federated().with(|c| c.client(APP)).call().await;
    assert!(payload(&answer.granted().access_token).contains(r#""appidacr":"2""#));
}

/// Tokens and credentials that do not fit together.
const UNMATCHED: &[Row] = &[
    ("no federated credential", |c| c.client(BARE_IDENTITY), 70_025, "invalid_client", NotAsked),
    ("issuer", |c| c.token.claim("iss", "https://other.example"), 700_211, "invalid_client", NotAsked),
    ("issuer with a slash more", |c| c.token.claim("iss", format!("{ISSUER}/")), 700_211, "invalid_client", NotAsked),
    (
        "issuer in another case",
        |c| c.token.claim("iss", "https://Issuer.example/cluster"),
        700_211,
        "invalid_client",
        NotAsked,
    ),
    ("issuer with white space", |c| c.token.claim("iss", format!("{ISSUER} ")), 700_211, "invalid_client", NotAsked),
    (
        "issuer of a credential with a slash more",
        |c| credentials(c, &[(&format!("{ISSUER}/"), SUBJECT, AUDIENCE)]),
        700_211,
        "invalid_client",
        NotAsked,
    ),
    ("audience", |c| c.token.claim("aud", "api://other"), 700_212, "invalid_client", NotAsked),
    (
        "audience in another case",
        |c| c.token.claim("aud", AUDIENCE.to_lowercase()),
        700_212,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience with a slash more",
        |c| c.token.claim("aud", format!("{AUDIENCE}/")),
        700_212,
        "invalid_client",
        NotAsked,
    ),
    (
        "several audiences, none of them right",
        |c| c.token.claim("aud", vec!["a", "b"]),
        700_212,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience of a credential with another subject",
        |c| credentials(c, &[(ISSUER, SUBJECT, "api://a"), (ISSUER, "s2", AUDIENCE)]),
        700_212,
        "invalid_client",
        NotAsked,
    ),
    ("subject", |c| c.token.claim("sub", "system:serviceaccount:default:other"), 700_213, "invalid_client", NotAsked),
    ("subject cut short", |c| c.token.claim("sub", &SUBJECT[..SUBJECT.len() - 1]), 700_213, "invalid_client", NotAsked),
    (
        "subject in another case",
        |c| c.token.claim("sub", "system:serviceaccount:default:SAdemo"),
        7_002_138,
        "invalid_client",
        NotAsked,
    ),
    (
        "subject of another issuer's credential",
        |c| credentials(c, &[(ISSUER, "s1", AUDIENCE), ("https://b.example", SUBJECT, AUDIENCE)]),
        700_213,
        "invalid_client",
        NotAsked,
    ),
];

#[tokio::test]
async fn whatever_does_not_match_is_refused_before_any_key_is_asked_for() {
    refuses(Case::federated, UNMATCHED).await;
}

#[tokio::test]
async fn tokens_of_entra_and_of_this_authority_are_no_assertions_even_where_a_credential_names_them() {
    for issuer in [
        "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
        "https://login.microsoftonline.us/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        "https://login.partner.microsoftonline.cn/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        "https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0",
    ] {
        let answer = Case::federated()
            .with(|c| {
                credentials(c, &[(issuer, SUBJECT, AUDIENCE)]);
                c.token.claim("iss", issuer);
            })
            .call()
            .await;
        assert_eq!((answer.code(), answer.asked.len()), (700_222, 0), "{issuer}");
    }
}

#[tokio::test]
async fn a_token_that_the_authority_issued_cannot_be_presented_to_it() {
    let granted = Case::federated().with(|c| c.v2("api://AzureADTokenExchange")).call().await.granted();
    let answer = Case::federated()
        .with(|c| {
            let subject = crate::world::IDENTITY_OBJECT.to_string();
            credentials(c, &[(&format!("{AUTHORITY}/{TENANT}/v2.0"), &subject, AUDIENCE)]);
            c.assertion = Some(granted.access_token);
        })
        .call()
        .await;
    assert_eq!((answer.code(), answer.asked.len()), (700_222, 0));
}

#[tokio::test]
async fn each_failure_of_an_issuer_has_entra_s_code() {
    let text = || "x".to_owned();
    for (failure, code) in [
        (IssuerKeysError::UnknownKey { key_id: text(), published: text() }, 7_000_272),
        (IssuerKeysError::Refused { reason: text() }, 50_166),
        (IssuerKeysError::DiscoveryUnreachable { reason: text() }, 50_166),
        (IssuerKeysError::Malformed { document: "discovery document", reason: text() }, 50_166),
        (IssuerKeysError::KeysUnreachable { reason: text() }, 501_661),
        (IssuerKeysError::MissingField { field: "jwks_uri" }, 70_024),
        (IssuerKeysError::TooLarge { document: "key set", limit: 1 }, 90_050),
        (IssuerKeysError::UnexpectedIssuer { found: text(), expected: text() }, 500_277),
    ] {
        let cause = failure.to_string();
        let refused = Case::federated().with(|c| c.world.issuer_failure = Some(failure)).call().await.refused();
        assert_eq!(refused.error.code(), code, "{cause}");
        assert_eq!(refused.cause, Some(cause), "the operator learns the cause");
    }
}

#[tokio::test]
async fn keys_are_asked_for_in_the_client_s_own_tenant() {
    let answer = Case::federated()
        .with(|c| {
            c.tenant = OTHER_TENANT.to_string();
            c.client(crate::world::FOREIGN_IDENTITY);
        })
        .call()
        .await;
    assert_eq!(answer.code(), 7_000_272, "only the first tenant knows keys of this issuer");
    assert_eq!(answer.asked, [(OTHER_TENANT, ISSUER.to_owned(), "rsa".to_owned())]);
}

#[tokio::test]
async fn a_key_that_is_not_the_issuer_s_proves_nothing() {
    let rows: &[Row] = &[
        ("signed by a stranger", |c| c.token.signed_by = &ATTACKER_KEYS, 700_027, "invalid_client", Asked),
        (
            "key that the issuer does not publish",
            |c| c.token.header("kid", "unknown"),
            7_000_272,
            "invalid_client",
            Asked,
        ),
        ("claims changed after signing", tampered_claims, 700_027, "invalid_client", Asked),
        ("no signature", |c| c.token.signed_with = "none", 700_027, "invalid_client", Asked),
        ("signature of another token", foreign_signature, 700_027, "invalid_client", Asked),
        (
            "algorithm of another family than the key",
            |c| {
                c.token.algorithm("ES256");
                c.token.header("kid", "rsa");
            },
            700_027,
            "invalid_client",
            Asked,
        ),
        ("RSA algorithm with the id of an EC key", |c| c.token.header("kid", "p256"), 700_027, "invalid_client", Asked),
        ("another hash than the header names", |c| c.token.signed_with = "RS512", 700_027, "invalid_client", Asked),
        ("another padding than the header names", |c| c.token.signed_with = "PS256", 700_027, "invalid_client", Asked),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn the_nearest_credential_and_the_difference_are_named_to_the_operator_only() {
    let refused = Case::federated().with(|c| c.token.claim("iss", format!("{ISSUER}/"))).call().await.refused();
    assert_eq!(refused.nearest.as_ref().unwrap().credential, "fic-one");
    insta::assert_snapshot!(refused.hint.unwrap(), @"federated credential `fic-one` came closest: issuer differs by a trailing slash, which only the token has (token `https://issuer.example/cluster/`, credential `https://issuer.example/cluster`); if this workload is yours, mend that one or add another: symbolon federated-credential create --identity sademo --name NAME --issuer https://issuer.example/cluster/ --subject system:serviceaccount:default:sademo --audience api://AzureADTokenExchange");
    insta::assert_snapshot!(refused.error.description(), @"AADSTS700211: No matching federated identity record found for presented assertion issuer 'https://issuer.example/cluster/'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation");
}

#[tokio::test]
async fn a_credential_that_was_added_is_honoured_at_the_next_call() {
    let bare = |c: &mut Case| c.client(BARE_IDENTITY);
    assert_eq!(Case::federated().with(bare).call().await.code(), 70_025);
    let mended = Case::federated().with(bare).with(|c| {
        let made = credential("made", ISSUER, SUBJECT, AUDIENCE);
        c.world.client_mut(BARE_IDENTITY).federated_credentials = [made].into_iter().collect();
    });
    mended.call().await.granted();
}

#[tokio::test]
async fn many_credentials_are_told_apart() {
    let answer = Case::federated()
        .with(|c| {
            let made = (0..500).map(|n| credential(&format!("fic-{n}"), ISSUER, &format!("{SUBJECT}-{n}"), AUDIENCE));
            c.world.client_mut(IDENTITY).federated_credentials = made.collect();
            c.token.claim("sub", format!("{SUBJECT}-333"));
            c.token.claim("exp", NOW + 1);
        })
        .call()
        .await;
    assert_eq!(answer.granted().facts.federated_credential.as_deref(), Some("fic-333"));
}

#[tokio::test]
async fn an_expression_accepts_each_token_whose_claims_fit() {
    let found = |answer: crate::case::Answer| answer.granted().facts.federated_credential;
    assert_eq!(found(Case::federated().with(flexible).call().await).as_deref(), Some("flexible"));
    let exact = Case::federated().with(flexible).with(|c| c.token.claim("sub", "system:serviceaccount:team-a:exact"));
    assert_eq!(found(exact.call().await).as_deref(), Some("exact"));

    let rows: &[Row] = &[
        ("subject", |c| c.token.claim("sub", "system:serviceaccount:other:web"), 700_213, "invalid_client", NotAsked),
        (
            "namespace",
            |c| c.token.claim("kubernetes.io", serde_json::json!({ "namespace": "other" })),
            700_213,
            "invalid_client",
            NotAsked,
        ),
        (
            "no namespace",
            |c| c.token.claim("kubernetes.io", serde_json::json!({})),
            700_213,
            "invalid_client",
            NotAsked,
        ),
        ("audience", |c| c.token.claim("aud", "api://other"), 700_212, "invalid_client", NotAsked),
        ("issuer", |c| c.token.claim("iss", "https://other.example"), 700_211, "invalid_client", NotAsked),
    ];
    refuses(|| Case::federated().with(flexible), rows).await;
    let forged = Case::federated().with(flexible).with(|c| c.token.signed_by = &ATTACKER_KEYS);
    assert_eq!(forged.call().await.code(), 700_027, "an expression proves nothing by itself");
}

#[tokio::test]
async fn the_operator_learns_which_clause_does_not_hold() {
    let refused = Case::federated()
        .with(|c| {
            let made = expression("flexible", "claims['sub'] matches 'system:serviceaccount:prod:*'");
            c.world.client_mut(IDENTITY).federated_credentials = [made].into_iter().collect();
        })
        .call()
        .await
        .refused();
    assert_eq!(refused.error.code(), 700_213);
    let hint = refused.hint.unwrap();
    assert!(hint.contains("claims do not fit `claims['sub'] matches 'system:serviceaccount:prod:*'`"), "{hint}");
}

#[tokio::test]
async fn a_credential_that_does_not_count_yet_is_refused_with_the_time_from_which_it_does() {
    let late = |second: i64| {
        Case::federated().with(move |c| {
            let made = credential("late", ISSUER, SUBJECT, AUDIENCE).effective_from(second);
            c.world.client_mut(IDENTITY).federated_credentials = [made].into_iter().collect();
        })
    };
    late(NOW).call().await.granted();
    let refused = late(NOW + 1).call().await.refused();
    assert_eq!(refused.error.code(), 70_025);
    let hint = refused.hint.unwrap();
    assert!(hint.starts_with("federated credential `late` matches; it counts from "), "{hint}");
}

/// Gives the identity an expression and a subject, and the token claims that fit the expression.
fn flexible(case: &mut Case) {
    let text = "claims['sub'] matches 'system:serviceaccount:team-*:*' and claims['kubernetes.io']['namespace'] matches 'team-*'";
    let exact = credential("exact", ISSUER, "system:serviceaccount:team-a:exact", AUDIENCE);
    case.world.client_mut(IDENTITY).federated_credentials = [expression("flexible", text), exact].into_iter().collect();
    case.token.claim("sub", "system:serviceaccount:team-a:web");
    case.token.claim("kubernetes.io", serde_json::json!({ "namespace": "team-a" }));
}

/// Replaces the identity's credentials by these of issuer, subject and audience.
fn credentials(case: &mut Case, made: &[(&str, &str, &str)]) {
    let numbered = made.iter().enumerate();
    let made =
        numbered.map(|(n, (issuer, subject, audience))| credential(&format!("fic-{n}"), issuer, subject, audience));
    case.world.client_mut(IDENTITY).federated_credentials = made.collect();
}

fn foreign_signature(case: &mut Case) {
    let own = case.token.print();
    case.token.claim("jti", "another");
    let other = case.token.print();
    let (input, _) = own.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    case.assertion = Some(format!("{input}.{signature}"));
}

fn tampered_claims(case: &mut Case) {
    case.token.claim("sub", "system:serviceaccount:default:somebody-else");
    let signed = case.token.print();
    case.token.claim("sub", SUBJECT);
    let wanted = case.token.print();
    let parts: Vec<_> = wanted.split('.').collect();
    let (_, signature) = signed.rsplit_once('.').unwrap();
    case.assertion = Some(format!("{}.{}.{signature}", parts[0], parts[1]));
}
