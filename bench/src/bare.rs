//! What one exchange costs at the least: one verification and one signature, keys parsed once.

use std::time::Instant;

use anyhow::{Context as _, Result};
use symbolon_jose::{KeyKind, SigningHeader, SigningKey, Unverified};

/// Microseconds of one thread.
pub(crate) struct Bare {
    pub(crate) verify_micros: f64,
    pub(crate) sign_micros: f64,
}

const VERIFY_ROUNDS: u32 = 5_000;
const SIGN_ROUNDS: u32 = 2_000;

/// Measures on the payload of a real assertion.
pub(crate) fn measure(assertion: &str) -> Result<Bare> {
    let key = SigningKey::generate(KeyKind::Rsa2048)?;
    let payload = Unverified::parse(assertion)?.payload().to_vec();
    let header = SigningHeader { kid: Some(key.verifying_key().kubernetes_key_id()), ..SigningHeader::default() };
    let token = key.sign_payload(&header, &payload)?;
    let started = Instant::now();
    for _ in 0..SIGN_ROUNDS {
        std::hint::black_box(key.sign_payload(&header, &payload)?);
    }
    let sign_micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(SIGN_ROUNDS);
    let started = Instant::now();
    for _ in 0..VERIFY_ROUNDS {
        let verified = Unverified::parse(&token)?.verify(key.verifying_key());
        std::hint::black_box(verified.ok().context("the token does not verify")?);
    }
    let verify_micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(VERIFY_ROUNDS);
    Ok(Bare { verify_micros, sign_micros })
}
