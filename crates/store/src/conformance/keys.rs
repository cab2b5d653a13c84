use secrecy::{ExposeSecret, SecretSlice};
use symbolon_core::ports::keys::{SigningKeyState, StoredSigningKey};

use super::{Everything, is_exists};

fn a_key(id: &str, state: SigningKeyState, created: i64) -> StoredSigningKey {
    StoredSigningKey {
        key_id: id.into(),
        state,
        pkcs8: SecretSlice::from(format!("private part of {id}").into_bytes()),
        certificate: format!("certificate of {id}").into_bytes(),
        created,
    }
}

pub(crate) async fn signing_keys_come_back_oldest_first(store: &dyn Everything) {
    for (id, state, created) in [
        ("active", SigningKeyState::Active, 200),
        ("next", SigningKeyState::Next, 200),
        ("old", SigningKeyState::Retiring, 100),
    ] {
        store.add_signing_key(&a_key(id, state, created)).await.unwrap();
    }
    let found = store.signing_keys().await.unwrap();
    let ids: Vec<_> = found.iter().map(|key| key.key_id.as_str()).collect();
    assert_eq!(ids, ["old", "active", "next"]);
    assert_eq!(found[0].state, SigningKeyState::Retiring);
    assert_eq!(found[1].pkcs8.expose_secret(), b"private part of active");
    assert_eq!(found[1].certificate, b"certificate of active");
    assert_eq!(found[1].created, 200);
}

pub(crate) async fn a_signing_key_is_added_once(store: &dyn Everything) {
    store.add_signing_key(&a_key("same", SigningKeyState::Next, 1)).await.unwrap();
    is_exists(store.add_signing_key(&a_key("same", SigningKeyState::Retiring, 2)).await, "signing key");
    assert_eq!(store.signing_keys().await.unwrap()[0].state, SigningKeyState::Next);
}

pub(crate) async fn one_signing_key_is_active(store: &dyn Everything) {
    store.add_signing_key(&a_key("one", SigningKeyState::Active, 1)).await.unwrap();
    is_exists(store.add_signing_key(&a_key("two", SigningKeyState::Active, 2)).await, "active signing key");
    store.add_signing_key(&a_key("two", SigningKeyState::Next, 2)).await.unwrap();
    store.add_signing_key(&a_key("three", SigningKeyState::Next, 3)).await.unwrap();
}
