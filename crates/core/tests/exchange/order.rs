//! Of two things that are wrong, the earlier rule answers.

use crate::case::{
    Case,
    Keys::{Asked, NotAsked},
    Row, refuses,
};
use crate::token::ATTACKER_KEYS;
use crate::world::{BARE_IDENTITY, NOW};

/// Calls with two things wrong; the name says which one answers.
const TWICE_WRONG: &[Row] = &[
    (
        "request before tenant",
        |c| {
            c.without("scope");
            c.tenant = "unknown.example".into();
        },
        900_144,
        "invalid_request",
        NotAsked,
    ),
    (
        "tenant before client",
        |c| {
            c.tenant = "unknown.example".into();
            c.field("client_id", "x");
        },
        90_002,
        "invalid_request",
        NotAsked,
    ),
    (
        "client before assertion",
        |c| {
            c.field("client_id", "x");
            c.assertion = Some("x".into());
        },
        700_016,
        "unauthorized_client",
        NotAsked,
    ),
    (
        "no credential before assertion",
        |c| {
            c.client(BARE_IDENTITY);
            c.assertion = Some("x".into());
        },
        70_025,
        "invalid_client",
        NotAsked,
    ),
    (
        "form of the assertion before matching",
        |c| {
            c.token.without_header("kid");
            c.token.claim("iss", "x");
        },
        5_002_723,
        "invalid_client",
        NotAsked,
    ),
    (
        "issuer before audience",
        |c| {
            c.token.claim("iss", "x");
            c.token.claim("aud", "x");
        },
        700_211,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience before subject",
        |c| {
            c.token.claim("aud", "x");
            c.token.claim("sub", "x");
        },
        700_212,
        "invalid_client",
        NotAsked,
    ),
    (
        "subject before time",
        |c| {
            c.token.claim("sub", "x");
            c.token.claim("exp", 0);
        },
        700_213,
        "invalid_client",
        NotAsked,
    ),
    (
        "time before key",
        |c| {
            c.token.claim("exp", NOW - 61);
            c.token.header("kid", "x");
        },
        700_024,
        "invalid_client",
        NotAsked,
    ),
    (
        "key before resource",
        |c| {
            c.token.header("kid", "x");
            c.v2("https://x");
        },
        7_000_272,
        "invalid_client",
        Asked,
    ),
    (
        "signature before resource",
        |c| {
            c.token.signed_by = &ATTACKER_KEYS;
            c.v2("https://x");
        },
        700_027,
        "invalid_client",
        Asked,
    ),
];

#[tokio::test]
async fn the_first_rule_that_is_broken_answers() {
    refuses(Case::federated, TWICE_WRONG).await;
}
