//! Many values of one form, in one.
//!
//! A setting that a template cannot put into a text (it changes the text's form) is a *dimension*.
//! Every combination is rendered, and what differs becomes a choice, by no more dimensions than it
//! takes: `{"$by": ["mode"], "$of": {"policy": …, "both": …}}`. A text of several lines becomes
//! `{"$lines": […]}`, of which each is a line or a choice. What is not there is null.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// A value for each combination; a combination is one word for each dimension.
pub(super) struct Choices<'d> {
    dimensions: &'d [&'static str],
    values: Vec<(Vec<&'static str>, Value)>,
}

impl<'d> Choices<'d> {
    pub(super) fn new(dimensions: &'d [&'static str], values: Vec<(Vec<&'static str>, Value)>) -> Self {
        Self { dimensions, values }
    }

    /// All of them in one value.
    pub(super) fn merge(&self) -> Value {
        let Some((_, first)) = self.values.first() else { return Value::Null };
        if self.values.iter().all(|(_, value)| value == first) {
            return first.clone();
        }
        let merged = self.merge_objects().or_else(|| self.merge_named_lists()).or_else(|| self.merge_lists());
        merged.or_else(|| self.merge_texts()).unwrap_or_else(|| self.choice())
    }

    /// The same combinations, each with a part of its value.
    fn part(&self, part: impl Fn(&Value) -> Value) -> Value {
        let values = self.values.iter().map(|(combination, value)| (combination.clone(), part(value))).collect();
        Choices { dimensions: self.dimensions, values }.merge()
    }

    fn merge_objects(&self) -> Option<Value> {
        let objects: Option<Vec<&Map<String, Value>>> =
            self.values.iter().map(|(_, value)| value.as_object()).collect();
        let names: BTreeSet<&String> = objects?.into_iter().flat_map(Map::keys).collect();
        let members = names.into_iter().map(|name| (name.clone(), self.part(|value| value[name].clone())));
        Some(Value::Object(members.collect()))
    }

    /// Lists of objects with names, of which the longest has all in their order.
    fn merge_named_lists(&self) -> Option<Value> {
        let lists: Option<Vec<Vec<String>>> = self.values.iter().map(|(_, value)| names(value)).collect();
        let lists = lists?;
        let longest = lists.iter().max_by_key(|names| names.len())?;
        if !lists.iter().all(|list| is_subsequence(list, longest)) {
            return None;
        }
        let element = |name: &String| {
            self.part(|value| {
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|one| name_of(one) == Some(name.clone()))
                    .cloned()
                    .unwrap_or_default()
            })
        };
        Some(Value::Array(longest.iter().map(element).collect()))
    }

    fn merge_lists(&self) -> Option<Value> {
        let lengths: Option<Vec<usize>> = self.values.iter().map(|(_, value)| value.as_array().map(Vec::len)).collect();
        let lengths = lengths?;
        let length = *lengths.first()?;
        let same = lengths.iter().all(|one| *one == length);
        same.then(|| Value::Array((0..length).map(|index| self.part(|value| value[index].clone())).collect()))
    }

    /// Line by line, so that what is common to all stands there once.
    fn merge_texts(&self) -> Option<Value> {
        let texts: Option<Vec<Vec<&str>>> =
            self.values.iter().map(|(_, value)| Some(value.as_str()?.split('\n').collect())).collect();
        let texts = texts?;
        if texts.iter().all(|lines| lines.len() == 1) {
            return None;
        }
        let all = texts.iter().fold(Vec::new(), |all, lines| supersequence(&all, lines));
        let places: Vec<_> = texts.iter().map(|lines| places(lines, &all)).collect();
        let mut nodes: Vec<Value> = Vec::new();
        for (index, line) in all.iter().enumerate() {
            let values = self.values.iter().zip(&places).map(|((combination, _), places)| {
                (combination.clone(), if places[index] { json!(line) } else { Value::Null })
            });
            nodes.push(Choices { dimensions: self.dimensions, values: values.collect() }.scalar());
        }
        Some(json!({"$lines": nodes}))
    }

    fn scalar(&self) -> Value {
        let first = &self.values[0].1;
        if self.values.iter().all(|(_, value)| value == first) { first.clone() } else { self.choice() }
    }

    fn choice(&self) -> Value {
        let all: Vec<usize> = (0..self.dimensions.len()).collect();
        let mut subsets: Vec<Vec<usize>> = (0..1_usize << all.len())
            .map(|bits| all.iter().copied().filter(|index| bits >> index & 1 == 1).collect())
            .collect();
        subsets.sort_by_key(Vec::len);
        for subset in subsets {
            if let Some(of) = self.by(&subset) {
                let by: Vec<_> = subset.iter().map(|index| self.dimensions[*index]).collect();
                return json!({"$by": by, "$of": of});
            }
        }
        Value::Null
    }

    /// The values by these dimensions alone, if they suffice to tell them apart.
    fn by(&self, subset: &[usize]) -> Option<BTreeMap<String, Value>> {
        let mut of = BTreeMap::new();
        for (combination, value) in &self.values {
            let key = subset.iter().map(|index| combination[*index]).collect::<Vec<_>>().join(" ");
            let known = of.entry(key).or_insert_with(|| value.clone());
            if known != value {
                return None;
            }
        }
        Some(of)
    }
}

