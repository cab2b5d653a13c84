//! What upstream does, and where we differ on purpose, row by row.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test")]

mod table;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use symbolon_admission::{Mutation, Pod, Refusal, Warning};
use table::Case;

fn mutate(case: &Case, pod: &Value) -> Result<Mutation, Refusal> {
    let raw = pod.to_string();
    Pod::parse(&raw)?.mutate(&case.account(), &case.settings())
}

fn patch(mutation: &Mutation) -> Vec<Value> {
    serde_json::to_value(&mutation.patch).unwrap().as_array().unwrap().clone()
}

fn patched(pod: &Value, patch: &[Value]) -> Value {
    let mut pod = pod.clone();
    let patch: json_patch::Patch = serde_json::from_value(json!(patch)).unwrap();
    json_patch::patch(&mut pod, &patch).unwrap();
    pod
}

/// What is wrong with a case, or nothing.
fn problem(case: &Case) -> Option<String> {
    let answer = mutate(case, &case.pod);
    match (&answer, &case.expected) {
        (Ok(mutation), Ok(expected)) => {
            let patch = patch(mutation);
            if patch != *expected {
                let same = patch.iter().zip(expected).take_while(|(one, other)| one == other).count();
                return Some(format!(
                    "from operation {same}\nexpected {}\n     got {}",
                    json!(expected[same..]),
                    json!(patch[same..])
                ));
            }
            let mut reasons: Vec<&str> = mutation.warnings.iter().map(|warning| warning.reason).collect();
            reasons.sort_unstable();
            if reasons != case.warnings {
                return Some(format!("expected warnings {:?}, got {:?}", case.warnings, mutation.warnings));
            }
            let long = mutation.warnings.iter().find(|warning| warning.message.chars().count() > 120);
            if let Some(long) = long {
                return Some(format!("{} characters: {}", long.message.chars().count(), long.message));
            }
            // Whatever a row is about, a second call adds nothing.
            let again = mutate(case, &patched(&case.pod, &patch));
            let again = again.as_ref().map(self::patch);
            (again != Ok(Vec::new())).then(|| format!("a second call: {again:?}"))
        }
        (Err(refusal), Err(expected)) => (refusal.message != *expected || refusal.code != 400)
            .then(|| format!("expected refusal {expected:?}, got {refusal:?}")),
        _ => Some(format!("expected {:?}, got {answer:?}", case.expected)),
    }
}

#[test]
fn every_row_holds() {
    let cases = table::cases();
    let problems: Vec<String> = cases
        .iter()
        .filter_map(|case| Some((case, problem(case)?)))
        .map(|(case, problem)| {
            format!("{} ({}, {}; reference {})\n{problem}", case.row, case.layout, case.selector, case.why)
        })
        .collect();
    assert!(problems.is_empty(), "{} of {} cases:\n\n{}", problems.len(), cases.len(), problems.join("\n\n"));
}

#[test]
fn the_table_is_as_large_as_it_was_promised() {
    assert!(table::count() >= 120, "{} rows", table::count());
    let cases = table::cases();
    for layout in ["v1.6", "v1.5"] {
        for selector in ["pod-label", "service-account-label"] {
            let rows = cases.iter().filter(|case| case.layout == layout && case.selector == selector).count();
            assert!(rows >= 120, "{rows} rows for {layout} and {selector}");
        }
    }
}

#[test]
fn no_two_rows_have_the_same_name() {
    let mut seen = BTreeSet::new();
    for case in table::cases() {
        let Case { row, layout, selector, .. } = case;
        assert!(seen.insert(format!("{row} ({layout}, {selector})")), "{row}");
    }
}

#[test]
fn every_warning_has_a_row() {
    let shown: BTreeSet<String> = table::cases().into_iter().flat_map(|case| case.warnings).collect();
    let all: BTreeSet<String> = Warning::REASONS.iter().map(|reason| (*reason).to_owned()).collect();
    assert_eq!(shown, all);
}
