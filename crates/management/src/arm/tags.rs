//! Tags of resources and resource groups.

use std::collections::BTreeMap;

use crate::{error::Refusal, request::Fields};

const MAX_TAGS: usize = 50;
const MAX_TAG_NAME: usize = 512;
const MAX_TAG_VALUE: usize = 256;
const MAX_LOCATION: usize = 90;

/// The tags of a body; none where it names none.
pub(super) fn tags(fields: &Fields<'_>) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let Some(tags) = fields.string_map("tags")? else { return Ok(None) };
    let fits = |(name, value): (&String, &String)| {
        (1..=MAX_TAG_NAME).contains(&name.chars().count()) && value.chars().count() <= MAX_TAG_VALUE
    };
    if tags.len() > MAX_TAGS || !tags.iter().all(fits) {
        return Err(Refusal::invalid(
            "InvalidTags",
            format!(
                "The tags are invalid, expected at most {MAX_TAGS}, with names of 1 to {MAX_TAG_NAME} and values of up to {MAX_TAG_VALUE} characters."
            ),
        ));
    }
    Ok(Some(tags))
}

/// The location of a body, which must be there.
pub(super) fn location(fields: &Fields<'_>) -> Result<String, Refusal> {
    let location = fields.string("location")?.filter(|location| !location.trim().is_empty()).ok_or_else(|| {
        Refusal::invalid("LocationRequired", "The location property is required for this definition.")
    })?;
    if location.chars().count() > MAX_LOCATION || location.chars().any(char::is_control) {
        let message = "The location is longer than 90 characters or holds a control character.";
        return Err(Refusal::invalid("InvalidRequestContent", message));
    }
    Ok(location.to_owned())
}

/// Whether two spellings name one region, as "West Europe" and "westeurope" do.
pub(super) fn same_location(one: &str, other: &str) -> bool {
    let plain = |location: &str| location.replace(' ', "").to_lowercase();
    plain(one) == plain(other)
}
