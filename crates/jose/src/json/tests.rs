use serde::Deserialize;
use serde_json::Value;

use super::{JsonError, MAX_DEPTH, from_slice};

fn read(text: &str) -> Result<Value, JsonError> {
    from_slice(text.as_bytes())
}

fn duplicate(name: &str) -> Result<Value, JsonError> {
    Err(JsonError::DuplicateMember(name.to_owned()))
}

#[test]
fn an_object_is_read() {
    let text = r#" {"a": [1, -2, 3.5, true, null, {"b": "c"}], "d": {}} "#;
    assert_eq!(read(text), Ok(serde_json::from_str(text).unwrap()));
}

#[test]
fn duplicate_members_are_refused_at_any_depth() {
    assert_eq!(read(r#"{"iss":"a","iss":"a"}"#), duplicate("iss"));
    assert_eq!(read(r#"{"a":{"b":1,"b":2}}"#), duplicate("b"));
    assert_eq!(read(r#"{"a":[0,[{"b":1,"c":2,"b":3}]]}"#), duplicate("b"));
}

#[test]
fn escaping_does_not_hide_a_duplicate() {
    assert_eq!(read(r#"{"alg":1,"\u0061lg":2}"#), duplicate("alg"));
    assert_eq!(read(r#"{"\u0061\u006C\u0067":1,"alg":2}"#), duplicate("alg"));
}

#[test]
fn one_name_in_different_objects_is_no_duplicate() {
    assert!(read(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).is_ok());
}

#[test]
fn names_differ_by_letter_case() {
    assert!(read(r#"{"alg":1,"Alg":2}"#).is_ok());
}

#[test]
fn what_follows_the_object_is_refused() {
    for text in ["{}{}", "{} x", "{},", "{}\0"] {
        assert!(matches!(read(text), Err(JsonError::Syntax { .. })), "{text:?}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_with_its_place() {
    for text in ["", "{", "{'a':1}", "{\"a\":NaN}", "{\"a\":01}", "{\"a\":1,}", "\u{feff}{}", r#"{"a":"\ud800"}"#] {
        assert!(matches!(read(text), Err(JsonError::Syntax { .. })), "{text:?}");
    }
    assert_eq!(read("{\n  \"a\": x}"), Err(JsonError::Syntax { line: 2, column: 8 }));
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert!(matches!(from_slice::<Value>(b"{\"a\":\"\xff\"}"), Err(JsonError::Syntax { .. })));
}

#[test]
fn anything_but_an_object_is_refused() {
    for text in ["[]", "[[]]", "\"a\"", "1", "-1", "1.5", "true", "null"] {
        assert_eq!(read(text), Err(JsonError::NotAnObject), "{text}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(JsonError::TooDeep));
    assert_eq!(read(&nested(100_000)), Err(JsonError::TooDeep));
}

#[test]
fn a_member_of_the_wrong_type_is_named() {
    #[derive(Debug, Deserialize)]
    struct Claims {
        #[expect(dead_code, reason = "only its type matters")]
        exp: u64,
    }
    let refused = from_slice::<Claims>(br#"{"exp":"tomorrow"}"#).unwrap_err();
    insta::assert_snapshot!(refused, @r#"unexpected content: invalid type: string "tomorrow", expected u64 at line 1 column 17"#);
}

#[test]
fn an_error_cannot_carry_control_characters_into_a_log() {
    let refused = read("{\"a\\u001b[2J\":1,\"a\\u001b[2J\":2}").unwrap_err();
    assert_eq!(refused.to_string(), "member `a\\u{1b}[2J` occurs twice in one object");
}
