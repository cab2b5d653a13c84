use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{ServerName, UnixTime};
use x509_parser::extensions::ParsedExtension;

use super::*;

/// 2026-11-24.
const NOW: i64 = 1_795_500_000;
const MONTH: Duration = Duration::from_hours(30 * 24);

fn ca() -> CertificateAuthority {
    CertificateAuthority::create(&ConstrainedNames::local(), NOW).unwrap()
}

fn names(texts: &[&str]) -> Vec<SubjectName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn chain(leaf: &Leaf) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(leaf.chain_pem.as_bytes()).map(Result::unwrap).collect()
}

/// What a rustls client that trusts `ca` says about the chain, at `now`.
fn verify(ca: &CertificateAuthority, leaf: &Leaf, name: &str, now: i64) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(single_certificate(ca.certificate_pem()).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain = chain(leaf);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unsigned_abs()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now).map(drop)
}

#[test]
fn a_leaf_is_accepted_for_each_of_its_names() {
    let ca = ca();
    let list =
        ["localhost", "*.vault.localhost", "hook.default.svc", "hook.default.svc.cluster.local", "127.0.0.1", "::1"];
    let leaf = ca.issue_leaf(&names(&list), NOW, MONTH).unwrap();
    for name in
        ["localhost", "a.vault.localhost", "hook.default.svc", "hook.default.svc.cluster.local", "127.0.0.1", "::1"]
    {
        assert_eq!(verify(&ca, &leaf, name, NOW), Ok(()), "{name}");
    }
}

#[test]
fn a_leaf_is_not_accepted_for_another_local_name() {
    let ca = ca();
    let leaf = ca.issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
    assert!(verify(&ca, &leaf, "other.localhost", NOW).is_err());
    assert!(verify(&ca, &leaf, "127.0.0.1", NOW).is_err());
}

#[test]
fn a_name_outside_of_the_constraints_is_refused_by_name() {
    let error = ca().issue_leaf(&names(&["localhost", "login.microsoftonline.com"]), NOW, MONTH).unwrap_err();
    insta::assert_snapshot!(error, @"this certificate authority may not sign for `login.microsoftonline.com`: it is limited to local names and those given when it was made");
}

/// Whoever steals the key still cannot speak for other hosts.
#[test]
fn a_leaf_signed_in_spite_of_the_constraints_is_refused_by_clients() {
    let ca = ca();
    for name in ["login.microsoftonline.com", "notlocalhost", "localhost.example.com", "10.0.0.1", "::2"] {
        let leaf = ca.sign(&names(&[name]), NOW, MONTH).unwrap();
        let refusal = format!("{:?}", verify(&ca, &leaf, name, NOW));
        assert!(refusal.contains("NameConstraintViolation"), "{name}: {refusal}");
    }
}

#[test]
fn one_foreign_name_spoils_the_local_ones_beside_it() {
    let ca = ca();
    let leaf = ca.sign(&names(&["localhost", "example.com"]), NOW, MONTH).unwrap();
    assert!(verify(&ca, &leaf, "localhost", NOW).is_err());
}

#[test]
fn names_added_by_the_operator_are_accepted() {
    let mut permitted = ConstrainedNames::local();
    let added = names(&["symbolon.corp.example", "192.168.7.9", "fd00::7"]);
    for name in &added {
        permitted.permit(name);
    }
    let ca = CertificateAuthority::create(&permitted, NOW).unwrap();
    let leaf = ca.issue_leaf(&added, NOW, MONTH).unwrap();
    for name in &added {
        assert_eq!(verify(&ca, &leaf, &name.to_string(), NOW), Ok(()), "{name}");
    }
}

#[test]
fn the_certificates_of_one_ca_are_refused_under_another() {
    let leaf = ca().issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
    assert!(verify(&ca(), &leaf, "localhost", NOW).is_err());
}

#[test]
fn a_leaf_holds_from_five_minutes_ago_until_its_end() {
    let ca = CertificateAuthority::create(&ConstrainedNames::local(), NOW - 86_400).unwrap();
    let leaf = ca.issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
    assert_eq!(leaf.not_after, NOW + 30 * 86_400);
    assert_eq!(verify(&ca, &leaf, "localhost", NOW - 300), Ok(()));
    assert!(verify(&ca, &leaf, "localhost", NOW - 301).is_err());
    assert_eq!(verify(&ca, &leaf, "localhost", leaf.not_after), Ok(()));
    assert!(verify(&ca, &leaf, "localhost", leaf.not_after + 1).is_err());
}

#[test]
fn a_leaf_never_outlives_its_ca() {
    let ca = ca();
    assert_eq!(ca.not_after(), NOW + 3_650 * 86_400);
    let late = ca.not_after() - 10;
    let leaf = ca.issue_leaf(&names(&["localhost"]), late, Duration::MAX).unwrap();
    assert_eq!(leaf.not_after, ca.not_after());
    assert_eq!(verify(&ca, &leaf, "localhost", late), Ok(()));
}

#[test]
fn a_ca_signs_nothing_outside_of_its_own_validity() {
    let ca = ca();
    for now in [ca.not_after(), NOW - 301] {
        let error = ca.issue_leaf(&names(&["localhost"]), now, MONTH).unwrap_err();
        assert!(matches!(error, CaError::Expired { .. }), "{error:?}");
    }
}

#[test]
fn a_clock_that_no_certificate_can_express_is_an_error() {
    for now in [i64::MIN, -1, 0, 299, LAST_MOMENT, i64::MAX] {
        let error = CertificateAuthority::create(&ConstrainedNames::local(), now).unwrap_err();
        assert!(matches!(error, CaError::Clock(_)), "{now}: {error:?}");
    }
}

