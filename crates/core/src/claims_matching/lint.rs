//! Expressions that reach further than they look.

use serde::Serialize;

use super::{ClaimsMatchingExpression, Clause};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// It probably accepts what nobody meant, or nothing at all.
    Warning,
    /// It is as wide as it says; good to know.
    Note,
}

/// What is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `matches` without a wildcard.
    NoWildcard,
    /// A wildcard in `eq`, where it is a plain character.
    LiteralWildcard,
    /// A pattern that accepts every value.
    AnyValue,
    /// A pattern that begins with `*`.
    LeadingStar,
    /// A `*` in the middle of a name.
    OpenPrefix,
    /// A `*` that may run over separators.
    CrossesSeparators,
    /// Every trigger of a GitHub repository.
    AnyTrigger,
    /// A service account of any namespace.
    AnyNamespace,
    /// Any service account of a namespace.
    AnyServiceAccount,
    /// No clause on `sub`.
    NoSubject,
    /// An issuer that strangers use too, and nothing that names whose workload it is.
    SharedIssuer,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What is found.
    pub rule: Rule,
    /// The clause; none where it is about the whole expression.
    pub clause: Option<String>,
    /// How far it reaches.
    pub reaches: String,
    /// A value of the claim that is accepted as well.
    pub example: Option<String>,
    /// What to write instead.
    pub instead: String,
}

/// What the clauses of one shared issuer must hold on to.
struct Shared {
    issuers: &'static [&'static str],
    whose: &'static str,
    /// The start of `sub`, and the separator that ends the owner's name after it.
    subject: Option<(&'static str, char)>,
    /// Claims that name the owner as well.
    claims: &'static [&'static str],
    instead: &'static str,
}

const SHARED: &[Shared] = &[
    Shared {
        issuers: &["https://token.actions.githubusercontent.com"],
        whose: "organisation",
        subject: Some(("repo:", '/')),
        // `job_workflow_ref` is not one of them: strangers may call a public reusable workflow.
        claims: &["repository", "repository_id", "repository_owner", "repository_owner_id", "enterprise_id"],
        instead: "begin the pattern of `sub` with `repo:ORGANISATION/`, or add claims['repository_owner_id'] eq 'ID'",
    },
    Shared {
        issuers: &["https://gitlab.com"],
        whose: "group",
        subject: Some(("project_path:", '/')),
        claims: &["project_id", "project_path", "namespace_id", "namespace_path"],
        instead: "begin the pattern of `sub` with `project_path:GROUP/`, or add claims['namespace_id'] eq 'ID'",
    },
    Shared {
        issuers: &["https://app.terraform.io", "https://app.eu.terraform.io"],
        whose: "organisation",
        subject: Some(("organization:", ':')),
        claims: &["terraform_organization_id", "terraform_organization_name"],
        instead: "begin the pattern of `sub` with `organization:ORGANISATION:`, or add claims['terraform_organization_id'] eq 'ID'",
    },
    Shared {
        issuers: &["https://accounts.google.com"],
        whose: "account",
        subject: None,
        claims: &["sub", "email"],
        instead: "name one account: claims['sub'] eq 'NUMBER'",
    },
];

/// Looks for clauses that reach further than they look; `issuer` is the credential's, where it is known.
#[must_use]
pub fn lint(expression: &ClaimsMatchingExpression, issuer: Option<&str>) -> Vec<Finding> {
    let mut found: Vec<_> = expression.clauses().iter().flat_map(of_clause).collect();
    if expression.clauses().iter().any(fixes_namespace) {
        found.retain(|found| found.rule != Rule::AnyNamespace);
    }
    if !expression.clauses().iter().any(|clause| clause.is_on("sub")) {
        found.push(Finding {
            severity: Severity::Warning,
            rule: Rule::NoSubject,
            clause: None,
            reaches: "no clause is about `sub`: every workload of the issuer whose other claims fit is accepted".into(),
            example: None,
            instead: "add a clause on claims['sub']".into(),
        });
    }
    found.extend(shared_issuer(expression, issuer));
    found
}

