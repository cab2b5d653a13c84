//! Client secrets.

use symbolon_core::{application::ClientSecret, client::ClientKind};

use crate::case::{Case, Keys::NotAsked, Row, refuses};
use crate::token::payload;
use crate::world::{APP, BARE_IDENTITY, IDENTITY, NOW, OLD_SECRET, OTHER_APP, OTHER_SECRET, SECRET, secret};

#[tokio::test]
async fn a_good_secret_is_enough_beside_an_expired_one_and_the_token_says_that_a_secret_proved_it() {
    let granted = Case::secret().call().await.granted();
    assert!(payload(&granted.access_token).contains(r#""appidacr":"1""#));
}

#[tokio::test]
async fn a_secret_comes_by_basic_authentication_too() {
    let basic = |secret: &str| {
        let secret = secret.to_owned();
        Case::secret().with(|c| {
            c.without("client_secret");
            c.without("client_id");
            c.basic = Some((APP.to_string(), secret));
        })
    };
    basic(SECRET).call().await.granted();
    assert_eq!(basic("wrong").call().await.code(), 7_000_215);
    assert_eq!(basic("").call().await.code(), 7_000_215);
}

#[tokio::test]
async fn every_other_secret_is_refused() {
    let rows: &[Row] = &[
        ("wrong", |c| c.field("client_secret", "9Zk8Q~this-is-not-the-secret"), 7_000_215, "invalid_client", NotAsked),
        ("a space more", |c| c.field("client_secret", format!("{SECRET} ")), 7_000_215, "invalid_client", NotAsked),
        (
            "its salt in front",
            |c| c.field("client_secret", format!("salt{SECRET}")),
            7_000_215,
            "invalid_client",
            NotAsked,
        ),
        ("expired", |c| c.field("client_secret", OLD_SECRET), 7_000_222, "invalid_client", NotAsked),
        ("of another application", |c| c.field("client_secret", OTHER_SECRET), 7_000_215, "invalid_client", NotAsked),
        ("at another application", |c| c.client(OTHER_APP), 7_000_215, "invalid_client", NotAsked),
        ("at a managed identity", |c| c.client(IDENTITY), 7_000_215, "invalid_client", NotAsked),
        ("at a bare managed identity", |c| c.client(BARE_IDENTITY), 7_000_215, "invalid_client", NotAsked),
        ("beside an assertion", |c| c.field("client_assertion", "a.b.c"), 9_002_324, "invalid_request", NotAsked),
        ("none", |c| c.without("client_secret"), 7_000_218, "invalid_client", NotAsked),
        ("empty", |c| c.field("client_secret", ""), 7_000_218, "invalid_client", NotAsked),
    ];
    refuses(Case::secret, rows).await;
}

#[tokio::test]
async fn a_secret_is_good_until_the_second_in_which_it_ends() {
    let ends = |end| Case::secret().with(move |c| set_secret(c, secret(SECRET, end)));
    assert_eq!(ends(NOW + 1).call().await.code(), 0);
    assert_eq!(ends(NOW).call().await.code(), 7_000_222);
}

#[tokio::test]
async fn client_ids_of_form_and_basic_authentication_must_agree() {
    let code = |id: String| async move {
        Case::secret()
            .with(|c| {
                c.without("client_secret");
                c.basic = Some((id, SECRET.into()));
            })
            .call()
            .await
            .code()
    };
    assert_eq!(code(APP.to_string()).await, 0);
    assert_eq!(code(OTHER_APP.to_string()).await, 9_002_313);
}

#[tokio::test]
async fn a_secret_is_good_from_its_start_and_the_clocks_of_replicas_may_differ() {
    let starts =
        |start| Case::secret().with(move |c| set_secret(c, ClientSecret { start, ..secret(SECRET, NOW + 3600) }));
    assert_eq!(starts(NOW).call().await.code(), 0);
    assert_eq!(starts(NOW + 60).call().await.code(), 0);
    assert_eq!(starts(NOW + 61).call().await.code(), 7_000_215);
}

fn set_secret(case: &mut Case, only: ClientSecret) {
    if let ClientKind::Application { secrets, .. } = &mut case.world.client_mut(APP).kind {
        *secrets = vec![only];
    }
}
