//! Requests and answers, printed for people.

use serde_json::Value;

use crate::{command::demo_client::Wire, output};

/// The most characters of one value that are shown.
const MAX_VALUE: usize = 72;

/// A request with a JSON body, or none, and its answer.
pub(super) fn show(method: &str, url: &str, request: Option<&Value>, status: u16, response: Option<&Value>) -> String {
    let mut lines = vec![format!("   → {method} {url}")];
    lines.extend(request.iter().flat_map(|body| json(body)));
    lines.push(format!("   ← {status}"));
    lines.extend(response.iter().flat_map(|body| json(body)));
    lines.join("\n")
}

/// A request with a form, and its JSON answer. Tokens are cut: they are shown decoded elsewhere.
pub(super) fn show_form(wire: &Wire) -> String {
    let mut lines = vec![format!("   → {} {}", wire.method, wire.url)];
    for field in wire.request.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        lines.push(output::dim(&format!("     {name}={}", cut(&value))));
    }
    lines.push(format!("   ← {}", wire.status));
    match serde_json::from_str::<Value>(&wire.response) {
        Ok(body) => lines.extend(json(&body)),
        Err(_) => lines.push(output::dim(&format!("     {}", cut(&wire.response)))),
    }
    lines.join("\n")
}

fn json(body: &Value) -> Vec<String> {
    let shortened = shorten(body);
    let text = serde_json::to_string_pretty(&shortened).unwrap_or_default();
    text.lines().map(|line| output::dim(&format!("     {line}"))).collect()
}

fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.starts_with("AADSTS") => Value::String(cut(text)),
        Value::Array(items) => items.iter().map(shorten).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), shorten(value))).collect())
        }
        other => other.clone(),
    }
}

fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= MAX_VALUE * 2 {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_VALUE).collect();
    format!("{head}… ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_the_answer_is_shown() {
        let wire = Wire {
            method: "POST".into(),
            url: "https://localhost/token".into(),
            request: format!("client_assertion={}&scope=https%3A%2F%2Fvault.azure.net%2F.default", "x".repeat(200)),
            status: 401,
            response: r#"{"error":"invalid_client"}"#.into(),
        };
        insta::assert_snapshot!(show_form(&wire), @r#"
           → POST https://localhost/token
             client_assertion=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (200 characters)
             scope=https://vault.azure.net/.default
           ← 401
             {
               "error": "invalid_client"
             }
        "#);
    }
}
