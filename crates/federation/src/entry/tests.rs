use std::sync::Arc;

use serde_json::json;

use super::*;

const SETTINGS: fn() -> Settings = Settings::default;

struct Chance(u8);

impl Random for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn keys(kid: &str) -> KeySet {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": kid});
    KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes(), 10).unwrap()
}

fn missed() -> Missed {
    Missed { error: IssuerKeysError::DiscoveryUnreachable { reason: "down".into() }, pause: true }
}

fn start(entry: &Arc<Entry>, kid: &str, now: i64) -> Flight {
    match entry.plan(kid, now, &SETTINGS()) {
        Plan::Start(flight, _) | Plan::AnswerAndStart(_, flight) => flight,
        Plan::Answer(answer) => panic!("answered with {answer:?}"),
        Plan::Wait(_) => panic!("waits"),
    }
}

#[test]
fn the_pause_doubles_up_to_the_longest_and_half_of_it_is_chance() {
    let pause = |count, chance| backoff(count, &SETTINGS(), &Chance(chance)).as_millis();
    let longest = [1, 2, 3, 6, 7, 8, u32::MAX].map(|count| pause(count, 0xff));
    assert_eq!(longest, [5_000, 10_000, 20_000, 160_000, 300_000, 300_000, 300_000]);
    assert_eq!([1, 2, u32::MAX].map(|count| pause(count, 0)), [2_500, 5_000, 150_000]);
}

#[test]
fn while_a_flight_is_under_way_there_is_no_second() {
    let entry = Arc::new(Entry::default());
    let flight = start(&entry, "one", 0);
    assert!(matches!(entry.plan("one", 0, &SETTINGS()), Plan::Wait(_)));
    flight.land(Ok(keys("one")), 0, &SETTINGS(), &Chance(0));
    assert!(matches!(entry.plan("one", 0, &SETTINGS()), Plan::Answer(Ok(_))));
}

#[test]
fn a_flight_that_is_dropped_lets_the_next_one_start() {
    let entry = Arc::new(Entry::default());
    drop(start(&entry, "one", 0));
    assert!(entry.settle("one", 0, &SETTINGS()).is_err());
    start(&entry, "one", 1);
}

#[test]
fn only_the_first_of_equal_failures_is_news() {
    let entry = Arc::new(Entry::default());
    let mut news = vec![];
    let mut now = 0;
    for error in ["down", "down", "worse"] {
        let error = IssuerKeysError::KeysUnreachable { reason: error.into() };
        let landed = start(&entry, "one", now).land(Err(Missed { error, pause: true }), now, &SETTINGS(), &Chance(0));
        let Landed::Failed { news: is_news, .. } = landed else { panic!() };
        news.push(is_news);
        now += 1_000_000;
    }
    assert_eq!(news, [true, false, true]);
}

#[test]
fn a_key_that_was_known_is_answered_during_the_pause_of_a_failing_issuer() {
    let entry = Arc::new(Entry::default());
    start(&entry, "one", 0).land(Ok(keys("one")), 0, &SETTINGS(), &Chance(0));
    let later = 2 * 60 * 60 * 1000;
    start(&entry, "one", later).land(Err(missed()), later, &SETTINGS(), &Chance(0xff));
    assert!(matches!(entry.plan("one", later + 1, &SETTINGS()), Plan::Answer(Ok(_))));
    let Plan::Answer(Err(refused)) = entry.plan("two", later + 1, &SETTINGS()) else { panic!() };
    assert_eq!(refused, missed().error, "the issuer may have the key by now, so its failure is told");
}