/// A cluster's token names its namespace in a claim of its own as well.
fn fixes_namespace(clause: &Clause) -> bool {
    !clause.is_pattern() && clause.path().iter().map(String::as_str).eq(["kubernetes.io", "namespace"])
}

fn of_clause(clause: &Clause) -> Vec<Finding> {
    let text = clause.comparand();
    let has_wildcard = text.contains(['*', '?']);
    if !clause.is_pattern() {
        return if has_wildcard { vec![literal_wildcard(clause)] } else { Vec::new() };
    }
    if !has_wildcard {
        return vec![no_wildcard(clause)];
    }
    if text.chars().all(|c| c == '*' || c == '?') && text.contains('*') {
        return vec![any_value(clause)];
    }
    let rules: [fn(&Clause) -> Option<Finding>; 6] =
        [leading_star, open_prefix, any_trigger, any_namespace, any_service_account, crosses_separators];
    rules.iter().filter_map(|rule| rule(clause)).collect()
}

/// A finding about a clause, with an example that the clause accepts.
fn finding(clause: &Clause, rule: Rule, reaches: impl Into<String>, instead: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Warning,
        rule,
        clause: Some(clause.to_string()),
        reaches: reaches.into(),
        example: None,
        instead: instead.into(),
    }
}

impl Finding {
    fn noted(self) -> Self {
        Self { severity: Severity::Note, ..self }
    }

    /// Fills the wildcards of the clause's pattern: the star at `star` (counted in bytes) becomes
    /// `run`, the others become something harmless.
    fn for_example(self, clause: &Clause, star: usize, run: &str) -> Self {
        let mut example = String::new();
        for (at, c) in clause.comparand().char_indices() {
            match c {
                '*' if at == star => example.push_str(run),
                '*' => example.push_str("any"),
                '?' => example.push('x'),
                c => example.push(c),
            }
        }
        Self { example: Some(example), ..self }
    }
}

fn no_wildcard(clause: &Clause) -> Finding {
    let instead = clause.to_string().replacen(" matches ", " eq ", 1);
    finding(clause, Rule::NoWildcard, "the pattern has no wildcard: it accepts this one value", instead).noted()
}

fn literal_wildcard(clause: &Clause) -> Finding {
    let instead = clause.to_string().replacen(" eq ", " matches ", 1);
    let reaches = "`eq` compares to the character: `*` and `?` stand for themselves, so real tokens hardly ever fit";
    Finding { example: Some(clause.comparand().into()), ..finding(clause, Rule::LiteralWildcard, reaches, instead) }
}

fn any_value(clause: &Clause) -> Finding {
    let reaches = "every value of the claim is accepted: it need only be there";
    let instead = "write the part that all wanted values share before the `*`, or leave the clause out";
    let first = clause.comparand().find('*').unwrap_or_default();
    finding(clause, Rule::AnyValue, reaches, instead).for_example(clause, first, "anything:at/all")
}

fn leading_star(clause: &Clause) -> Option<Finding> {
    clause.comparand().starts_with('*').then(|| {
        let reaches = "whatever stands before the rest is accepted, so whoever chooses how a name ends is accepted";
        let instead = "begin with what all wanted values begin with";
        finding(clause, Rule::LeadingStar, reaches, instead).for_example(clause, 0, "somebody-else:")
    })
}

const fn is_separator(c: char) -> bool {
    matches!(c, ':' | '/' | '@')
}

