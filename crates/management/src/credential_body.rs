//! What a federated credential matches, as Resource Manager and Graph both write it.

use symbolon_core::{
    claims_matching::{ClaimsMatchingExpression, LANGUAGE_VERSION},
    federated_credential::Matching,
};

use crate::{
    error::{Refusal, sentence},
    request::Fields,
};

const EXPRESSION: &str = "claimsMatchingExpression";

/// The subject or the expression of a credential; none where the body has neither.
pub(crate) fn matching(fields: &Fields<'_>) -> Result<Option<Matching>, Refusal> {
    let subject = fields.string("subject")?;
    match (subject, fields.object(EXPRESSION)?) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "BadRequest",
            "The properties 'subject' and 'claimsMatchingExpression' exclude each other; give exactly one of them.",
        )),
        (Some(subject), None) => Ok(Some(Matching::Subject(subject.to_owned()))),
        (None, Some(expression)) => Ok(Some(Matching::Expression(parse(&expression)?))),
        (None, None) => Ok(None),
    }
}

fn parse(fields: &Fields<'_>) -> Result<ClaimsMatchingExpression, Refusal> {
    let invalid = |message: String| Refusal::invalid("BadRequest", message);
    match fields.integer("languageVersion")? {
        Some(LANGUAGE_VERSION) => {}
        Some(other) => {
            return Err(invalid(format!(
                "The property 'claimsMatchingExpression.languageVersion' is {other}, expected {LANGUAGE_VERSION}."
            )));
        }
        None => {
            return Err(invalid(format!(
                "The property 'claimsMatchingExpression.languageVersion' is missing, expected {LANGUAGE_VERSION}."
            )));
        }
    }
    fields.required_string("value")?.parse().map_err(|error| invalid(sentence(&error)))
}
