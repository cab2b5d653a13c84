//! `cargo xtask cluster`

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand};

use crate::{
    cargo::{cargo, target_directory},
    step,
    test_cluster::{self, lacking_for_node},
};

pub(crate) const EXAMPLES: &str = "Examples:
  cargo xtask cluster up                  a control plane, until Ctrl-C
  cargo xtask cluster up --node           with a node that runs pods; needs root, containerd, runc
  cargo xtask cluster up --detach         in the background, until `cargo xtask cluster down`
  cargo xtask cluster up -- --issuer https://issuer.example
  cargo xtask cluster test                the tests that need a cluster, and no others";

/// What to do about a cluster.
#[derive(Subcommand)]
pub(crate) enum ClusterCommand {
    /// Build the cluster's program, start a cluster and say how to use it
    Up(UpArgs),
    /// End the cluster that `up --detach` started, clean what killed ones left
    Down,
    /// Run the tests that need a cluster, and no others
    Test(TestArgs),
}

/// Arguments of `cargo xtask cluster up`.
#[derive(Args)]
pub(crate) struct UpArgs {
    /// With a node that runs pods; needs root, containerd and runc
    #[arg(long)]
    node: bool,
    /// Leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Flags of the cluster's program, such as `--issuer URL`; `-- --help` lists them
    #[arg(last = true)]
    flags: Vec<String>,
}

/// Arguments of `cargo xtask cluster test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Fail where the node tier cannot run, instead of skipping its tests
    #[arg(long)]
    node: bool,
    /// Passed on to the test programs, for example the name of a test
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(command: &ClusterCommand) -> Result<()> {
    let target = target_directory()?;
    match command {
        ClusterCommand::Up(args) => up(args, &target),
        ClusterCommand::Down => down(&target),
        ClusterCommand::Test(args) => test(args, &target),
    }
}

fn up(args: &UpArgs, target: &Path) -> Result<()> {
    let program = program(target)?;
    let directory = directory(target);
    let mut command = Command::new(&program);
    command.arg("up").arg("--dir").arg(&directory).args(&args.flags);
    if args.node {
        command.arg("--node");
    }
    if args.detach { detached(command, target, &directory) } else { attached(command, &directory) }
}

/// Runs in the foreground. Ctrl-C ends this program and reaches the cluster's too; if something else
/// ends this one, the cluster notices that its standard input is closed.
fn attached(mut command: Command, directory: &Path) -> Result<()> {
    let mut child = command.arg("--until-stdin-ends").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("the cluster's output is not there")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    if lines.any(|line| line == "ready") {
        explain(directory, "Ctrl-C ends it.");
    }
    let input = child.stdin.take();
    let status = child.wait()?;
    drop(input);
    ensure!(status.success(), "the cluster failed, as it says above");
    Ok(())
}

/// Leaves the cluster running, in a process group that Ctrl-C does not reach.
fn detached(mut command: Command, target: &Path, directory: &Path) -> Result<()> {
    let log = target.join("cluster/up.log");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?).process_group(0).spawn()?;
    let output = child.stdout.take().context("the cluster's output is not there")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    if !lines.any(|line| line == "ready") {
        child.wait()?;
        bail!("{}", fs::read_to_string(&log)?.trim());
    }
    explain(directory, "`cargo xtask cluster down` ends it.");
    Ok(())
}

fn explain(directory: &Path, end: &str) {
    let file = fs::read_to_string(directory.join("cluster.json")).unwrap_or_default();
    let cluster: serde_json::Value = serde_json::from_str(&file).unwrap_or_default();
    let kubectl: Vec<_> =
        cluster["kubectl"].as_array().into_iter().flatten().filter_map(|word| word.as_str()).collect();
    println!("The cluster is ready. In another shell:\n");
    println!("  export KUBECONFIG={}", directory.join("kubeconfig").display());
    println!("  alias kubectl='{}'\n", kubectl.iter().take(2).copied().collect::<Vec<_>>().join(" "));
    println!("Everything about it is in {}.\n{end}", directory.join("cluster.json").display());
}

fn down(target: &Path) -> Result<()> {
    let program = program(target)?;
    step::quiet(Command::new(program).arg("down").arg("--dir").arg(directory(target)))?;
    Ok(())
}

fn test(args: &TestArgs, target: &Path) -> Result<()> {
    let program = program(target)?;
    if args.node {
        let lacking = lacking_for_node(&program)?;
        ensure!(lacking.is_empty(), "the node tier cannot run here: {lacking}");
    }
    let mut command = cargo(&["test"]);
    for (package, tests) in users()? {
        command.args(["--package", &package]);
        for name in tests {
            command.args(["--test", &name]);
        }
    }
    step::show(command.arg("--").args(&args.arguments).env(test_cluster::VARIABLE, program))
}

/// The packages that use a test cluster, each with its test programs.
fn users() -> Result<Vec<(String, Vec<String>)>> {
    let metadata = step::quiet(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for package in list(&metadata["packages"]) {
        let depends = list(&package["dependencies"]).iter().any(|one| name(one) == SUPPORT);
        if depends || name(&package) == SUPPORT {
            let targets = list(&package["targets"]);
            let tests = targets.iter().filter(|target| target["kind"][0] == "test").map(name);
            found.push((name(&package), tests.filter(|test| is_cluster_test(test)).collect::<Vec<_>>()));
        }
    }
    found.retain(|(_, tests)| !tests.is_empty());
    ensure!(!found.is_empty(), "no test program has a name with `cluster` in it");
    Ok(found)
}

const SUPPORT: &str = "symbolon-test-cluster";

/// Test programs that need a cluster are recognised by their names.
fn is_cluster_test(name: &str) -> bool {
    name.contains("cluster")
}

/// The program, which has to be there.
pub(crate) fn program(target: &Path) -> Result<PathBuf> {
    match test_cluster::prepare(target) {
        test_cluster::State::Built(program, _) | test_cluster::State::Unchanged(program) => Ok(program),
        test_cluster::State::Missing(what) => {
            bail!("the cluster is built from Go modules for Linux, and runs there; missing here: {what}")
        }
        test_cluster::State::Failed(error) => Err(error.context("the cluster cannot be built")),
    }
}

/// Where the cluster of `up` is.
fn directory(target: &Path) -> PathBuf {
    target.join("cluster/run")
}
