//! The variables that containers get.

use serde::Serialize;

use super::{Draft, Warning, draft::Additions};

/// The variables that each container is to have, in their order.
#[derive(Debug, Default)]
pub(super) struct Variables<'p>(Vec<Variable<'p>>);

/// A variable with a value, as it stands in a pod.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Variable<'p> {
    pub(super) name: &'static str,
    pub(super) value: &'p str,
}

impl<'p> Variables<'p> {
    /// Adds a variable, unless its value is empty: upstream leaves those out since v1.5.1.
    pub(super) fn push(&mut self, name: &'static str, value: &'p str) {
        if !value.is_empty() {
            self.0.push(Variable { name, value });
        }
    }

    /// Gives a container of the pod what it lacks. What it sets itself it keeps, and the author is told.
    pub(super) fn give(&self, draft: &mut Draft<'p>, slot: usize) {
        let container = draft.slots[slot].container;
        for &Variable { name, value } in &self.0 {
            match container.variable(name) {
                None => draft.slots[slot].additions.variable(name, value),
                Some(own) if own.is(value) => {}
                Some(_) => draft.warn(Warning::variable_already_set(&container.name, name)),
            }
        }
        let given: Vec<_> = self.0.iter().filter(|variable| container.variable(variable.name).is_none()).collect();
        for from in container.env_from.iter().flatten() {
            if given.iter().any(|variable| from.can_define(variable.name)) {
                let (kind, source) = from.source();
                draft.warn(Warning::env_from_overridden(&container.name, kind, source));
            }
        }
    }

    /// Gives a container that the pod gets everything.
    pub(super) fn give_all(&self, additions: &mut Additions<'p>) {
        additions.env.extend(&self.0);
    }
}
