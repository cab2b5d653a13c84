//! Requests and answers, printed for people.

use serde_json::Value;

use crate::{command::demo_client::Wire, output};

/// The most characters of one value that are shown.
const MAX_VALUE: usize = 48;
/// The most characters of a line that holds more than one value.
const MAX_LINE: usize = 110;

/// A request with a JSON body, or none, and its answer.
pub(super) fn show(method: &str, url: &str, request: Option<&Value>, status: u16, response: Option<&Value>) -> String {
    let mut lines = vec![format!("   → {method} {url}")];
    lines.extend(request.iter().flat_map(|body| json(body, 5)));
    lines.push(format!("   ← {status}"));
    lines.extend(response.iter().flat_map(|body| json(body, 5)));
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
        Ok(body) => lines.extend(json(&body, 5)),
        Err(_) => lines.push(output::dim(&format!("     {}", cut(&wire.response)))),
    }
    lines.join("\n")
}

/// JSON for people: what fits stands on one line, what does not is opened by one level.
pub(super) fn json(body: &Value, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    open("", &shorten(body), indent, "", &mut lines);
    lines.into_iter().map(|line| output::dim(&line)).collect()
}

fn open(name: &str, value: &Value, indent: usize, end: &str, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    let label = if name.is_empty() { String::new() } else { format!("\"{name}\": ") };
    let flat = format!("{margin}{label}{value}{end}");
    let members: Vec<(&str, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        Value::Array(items) => items.iter().map(|item| ("", item)).collect(),
        _ => Vec::new(),
    };
    if members.is_empty() || flat.chars().count() <= MAX_LINE {
        lines.push(flat);
        return;
    }
    let (opening, closing) = if value.is_array() { ("[", "]") } else { ("{", "}") };
    lines.push(format!("{margin}{label}{opening}"));
    let last = members.len() - 1;
    for (position, (name, value)) in members.into_iter().enumerate() {
        open(name, value, indent + 2, if position == last { "" } else { "," }, lines);
    }
    lines.push(format!("{margin}{closing}{end}"));
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
    if length <= MAX_VALUE * 3 {
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
             client_assertion=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (200 characters)
             scope=https://vault.azure.net/.default
           ← 401
             {"error":"invalid_client"}
        "#);
    }

    #[test]
    fn json_is_opened_only_where_it_does_not_fit() {
        let body = serde_json::json!({ "a": "x".repeat(60), "b": { "c": [1, 2], "d": "y".repeat(50) } });
        insta::assert_snapshot!(json(&body, 5).join("\n"), @r#"
             {
               "a": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
               "b": {"c":[1,2],"d":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
             }
        "#);
    }
}
