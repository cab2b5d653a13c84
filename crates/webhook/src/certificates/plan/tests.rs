use super::*;
use crate::certificates::x509::Pair;

const NOW: i64 = 1_795_500_000;

fn lifetimes() -> Lifetimes {
    Lifetimes {
        ca: Duration::from_mins(5),
        leaf: Duration::from_mins(1),
        overlap: Duration::from_secs(10),
        check: Duration::from_secs(30),
    }
}

fn names() -> Vec<String> {
    vec!["service.namespace.svc".into(), "127.0.0.1".into()]
}

fn step(stored: &Stored, published: &Bundle, now: i64) -> Step {
    let (names, lifetimes) = (names(), lifetimes());
    next(&Situation { stored, published, names: &names, lifetimes: &lifetimes, now }).unwrap()
}

fn stored(step: Step) -> (Stored, &'static str) {
    match step {
        Step::Store { stored, why } => (*stored, why),
        Step::Wait { until } => panic!("nothing to do until {until}"),
    }
}

/// Everything that is due at one moment.
fn settle(mut secret: Stored, published: &Bundle, now: i64) -> Stored {
    while let Step::Store { stored, .. } = step(&secret, published, now) {
        secret = *stored;
    }
    secret
}

fn fresh() -> Stored {
    stored(step(&Stored::default(), &Bundle::default(), NOW)).0
}

#[test]
fn an_empty_secret_gets_a_ca_and_a_leaf_at_once() {
    let first = fresh();
    let leaf = first.leaf.clone().unwrap();
    assert!(accepts(&first.bundle(), &leaf, &names(), NOW));
    assert!(first.next.is_none() && first.previous.certificates.is_empty());
    assert!(matches!(step(&first, &first.bundle(), NOW), Step::Wait { .. }));
}

#[test]
fn a_leaf_is_renewed_under_the_same_ca_when_a_third_of_its_life_is_left() {
    let first = fresh();
    assert!(matches!(step(&first, &first.bundle(), NOW + 39), Step::Wait { until } if until == NOW + 40));
    let (renewed, why) = stored(step(&first, &first.bundle(), NOW + 40));
    assert_eq!(why, "the certificate ends soon");
    assert_eq!(renewed.ca, first.ca);
    assert_eq!(renewed.leaf_not_after(), Some(NOW + 100));
}

#[test]
fn a_leaf_for_other_names_is_replaced() {
    let first = fresh();
    let names = vec!["other.namespace.svc".to_owned()];
    let (bundle, lifetimes) = (first.bundle(), lifetimes());
    let situation = Situation { stored: &first, published: &bundle, names: &names, lifetimes: &lifetimes, now: NOW };
    let (renewed, _) = stored(next(&situation).unwrap());
    assert!(accepts(&bundle, &renewed.leaf.unwrap(), &names, NOW));
}

#[test]
fn a_new_ca_signs_only_after_it_was_published_for_the_overlap() {
    let first = fresh();
    let old = first.bundle();
    // The leaf was renewed in time, so that only the CA is due.
    let now = NOW + 240;
    let leaf = Authority::read(first.ca.as_ref().unwrap()).unwrap().issue(&names(), now, lifetimes().leaf).unwrap();
    let first = Stored { leaf: Some(leaf), ..first };
    let (with_next, _) = stored(step(&first, &old, now));
    assert_eq!((&with_next.ca, &with_next.leaf), (&first.ca, &first.leaf));
    // Not published yet: nothing happens however long that takes.
    assert!(matches!(step(&with_next, &old, now + 30), Step::Wait { .. }));
    let both = with_next.bundle();
    let (noted, why) = stored(step(&with_next, &both, now + 1));
    assert_eq!(why, "the next CA is published");
    assert!(matches!(step(&noted, &both, now + 10), Step::Wait { until } if until == now + 11));
    let (promoted, _) = stored(step(&noted, &both, now + 11));
    assert_eq!(promoted.ca, Some(noted.next.unwrap().pair));
    assert!(accepts(&promoted.ca_bundle(), &promoted.leaf.clone().unwrap(), &names(), now + 11));
    // The old CA is trusted until its last leaf has ended.
    assert!(promoted.bundle().contains(&old));
    assert_eq!(promoted.previous.until, first.leaf_not_after().unwrap());
    let until = promoted.previous.until;
    assert!(settle(promoted.clone(), &both, until - 1).bundle().contains(&old));
    assert!(!settle(promoted, &both, until).bundle().contains(&old));
}

