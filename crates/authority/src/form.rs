//! `application/x-www-form-urlencoded`, decoded strictly.

use percent_encoding::percent_decode_str;

/// The most fields of a form; SDKs send about fifteen. A body of `a&a&a…` would otherwise cost a
/// hundred times its own size in memory.
const MAX_FIELDS: usize = 100;

/// The text is not valid UTF-8 once decoded, or has too many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Decodes a form or a query string into its fields, in their order.
///
/// Lenient decoders put a replacement character where bytes are not UTF-8, so that two different
/// inputs become one; here such input is refused.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let fields = text.split('&').filter(|field| !field.is_empty());
    if fields.clone().nth(MAX_FIELDS).is_some() {
        return Err(Malformed);
    }
    fields
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Decodes one name or value.
pub(crate) fn decode(text: &str) -> Result<String, Malformed> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| Malformed)
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
    fn a_form_of_very_many_fields_is_refused() {
        assert_eq!(parse(&"a&".repeat(100)).unwrap().len(), 100);
        assert_eq!(parse(&"a&".repeat(101)), Err(Malformed));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert_eq!(parse("a=%FF"), Err(Malformed));
        assert_eq!(parse("%C3=1"), Err(Malformed));
    }
}
