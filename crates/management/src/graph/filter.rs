//! The few `$filter` forms that tools send.

use super::bad_request;
use crate::{error::Refusal, request::Query};

/// A filter that is understood. Any other is refused: ignoring it would answer with too much.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filter {
    None,
    AppId(String),
    DisplayName(String),
}

impl Filter {
    pub(super) fn of(query: &Query) -> Result<Self, Refusal> {
        query.get("$filter").map_or(Ok(Self::None), |text| {
            Self::parse(text.trim()).ok_or_else(|| {
                bad_request(format!(
                    "The filter '{}' is not supported, expected appId eq '…', displayName eq '…' or servicePrincipalNames/any(c:c eq '…').",
                    crate::shorten(text)
                ))
            })
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(value) = text.strip_prefix("appId eq ") {
            return quoted(value).map(Self::AppId);
        }
        if let Some(value) = text.strip_prefix("displayName eq ") {
            return quoted(value).map(Self::DisplayName);
        }
        // Every service principal here has its app id as a name.
        let value = text.strip_prefix("servicePrincipalNames/any(c:c eq ")?.strip_suffix(')')?;
        quoted(value).map(Self::AppId)
    }
}

/// A string of `OData`, whose quotes are doubled.
fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = inner.replace("''", "\0");
    (!plain.contains('\'')).then(|| plain.replace('\0', "'"))
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn known_forms_are_understood_and_others_are_not() {
        assert_eq!(Filter::parse("appId eq 'a-1'"), Some(Filter::AppId("a-1".into())));
        assert_eq!(Filter::parse("displayName eq 'it''s'"), Some(Filter::DisplayName("it's".into())));
        assert_eq!(Filter::parse("servicePrincipalNames/any(c:c eq 'a-1')"), Some(Filter::AppId("a-1".into())));
        for other in ["appId eq 'a' or appId eq 'b'", "appId ne 'a'", "appId eq a", "startswith(displayName,'a')", ""] {
            assert_eq!(Filter::parse(other), None, "{other}");
        }
    }
}
