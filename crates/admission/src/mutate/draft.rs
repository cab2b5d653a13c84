//! A pod's changes while they are collected, and the patch that they become.

use serde_json::{Value, json};

use serde::Serialize;

use super::{Mutation, Operation, Warning, mounts::NewMount, operation::Json, variables::Variable};
use crate::{
    Pod,
    pod::{Container, List},
};

/// Warnings of one reason that are kept. An answer carries fewer, and a pod can be made to ask for
/// very many, which would only be work.
const MOST_OF_A_REASON: usize = 64;

/// The changes of one pod.
///
/// Indices in paths are those of the pod as it came: elements that are put in front of a list come
/// last in the patch.
#[derive(Debug)]
pub(super) struct Draft<'p> {
    pub(super) pod: &'p Pod<'p>,
    /// The pod's containers, those that initialise first.
    pub(super) slots: Vec<Slot<'p>>,
    /// Containers that the pod gets.
    pub(super) injected: Vec<Injected<'p>>,
    volumes: Volumes,
    annotations: Vec<(&'static str, Value)>,
    pub(super) warnings: Vec<Warning>,
}

/// What a container that is there gets.
#[derive(Debug)]
pub(super) struct Slot<'p> {
    list: List,
    index: usize,
    pub(super) container: &'p Container<'p>,
    pub(super) additions: Additions<'p>,
    /// Mounts that are replaced, by index.
    pub(super) remounts: Vec<(usize, NewMount<'p>)>,
}

/// Elements at the end of a container's lists.
#[derive(Debug, Default)]
pub(super) struct Additions<'p> {
    pub(super) env: Vec<Variable<'p>>,
    pub(super) mounts: Vec<NewMount<'p>>,
}

/// A container that the pod gets.
#[derive(Debug)]
pub(super) struct Injected<'p> {
    pub(super) list: List,
    pub(super) position: Position,
    pub(super) name: &'static str,
    /// Without variables and mounts that are in `additions`.
    pub(super) value: Value,
    pub(super) additions: Additions<'p>,
}

/// Where a container goes in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Before(usize),
    Last,
}

#[derive(Debug, Default)]
struct Volumes {
    first: Vec<Value>,
    last: Vec<Value>,
    /// Sources of projected volumes that are replaced, by the volume's index.
    replaced: Vec<(usize, Value)>,
}

impl<'p> Additions<'p> {
    pub(super) fn variable(&mut self, name: &'static str, value: &'p str) {
        self.env.push(Variable { name, value });
    }
}

impl<'p> Draft<'p> {
    pub(super) fn new(pod: &'p Pod<'p>) -> Self {
        let slots = [List::Init, List::Main].into_iter().flat_map(|list| {
            pod.list(list).unwrap_or_default().iter().enumerate().map(move |(index, container)| Slot {
                list,
                index,
                container,
                additions: Additions::default(),
                remounts: Vec::new(),
            })
        });
        Self {
            pod,
            slots: slots.collect(),
            injected: Vec::new(),
            volumes: Volumes::default(),
            annotations: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes a warning, once, and at most [`MOST_OF_A_REASON`] of the same reason.
    pub(super) fn warn(&mut self, warning: Warning) {
        let alike = self.warnings.iter().filter(|other| other.reason == warning.reason);
        if alike.clone().count() < MOST_OF_A_REASON && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn add_volume(&mut self, volume: Value) {
        self.volumes.last.push(volume);
    }

    /// Adds a volume before all others.
    pub(super) fn add_first_volume(&mut self, volume: Value) {
        self.volumes.first.push(volume);
    }

    pub(super) fn annotate(&mut self, name: &'static str, value: String) {
        self.annotations.push((name, value.into()));
    }

    pub(super) fn replace_volume(&mut self, index: usize, volume: Value) {
        self.volumes.replaced.push((index, volume));
    }

    pub(super) fn finish(self) -> Mutation {
        let mut patch = Patch(Vec::new());
        let spec = self.pod.spec.as_ref();
        if spec.is_none() && !(self.injected.is_empty() && self.volumes.is_empty()) {
            patch.add("/spec".to_owned(), &json!({}));
        }
        patch.annotations(self.pod, self.annotations);
        for slot in self.slots {
            patch.slot(slot);
        }
        patch.volumes(spec.is_some_and(|spec| spec.volumes.is_some()), self.volumes);
        patch.containers(self.pod, self.injected);
        Mutation { patch: patch.0, warnings: self.warnings }
    }
}

impl Volumes {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.last.is_empty() && self.replaced.is_empty()
    }
}

impl Injected<'_> {
    fn render(self) -> Value {
        let Self { mut value, additions, .. } = self;
        for (member, values) in [("env", elements(&additions.env)), ("volumeMounts", elements(&additions.mounts))] {
            match value.get_mut(member).and_then(Value::as_array_mut) {
                Some(own) => own.extend(values),
                None if values.is_empty() => {}
                None => value[member] = Value::Array(values),
            }
        }
        value
    }
}

fn elements(values: &[impl Serialize]) -> Vec<Value> {
    values.iter().map(|value| json!(value)).collect()
}

struct Patch(Vec<Operation>);

impl Patch {
    fn add(&mut self, path: String, value: &(impl Serialize + ?Sized)) {
        self.0.push(Operation::Add { path, value: Json::of(value) });
    }

