//! What is to be done about the certificates next: a pure function, so that every order of events
//! can be tried.

use std::time::Duration;

use super::stored::{Next, Previous, Stored};
use super::x509::{Authority, Bundle, accepts, create_authority, not_after};
use super::{CertificateError, Lifetimes};

/// More CAs than this are never kept beside the one that signs.
const MOST_PREVIOUS: usize = 4;

/// What is known at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) stored: &'a Stored,
    /// What the webhook configuration says now.
    pub(crate) published: &'a Bundle,
    pub(crate) names: &'a [String],
    pub(crate) lifetimes: &'a Lifetimes,
    pub(crate) now: i64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this to the Secret, and ask again.
    Store { stored: Box<Stored>, why: &'static str },
    /// Nothing before this moment, unless something changes.
    Wait { until: i64 },
}

/// The next step.
///
/// A leaf is put into service only when the CA that signed it has been in the webhook
/// configuration for the overlap, and a CA is taken out only when the last leaf that it signed
/// has expired. So no replica ever serves a leaf that an API server refuses, however late it
/// learns of a change, and nobody has to announce anything. The exception is an installation
/// without a leaf that is accepted: there is nothing to lose.
pub(crate) fn next(situation: &Situation<'_>) -> Result<Step, CertificateError> {
    let Situation { stored, now, lifetimes, names, .. } = *situation;
    let authority = stored.ca.as_ref().and_then(|ca| Authority::read(ca).ok());
    let ca_end = stored.ca.as_ref().and_then(|ca| not_after(&ca.certificate)).unwrap_or_default();
    let leaf_end = match &stored.leaf {
        Some(leaf) if accepts(&stored.ca_bundle(), leaf, names, now) => stored.leaf_not_after(),
        _ => None,
    };
    if let Some(step) = promotion(situation, leaf_end)? {
        return Ok(step);
    }
    let ca_serves = ca_end > now;
    let leaf = match (&authority, leaf_end) {
        (Some(authority), None) if ca_serves => Some((authority, "no usable certificate")),
        (Some(authority), Some(end)) if end - now <= third(lifetimes.leaf) && ca_end > end => {
            Some((authority, "the certificate ends soon"))
        }
        (_, None) => return start(situation),
        _ => None,
    };
    if let Some((authority, why)) = leaf {
        let leaf = authority.issue(names, now, lifetimes.leaf)?;
        return Ok(store(Stored { leaf: Some(leaf), ..stored.clone() }, why));
    }
    let ca_ends_soon = authority.is_none() || ca_end - now <= seconds(lifetimes.leaf);
    if ca_ends_soon && stored.next.is_none() {
        let pair = create_authority(now, lifetimes.ca)?;
        let next = Some(Next { pair, published: None });
        return Ok(store(Stored { next, ..stored.clone() }, "the CA ends soon: the next one is published first"));
    }
    let previous = &stored.previous;
    if !previous.certificates.is_empty() && previous.until <= now {
        let stored = Stored { previous: Previous::default(), ..stored.clone() };
        return Ok(store(stored, "the last certificate of an earlier CA has ended"));
    }
    let due = [
        leaf_end.map(|end| end - third(lifetimes.leaf)),
        Some(ca_end - seconds(lifetimes.leaf)),
        stored.next.as_ref().and_then(|next| Some(next.published? + seconds(lifetimes.overlap))),
        (!previous.certificates.is_empty()).then_some(previous.until),
    ];
    let until = due.into_iter().flatten().filter(|due| *due > now).min();
    Ok(Step::Wait { until: until.unwrap_or(i64::MAX).min(now.saturating_add(seconds(lifetimes.check))) })
}

/// Brings the next CA into service, when that is due.
fn promotion(situation: &Situation<'_>, leaf_end: Option<i64>) -> Result<Option<Step>, CertificateError> {
    let Situation { stored, now, lifetimes, names, published } = *situation;
    let Some(next) = &stored.next else { return Ok(None) };
    let Ok(authority) = Authority::read(&next.pair) else {
        let stored = Stored { next: None, ..stored.clone() };
        return Ok(Some(store(stored, "the next CA cannot be read")));
    };
    if !published.contains(&stored.bundle()) {
        // Somebody took it out of the configuration: the time that API servers need begins anew.
        let Some(_) = next.published else { return Ok(None) };
        let next = Some(Next { published: None, ..next.clone() });
        return Ok(Some(store(Stored { next, ..stored.clone() }, "the next CA is not published any more")));
    }
    let Some(since) = next.published else {
        let next = Some(Next { published: Some(now), ..next.clone() });
        return Ok(Some(store(Stored { next, ..stored.clone() }, "the next CA is published")));
    };
    let overlapped = now >= since.saturating_add(seconds(lifetimes.overlap));
    if !overlapped && leaf_end.is_some() {
        return Ok(None);
    }
    let mut certificates = stored.ca_bundle();
    certificates.extend(stored.previous.certificates.clone());
    let ends = stored.leaf_not_after().unwrap_or(now).max(stored.previous.until);
    let leaf = authority.issue(names, now, lifetimes.leaf)?;
    let promoted = Stored {
        ca: Some(next.pair.clone()),
        leaf: Some(leaf),
        next: None,
        previous: Previous { certificates: certificates.at_most(MOST_PREVIOUS), until: ends },
    };
    Ok(Some(store(promoted, "every API server trusts the next CA")))
}

/// The first CA and leaf, or new ones where nothing is left to build on.
///
/// What the configuration trusts until now stays for one lifetime of a leaf: another replica may
/// serve a certificate whose Secret was lost.
fn start(situation: &Situation<'_>) -> Result<Step, CertificateError> {
    let Situation { names, lifetimes, now, published, .. } = *situation;
    let ca = create_authority(now, lifetimes.ca)?;
    let leaf = Authority::read(&ca)?.issue(names, now, lifetimes.leaf)?;
    let certificates = published.clone().usable(now).at_most(MOST_PREVIOUS);
    let until = now.saturating_add(seconds(lifetimes.leaf));
    let previous = if certificates.is_empty() { Previous::default() } else { Previous { certificates, until } };
    Ok(store(Stored { ca: Some(ca), leaf: Some(leaf), next: None, previous }, "there is no usable CA"))
}

fn store(stored: Stored, why: &'static str) -> Step {
    Step::Store { stored: Box::new(stored), why }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn third(duration: Duration) -> i64 {
    seconds(duration / 3)
}

#[cfg(test)]
mod tests;
