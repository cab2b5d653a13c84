//! PEM (RFC 7468), as far as keys need it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a PEM text was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// No `-----BEGIN …-----` line of a kind that is wanted here.
    #[error("no section of a kind that is wanted here (found: {found}); expected {expected}")]
    NoSection {
        /// Labels that would have done.
        expected: &'static str,
        /// Labels that are there, or `none`.
        found: String,
    },
    /// A section has no matching `-----END …-----` line.
    #[error("section `{0}` has no end line")]
    NoEnd(String),
    /// The body of a section is not base64.
    #[error("body of section `{0}` is not base64")]
    Body(String),
    /// The key is protected by a passphrase.
    #[error("the private key is encrypted; decrypt it first, for example with `openssl pkey`")]
    Encrypted,
}

/// One section; the contents are erased from memory when it is dropped.
pub(crate) struct Section {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Finds the first section whose label is in `wanted`; others, such as `EC PARAMETERS`, are skipped.
pub(crate) fn first(text: &str, wanted: &[&str], expected: &'static str) -> Result<Section, PemError> {
    let mut lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = label_of(line, "-----BEGIN ") else { continue };
        let body = body(&mut lines, label)?;
        if body.contains("ENCRYPTED") || label == "ENCRYPTED PRIVATE KEY" {
            return Err(PemError::Encrypted);
        }
        if wanted.contains(&label) {
            let der =
                STANDARD.decode(body.as_bytes()).map_err(|_| PemError::Body(crate::text::printable(label, 40)))?;
            return Ok(Section { label: label.to_owned(), der: Zeroizing::new(der) });
        }
        found.push(crate::text::printable(label, 40));
    }
    found.truncate(4);
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Err(PemError::NoSection { expected, found })
}

/// Writes one section with lines of 64 characters.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // Room for everything at once: a growing string would leave copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn label_of<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.strip_suffix("-----")
}

fn body<'a>(lines: &mut impl Iterator<Item = &'a str>, label: &str) -> Result<Zeroizing<String>, PemError> {
    let mut body = Zeroizing::new(String::with_capacity(16 * 1024));
    for line in lines {
        if label_of(line, "-----END ") == Some(label) {
            return Ok(body);
        }
        body.push_str(line);
    }
    Err(PemError::NoEnd(crate::text::printable(label, 40)))
}

#[cfg(test)]
mod tests {
    use super::{PemError, encode, first};

    #[test]
    fn what_was_written_reads_back() {
        let der: Vec<u8> = (0..=255).collect();
        let text = encode("PUBLIC KEY", &der);
        assert!(text.lines().all(|line| line.len() <= 64));
        assert_eq!(*first(&text, &["PUBLIC KEY"], "").unwrap().der, der);
    }

    #[test]
    fn sections_of_other_kinds_are_skipped_and_windows_lines_are_read() {
        let text = "EC key\r\n-----BEGIN EC PARAMETERS-----\r\nBggqhkjOPQMBBw==\r\n-----END EC PARAMETERS-----\r\n\
                    -----BEGIN EC PRIVATE KEY-----\r\nAQID\r\n-----END EC PRIVATE KEY-----\r\n";
        assert_eq!(*first(text, &["EC PRIVATE KEY"], "").unwrap().der, [1, 2, 3]);
    }

    #[test]
    fn a_text_without_the_wanted_section_says_what_it_has() {
        let text = "-----BEGIN CERTIFICATE REQUEST-----\nAQID\n-----END CERTIFICATE REQUEST-----\n";
        let refused = first(text, &["PUBLIC KEY"], "`PUBLIC KEY`").err().unwrap();
        assert_eq!(
            refused.to_string(),
            "no section of a kind that is wanted here (found: CERTIFICATE REQUEST); expected `PUBLIC KEY`"
        );
    }

    #[test]
    fn a_cut_section_is_refused() {
        let refused = first("-----BEGIN PUBLIC KEY-----\nAQID\n", &["PUBLIC KEY"], "").err();
        assert_eq!(refused, Some(PemError::NoEnd("PUBLIC KEY".into())));
    }

    #[test]
    fn a_key_with_a_passphrase_is_named_as_such() {
        for text in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END RSA PRIVATE KEY-----\n",
        ] {
            let refused = first(text, &["RSA PRIVATE KEY", "PRIVATE KEY"], "").err();
            assert_eq!(refused, Some(PemError::Encrypted));
        }
    }
}
