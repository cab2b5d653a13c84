//! Which containers get something.

use std::collections::HashSet;

use crate::{
    Pod,
    mutate::{Draft, Warning, mounts, names},
};

const SKIP: &str = "skip-containers";
const INCLUDE: &str = "include-containers";
const SKIP_ANNOTATION: &str = "azure.workload.identity/skip-containers";
const INCLUDE_ANNOTATION: &str = "azure.workload.identity/include-containers";

/// The containers that a pod's annotations name. A container that both lists name is skipped.
#[derive(Debug)]
pub(super) struct Chosen<'p> {
    skip: HashSet<&'p str>,
    /// Empty if all that are not skipped are meant.
    include: HashSet<&'p str>,
}

impl<'p> Chosen<'p> {
    pub(super) fn of(pod: &'p Pod<'_>) -> Self {
        let names = |annotation| pod.annotation(annotation).map(|list| names(list, ';').collect()).unwrap_or_default();
        Self { skip: names(SKIP_ANNOTATION), include: names(INCLUDE_ANNOTATION) }
    }

    /// Whether a container of the pod gets something. A list of the user's containers does not leave
    /// out the proxy, which would end at once without its variables.
    pub(super) fn takes(&self, name: &str) -> bool {
        !self.skips(name) && (self.include.is_empty() || self.include.contains(&name) || mounts::is_proxy(name))
    }

    /// Whether a container is named to get nothing. Of those that are injected it is the only question.
    pub(super) fn skips(&self, name: &str) -> bool {
        self.skip.contains(&name)
    }

    /// Tells of names that no container has.
    pub(super) fn warn(draft: &mut Draft<'_>) {
        let pod = draft.pod;
        let known: HashSet<&str> = pod.containers().map(|container| &*container.name).collect();
        for (list, annotation) in [(SKIP, SKIP_ANNOTATION), (INCLUDE, INCLUDE_ANNOTATION)] {
            let names = pod.annotation(annotation).into_iter().flat_map(|names_of| names(names_of, ';'));
            for name in names.filter(|name| !mounts::is_proxy(name) && !known.contains(name)) {
                draft.warn(Warning::unknown_container(list, name));
            }
        }
    }
}
