//! Patterns with `?` and `*`, matched without backtracking.
//!
//! All ways in which a pattern can be read are followed at once, a bit for each: bit `i` says that
//! the first `i` characters of the pattern, stars not counted, can account for the text so far. A
//! character of the text costs one step a block of 64 bits, and a pattern has at most ten blocks,
//! so no pattern makes a long claim expensive.

use std::collections::BTreeMap;

const BITS: usize = u64::BITS as usize;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    /// For each character of the pattern: the places where it stands.
    places: BTreeMap<char, Vec<u64>>,
    /// The places of `?`.
    any: Vec<u64>,
    /// The places before which a `*` stands: a reading may wait there.
    waiting: Vec<u64>,
    /// How many characters the pattern has without its stars.
    length: usize,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It matches.
    Matched,
    /// The character at this index, from 0, fits no reading.
    Stopped(usize),
    /// Every reading that is left wants more.
    Short,
}

fn set(blocks: &mut [u64], bit: usize) {
    if let Some(block) = blocks.get_mut(bit / BITS) {
        *block |= 1 << (bit % BITS);
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let length = text.chars().filter(|c| *c != '*').count();
        let empty = vec![0; length / BITS + 1];
        let mut pattern =
            Self { text: text.to_owned(), places: BTreeMap::new(), any: empty.clone(), waiting: empty.clone(), length };
        let mut at = 0;
        for c in text.chars() {
            match c {
                '*' => set(&mut pattern.waiting, at),
                '?' => set(&mut pattern.any, at),
                c => set(pattern.places.entry(c).or_insert_with(|| empty.clone()), at),
            }
            at += usize::from(c != '*');
        }
        pattern
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn run(&self, text: &str) -> Outcome {
        self.count(text).0
    }

    /// The outcome and the steps that it took.
    fn count(&self, text: &str) -> (Outcome, usize) {
        let mut steps = 0;
        let mut readings = vec![0; self.any.len()];
        set(&mut readings, 0);
        for (at, c) in text.chars().enumerate() {
            let is_alive = self.advance(&mut readings, c);
            steps += readings.len();
            if !is_alive {
                return (Outcome::Stopped(at), steps);
            }
        }
        let block = readings.get(self.length / BITS).copied().unwrap_or_default();
        let outcome = if block >> (self.length % BITS) & 1 == 1 { Outcome::Matched } else { Outcome::Short };
        (outcome, steps)
    }

    /// Follows every reading over one more character; false where none is left.
    fn advance(&self, readings: &mut [u64], c: char) -> bool {
        let places = self.places.get(&c);
        let mut carry = 0;
        let mut alive = 0;
        for (block, reading) in readings.iter_mut().enumerate() {
            let bits = |blocks: &[u64]| blocks.get(block).copied().unwrap_or_default();
            let fits = bits(&self.any) | places.map_or(0, |places| bits(places));
            let moved = *reading & fits;
            *reading = moved << 1 | carry | *reading & bits(&self.waiting);
            carry = moved >> (BITS - 1);
            alive |= *reading;
        }
        alive != 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of the language, as plain as it can be written.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| oracle(rest, &text[at..])),
            Some((first, rest)) => {
                text.split_first().is_some_and(|(c, text)| (*first == '?' || first == c) && oracle(rest, text))
            }
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).run(text) == Outcome::Matched
    }

    #[test]
    fn a_star_is_any_run_and_a_question_mark_one_character() {
        for (pattern, text, expected) in [
            ("a*", "a", true),
            ("a*", "a:b/c", true),
            ("a*", "ba", false),
            ("*", "", true),
            ("**", "x", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("?", "", false),
            ("?*?", "x", false),
            ("?*?", "xy", true),
            ("*.*", "a.b", true),
            ("*ab", "aab", true),
            ("*ab", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "`{pattern}` and `{text}`");
        }
    }

    #[test]
    fn patterns_of_more_than_one_block_are_followed_across_blocks() {
        for length in [62, 63, 64, 65, 127, 128, 129, 600] {
            let text = "x".repeat(length);
            assert!(matches(&text, &text), "{length}");
            assert!(matches(&"?".repeat(length), &text), "{length}");
            assert!(!matches(&text, &"x".repeat(length + 1)), "{length}");
            assert!(!matches(&text, &"x".repeat(length - 1)), "{length}");
            assert!(matches(&format!("{text}*"), &format!("{text}:y")), "{length}");
        }
    }

    #[test]
    fn the_worst_pattern_costs_a_fixed_number_of_steps_a_character() {
        for pattern in ["*a*a*a*a*b".to_owned(), "*a".repeat(300), "*?".repeat(300), "?".repeat(599) + "*"] {
            let blocks = Pattern::new(&pattern).any.len();
            for length in [100, 1_000, 10_000] {
                let (_, steps) = Pattern::new(&pattern).count(&"a".repeat(length));
                assert!(steps <= length * blocks && blocks <= 10, "{steps} steps for {length} characters");
            }
        }
    }

    #[test]
    fn a_text_that_no_reading_fits_is_left_at_once() {
        assert_eq!(Pattern::new("repo:contoso/*").count(&"a".repeat(4096)), (Outcome::Stopped(0), 1));
        assert_eq!(Pattern::new("ab?d").run("abcx"), Outcome::Stopped(3));
        assert_eq!(Pattern::new("abc").run("ab"), Outcome::Short);
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in "[ab*?]{0,12}", text in "[abc]{0,12}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), oracle(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn it_agrees_with_the_definition_across_blocks(
            pattern in "[a?]{55,70}[ab*?]{0,6}", text in "[a]{55,70}[ab]{0,6}",
        ) {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), oracle(&chars(&pattern), &chars(&text)));
        }
    }
}
