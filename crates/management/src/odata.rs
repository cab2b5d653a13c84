//! What the filters of ARM and Graph have in common.

/// The string that follows an opening quote, where two quotes stand for one, and what follows its
/// closing quote; none where there is no closing one.
pub(crate) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        let Some(more) = after.strip_prefix('\'') else { return Some((value, after)) };
        value.push('\'');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn two_quotes_stand_for_one_and_one_is_the_end() {
        assert_eq!(quoted("it''s' and"), Some(("it's".into(), " and")));
        assert_eq!(quoted("'"), Some((String::new(), "")));
        assert_eq!(quoted("''''x'"), Some(("''x".into(), "")));
        assert_eq!(quoted("open''"), None);
    }
}
