//! Text from outside, made fit for an error message.

/// Cuts `text` to `limit` characters and escapes what could break a log line or a terminal.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(limit)
        .flat_map(|c| {
            let plain = !c.is_control() && (c.is_ascii() || c.is_alphanumeric());
            let escaped = (!plain).then(|| c.escape_unicode());
            plain.then_some(c).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn long_text_is_cut_and_the_cut_is_shown() {
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(printable("a\n\u{1b}[0m\u{202e}é", 20), "a\\u{a}\\u{1b}[0m\\u{202e}é");
    }
}
