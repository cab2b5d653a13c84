//! An API server of a few hundred lines: lists, watches, and writes with versions. What tests need
//! to go wrong, it does on request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A fake API server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<Content>>,
    /// Grows with every change, and when a switch is turned.
    turn: watch::Sender<u64>,
    pub(crate) address: SocketAddr,
    serving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Default)]
struct Content {
    version: u64,
    objects: BTreeMap<String, Value>,
    history: Vec<Change>,
    requests: Vec<String>,
    switches: Switches,
}

#[derive(Clone)]
struct Change {
    version: u64,
    kind: &'static str,
    path: String,
    object: Value,
}

/// What goes wrong.
#[derive(Clone, Copy, Default)]
pub(crate) struct Switches {
    /// Watches of service accounts get nothing.
    pub(crate) hold_watches: bool,
    /// Lists cannot be streamed, as before 1.32.
    pub(crate) no_streamed_lists: bool,
    /// Watches from a version are too old.
    pub(crate) gone: bool,
    /// Every answer takes longer.
    pub(crate) delay: Duration,
    /// Requests whose line begins so are refused with 403.
    pub(crate) forbidden: Option<&'static str>,
    /// Watches that run are cut; grows.
    pub(crate) cut: u64,
}

const SERVICE_ACCOUNTS: &str = "/serviceaccounts";

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Self { state: Arc::default(), turn: watch::channel(0).0, address, serving: Arc::default() };
        fake.serve(listener);
        fake
    }

    fn serve(&self, listener: TcpListener) {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *self.serving.lock().unwrap() = Some(task);
    }

    /// Stops answering; connections are refused and open ones end.
    pub(crate) fn stop(&self) {
        if let Some(task) = self.serving.lock().unwrap().take() {
            task.abort();
        }
        self.switch(|switches| switches.cut += 1);
    }

    /// Answers again, at the same address.
    pub(crate) async fn start_again(&self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.serve(listener);
    }

    pub(crate) fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    fn state(&self) -> MutexGuard<'_, Content> {
        self.state.lock().unwrap()
    }

    pub(crate) fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.state().switches);
        self.turn.send_modify(|turn| *turn += 1);
    }

    /// The lines of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    /// Creates or replaces an object.
    pub(crate) fn put(&self, path: &str, mut object: Value) {
        let mut state = self.state();
        let name = path.rsplit('/').next().unwrap();
        object["metadata"]["name"] = name.into();
        if let Some(namespace) = path.split("/namespaces/").nth(1).and_then(|rest| rest.split('/').next()) {
            object["metadata"]["namespace"] = namespace.into();
        }
        let kind = if state.objects.contains_key(path) { "MODIFIED" } else { "ADDED" };
        state.record(kind, path, object);
        drop(state);
        self.turn.send_modify(|turn| *turn += 1);
    }

    pub(crate) fn delete(&self, path: &str) {
        let mut state = self.state();
        let object = state.objects[path].clone();
        state.record("DELETED", path, object);
        state.objects.remove(path);
        drop(state);
        self.turn.send_modify(|turn| *turn += 1);
    }

    /// Waits until a change has made `condition` true.
    pub(crate) async fn until(&self, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut turn = self.turn.subscribe();
        loop {
            if let Some(object) = self.get(path).filter(|object| condition(object)) {
                return object;
            }
            turn.changed().await.unwrap();
        }
    }
}

impl Content {
    fn record(&mut self, kind: &'static str, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let (version, path) = (self.version, path.to_owned());
        self.objects.insert(path.clone(), object.clone());
        self.history.push(Change { version, kind, path, object: object.clone() });
        object
    }
}

fn status(code: StatusCode, message: &str) -> Response {
    let body =
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code.as_u16() });
    (code, axum::Json(body)).into_response()
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let query: BTreeMap<String, String> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.replace("%3D", "=").replace("%2F", "/")))
        .collect();
    let line = format!("{method} {}", request.uri());
    let switches = {
        let mut state = fake.state();
        state.requests.push(line.clone());
        state.switches
    };
    tokio::time::sleep(switches.delay).await;
    if switches.forbidden.is_some_and(|forbidden| line.starts_with(forbidden)) {
        return status(StatusCode::FORBIDDEN, "forbidden by the test");
    }
    if path == "/version" {
        return axum::Json(json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
        }))
        .into_response();
    }
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    match method {
        Method::GET if query.contains_key("watch") => watch_objects(fake, path, query, switches),
        Method::GET => read(&fake, &path, &query),
        Method::POST => create(&fake, &path, &body),
        Method::PUT => replace(&fake, &path, &body),
        Method::PATCH => patch(&fake, &path, &content_type, &body),
        _ => status(StatusCode::METHOD_NOT_ALLOWED, "not here"),
    }
}

/// Whether an object lies in a collection, whose path may leave the namespace open.
fn lies_in(path: &str, collection: &str, query: &BTreeMap<String, String>) -> bool {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let resource = collection.rsplit('/').next().unwrap();
    let within =
        parent == collection || (!collection.contains("/namespaces/") && parent.ends_with(&format!("/{resource}")));
    let wanted = query.get("fieldSelector").and_then(|selector| selector.strip_prefix("metadata.name="));
    within && wanted.is_none_or(|wanted| wanted == name)
}

