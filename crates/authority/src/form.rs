//! `application/x-www-form-urlencoded`, decoded strictly.

use percent_encoding::percent_decode_str;

/// The text is not valid UTF-8 once decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

/// Decodes a form or a query string into its fields, in their order.
///
/// Lenient decoders put a replacement character where bytes are not UTF-8, so that two different
/// inputs become one; here such input is refused.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, NotUtf8> {
    text.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, NotUtf8> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_in_their_order() {
        let fields = parse("a=1&b=x+y%2B%C3%A9&&c&a=2").unwrap();
        let expected = [("a", "1"), ("b", "x y+é"), ("c", ""), ("a", "2")];
        assert_eq!(fields, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert_eq!(parse("a=%FF"), Err(NotUtf8));
        assert_eq!(parse("%C3=1"), Err(NotUtf8));
    }
}
