use std::os::unix::fs::PermissionsExt;

use secrecy::{ExposeSecret, SecretSlice};
use symbolon_core::ports::{
    keys::{SigningKeyState, SigningKeyStore, StoredSigningKey},
    management::{ManagementStore, StoreError},
};
use symbolon_jose::{KeyKind, SigningKey};

use super::support::{Opened, Place, contains, open};
use crate::{
    OpenError, Store,
    conformance::{a_secret, an_application, new_tenant},
};

fn mode(place: &Place, name: &str) -> u32 {
    std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

async fn execute(store: &Store, sql: &'static str) {
    let mut change = store.change().await.unwrap();
    sqlx::query(sql).execute(change.connection()).await.unwrap();
    change.touch_elsewhere(None, "test", "test");
    change.end(Ok(())).await.unwrap();
}

#[tokio::test]
async fn no_secret_is_in_the_files_in_clear() {
    let Opened { store, place } = open().await;
    let pkcs8 = SigningKey::generate(KeyKind::P256).unwrap().to_pkcs8_der();
    let key = StoredSigningKey {
        key_id: "key".into(),
        state: SigningKeyState::Active,
        pkcs8: SecretSlice::from(pkcs8.to_vec()),
        certificate: b"a certificate is public".to_vec(),
        created: 1,
    };
    store.add_signing_key(&key).await.unwrap();
    store.put_sealed("certificate-authority", b"the first sealed secret").await.unwrap();
    store.put_sealed("certificate-authority", b"the second sealed secret").await.unwrap();
    let tenant = new_tenant(&store).await;
    let mut application = an_application(tenant, "application");
    application.secrets = vec![a_secret("the client's own secret")];
    store.create_application(&application).await.unwrap();

    let data_key: Vec<u8> = {
        let mut reader = store.reader().await.unwrap();
        sqlx::query_scalar("SELECT wrapped FROM data_key").fetch_one(&mut *reader).await.unwrap()
    };
    let check = |bytes: &[u8]| {
        assert!(contains(bytes, b"a certificate is public"), "the wrong files were searched");
        assert!(contains(bytes, &data_key), "the wrong files were searched");
        for secret in [b"the first sealed secret".as_slice(), b"the second sealed secret", b"the client's own secret"] {
            assert!(!contains(bytes, secret), "{}", String::from_utf8_lossy(secret));
        }
        // The private number itself stands within these bytes, whatever else the encoding holds.
        assert!(pkcs8.windows(24).all(|part| !contains_private(bytes, part, &pkcs8)));
    };
    check(&place.bytes());
    assert_eq!(store.signing_keys().await.unwrap()[0].pkcs8.expose_secret(), pkcs8.as_slice());
    store.close().await;
    check(&place.bytes());
}

/// Whether a part of the private encoding is in the files; the algorithm's constant header does
/// not count.
fn contains_private(bytes: &[u8], part: &[u8], pkcs8: &[u8]) -> bool {
    let header = &pkcs8[..36.min(pkcs8.len())];
    !contains(header, part) && contains(bytes, part)
}

#[tokio::test]
async fn a_sealed_secret_comes_back_and_is_replaced() {
    let Opened { store, place: _place } = open().await;
    assert!(store.sealed("name").await.unwrap().is_none());
    for secret in [b"one".to_vec(), Vec::new(), vec![0; 100_000]] {
        store.put_sealed("name", &secret).await.unwrap();
        assert_eq!(*store.sealed("name").await.unwrap().unwrap(), secret);
    }
    assert!(store.sealed("other").await.unwrap().is_none());
}

#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    let Opened { store, place } = open().await;
    store.put_sealed("name", b"secret").await.unwrap();
    for name in ["symbolon.db", "symbolon.db-wal", "symbolon.db-shm", "wrapping.key"] {
        assert_eq!(mode(&place, name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn secrets_of_two_rows_cannot_be_swapped() {
    let Opened { store, place: _place } = open().await;
    store.put_sealed("one", b"secret of one").await.unwrap();
    store.put_sealed("two", b"secret of two").await.unwrap();
    execute(
        &store,
        "UPDATE sealed_secret SET sealed = (SELECT sealed FROM sealed_secret WHERE name = 'two') WHERE name = 'one'",
    )
    .await;
    let refused = store.sealed("one").await.unwrap_err();
    assert!(matches!(refused, StoreError::Database(_)), "{refused:?}");
    assert_eq!(store.sealed("two").await.unwrap().unwrap().as_slice(), b"secret of two");
}

#[tokio::test]
async fn a_changed_bit_is_noticed_at_every_place() {
    let Opened { store, place: _place } = open().await;
    store.put_sealed("name", b"secret").await.unwrap();
    let read = async || -> Vec<u8> {
        let mut reader = store.reader().await.unwrap();
        sqlx::query_scalar("SELECT sealed FROM sealed_secret").fetch_one(&mut *reader).await.unwrap()
    };
    let write = async |sealed: Vec<u8>| {
        let mut change = store.change().await.unwrap();
        sqlx::query("UPDATE sealed_secret SET sealed = $1").bind(sealed).execute(change.connection()).await.unwrap();
        change.touch_elsewhere(None, "test", "test");
        change.end(Ok(())).await.unwrap();
    };
    let good = read().await;
    assert_eq!(good.len(), 12 + b"secret".len() + 16);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        write(bad).await;
        assert!(store.sealed("name").await.is_err(), "byte {at}");
    }
    for length in [0, 11, 12, 27] {
        write(good[..length].to_vec()).await;
        assert!(store.sealed("name").await.is_err(), "length {length}");
    }
    write(good).await;
    assert!(store.sealed("name").await.is_ok());
}

#[tokio::test]
async fn one_secret_is_never_encrypted_the_same_way_twice() {
    let Opened { store, place: _place } = open().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        store.put_sealed("name", b"secret").await.unwrap();
        let mut reader = store.reader().await.unwrap();
        let sealed: Vec<u8> =
            sqlx::query_scalar("SELECT sealed FROM sealed_secret").fetch_one(&mut *reader).await.unwrap();
        assert!(seen.insert(sealed[..12].to_vec()));
    }
}

#[tokio::test]
async fn a_database_without_its_wrapping_key_is_refused_and_left_alone() {
    let Opened { store, place } = open().await;
    store.put_sealed("name", b"secret").await.unwrap();
    store.close().await;
    let key = std::fs::read(place.path("wrapping.key")).unwrap();
    std::fs::remove_file(place.path("wrapping.key")).unwrap();
    let refused = place.try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::WrappingKeyMissing { .. }), "{refused:?}");
    assert!(refused.to_string().contains("wrapping.key` is missing"), "{refused}");
    assert!(!place.path("wrapping.key").exists());

    std::fs::write(place.path("wrapping.key"), key).unwrap();
    std::fs::set_permissions(place.path("wrapping.key"), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.open().await.sealed("name").await.unwrap().unwrap().as_slice(), b"secret");
}