/// What tells the elements of a list apart.
fn name_of(value: &Value) -> Option<String> {
    let name = value["name"].as_str().or_else(|| value["metadata"]["name"].as_str())?;
    Some(format!("{} {name}", value["kind"].as_str().unwrap_or_default()))
}

fn names(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(name_of).collect()
}

fn is_subsequence(list: &[String], of: &[String]) -> bool {
    let mut rest = of.iter();
    list.iter().all(|name| rest.any(|one| one == name))
}

/// A shortest list that holds both in their order.
fn supersequence<'t>(one: &[&'t str], other: &[&'t str]) -> Vec<&'t str> {
    let mut longest = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            longest[i][j] =
                if one[i] == other[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    while i < one.len() || j < other.len() {
        if i < one.len() && j < other.len() && one[i] == other[j] {
            all.push(one[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == other.len() || (i < one.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            all.push(one[i]);
            i += 1;
        } else {
            all.push(other[j]);
            j += 1;
        }
    }
    all
}

/// Which elements of the whole make up the part.
fn places(part: &[&str], whole: &[&str]) -> Vec<bool> {
    let mut rest = part.iter().peekable();
    whole.iter().map(|line| rest.next_if(|next| *next == line).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMENSIONS: [&str; 2] = ["size", "colour"];

    /// Four values, one for each combination of small and large, red and blue.
    fn merged(values: [Value; 4]) -> Value {
        let combinations = [["small", "red"], ["small", "blue"], ["large", "red"], ["large", "blue"]];
        Choices::new(&DIMENSIONS, combinations.map(Vec::from).into_iter().zip(values).collect()).merge()
    }

    #[test]
    fn what_does_not_differ_stands_there_as_it_is() {
        let value = json!({"a": [1, {"b": "c"}]});
        assert_eq!(merged([value.clone(), value.clone(), value.clone(), value.clone()]), value);
    }

    #[test]
    fn a_choice_is_by_the_dimensions_that_matter() {
        assert_eq!(
            merged([json!({"a": 1}), json!({"a": 1}), json!({"a": 2}), json!({"a": 2})]),
            json!({"a": {"$by": ["size"], "$of": {"small": 1, "large": 2}}})
        );
        assert_eq!(
            merged([json!(1), json!(2), json!(2), json!(2)]),
            json!({"$by": ["size", "colour"], "$of": {"small red": 1, "small blue": 2, "large red": 2, "large blue": 2}})
        );
    }

    #[test]
    fn a_member_or_an_element_may_be_missing() {
        let (without, with) = (json!([{"name": "a"}]), json!([{"name": "a"}, {"name": "b"}]));
        assert_eq!(
            merged([without.clone(), with.clone(), without, with]),
            json!([{"name": "a"}, {"$by": ["colour"], "$of": {"red": null, "blue": {"name": "b"}}}])
        );
    }

    #[test]
    fn of_a_text_only_the_lines_that_differ_are_chosen() {
        assert_eq!(
            merged([json!("a\nb\nc"), json!("a\nb\nc"), json!("a\nc"), json!("a\nc")]),
            json!({"$lines": ["a", {"$by": ["size"], "$of": {"small": "b", "large": null}}, "c"]})
        );
    }
}
