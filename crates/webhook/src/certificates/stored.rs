//! What stands in the Secret.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use zeroize::Zeroizing;

use super::x509::{Bundle, Pair, not_after};

/// Upstream's layout: whoever goes back to upstream goes on with these four.
const CA_CERTIFICATE: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const LEAF_CERTIFICATE: &str = "tls.crt";
const LEAF_KEY: &str = "tls.key";
/// Ours, only there while something is being replaced.
const NEXT_CERTIFICATE: &str = "next-ca.crt";
const NEXT_KEY: &str = "next-ca.key";
const NEXT_PUBLISHED: &str = "next-ca.published";
const PREVIOUS_CERTIFICATES: &str = "previous-ca.crt";
const PREVIOUS_UNTIL: &str = "previous-ca.until";

const ALL: [&str; 9] = [
    CA_CERTIFICATE,
    CA_KEY,
    LEAF_CERTIFICATE,
    LEAF_KEY,
    NEXT_CERTIFICATE,
    NEXT_KEY,
    NEXT_PUBLISHED,
    PREVIOUS_CERTIFICATES,
    PREVIOUS_UNTIL,
];

/// The certificates of an installation, and how far a rotation has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The CA that signs.
    pub(crate) ca: Option<Pair>,
    /// What every replica serves.
    pub(crate) leaf: Option<Pair>,
    /// The CA that will sign, once every API server trusts it.
    pub(crate) next: Option<Next>,
    /// CAs that sign no more, whose leaves may still be served somewhere.
    pub(crate) previous: Previous,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) pair: Pair,
    /// When it was first seen in the webhook configuration.
    pub(crate) published: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) certificates: Bundle,
    /// The end of the last leaf that they signed.
    pub(crate) until: i64,
}

impl Stored {
    pub(crate) fn read(secret: &Secret) -> Self {
        let text = |key: &str| {
            let bytes = secret.data.as_ref()?.get(key)?;
            let text = String::from_utf8(bytes.0.clone()).ok()?;
            (!text.trim().is_empty()).then_some(text)
        };
        let pair = |certificate, key| {
            Some(Pair { certificate: text(certificate)?, key: Zeroizing::new(text(key).unwrap_or_default()) })
        };
        let number = |key| text(key)?.trim().parse().ok();
        Self {
            ca: pair(CA_CERTIFICATE, CA_KEY),
            leaf: pair(LEAF_CERTIFICATE, LEAF_KEY),
            next: pair(NEXT_CERTIFICATE, NEXT_KEY).map(|pair| Next { pair, published: number(NEXT_PUBLISHED) }),
            previous: Previous {
                certificates: Bundle::read(text(PREVIOUS_CERTIFICATES).unwrap_or_default().as_bytes()),
                until: number(PREVIOUS_UNTIL).unwrap_or_default(),
            },
        }
    }

    /// The data of the Secret; keys that are not there any more are null, as a merge patch wants.
    pub(crate) fn to_data(&self) -> BTreeMap<&'static str, Option<ByteString>> {
        let mut data: BTreeMap<_, Option<ByteString>> = ALL.into_iter().map(|key| (key, None)).collect();
        let mut put = |key, text: &str| data.insert(key, Some(ByteString(text.as_bytes().to_vec())));
        for (pair, certificate, key) in [
            (self.ca.as_ref(), CA_CERTIFICATE, CA_KEY),
            (self.leaf.as_ref(), LEAF_CERTIFICATE, LEAF_KEY),
            (self.next.as_ref().map(|next| &next.pair), NEXT_CERTIFICATE, NEXT_KEY),
        ] {
            if let Some(pair) = pair {
                put(certificate, &pair.certificate);
                put(key, &pair.key);
            }
        }
        if let Some(published) = self.next.as_ref().and_then(|next| next.published) {
            put(NEXT_PUBLISHED, &published.to_string());
        }
        if !self.previous.certificates.is_empty() {
            put(PREVIOUS_CERTIFICATES, &self.previous.certificates.pem());
            put(PREVIOUS_UNTIL, &self.previous.until.to_string());
        }
        data
    }

    /// What API servers have to trust: the CA of every leaf that may be served now or soon.
    pub(crate) fn bundle(&self) -> Bundle {
        let mut bundle = self.ca_bundle();
        if let Some(next) = &self.next {
            bundle.extend(Bundle::read(next.pair.certificate.as_bytes()));
        }
        bundle.extend(self.previous.certificates.clone());
        bundle
    }

    /// The CA that signs, alone.
    pub(crate) fn ca_bundle(&self) -> Bundle {
        self.ca.as_ref().map(|ca| Bundle::read(ca.certificate.as_bytes())).unwrap_or_default()
    }

    /// The end of the leaf in unix seconds.
    pub(crate) fn leaf_not_after(&self) -> Option<i64> {
        not_after(&self.leaf.as_ref()?.certificate)
    }
}
