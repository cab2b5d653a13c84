//! Digests as they stand in key ids.

use aws_lc_rs::digest;

use crate::base64url;

/// SHA-1 as base64url: a certificate's `x5t` (RFC 7515 section 4.1.7).
///
/// It names a certificate and proves nothing.
#[must_use]
pub fn sha1_base64url(bytes: &[u8]) -> String {
    base64url::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes))
}

/// SHA-256 as base64url: `x5t#S256` (RFC 7515 section 4.1.8), thumbprints and key ids.
#[must_use]
pub fn sha256_base64url(bytes: &[u8]) -> String {
    base64url::encode(digest::digest(&digest::SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::{sha1_base64url, sha256_base64url};

    #[test]
    fn the_digests_of_abc_are_those_of_fips_180() {
        assert_eq!(sha1_base64url(b"abc"), "qZk-NkcGgWq6PiVxeFDCbJzQ2J0");
        assert_eq!(sha256_base64url(b"abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