    fn replace(&mut self, path: String, value: &impl Serialize) {
        self.0.push(Operation::Replace { path, value: Json::of(value) });
    }

    /// Adds at the end of a list, which is made if it is absent or null.
    fn append(&mut self, path: &str, exists: bool, values: &[impl Serialize]) {
        if values.is_empty() {
            return;
        }
        if !exists {
            return self.add(path.to_owned(), values);
        }
        for value in values {
            self.add(format!("{path}/-"), value);
        }
    }

    fn annotations(&mut self, pod: &Pod<'_>, annotations: Vec<(&'static str, Value)>) {
        if annotations.is_empty() {
            return;
        }
        if pod.metadata.is_none() {
            self.add("/metadata".to_owned(), &json!({}));
        }
        if pod.metadata.as_ref().is_none_or(|metadata| metadata.annotations.is_none()) {
            self.add("/metadata/annotations".to_owned(), &json!({}));
        }
        for (name, value) in annotations {
            self.add(format!("/metadata/annotations/{}", name.replace('~', "~0").replace('/', "~1")), &value);
        }
    }

    fn slot(&mut self, slot: Slot<'_>) {
        let Slot { list, index, container, additions, remounts } = slot;
        if additions.env.is_empty() && additions.mounts.is_empty() && remounts.is_empty() {
            return;
        }
        let path = format!("/spec/{}/{index}", list.member());
        self.append(&format!("{path}/env"), container.env.is_some(), &additions.env);
        for (index, mount) in remounts {
            self.replace(format!("{path}/volumeMounts/{index}"), &mount);
        }
        self.append(&format!("{path}/volumeMounts"), container.volume_mounts.is_some(), &additions.mounts);
    }

    fn volumes(&mut self, exists: bool, volumes: Volumes) {
        let Volumes { mut first, last, replaced } = volumes;
        if !exists {
            first.extend(last);
            return self.append("/spec/volumes", false, &first);
        }
        for (index, volume) in replaced {
            self.replace(format!("/spec/volumes/{index}"), &volume);
        }
        self.append("/spec/volumes", true, &last);
        for volume in first.into_iter().rev() {
            self.add("/spec/volumes/0".to_owned(), &volume);
        }
    }

    fn containers(&mut self, pod: &Pod<'_>, injected: Vec<Injected<'_>>) {
        let (init, main): (Vec<_>, Vec<_>) = injected.into_iter().partition(|container| container.list == List::Init);
        for (list, injected) in [(List::Init, init), (List::Main, main)] {
            let path = format!("/spec/{}", list.member());
            if pod.list(list).is_none() {
                let containers: Vec<Value> = injected.into_iter().map(Injected::render).collect();
                self.append(&path, false, &containers);
                continue;
            }
            // From behind, so that what comes first in the end also is first among equals.
            for container in injected.into_iter().rev() {
                let path = match container.position {
                    Position::Before(index) => format!("{path}/{index}"),
                    Position::Last => format!("{path}/-"),
                };
                self.add(path, &container.render());
            }
        }
    }
}