#[tokio::test]
async fn the_wrapping_key_of_another_database_is_refused() {
    let (one, two) = (open().await, open().await);
    one.store.close().await;
    std::fs::copy(two.place.path("wrapping.key"), one.place.path("wrapping.key")).unwrap();
    let refused = one.place.try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::WrappingKeyWrong { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_wrapping_key_that_others_can_reach_is_refused_with_the_mend() {
    let Opened { store, place } = open().await;
    store.close().await;
    let path = place.path("wrapping.key");
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let refused = place.try_open().await.err().unwrap().to_string();
        assert!(refused.contains(&format!("mode {mode:04o}")), "{refused}");
        assert!(refused.contains(&format!("chmod 600 {}", path.display())), "{refused}");
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    assert!(place.try_open().await.is_ok());
}

#[tokio::test]
async fn a_damaged_wrapping_key_is_refused_and_left_alone() {
    let Opened { store, place } = open().await;
    store.close().await;
    let path = place.path("wrapping.key");
    let good = std::fs::read_to_string(&path).unwrap();
    for bad in ["", "\n", &good[..40], &good.replace("v1", "v2"), &format!("{good}x")] {
        std::fs::write(&path, bad).unwrap();
        let refused = place.try_open().await.err().unwrap();
        assert!(matches!(refused, OpenError::WrappingKeyMalformed { .. }), "{bad:?}: {refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), *bad);
    }
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_completed_by_the_next_one() {
    let place = Place::new();
    std::fs::write(place.path("wrapping.key"), "").unwrap();
    std::fs::write(place.path("symbolon.db"), "").unwrap();
    let store = place.open().await;
    store.put_sealed("name", b"secret").await.unwrap();
    store.close().await;
    assert_eq!(place.open().await.sealed("name").await.unwrap().unwrap().as_slice(), b"secret");
}

#[tokio::test]
async fn two_databases_never_share_a_key() {
    let (one, two) = (open().await, open().await);
    let read = |place: &Place| std::fs::read_to_string(place.path("wrapping.key")).unwrap();
    let (one, two) = (read(&one.place), read(&two.place));
    assert!(one.starts_with("symbolon-wrapping-key-v1\n"));
    assert_ne!(one, two);
}
