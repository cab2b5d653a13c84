use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

const LABEL_BYTES: usize = 63;
const NAME_BYTES: usize = 253;

/// A name that a server certificate is valid for: a host name or an IP address.
///
/// Parsed with [`FromStr`], which validates and writes host names in lower case.
/// A value built by hand is validated again before anything is signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectName {
    /// A host name, or a wildcard whose first label is `*`, in lower case and without a final dot.
    Dns(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
}

/// The text is neither a host name nor an IP address that can stand in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a host name nor an IP address: a host name has labels of letters, digits and hyphens, and at most a leading `*.`"
)]
pub struct InvalidSubjectName(String);

impl SubjectName {
    /// Parses a host name or an address, as [`FromStr`] does.
    ///
    /// # Errors
    ///
    /// [`InvalidSubjectName`] if the text is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidSubjectName> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address));
        }
        let name = text.to_ascii_lowercase();
        if is_host_name(name.strip_prefix("*.").unwrap_or(&name)) {
            Ok(Self::Dns(name))
        } else {
            Err(InvalidSubjectName(text.to_owned()))
        }
    }
}

impl FromStr for SubjectName {
    type Err = InvalidSubjectName;

    fn from_str(text: &str) -> Result<Self, InvalidSubjectName> {
        Self::parse(text)
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Letters, digits and hyphens (RFC 1123, section 2.1).
///
/// A last label of digits only is refused: resolvers read such text as an IPv4 address (`127.1`),
/// so a certificate could be checked against another name than the one that was dialled.
fn is_host_name(name: &str) -> bool {
    let numeric_end = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= NAME_BYTES && !numeric_end && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_written_in_lower_case() {
        assert_eq!("LocalHost".parse(), Ok(SubjectName::Dns("localhost".into())));
        assert_eq!("*.Vault.Localhost".parse(), Ok(SubjectName::Dns("*.vault.localhost".into())));
    }

    #[test]
    fn addresses_are_recognised_before_host_names() {
        assert_eq!("127.0.0.1".parse(), Ok(SubjectName::Ip([127, 0, 0, 1].into())));
        assert_eq!("::1".parse(), Ok(SubjectName::Ip("::1".parse().unwrap())));
    }

    #[test]
    fn text_that_is_no_name_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(63).as_str(); 4].join(".");
        for text in [
            "",
            ".",
            "*",
            "*.",
            "a..b",
            "a.",
            ".a",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a*.b",
            "b.*.c",
            "**.a",
            "127.1",
            "1",
            "256.0.0.1",
            "[::1]",
            "::1%lo",
            "a/b",
            "ä.localhost",
            "a\0.localhost",
            "https://localhost",
            "localhost:8443",
            &long_label,
            &long_name,
        ] {
            assert!(text.parse::<SubjectName>().is_err(), "{text:?}");
        }
    }
}
