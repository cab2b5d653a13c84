//! The little of DER (X.690) that public keys and certificates need.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`, a certificate's version.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// Reads values one after the other; `None` is malformed input.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn next_is(self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Takes one value with this tag and gives its contents.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take_with_header(tag).map(|(_, contents)| contents)
    }

    /// Takes one value with this tag and gives all of it, and its contents.
    pub(crate) fn take_with_header(&mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (&found, after_tag) = self.0.split_first()?;
        let (length, after_length) = length(after_tag)?;
        let contents = after_length.get(..length)?;
        if found != tag {
            return None;
        }
        let (whole, rest) = self.0.split_at(self.0.len() - (after_length.len() - length));
        self.0 = rest;
        Some((whole, contents))
    }

    /// Takes a positive integer and gives its big-endian bytes without a leading zero.
    pub(crate) fn take_unsigned(&mut self) -> Option<&'a [u8]> {
        match self.take(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|high| *high >= 0x80) => Some(rest),
            positive if matches!(positive.first(), Some(0x01..=0x7f)) => Some(positive),
            _ => None,
        }
    }

    /// Takes a bit string of whole bytes.
    pub(crate) fn take_bit_string(&mut self) -> Option<&'a [u8]> {
        self.take(BIT_STRING)?.strip_prefix(&[0])
    }
}

/// Definite length in its shortest form, up to 64 KiB.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    match der {
        [short @ ..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [0x81, long @ 0x80..=0xff, rest @ ..] => Some((usize::from(*long), rest)),
        [0x82, high @ 0x01..=0xff, low, rest @ ..] => Some((usize::from(*high) << 8 | usize::from(*low), rest)),
        _ => None,
    }
}

/// Encodes one value. `contents` are far below 64 KiB: keys are bounded before.
pub(crate) fn encode(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [.., high, low] = contents.len().to_be_bytes();
    let mut der = vec![tag];
    match contents.len() {
        ..0x80 => der.push(low),
        0x80..0x100 => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    der.extend_from_slice(contents);
    der
}

/// Encodes big-endian bytes without a leading zero as a positive integer.
pub(crate) fn encode_unsigned(bytes: &[u8]) -> Vec<u8> {
    match bytes.first() {
        Some(0x80..) => encode(INTEGER, &[&[0], bytes].concat()),
        _ => encode(INTEGER, bytes),
    }
}

/// Encodes a bit string of whole bytes.
pub(crate) fn encode_bit_string(bytes: &[u8]) -> Vec<u8> {
    encode(BIT_STRING, &[&[0], bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::{INTEGER, Reader, SEQUENCE, encode, encode_unsigned};

    #[test]
    fn every_length_form_reads_back() {
        for length in [0, 1, 127, 128, 255, 256, 5000] {
            let contents = vec![7; length];
            let der = encode(SEQUENCE, &contents);
            let mut reader = Reader::new(&der);
            assert_eq!(reader.take_with_header(SEQUENCE), Some((&der[..], &contents[..])));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn lengths_that_are_longer_than_needed_are_refused() {
        for der in [&[SEQUENCE, 0x81, 0x01, 0][..], &[SEQUENCE, 0x82, 0x00, 0x01, 0], &[SEQUENCE, 0x80, 0, 0]] {
            assert_eq!(Reader::new(der).take(SEQUENCE), None);
        }
    }

    #[test]
    fn a_value_that_ends_too_early_is_refused() {
        assert_eq!(Reader::new(&[SEQUENCE, 5, 1, 2]).take(SEQUENCE), None);
        assert_eq!(Reader::new(&[SEQUENCE]).take(SEQUENCE), None);
        assert_eq!(Reader::new(&[]).take(SEQUENCE), None);
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for bytes in [&[1][..], &[0x80], &[0xff, 0], &[0x7f, 1]] {
            assert_eq!(Reader::new(&encode_unsigned(bytes)).take_unsigned(), Some(bytes));
        }
        for contents in [&[][..], &[0], &[0, 1], &[0x80]] {
            assert_eq!(Reader::new(&encode(INTEGER, contents)).take_unsigned(), None);
        }
    }
}
