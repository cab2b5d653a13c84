//! The `$filter` forms that clients of `Microsoft.Authorization` send.

use crate::{error::Refusal, odata::quoted, request::Query};

/// One condition of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// `atScope()`
    AtScope,
    /// `atScopeAndBelow()`
    AtScopeAndBelow,
    /// `assignedTo('…')`
    AssignedTo(String),
    /// `name eq '…'`, with the name in lower case.
    Equals(String, String),
}

/// The conditions that must all hold; none where there is no filter.
pub(super) fn clauses(query: &Query) -> Result<Vec<Clause>, Refusal> {
    let text = query.get("$filter").unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    parse(text).ok_or_else(|| unsupported(text))
}

/// A filter that is not understood is refused: ignoring it would answer with too much.
pub(super) fn unsupported(text: &str) -> Refusal {
    Refusal::invalid("UnsupportedQuery", format!("The filter '{}' is not supported.", crate::shorten(text)))
}

fn parse(text: &str) -> Option<Vec<Clause>> {
    let mut clauses = Vec::new();
    let mut rest = text;
    loop {
        let (clause, after) = clause(rest)?;
        clauses.push(clause);
        if after.trim().is_empty() {
            return Some(clauses);
        }
        // The blank belongs to the operator: `atScope()and …` is none.
        rest = without_case(after.strip_prefix(' ')?.trim_start(), "and ")?.trim_start();
    }
}

fn clause(text: &str) -> Option<(Clause, &str)> {
    if let Some(rest) = without_case(text, "atScopeAndBelow()") {
        return Some((Clause::AtScopeAndBelow, rest));
    }
    if let Some(rest) = without_case(text, "atScope()") {
        return Some((Clause::AtScope, rest));
    }
    if let Some(rest) = without_case(text, "assignedTo(") {
        let (value, rest) = quoted(rest.strip_prefix('\'')?)?;
        return Some((Clause::AssignedTo(value), rest.strip_prefix(')')?));
    }
    let (name, rest) = text.split_once(' ')?;
    let (value, rest) = quoted(without_case(rest.trim_start(), "eq ")?.trim_start().strip_prefix('\'')?)?;
    name.chars().all(|c| c.is_ascii_alphabetic()).then(|| (Clause::Equals(name.to_ascii_lowercase(), value), rest))
}

fn without_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::{Clause, parse};

    #[test]
    fn conditions_are_joined_by_and() {
        assert_eq!(parse("atScope()"), Some(vec![Clause::AtScope]));
        assert_eq!(parse("atScope() and assignedTo('a')"), Some(vec![Clause::AtScope, Clause::AssignedTo("a".into())]));
        assert_eq!(
            parse("roleName eq 'it''s and that' and type eq 'CustomRole'"),
            Some(vec![
                Clause::Equals("rolename".into(), "it's and that".into()),
                Clause::Equals("type".into(), "CustomRole".into())
            ])
        );
        assert_eq!(parse("principalId EQ 'a'"), Some(vec![Clause::Equals("principalid".into(), "a".into())]));
        assert_eq!(parse("atScopeAndBelow()"), Some(vec![Clause::AtScopeAndBelow]));
    }

    #[test]
    fn other_forms_are_not_understood() {
        for other in [
            "",
            "atScope",
            "atScope() or atScope()",
            "atScope()and atScope()",
            "principalId eq a",
            "principalId eq 'a",
            "principalId ne 'a'",
            "principalId eq 'a' and",
            "not (atScope())",
            "assignedTo('a'",
            "startswith(roleName,'a')",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
