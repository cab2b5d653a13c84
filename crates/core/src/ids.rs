//! Identifiers, each a GUID of its own type so that one cannot stand where another belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// The text is not a GUID in the hyphenated form of 36 characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a GUID, expected a form like 00000000-0000-0000-0000-000000000000")]
pub struct InvalidGuid(pub String);

/// Parses the hyphenated form only; the other spellings that `uuid` knows (braces, URN, no
/// hyphens) would let one identifier be written in several ways.
fn parse(text: &str) -> Result<Uuid, InvalidGuid> {
    let invalid = || InvalidGuid(text.chars().take(80).collect());
    if text.len() != 36 {
        return Err(invalid());
    }
    Uuid::try_parse(text).map_err(|_| invalid())
}

macro_rules! guid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a GUID that was made elsewhere.
            #[must_use]
            pub const fn new(guid: Uuid) -> Self {
                Self(guid)
            }

            /// The GUID itself.
            #[must_use]
            pub const fn guid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidGuid;

            fn from_str(text: &str) -> Result<Self, InvalidGuid> {
                parse(text).map(Self)
            }
        }
    };
}

guid! {
    /// A tenant: the boundary that nothing crosses.
    TenantId
}
guid! {
    /// What OAuth calls `client_id`: an application's id or a managed identity's client id.
    ClientId
}
guid! {
    /// A directory object: the `oid` of a token, a managed identity's principal id.
    ObjectId
}
guid! {
    /// An Azure subscription.
    SubscriptionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_a_guid() {
        let text = "6731de76-14a6-49ae-97bc-6eba6914391e";
        assert_eq!(text.parse::<TenantId>().unwrap().to_string(), text);
        assert!("6731DE76-14A6-49AE-97BC-6EBA6914391E".parse::<TenantId>().is_ok());
        for bad in ["", "6731de7614a649ae97bc6eba6914391e", "{6731de76-14a6-49ae-97bc-6eba6914391e}", "common"] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
    }
}