#[test]
fn a_ca_that_vanished_from_the_configuration_waits_anew() {
    let first = fresh();
    let next = create_authority(NOW, Duration::from_mins(5)).unwrap();
    let next = Stored { next: Some(Next { pair: next, published: Some(NOW) }), ..first.clone() };
    let (reset, why) = stored(step(&next, &first.bundle(), NOW + 20));
    assert_eq!(why, "the next CA is not published any more");
    assert_eq!(reset.next.unwrap().published, None);
}

#[test]
fn what_is_trusted_stays_trusted_when_everything_is_made_anew() {
    let lost = fresh();
    let (new, _) = stored(step(&Stored::default(), &lost.bundle(), NOW));
    assert!(new.bundle().contains(&lost.bundle()));
    assert_ne!(new.ca, lost.ca);
}

#[test]
fn a_ca_whose_key_is_gone_is_replaced_with_overlap_while_its_leaf_is_served() {
    let first = fresh();
    let keyless = Pair { key: String::new().into(), ..first.ca.clone().unwrap() };
    let keyless = Stored { ca: Some(keyless), ..first };
    let (with_next, _) = stored(step(&keyless, &keyless.bundle(), NOW));
    assert_eq!(with_next.leaf, keyless.leaf);
    assert!(with_next.next.is_some());
}

#[test]
fn broken_secrets_are_replaced() {
    let first = fresh();
    let other = fresh();
    let garbage = Pair { certificate: "garbage".into(), key: String::from("garbage").into() };
    for broken in [
        Stored { ca: Some(garbage.clone()), leaf: Some(garbage.clone()), ..Stored::default() },
        Stored { ca: None, ..first.clone() },
        Stored { leaf: other.leaf.clone(), ..first.clone() },
        Stored { leaf: Some(garbage), ..first.clone() },
    ] {
        let (mended, _) = stored(step(&broken, &broken.bundle(), NOW));
        assert!(accepts(&mended.bundle(), &mended.leaf.clone().unwrap(), &names(), NOW));
    }
}

#[test]
fn a_clock_that_lags_behind_the_certificate_s_start_changes_nothing() {
    let first = fresh();
    assert!(matches!(step(&first, &first.bundle(), NOW - 7200), Step::Wait { .. }));
}

/// An API server and replicas that each learn of changes late.
struct World {
    secret: Stored,
    configuration: Bundle,
    trusted: Vec<(i64, Bundle)>,
    served: Vec<Vec<(i64, Stored)>>,
}

impl World {
    /// What the API server trusts at `now`: what it was told `lag` before.
    fn trusted(&self, now: i64, lag: i64) -> &Bundle {
        &self.trusted.iter().rev().find(|(since, _)| since + lag <= now).unwrap_or(&self.trusted[0]).1
    }
}

/// Lives through many rotations, second by second. Replicas learn of the Secret up to
/// `replica_lag` late, the API server of the configuration just within the overlap.
fn live(replica_lag: i64, seconds: i64) {
    let first = fresh();
    let mut world = World {
        configuration: first.bundle(),
        trusted: vec![(NOW - 100, first.bundle())],
        served: vec![vec![(NOW - 100, first.clone())]; 3],
        secret: first,
    };
    let api_lag = 9;
    let mut authorities = std::collections::HashSet::new();
    for now in NOW..NOW + seconds {
        while let Step::Store { stored, .. } = step(&world.secret, &world.configuration, now) {
            world.secret = *stored;
            for served in &mut world.served {
                served.push((now, world.secret.clone()));
            }
        }
        if world.configuration != world.secret.bundle() {
            world.configuration = world.secret.bundle();
            world.trusted.push((now, world.configuration.clone()));
        }
        authorities.insert(world.secret.ca.clone().unwrap().certificate);
        for (replica, served) in world.served.iter().enumerate() {
            let lag = replica_lag * i64::try_from(replica).unwrap() / 2;
            let served = served.iter().rev().find(|(since, _)| since + lag <= now).unwrap();
            let leaf = served.1.leaf.clone().unwrap();
            assert!(
                accepts(world.trusted(now, api_lag), &leaf, &names(), now),
                "replica {replica} is refused at {}",
                now - NOW
            );
        }
    }
    assert!(authorities.len() >= 5, "{} authorities", authorities.len());
}

#[test]
fn no_replica_is_ever_refused_however_many_rotations_there_are() {
    live(0, 1500);
}

#[test]
fn replicas_that_learn_of_changes_late_are_not_refused_either() {
    live(19, 1500);
}
