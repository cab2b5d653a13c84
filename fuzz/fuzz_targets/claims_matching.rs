#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use symbolon_core::claims_matching::{Claims, ClaimsMatchingExpression, Clause, lint::lint};

fuzz_target!(|text: &str| {
    let Ok(expression) = text.parse::<ClaimsMatchingExpression>() else { return };
    assert_eq!(expression.to_string(), text);
    let printed: Vec<_> = expression.clauses().iter().map(ToString::to_string).collect();
    // Quotes round a comparand that had none may make it too long.
    if let Ok(again) = printed.join(" and ").parse::<ClaimsMatchingExpression>() {
        assert_eq!(again.clauses(), expression.clauses());
    }
    for clause in expression.clauses() {
        fits_itself(clause);
    }
    lint(&expression, None);
    lint(&expression, Some("https://token.actions.githubusercontent.com"));
});

/// Filled wildcards make a value that the clause accepts; `eq` accepts its comparand alone.
fn fits_itself(clause: &Clause) {
    let one: ClaimsMatchingExpression = match clause.to_string().parse() {
        Ok(one) => one,
        Err(_) => return,
    };
    let accepts = |value: String| {
        let claim = clause.path().iter().rev().fold(Value::String(value), |inner, name| json!({ name: inner }));
        let claims = Claims::from(claim);
        let accepted = one.matches(&claims);
        assert_eq!(one.explain(&claims).iter().all(|clause| clause.mismatch.is_none()), accepted);
        accepted
    };
    let comparand = clause.comparand();
    assert!(accepts(comparand.to_owned()));
    assert_eq!(accepts(comparand.replace('*', "")), clause.is_pattern() || !comparand.contains('*'));
    let star_only = comparand.ends_with('*') && clause.is_pattern();
    let longer = format!("{comparand}:\u{e9}");
    assert!(!star_only || accepts(longer));
}
