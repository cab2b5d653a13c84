//! Numbers as Go reads them, and its words when it cannot.

use std::{fmt::Write, num::IntErrorKind, str::FromStr};

/// `strconv.ParseInt` in base 10, for the width of `T`.
pub(super) fn parse_int<T: FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let problem = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing {}: {problem}", quote(text))
    })
}

/// `strconv.Quote`.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        push(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

fn push(quoted: &mut String, character: char) {
    let code = u32::from(character);
    // Writing to a string cannot fail.
    let _ = match character {
        '"' | '\\' => write!(quoted, "\\{character}"),
        '\x07' => quoted.write_str("\\a"),
        '\x08' => quoted.write_str("\\b"),
        '\x0c' => quoted.write_str("\\f"),
        '\n' => quoted.write_str("\\n"),
        '\r' => quoted.write_str("\\r"),
        '\t' => quoted.write_str("\\t"),
        '\x0b' => quoted.write_str("\\v"),
        ' '..='~' => quoted.write_char(character),
        '\0'..='\x1f' | '\x7f' => write!(quoted, "\\x{code:02x}"),
        _ if character.is_alphanumeric() || character.escape_debug().len() == 1 => quoted.write_char(character),
        _ if code < 0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::{parse_int, quote};

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!(parse_int::<i64>("3600"), Ok(3600));
        assert_eq!(parse_int::<i64>("+3600"), Ok(3600));
        assert_eq!(parse_int::<i64>("-1"), Ok(-1));
        for text in ["", " 3600", "3600 ", "1h", "3_600", "0x10", "+", "-", "3600.0", "３６００"] {
            let expected = format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text));
            assert_eq!(parse_int::<i64>(text), Err(expected));
        }
        assert_eq!(
            parse_int::<i64>("9223372036854775808").unwrap_err(),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"
        );
        assert_eq!(
            parse_int::<i32>("2147483648").unwrap_err(),
            "strconv.ParseInt: parsing \"2147483648\": value out of range"
        );
    }

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        assert_eq!(
            quote("a \"b\" \\ \n \u{1} é \u{200b} \u{1f600} \u{e0001}"),
            r#""a \"b\" \\ \n \x01 é \u200b 😀 \U000e0001""#
        );
    }
}
