//! Whatever the claims are, a token is granted only where everything fits.

use proptest::prelude::*;

use crate::case::Case;
use crate::token::ATTACKER_KEYS;
use crate::world::{AUDIENCE, ISSUER, NOW, SUBJECT};

/// The value itself, or one that is nearly it.
fn nearly(value: &'static str) -> impl Strategy<Value = String> {
    let changed = (0..value.len(), prop::char::range(' ', '~')).prop_map(move |(at, c)| {
        let mut chars: Vec<_> = value.chars().collect();
        chars[at] = c;
        chars.into_iter().collect()
    });
    prop_oneof![
        4 => Just(value.to_owned()),
        1 => changed,
        1 => Just(format!("{value}/")),
        1 => Just(value.to_uppercase()),
        1 => (0..value.len()).prop_map(|length| value[..length].to_owned()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_token_is_granted_only_if_issuer_audience_subject_times_and_signature_are_right(
        issuer in nearly(ISSUER),
        audiences in prop::collection::vec(nearly(AUDIENCE), 0..3),
        subject in nearly(SUBJECT),
        expires in -120_i64..600,
        not_before in -600_i64..120,
        forged in prop::bool::weighted(0.2),
    ) {
        let fits = issuer == ISSUER && subject == SUBJECT && audiences.iter().any(|audience| audience == AUDIENCE);
        let in_time = expires > -60 && not_before <= 60;
        let case = Case::federated().with(|c| {
            c.token.algorithm("EdDSA");
            c.token.claim("iss", issuer);
            c.token.claim("aud", audiences);
            c.token.claim("sub", subject);
            c.token.claim("exp", NOW + expires);
            c.token.claim("nbf", NOW + not_before);
            if forged {
                c.token.signed_by = &ATTACKER_KEYS;
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(case.call());
        prop_assert_eq!(answer.result.is_ok(), fits && in_time && !forged);
        prop_assert_eq!(answer.asked.is_empty(), !(fits && in_time), "keys are asked for only after a match");
    }
}
