//! Texts inside CEL expressions.

use std::fmt::Write as _;

/// A CEL string literal. What an operator chose can end no literal and start no expression.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('\'');
    for character in value.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            '\n' => literal.push_str("\\n"),
            ' '..='~' => literal.push(character),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(literal, "\\U{:08x}", u32::from(character));
            }
        }
    }
    literal.push('\'');
    literal
}

/// A CEL list of string literals.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let literals: Vec<_> = values.into_iter().map(text).collect();
    format!("[{}]", literals.join(", "))
}

/// Puts literals and expressions in the place of `<names>`, in one pass: a value is never searched.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template.trim();
    while let Some((before, after)) = rest.split_once('<') {
        filled.push_str(before);
        let found = values.iter().find_map(|(name, value)| {
            let after = after.strip_prefix(*name)?.strip_prefix('>')?;
            Some((*value, after))
        });
        let (text, after) = found.unwrap_or(("<", after));
        filled.push_str(text);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_own_literal() {
        assert_eq!(text(r"a'b\c"), r"'a\'b\\c'");
        assert_eq!(text("é\n"), r"'\U000000e9\n'");
        assert_eq!(texts(["a", "b"]), "['a', 'b']");
    }

    #[test]
    fn a_value_is_not_searched_for_names() {
        assert_eq!(fill("<a> < <b>", &[("a", "<b>"), ("b", "2")]), "<b> < 2");
    }
}