/// `repo:org*`: names go on where the star stands. After `-`, `_` or `.` that is what was meant.
fn open_prefix(clause: &Clause) -> Option<Finding> {
    let text = clause.comparand();
    let goes_on = |at: usize| text[..at].ends_with(char::is_alphanumeric);
    let star = text.match_indices('*').map(|(at, _)| at).find(|at| goes_on(*at))?;
    let prefix = &text[..star];
    let start = prefix.rfind(is_separator).map_or(0, |at| at + 1);
    let name = &prefix[start..];
    let is_path = start == 0 || prefix.starts_with("repo:") || prefix.starts_with("project_path:");
    let separator = if is_path && !prefix.contains('/') { '/' } else { ':' };
    let run = if star + 1 == text.len() { format!("-evil{separator}anything") } else { "-evil".to_owned() };
    let reaches = format!("the star stands inside of a name: `{name}` and every longer name that begins so");
    let instead = format!("end the name first: `{prefix}{separator}*`");
    Some(finding(clause, Rule::OpenPrefix, reaches, instead).for_example(clause, star, &run))
}

/// `repo:org/repo:*`
fn any_trigger(clause: &Clause) -> Option<Finding> {
    let prefix = clause.comparand().strip_suffix('*')?;
    let repository = prefix.strip_prefix("repo:")?.strip_suffix(':')?;
    (clause.is_on("sub") && !repository.contains(':')).then(|| {
        let reaches =
            "every run of the repository: each branch, tag and environment, and pull requests, whose code nobody approved";
        let instead = format!("`{prefix}ref:refs/heads/main`, or `{prefix}environment:NAME` for an environment that needs approval");
        finding(clause, Rule::AnyTrigger, reaches, instead).for_example(clause, prefix.len(), "pull_request")
    })
}

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// `system:serviceaccount:*:name` and `system:serviceaccount:team-*:name`
fn any_namespace(clause: &Clause) -> Option<Finding> {
    let rest = clause.comparand().strip_prefix(SERVICE_ACCOUNT)?;
    let namespace = rest.split(':').next().unwrap_or_default();
    let star = namespace.find('*')?;
    let at = SERVICE_ACCOUNT.len() + star;
    let tail = if star + 1 == rest.len() { ":anything" } else { "" };
    if star == 0 {
        let reaches = "service accounts of any namespace: whoever may make one in some namespace is accepted";
        let instead = "name the namespace: `system:serviceaccount:NAMESPACE:NAME`";
        return Some(finding(clause, Rule::AnyNamespace, reaches, instead).for_example(
            clause,
            at,
            &format!("kube-system{tail}"),
        ));
    }
    let reaches = format!("every namespace whose name fits `{namespace}`, also one that is made later");
    let instead = "name the namespace, or see to it that only you may make namespaces of that name";
    Some(finding(clause, Rule::AnyNamespace, reaches, instead).noted().for_example(clause, at, &format!("new{tail}")))
}

/// `system:serviceaccount:ns:*`
fn any_service_account(clause: &Clause) -> Option<Finding> {
    let rest = clause.comparand().strip_prefix(SERVICE_ACCOUNT)?;
    let (namespace, "*") = rest.split_once(':')? else { return None };
    let reaches = format!("every service account of `{namespace}`, `default` and those that are made later included");
    let instead = "name the service account where only one is meant";
    let at = clause.comparand().len() - 1;
    Some(finding(clause, Rule::AnyServiceAccount, reaches, instead).noted().for_example(clause, at, "default"))
}

/// `repo:org/*:ref:refs/heads/main`: the star may swallow what looks like the next part. Where a
/// service account's names stand on both sides nothing can hide, since they hold no separator.
fn crosses_separators(clause: &Clause) -> Option<Finding> {
    let text = clause.comparand();
    let stars = text.match_indices('*').map(|(at, _)| at);
    let star =
        stars.filter(|at| *at > 0).find(|at| !text[at + 1..].is_empty() || text[..*at].ends_with(is_separator))?;
    let is_last = star + 1 == text.len();
    if text.starts_with(SERVICE_ACCOUNT) || (is_last && any_trigger(clause).is_some()) {
        return None;
    }
    let reaches = "`*` runs over `:` and `/` as well, so it may stand for several parts of the value";
    let instead = "write the parts out, or add a clause on a claim that holds one part alone";
    let found = finding(clause, Rule::CrossesSeparators, reaches, instead).for_example(clause, star, "one/two:three");
    Some(if is_last { found.noted() } else { found })
}

