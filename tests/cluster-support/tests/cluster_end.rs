//! What is left of a test cluster: nothing.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use symbolon_test_cluster::{Options, TestCluster};

#[test]
fn a_control_plane_that_is_dropped_leaves_nothing() {
    dropped(TestCluster::options());
}

#[test]
fn a_node_that_is_dropped_leaves_nothing() {
    dropped(TestCluster::options().node());
}

#[test]
fn a_control_plane_that_is_killed_leaves_nothing_once_another_starts() {
    killed(TestCluster::options());
}

#[test]
fn a_node_that_is_killed_leaves_nothing_once_another_starts() {
    killed(TestCluster::options().node());
}

fn dropped(options: Options) {
    let Some(cluster) = started(options) else { return };
    let traces = Traces::of(&cluster);
    assert!(!traces.seen().is_empty());
    drop(cluster);
    assert_eq!(traces.seen(), Vec::<String>::new());
}

fn killed(options: Options) {
    let Some(cluster) = started(options) else { return };
    let traces = Traces::of(&cluster);
    let process = Pid::from_raw(i32::try_from(cluster.description()["pid"].as_i64().unwrap()).unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    drop(cluster);
    // The processes end by themselves: the kernel kills them.
    until(|| traces.processes().is_empty());
    drop(TestCluster::options().start());
    until(|| traces.seen().is_empty());
}

/// A cluster of one's own, with a pod that runs where there is a node.
fn started(options: Options) -> Option<TestCluster> {
    let cluster = options.start().filter(|cluster| !cluster.is_external())?;
    cluster
        .apply(
            "{apiVersion: v1, kind: Pod, metadata: {name: last}, spec: {containers: [
               {name: main, image: 'localhost/inpod:1', imagePullPolicy: Never}]}}",
        )
        .unwrap();
    if cluster.description()["tier"] == "node" {
        let output = cluster.kubectl(&["wait", "--for=condition=Ready", "pod", "last", "--timeout=300s"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Some(cluster)
}

/// Everything that a cluster could leave.
struct Traces {
    directory: PathBuf,
    /// Of its network, where it has a node.
    number: Option<String>,
}

impl Traces {
    fn of(cluster: &TestCluster) -> Self {
        let directory = cluster.kubeconfig().parent().unwrap().to_owned();
        Self { number: fs::read_to_string(directory.join("network")).ok(), directory }
    }

    fn seen(&self) -> Vec<String> {
        let mut seen = self.processes();
        seen.extend(self.directory.exists().then(|| self.directory.display().to_string()));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        seen.extend(mounts.lines().filter(|line| line.contains(&self.name())).map(str::to_owned));
        if let Some(number) = &self.number {
            let mut paths = vec![PathBuf::from(format!("/sys/class/net/symbolon{number}"))];
            let group = format!("symbolon-cluster-{number}");
            paths.push(Path::new("/sys/fs/cgroup").join(&group));
            paths.extend(fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path().join(&group)));
            seen.extend(paths.iter().filter(|path| path.exists()).map(|path| path.display().to_string()));
        }
        seen
    }

    /// Command lines in which the directory is named.
    fn processes(&self) -> Vec<String> {
        let all =
            fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
        all.map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&self.name()))
            .collect()
    }

    fn name(&self) -> String {
        self.directory.file_name().unwrap().to_string_lossy().into_owned()
    }
}

fn until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_mins(5), "waited in vain");
        thread::sleep(Duration::from_millis(50));
    }
}
