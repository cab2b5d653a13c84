//! What the audit trail holds of a call, and what becomes of a call that it cannot hold.

use symbolon_core::audit::Outcome;

use crate::case::Case;
use crate::world::BARE_IDENTITY;

#[tokio::test]
async fn a_grant_is_recorded_with_who_asked_for_what() {
    let answer = Case::federated().call().await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer.record).unwrap(), @r#"
    {
      "time": 1780315200000,
      "operation": "token-exchange",
      "outcome": "granted",
      "tenant": "11111111-1111-4111-8111-111111111111",
      "traceId": "eeeeeeee-0000-4000-8000-000000000001",
      "correlationId": "eeeeeeee-0000-4000-8000-000000000002",
      "clientId": "aaaaaaaa-0000-4000-8000-000000000001",
      "clientName": "sademo",
      "credentialType": "federated credential",
      "federatedCredential": "fic-one",
      "issuer": "https://issuer.example/cluster",
      "subject": "system:serviceaccount:default:sademo",
      "audience": "api://AzureADTokenExchange",
      "assertionId": "5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a11",
      "pod": "sademo-pod",
      "node": "node-1",
      "resource": "https://vault.azure.net",
      "tokenId": "AAAAAAAAAAAAAAAAAAAAAQ"
    }
    "#);
}

#[tokio::test]
async fn a_refusal_is_recorded_with_its_reason_the_nearest_credential_and_a_hint() {
    let answer = Case::federated().with(|c| c.token.claim("sub", "system:serviceaccount:prod:sademo")).call().await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer.record).unwrap(), @r#"
    {
      "time": 1780315200000,
      "operation": "token-exchange",
      "outcome": "refused",
      "tenant": "11111111-1111-4111-8111-111111111111",
      "traceId": "eeeeeeee-0000-4000-8000-000000000001",
      "correlationId": "eeeeeeee-0000-4000-8000-000000000002",
      "code": 700213,
      "reason": "No matching federated identity record found for presented assertion subject 'system:serviceaccount:prod:sademo'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
      "nearest": {
        "credential": "fic-one",
        "differences": [
          {
            "field": "subject",
            "expected": "system:serviceaccount:default:sademo",
            "presented": "system:serviceaccount:prod:sademo",
            "how": "differs from character 23 on: the token has `p`, the credential `d`"
          }
        ]
      },
      "hint": "federated credential `fic-one` came closest: subject differs from character 23 on: the token has `p`, the credential `d` (token `system:serviceaccount:prod:sademo`, credential `system:serviceaccount:default:sademo`); if this workload is yours, mend that one or add another: symbolon federated-credential create --identity sademo --name NAME --issuer https://issuer.example/cluster --subject system:serviceaccount:prod:sademo --audience api://AzureADTokenExchange",
      "clientId": "aaaaaaaa-0000-4000-8000-000000000001",
      "clientName": "sademo",
      "credentialType": "federated credential",
      "issuer": "https://issuer.example/cluster",
      "subject": "system:serviceaccount:prod:sademo",
      "audience": "api://AzureADTokenExchange",
      "assertionId": "5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a11",
      "pod": "sademo-pod",
      "node": "node-1",
      "resource": "https://vault.azure.net"
    }
    "#);
}

#[tokio::test]
async fn a_record_reads_back_as_it_was_written() {
    for case in [Case::federated(), Case::federated().with(|c| c.client(BARE_IDENTITY))] {
        let record = case.call().await.record;
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<symbolon_core::audit::AuditRecord>(&text).unwrap(), record);
    }
}

#[tokio::test]
async fn each_kind_of_credential_is_named() {
    for (case, kind) in [
        (Case::federated(), "federated credential"),
        (Case::secret(), "client secret"),
        (Case::certificate(), "client certificate"),
    ] {
        assert_eq!(case.call().await.record.facts.credential_type.as_deref(), Some(kind));
    }
}

#[tokio::test]
async fn a_call_for_an_unknown_tenant_is_recorded_without_one() {
    let record = Case::federated().with(|c| c.tenant = "unknown.example".into()).call().await.record;
    assert_eq!((record.tenant, record.code), (None, Some(90_002)));
}

#[tokio::test]
async fn no_token_is_handed_out_that_could_not_be_recorded() {
    for case in [Case::federated(), Case::secret(), Case::certificate()] {
        let answer = case.with(|c| c.world.audit_fails = true).call().await;
        assert_eq!(answer.record.outcome, Outcome::Granted, "it was about to be granted");
        let refused = answer.refused();
        assert_eq!((refused.error.code(), refused.error.oauth_error().as_str()), (90_033, "temporarily_unavailable"));
        assert_eq!(refused.failure.unwrap().to_string(), "writing the audit trail failed");
    }
}

#[tokio::test]
async fn a_refusal_that_could_not_be_recorded_says_so_too() {
    let answer = Case::secret()
        .with(|c| {
            c.field("client_secret", "wrong");
            c.world.audit_fails = true;
        })
        .call()
        .await;
    assert_eq!(answer.code(), 90_033);
}

#[tokio::test]
async fn a_failing_signer_is_a_failure_of_ours_and_is_recorded() {
    let answer = Case::federated().with(|c| c.world.signer_fails = true).call().await;
    assert_eq!((answer.record.outcome, answer.record.code), (Outcome::Refused, Some(90_033)));
    assert_eq!(answer.record.facts.token_id, None);
    assert_eq!(answer.refused().failure.unwrap().to_string(), "signing failed");
}
