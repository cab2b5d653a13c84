//! `$filter` of ARM's lists: comparisons with `eq`, joined by `and`.

use crate::{error::Refusal, odata::quoted, request::Query};

/// Each name with the value that it must have. None where the query has no filter.
pub(super) fn filter(query: &Query, known: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    let Some(text) = query.get("$filter").map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    let wrong = || {
        Refusal::invalid(
            "InvalidFilterInQueryString",
            format!(
                "Invalid $filter '{}' specified in the query string; supported are {} with 'eq', joined by 'and'.",
                crate::shorten(text),
                known.join(" and ")
            ),
        )
    };
    let comparisons = comparisons(text).ok_or_else(wrong)?;
    let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    if comparisons.iter().all(|(name, _)| is_known(name)) { Ok(comparisons) } else { Err(wrong()) }
}

/// The value that a filter asks of `name`.
pub(super) fn wanted<'a>(filter: &'a [(String, String)], name: &str) -> Option<&'a str> {
    filter.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn comparisons(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once(' ')?;
        let after = keyword(after, "eq")?;
        let (value, after) = quoted(after.trim_start().strip_prefix('\'')?)?;
        found.push((name.to_owned(), value));
        let after = after.trim_start();
        if after.is_empty() {
            return Some(found);
        }
        rest = keyword(after, "and")?.trim_start();
    }
}

fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..]).filter(|rest| rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::comparisons;

    #[test]
    fn comparisons_are_names_and_quoted_values() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            comparisons("tagName eq 'a' and tagValue eq 'it''s and eq'"),
            Some(vec![pair("tagName", "a"), pair("tagValue", "it's and eq")])
        );
        assert_eq!(comparisons("resourceType EQ 'x'"), Some(vec![pair("resourceType", "x")]));
    }

    #[test]
    fn anything_else_is_no_filter() {
        for text in ["", "a", "a eq", "a eq b", "a eq 'b", "a ne 'b'", "a eq 'b' or c eq 'd'", "a eq 'b' and", "é eq é"]
        {
            assert_eq!(comparisons(text), None, "{text}");
        }
    }
}
