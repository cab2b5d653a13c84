//! Base64url without padding (RFC 7515 section 2), decoded strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// The text is not base64url in its one canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Base64Error {
    /// A character outside the alphabet: padding, whitespace, `+` and `/` included.
    #[error("character at position {0} is not allowed in unpadded base64url")]
    Character(usize),
    /// No byte string encodes to text of this length.
    #[error("length {0} is not possible for base64url")]
    Length(usize),
    /// The last character carries bits that belong to no byte.
    #[error("last character carries stray bits")]
    StrayBits,
}

/// Encodes without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the canonical spelling only.
///
/// With two spellings of one token, anything that remembers tokens by their text (a revocation
/// list, an audit trail) could be passed by.
///
/// # Errors
/// [`Base64Error`] says which rule was broken, and where.
pub fn decode(text: impl AsRef<str>) -> Result<Vec<u8>, Base64Error> {
    let text = text.as_ref();
    URL_SAFE_NO_PAD.decode(text).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) => Base64Error::Character(at),
        base64::DecodeError::InvalidLength(_) => Base64Error::Length(text.len()),
        base64::DecodeError::InvalidLastSymbol(..) => Base64Error::StrayBits,
        base64::DecodeError::InvalidPadding => Base64Error::Character(text.find('=').unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Base64Error, decode, encode};

    #[test]
    fn padding_is_refused() {
        assert!(matches!(decode("Zg=="), Err(Base64Error::Character(2))));
    }

    #[test]
    fn whitespace_and_the_standard_alphabet_are_refused() {
        for text in ["Zm9v ", " Zm9v", "Zm\n9v", "Zm+v", "Zm/v"] {
            assert!(matches!(decode(text), Err(Base64Error::Character(_))), "{text:?}");
        }
    }

    #[test]
    fn stray_bits_are_refused() {
        assert_eq!(decode("Zg"), Ok(b"f".to_vec()));
        assert_eq!(decode("Zh"), Err(Base64Error::StrayBits));
    }

    #[test]
    fn a_length_that_no_bytes_encode_to_is_refused() {
        assert_eq!(decode("Zm9vY"), Err(Base64Error::Length(5)));
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_itself(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn whatever_decodes_is_the_canonical_spelling(text in "[A-Za-z0-9_=+/-]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }
    }
}