#[test]
fn a_leaf_needs_a_name() {
    let error = ca().issue_leaf(&[], NOW, MONTH).unwrap_err();
    assert!(matches!(error, CaError::NoNames), "{error:?}");
}

#[test]
fn a_name_built_by_hand_is_validated_before_signing() {
    for text in ["evil.com\0.localhost", "a b.localhost", ".localhost", "UPPER.localhost\n"] {
        let name = SubjectName::Dns(text.to_owned());
        let error = ca().issue_leaf(&[name], NOW, MONTH).unwrap_err();
        assert!(matches!(error, CaError::NotPermitted { .. }), "{text:?}: {error:?}");
    }
}

#[test]
fn a_ca_read_back_signs_for_the_same_names() {
    let mut permitted = ConstrainedNames::local();
    for name in names(&["corp.example", "10.1.2.3", "fd00::7"]) {
        permitted.permit(&name);
    }
    let made = CertificateAuthority::create(&permitted, NOW).unwrap();
    let read = CertificateAuthority::from_pem(made.certificate_pem(), made.key_pem()).unwrap();
    assert_eq!(read.names, made.names);
    assert_eq!(read.certificate_pem(), made.certificate_pem());
    assert_eq!(read.key_pem(), made.key_pem());
    assert_eq!((read.not_before, read.not_after()), (made.not_before, made.not_after()));
    let leaf = read.issue_leaf(&names(&["a.corp.example"]), NOW, MONTH).unwrap();
    assert_eq!(verify(&made, &leaf, "a.corp.example", NOW), Ok(()));
}

#[test]
fn the_key_of_another_ca_is_refused() {
    let error = CertificateAuthority::from_pem(ca().certificate_pem(), ca().key_pem()).unwrap_err();
    assert!(matches!(error, CaError::KeyMismatch), "{error:?}");
}

#[test]
fn a_leaf_is_not_taken_for_a_ca() {
    let leaf = ca().issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
    let only_leaf = leaf.chain_pem.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let error = CertificateAuthority::from_pem(only_leaf, &leaf.key_pem).unwrap_err();
    assert!(matches!(error, CaError::NotAnAuthority), "{error:?}");
}

#[test]
fn a_ca_without_full_constraints_is_refused() {
    let only_dns = ConstrainedNames::local().to_extension().permitted_subtrees.remove(0);
    let only_dns = rcgen::NameConstraints { permitted_subtrees: vec![only_dns], excluded_subtrees: Vec::new() };
    for constraints in [None, Some(only_dns)] {
        let key = KeyPair::generate().unwrap();
        let mut params = base_params(NOW, NOW + 1).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = constraints;
        let certificate = params.self_signed(&key).unwrap().pem();
        let error = CertificateAuthority::from_pem(&certificate, &key.serialize_pem()).unwrap_err();
        assert!(matches!(error, CaError::Unconstrained), "{error:?}");
    }
}

#[test]
fn text_that_is_no_pair_is_refused() {
    let ca = ca();
    for certificate in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = CertificateAuthority::from_pem(certificate, ca.key_pem()).unwrap_err();
        assert!(matches!(error, CaError::Certificate), "{error:?}");
    }
    let twice = ca.certificate_pem().repeat(2);
    assert!(matches!(CertificateAuthority::from_pem(&twice, ca.key_pem()), Err(CaError::Certificate)));
    assert!(matches!(CertificateAuthority::from_pem(ca.certificate_pem(), "x"), Err(CaError::Key(_))));
}

#[test]
fn the_ca_says_what_it_is_for_and_its_limits_are_critical() {
    let der = single_certificate(ca().certificate_pem()).unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert!(parsed.subject().to_string().starts_with("CN=Symbolon local CA "));
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.path_len_constraint == Some(0));
    assert!(parsed.name_constraints().unwrap().unwrap().critical);
    assert_eq!(parsed.key_usage().unwrap().unwrap().value.flags, 1 << 5);
}

#[test]
fn a_leaf_is_for_servers_only() {
    let leaf = ca().issue_leaf(&names(&["localhost", "127.0.0.1"]), NOW, MONTH).unwrap();
    let chain = chain(&leaf);
    let (_, parsed) = X509Certificate::from_der(&chain[0]).unwrap();
    assert!(!parsed.is_ca());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    let key_ids: Vec<_> = parsed
        .extensions()
        .iter()
        .filter(|extension| matches!(extension.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(_)))
        .collect();
    assert_eq!(key_ids.len(), 1);
}

#[test]
fn serial_numbers_are_long_positive_and_never_the_same() {
    let ca = ca();
    let serials: Vec<Vec<u8>> = (0..20)
        .map(|_| {
            let leaf = ca.issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
            let chain = chain(&leaf);
            X509Certificate::from_der(&chain[0]).unwrap().1.raw_serial().to_vec()
        })
        .collect();
    for (index, serial) in serials.iter().enumerate() {
        assert!(serial.len() == 16 && serial[0] & 0x80 == 0, "{serial:02x?}");
        assert!(!serials[..index].contains(serial));
    }
}

#[test]
fn debug_output_holds_no_key() {
    let ca = ca();
    let leaf = ca.issue_leaf(&names(&["localhost"]), NOW, MONTH).unwrap();
    let text = format!("{ca:?} {leaf:?}");
    assert!(!text.contains("PRIVATE") && !text.contains("BEGIN"), "{text}");
}