fn read(fake: &Fake, path: &str, query: &BTreeMap<String, String>) -> Response {
    let state = fake.state();
    if let Some(object) = state.objects.get(path) {
        return axum::Json(object.clone()).into_response();
    }
    let is_collection =
        ["/serviceaccounts", "/secrets", "/mutatingwebhookconfigurations"].iter().any(|end| path.ends_with(end));
    if !is_collection {
        return status(StatusCode::NOT_FOUND, "not found");
    }
    let start: usize = query.get("continue").and_then(|text| text.parse().ok()).unwrap_or_default();
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    let items: Vec<&Value> =
        state.objects.iter().filter(|(object, _)| lies_in(object, path, query)).map(|(_, object)| object).collect();
    let page: Vec<&Value> = items.iter().skip(start).take(limit).copied().collect();
    let mut metadata = json!({ "resourceVersion": state.version.to_string() });
    if start + page.len() < items.len() {
        metadata["continue"] = (start + page.len()).to_string().into();
    }
    axum::Json(json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": page })).into_response()
}

fn watch_objects(fake: Fake, path: String, query: BTreeMap<String, String>, switches: Switches) -> Response {
    let from: Option<u64> = query.get("resourceVersion").and_then(|text| text.parse().ok()).filter(|from| *from > 0);
    let streams = query.contains_key("sendInitialEvents");
    if streams && switches.no_streamed_lists {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "sendInitialEvents is forbidden");
    }
    if from.is_some() && switches.gone {
        fake.switch(|switches| switches.gone = false);
        return status(StatusCode::GONE, "too old resource version");
    }
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(64);
    tokio::spawn(async move {
        let mut turn = fake.turn.subscribe();
        let cut = switches.cut;
        let (initial, mut seen) = {
            let state = fake.state();
            let mut lines = Vec::new();
            if streams {
                let objects = state.objects.iter().filter(|(object, _)| lies_in(object, &path, &query));
                lines.extend(objects.map(|(_, object)| line("ADDED", object)));
                let end = json!({ "kind": "Bookmark", "metadata": { "resourceVersion": state.version.to_string(),
                    "annotations": { "k8s.io/initial-events-end": "true" } } });
                lines.push(line("BOOKMARK", &end));
            }
            (lines, from.unwrap_or(state.version))
        };
        for line in initial {
            if sender.send(Ok(line)).await.is_err() {
                return;
            }
        }
        loop {
            let (lines, upto, now) = {
                let state = fake.state();
                let held = state.switches.hold_watches && path.ends_with(SERVICE_ACCOUNTS);
                let changes = state.history.iter().filter(|change| change.version > seen && !held);
                let lines: Vec<Bytes> = changes
                    .filter(|change| lies_in(&change.path, &path, &query))
                    .map(|change| line(change.kind, &change.object))
                    .collect();
                (lines, if held { seen } else { state.version }, state.switches.cut)
            };
            seen = upto;
            if now != cut {
                // In the middle of a line, as a server that dies would.
                let _ = sender.send(Ok(Bytes::from_static(b"{\"type\":"))).await;
                let _ = sender.send(Err(std::io::Error::other("cut"))).await;
                return;
            }
            for line in lines {
                if sender.send(Ok(line)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = turn.changed() => changed.unwrap(),
                () = sender.closed() => return,
            }
        }
    });
    Response::new(Body::from_stream(tokio_stream(receiver)))
}

fn tokio_stream<T: Send + 'static>(
    receiver: tokio::sync::mpsc::Receiver<T>,
) -> impl futures_util::Stream<Item = T> + Send + 'static {
    futures_util::stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|item| (item, receiver)))
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut text = json!({ "type": kind, "object": object }).to_string();
    text.push('\n');
    text.into()
}

fn create(fake: &Fake, path: &str, body: &[u8]) -> Response {
    let object: Value = serde_json::from_slice(body).unwrap();
    let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap());
    if fake.get(&path).is_some() {
        return status(StatusCode::CONFLICT, "already exists");
    }
    fake.put(&path, object);
    (StatusCode::CREATED, axum::Json(fake.get(&path))).into_response()
}

fn replace(fake: &Fake, path: &str, body: &[u8]) -> Response {
    let object: Value = serde_json::from_slice(body).unwrap();
    write(fake, path, |present| {
        let version = &object["metadata"]["resourceVersion"];
        (version.is_null() || *version == present["metadata"]["resourceVersion"]).then_some(object)
    })
}

fn patch(fake: &Fake, path: &str, content_type: &str, body: &[u8]) -> Response {
    let change: Value = serde_json::from_slice(body).unwrap();
    write(fake, path, |mut present| {
        if content_type == "application/json-patch+json" {
            let operations: json_patch::Patch = serde_json::from_value(change).unwrap();
            return json_patch::patch(&mut present, &operations).is_ok().then_some(present);
        }
        let version = &change["metadata"]["resourceVersion"];
        if !version.is_null() && *version != present["metadata"]["resourceVersion"] {
            return None;
        }
        json_patch::merge(&mut present, &change);
        Some(present)
    })
}

/// Changes an object in one go; `None` is a conflict.
fn write(fake: &Fake, path: &str, change: impl FnOnce(Value) -> Option<Value>) -> Response {
    let mut state = fake.state();
    let Some(present) = state.objects.get(path).cloned() else {
        return status(StatusCode::NOT_FOUND, "not found");
    };
    let Some(changed) = change(present) else {
        return status(StatusCode::CONFLICT, "the object has been modified");
    };
    let written = state.record("MODIFIED", path, changed);
    drop(state);
    fake.turn.send_modify(|turn| *turn += 1);
    axum::Json(written).into_response()
}

/// The path of a service account.
pub(crate) fn account_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
}

/// A service account with a client id, or without.
pub(crate) fn account(client_id: Option<&str>) -> Value {
    let annotations: Map<String, Value> =
        client_id.map(|id| ("azure.workload.identity/client-id".to_owned(), id.into())).into_iter().collect();
    json!({ "kind": "ServiceAccount", "apiVersion": "v1", "metadata": { "annotations": annotations } })
}