/// Nothing fixes whose workload it is, at an issuer where anybody can have one.
fn shared_issuer(expression: &ClaimsMatchingExpression, issuer: Option<&str>) -> Option<Finding> {
    let shared = SHARED.iter().find(|shared| match issuer {
        Some(issuer) => shared.issuers.contains(&issuer.trim_end_matches('/')),
        None => begins_as_subject_of(expression, shared),
    })?;
    if expression.clauses().iter().any(|clause| fixes_owner(clause, shared)) {
        return None;
    }
    let host = shared.issuers.first().map_or("", |issuer| issuer.trim_start_matches("https://"));
    Some(Finding {
        severity: Severity::Warning,
        rule: Rule::SharedIssuer,
        clause: None,
        reaches: format!("anybody can have a workload at `{host}`, and no clause names your {}", shared.whose),
        example: None,
        instead: shared.instead.into(),
    })
}

/// Without an issuer, the form of `sub` gives it away.
fn begins_as_subject_of(expression: &ClaimsMatchingExpression, shared: &Shared) -> bool {
    let Some((start, _)) = shared.subject else { return false };
    expression.clauses().iter().any(|clause| clause.is_on("sub") && clause.comparand().starts_with(start))
}

/// Whether the clause accepts workloads of one owner only.
fn fixes_owner(clause: &Clause, shared: &Shared) -> bool {
    let text = clause.comparand();
    let end = if clause.is_pattern() { text.find(['*', '?']).unwrap_or(text.len()) } else { text.len() };
    if let Some((start, separator)) = shared.subject
        && clause.is_on("sub")
    {
        let owner = text[..end].strip_prefix(start);
        return owner.and_then(|rest| rest.split_once(separator)).is_some_and(|(owner, _)| !owner.is_empty());
    }
    let on_owner = shared.claims.iter().any(|claim| clause.is_on(claim));
    // A path's owner is its first part; an id is fixed only as a whole.
    on_owner && (end == text.len() || text[..end].contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims_matching::Claims;

    fn found(text: &str, issuer: Option<&str>) -> Vec<Finding> {
        lint(&text.parse().unwrap(), issuer)
    }

    fn rules(text: &str) -> Vec<(Rule, Severity)> {
        found(text, None).iter().map(|found| (found.rule, found.severity)).collect()
    }

    #[test]
    fn each_pattern_that_reaches_too_far_is_found() {
        use Rule::{
            AnyNamespace, AnyServiceAccount, AnyTrigger, AnyValue, CrossesSeparators, LeadingStar, LiteralWildcard,
            NoSubject, NoWildcard, OpenPrefix, SharedIssuer,
        };
        use Severity::{Note, Warning};
        let rows: &[(&str, &[(Rule, Severity)])] = &[
            ("claims['sub'] eq 'repo:org/repo:ref:refs/heads/main'", &[]),
            ("claims['sub'] eq 'system:serviceaccount:ns:sa'", &[]),
            ("claims['sub'] matches 'a:b'", &[(NoWildcard, Note)]),
            ("claims['sub'] eq 'a:*'", &[(LiteralWildcard, Warning)]),
            ("claims['sub'] matches '*'", &[(AnyValue, Warning)]),
            ("claims['sub'] matches '?*'", &[(AnyValue, Warning)]),
            ("claims['sub'] matches '*:main'", &[(LeadingStar, Warning)]),
            ("claims['sub'] matches 'repo:org*'", &[(OpenPrefix, Warning), (SharedIssuer, Warning)]),
            ("claims['sub'] matches 'repo:org/repo:*'", &[(AnyTrigger, Warning)]),
            ("claims['sub'] matches 'repo:org/*:ref:refs/heads/main'", &[(CrossesSeparators, Warning)]),
            ("claims['sub'] matches 'repo:org/repo:ref:refs/heads/*'", &[(CrossesSeparators, Note)]),
            ("claims['sub'] matches 'system:serviceaccount:*:sa'", &[(AnyNamespace, Warning)]),
            ("claims['sub'] matches 'system:serviceaccount:*'", &[(AnyNamespace, Warning)]),
            (
                "claims['sub'] matches 'system:serviceaccount:*:sa' and claims['kubernetes.io']['namespace'] eq 'ns'",
                &[],
            ),
            ("claims['sub'] matches 'project_path:group*'", &[(OpenPrefix, Warning), (SharedIssuer, Warning)]),
            ("claims['sub'] matches 'system:serviceaccount:team-*:sa'", &[(AnyNamespace, Note)]),
            ("claims['sub'] matches 'system:serviceaccount:ns:*'", &[(AnyServiceAccount, Note)]),
            ("claims['namespace'] eq 'prod'", &[(NoSubject, Warning)]),
            (
                "claims['sub'] matches 'organization:?cme:project:p:*'",
                &[(CrossesSeparators, Note), (SharedIssuer, Warning)],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(&rules(text), expected, "{text}");
        }
    }

    #[test]
    fn every_example_is_accepted_by_its_clause() {
        for text in [
            "claims['sub'] matches '*'",
            "claims['sub'] matches '*:main'",
            "claims['sub'] matches 'repo:org*'",
            "claims['sub'] matches 'repo:org*/x:*'",
            "claims['sub'] matches 'repo:org/repo:*'",
            "claims['sub'] matches 'repo:org/*:ref:refs/heads/ma?n'",
            "claims['sub'] matches 'system:serviceaccount:*'",
            "claims['sub'] matches 'system:serviceaccount:team*'",
            "claims['sub'] matches 'system:serviceaccount:*:*'",
            "claims['sub'] matches 'system:serviceaccount:ns:*'",
        ] {
            let expression: ClaimsMatchingExpression = text.parse().unwrap();
            let all = found(text, None);
            assert!(all.iter().any(|found| found.example.is_some()), "{text}");
            for example in all.into_iter().filter_map(|found| found.example) {
                let claims = Claims::from(serde_json::json!({ "sub": example }));
                assert!(expression.matches(&claims), "{text} and {example}");
            }
        }
    }

    #[test]
    fn an_open_prefix_names_the_stranger_that_it_lets_in() {
        let found = found("claims['sub'] matches 'repo:contoso*'", None);
        assert_eq!(found[0].example.as_deref(), Some("repo:contoso-evil/anything"));
        assert_eq!(found[0].instead, "end the name first: `repo:contoso/*`");
    }

    #[test]
    fn at_a_shared_issuer_a_clause_must_name_the_owner() {
        const GITHUB: &str = "https://token.actions.githubusercontent.com";
        for (issuer, text, is_fixed) in [
            (GITHUB, "claims['sub'] matches 'repo:contoso/*'", true),
            (GITHUB, "claims['sub'] matches 'repo:*/repo:ref:refs/heads/main'", false),
            (GITHUB, "claims['job_workflow_ref'] matches 'contoso/repo/.github/workflows/*'", false),
            (GITHUB, "claims['repository_owner_id'] eq '1'", true),
            (GITHUB, "claims['repository_owner_id'] matches '1*'", false),
            (GITHUB, "claims['repository'] matches 'contoso/*'", true),
            ("https://gitlab.com", "claims['sub'] matches 'project_path:group/*'", true),
            ("https://gitlab.com", "claims['sub'] matches 'project_path:group*'", false),
            ("https://app.terraform.io", "claims['sub'] matches 'organization:acme:*'", true),
            ("https://app.terraform.io", "claims['sub'] matches 'organization:*'", false),
            ("https://accounts.google.com", "claims['sub'] eq '1234'", true),
            ("https://accounts.google.com", "claims['hd'] eq 'x'", false),
            ("https://own.example", "claims['sub'] matches 'x-*'", true),
        ] {
            let found = found(text, Some(issuer));
            assert_eq!(found.iter().all(|found| found.rule != Rule::SharedIssuer), is_fixed, "{text}");
        }
    }
}
