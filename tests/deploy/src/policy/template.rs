//! A Helm template of objects with choices in them.

use serde_json::{Map, Value};

/// What stands in the place of each placeholder. The longer come first where one begins another.
const PLACEHOLDERS: [(&str, &str); 19] = [
    // These stand for a whole value.
    (LABELS, r#"{{- include "symbolon.labels" (list . "policy") | nindent 4 }}"#),
    (NAMESPACES, r#"{{- include "symbolon.namespaceSelector" (list . $byLabel) | nindent 6 }}"#),
    (
        "{matchLabels: {'placeholder-label': 'placeholder-value'}}",
        r#"{{ include "symbolon.celSelector" $endpoint.azureKubernetesCACTBLabelSelector }}"#,
    ),
    ("placeholder-ca-config-map", r#"{{ include "symbolon.cel" $endpoint.azureKubernetesCAConfigMapName }}"#),
    ("placeholder-ca-data", r#"{{ include "symbolon.cel" $endpoint.azureKubernetesCaData }}"#),
    ("placeholder-ca-signer", r#"{{ include "symbolon.cel" $endpoint.azureKubernetesCACTBSignerName }}"#),
    ("placeholder-suffix", r#"{{ include "symbolon.cel" $endpoint.annotationSuffix }}"#),
    ("placeholder-endpoint-audience", r#"{{ include "symbolon.cel" $endpoint.audience }}"#),
    ("placeholder-token-proxy", r#"{{ include "symbolon.cel" $endpoint.azureKubernetesTokenProxy }}"#),
    ("placeholder-sni-name", r#"{{ include "symbolon.cel" $endpoint.azureKubernetesSniName }}"#),
    ("placeholder-trust-name", r#"{{ include "symbolon.cel" .Values.trustConfigMap.name }}"#),
    ("placeholder-trust-key", r#"{{ include "symbolon.cel" .Values.trustConfigMap.key }}"#),
    ("placeholder-tenant-id", r#"{{ include "symbolon.cel" .Values.azureTenantID }}"#),
    ("placeholder-authority-host", r#"{{ include "symbolon.cel" (include "symbolon.authorityHost" .) }}"#),
    ("placeholder-audience", r#"{{ include "symbolon.cel" (include "symbolon.audience" .) }}"#),
    ("placeholder-config-map", "{{ .Values.policy.configMap }}"),
    ("placeholder-namespace", "{{ .Release.Namespace }}"),
    ("placeholder-account", "{{ $names.controller }}"),
    ("placeholder-name", "{{ $names.policy }}"),
];
const LABELS: &str = "placeholder-labels";
const NAMESPACES: &str = "placeholder-namespace-selector";

const BEGINNING: &str = r#"{{/* Written by `cargo xtask generate` from the renderer of `symbolon webhook policy`. */}}
{{- $names := include "symbolon.names" . | fromYaml }}
{{- $hasPolicy := not (empty (include "symbolon.hasPolicy" .)) }}
{{- $evicts := eq .Values.controller.heal "evict" }}
{{- $byLabel := not (empty (include "symbolon.byLabel" .)) }}
{{- $mode := .Values.mode }}
{{- $selector := .Values.selector }}
{{- $layout := .Values.layout }}
{{- $trust := .Values.trustConfigMap.name | empty | ternary "off" "on" }}
{{- $endpoint := .Values.customTokenEndpoint }}
{{- $ca := include "symbolon.endpointCa" . }}
"#;

/// Writes the template.
pub(super) fn template(objects: &Value) -> String {
    let mut template = Template { text: BEGINNING.to_owned() };
    let mut open = None;
    for node in objects.as_array().into_iter().flatten() {
        for (condition, object) in alternatives(node) {
            let condition = match (is_needed_for_evictions(object), condition) {
                (true, _) => "or $hasPolicy $evicts".to_owned(),
                (false, None) => "$hasPolicy".to_owned(),
                (false, Some(condition)) => format!("and $hasPolicy ({condition})"),
            };
            if open.as_ref() != Some(&condition) {
                if open.is_some() {
                    template.line(0, "{{- end }}");
                }
                template.line(0, &format!("{{{{- if {condition} }}}}"));
                open = Some(condition);
            }
            template.line(0, "---");
            template.members(0, object);
        }
    }
    template.line(0, "{{- end }}");
    template.text
}

/// The guard of the controller's own writes holds wherever it may create pods for dry runs.
fn is_needed_for_evictions(object: &Value) -> bool {
    object["metadata"]["name"] == "placeholder-name-controller"
}

struct Template {
    text: String,
}

impl Template {
    fn line(&mut self, indent: usize, text: &str) {
        let indent = if text.is_empty() { 0 } else { indent };
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn members(&mut self, indent: usize, object: &Value) {
        for (name, node) in object.as_object().into_iter().flatten() {
            self.under_conditions(indent, node, |template, value| template.entry(indent, &format!("{name}:"), value));
        }
    }

    fn elements(&mut self, indent: usize, list: &[Value]) {
        for node in list {
            self.under_conditions(indent, node, |template, value| template.element(indent, value));
        }
    }

    fn under_conditions(&mut self, indent: usize, node: &Value, write: impl Fn(&mut Self, &Value)) {
        for (condition, value) in alternatives(node) {
            if let Some(condition) = &condition {
                self.line(indent, &format!("{{{{- if {condition} }}}}"));
            }
            write(self, value);
            if condition.is_some() {
                self.line(indent, "{{- end }}");
            }
        }
    }

    /// A name, or the dash of a list, and its value.
    fn entry(&mut self, indent: usize, name: &str, value: &Value) {
        match value {
            Value::Object(object) if object.contains_key("$lines") => self.lines(indent, name, &object["$lines"]),
            Value::Object(object) if !object.is_empty() => {
                self.line(indent, name);
                self.members(indent + 2, value);
            }
            Value::Array(list) if !list.is_empty() => {
                self.line(indent, name);
                self.elements(indent + 2, list);
            }
            Value::String(text) if text == LABELS || text == NAMESPACES => {
                self.line(indent, name);
                self.line(indent + 2, &filled(text));
            }
            Value::String(text) if text.contains('\n') || needs_no_quotes(text) => {
                let lines: Vec<_> = text.split('\n').map(Value::from).collect();
                self.lines(indent, name, &Value::Array(lines));
            }
            _ => self.line(indent, &format!("{name} {}", filled(&value.to_string()))),
        }
    }

    fn element(&mut self, indent: usize, value: &Value) {
        let begins_with_a_condition = |object: &Map<String, Value>| object.values().next().is_some_and(is_choice);
        match value {
            Value::Object(object) if !object.is_empty() && !begins_with_a_condition(object) => {
                let start = self.text.len();
                self.members(indent + 2, value);
                // The dash stands before the first member.
                self.text.replace_range(start + indent..=start + indent, "-");
            }
            _ => self.entry(indent, "-", value),
        }
    }

    /// A text as a block, in which nothing has to be escaped but what Helm reads.
    fn lines(&mut self, indent: usize, name: &str, lines: &Value) {
        self.line(indent, &format!("{name} |-"));
        let mut open: Option<String> = None;
        let all = lines.as_array().into_iter().flatten().flat_map(alternatives);
        // A blank line means nothing to CEL, and Helm takes the blanks away before a condition.
        let all = all
            .filter_map(|(condition, line)| Some((condition, line.as_str().filter(|line| !line.trim().is_empty())?)));
        for (condition, line) in all {
            if condition != open {
                if open.is_some() {
                    self.line(indent + 2, "{{- end }}");
                }
                if let Some(condition) = &condition {
                    self.line(indent + 2, &format!("{{{{- if {condition} }}}}"));
                }
                open = condition;
            }
            self.line(indent + 2, &filled(line));
        }
        if open.is_some() {
            self.line(indent + 2, "{{- end }}");
        }
    }
}

/// Expressions, which are full of quotes and may hold a placeholder that has to be escaped for CEL alone.
fn needs_no_quotes(text: &str) -> bool {
    !text.starts_with(' ') && (text.contains('\'') || text.contains('"') || text.contains('\\'))
}

fn is_choice(node: &Value) -> bool {
    node.get("$by").is_some()
}

/// What may stand here, and when: a value without a condition, or those of a choice.
fn alternatives(node: &Value) -> Vec<(Option<String>, &Value)> {
    let (Some(by), Some(of)) = (node.get("$by"), node.get("$of").and_then(Value::as_object)) else {
        return if node.is_null() { Vec::new() } else { vec![(None, node)] };
    };
    let mut found: Vec<(Vec<&str>, &Value)> = Vec::new();
    for (key, value) in of.iter().filter(|(_, value)| !value.is_null()) {
        match found.iter_mut().find(|(_, known)| *known == value) {
            Some((keys, _)) => keys.push(key),
            None => found.push((vec![key], value)),
        }
    }
    found.into_iter().map(|(keys, value)| (Some(condition(by, &keys)), value)).collect()
}

fn condition(by: &Value, keys: &[&str]) -> String {
    let variables: Vec<_> = by.as_array().into_iter().flatten().filter_map(Value::as_str).map(variable).collect();
    let value = match variables.as_slice() {
        [one] => one.clone(),
        several => format!("(printf \"{}\" {})", vec!["%s"; several.len()].join(" "), several.join(" ")),
    };
    match keys {
        [key] => format!("eq {value} {key:?}"),
        keys => {
            format!("has {value} (list {})", keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" "))
        }
    }
}

fn variable(dimension: &str) -> String {
    match dimension {
        "endpoint" => "$ca".to_owned(),
        name => format!("${name}"),
    }
}

/// The text with values of the chart in the place of placeholders.
fn filled(text: &str) -> String {
    let text = text.replace("{{", r#"{{ "{{" }}"#);
    PLACEHOLDERS.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder, value))
}
