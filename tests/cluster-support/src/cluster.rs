//! A cluster that a test uses.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{Options, kubectl::Kubectl, program::Program, skip::skip};

/// A cluster that a test uses.
///
/// It is one handle of many: the cluster ends when the last is dropped, and in any case when the
/// test program ends, however that does.
#[derive(Clone, Debug)]
pub struct TestCluster(Arc<Running>);

#[derive(Debug)]
struct Running {
    kubectl: Kubectl,
    description: Value,
    ca_pem: String,
    /// None for a cluster that was there already.
    ours: Option<Ours>,
}

/// A cluster that was started for this test program.
#[derive(Debug)]
struct Ours {
    program: PathBuf,
    directory: PathBuf,
    up: Mutex<Child>,
}

/// One that is shared: the slot is locked while the cluster starts, so that it starts once.
type Shared = OnceLock<Result<TestCluster, String>>;

impl TestCluster {
    /// The control plane that all tests of this program share, without a node: pods can be made,
    /// but none runs. None where no cluster can run here; then a line says why.
    ///
    /// # Panics
    /// When a cluster could run here but does not start.
    #[must_use]
    pub fn control_plane() -> Option<Self> {
        static SHARED: Shared = OnceLock::new();
        Self::shared(&SHARED, Self::options())
    }

    /// The cluster with a node that all tests of this program share. None where no such cluster can
    /// run here; then a line says why.
    ///
    /// # Panics
    /// When such a cluster could run here but does not start.
    #[must_use]
    pub fn with_node() -> Option<Self> {
        static SHARED: Shared = OnceLock::new();
        Self::shared(&SHARED, Self::options().node())
    }

    /// For a cluster that is not shared with other tests.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.0.kubectl.kubeconfig
    }

    /// The URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        self.text("server")
    }

    /// The issuer of service account tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.text("issuer")
    }

    /// The certificate of the CA that signed the API server's.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.0.ca_pem
    }

    /// The address at which pods reach servers of this machine that listen there; this machine
    /// reaches them there too. Empty for an external cluster.
    #[must_use]
    pub fn host_address(&self) -> &str {
        self.text("hostAddress")
    }

    /// Runs kubectl as the administrator.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        self.0.kubectl.run(arguments, None).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// A command of kubectl that has yet to be started, for what takes input or does not end.
    pub fn kubectl_command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        self.0.kubectl.command(arguments)
    }

    /// Creates or changes what `manifests` holds, in YAML or JSON.
    ///
    /// # Errors
    /// With what kubectl said, when it did not succeed.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        self.0.kubectl.succeed(&["apply", "--filename", "-"], Some(manifests))
    }

    /// Creates what `manifests` holds, in YAML or JSON; for what has a `generateName`.
    ///
    /// # Errors
    /// With what kubectl said, when it did not succeed.
    pub fn create(&self, manifests: &str) -> Result<String> {
        self.0.kubectl.succeed(&["create", "--filename", "-"], Some(manifests))
    }

    /// What `kubectl get` answers for `arguments`.
    ///
    /// # Errors
    /// With what kubectl said, when it did not succeed.
    pub fn get_json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Value> {
        let all: Vec<&OsStr> =
            ["get", "--output", "json"].iter().map(OsStr::new).chain(arguments.iter().map(AsRef::as_ref)).collect();
        self.0.kubectl.json(&all)
    }

    /// What the API server answers for a path such as `/readyz`.
    ///
    /// # Errors
    /// With what kubectl said, when it did not succeed.
    pub fn get_raw(&self, path: &str) -> Result<String> {
        self.0.kubectl.succeed(&["get", "--raw", path], None)
    }

    /// A token of a service account, as `TokenRequest` makes it.
    ///
    /// # Errors
    /// With what kubectl said, when it did not succeed.
    pub fn token(&self, namespace: &str, service_account: &str, audience: &str) -> Result<String> {
        let arguments = ["create", "token", service_account, "--namespace", namespace, "--audience", audience];
        Ok(self.0.kubectl.succeed(&arguments, None)?.trim().to_owned())
    }

    /// Imports an image from an OCI archive; pods use it with `imagePullPolicy: Never`. False in an
    /// external cluster, which cannot be given one; then a line says so and the test is skipped.
    ///
    /// # Errors
    /// When the file is no such archive, or the cluster has no node.
    #[must_use = "where it is false the test cannot go on"]
    pub fn load_image(&self, archive: &Path) -> Result<bool> {
        let Some(ours) = &self.0.ours else {
            skip("an external one cannot be given images");
            return Ok(false);
        };
        ours.run(&["load-image".as_ref(), archive.as_ref()])?;
        Ok(true)
    }

    /// Makes an image of one static program, which is its entry point, and imports it as
    /// `load_image` does. A name is like `localhost/app:1`.
    ///
    /// # Errors
    /// When the program cannot be read, or the cluster has no node.
    #[must_use = "where it is false the test cannot go on"]
    pub fn load_program(&self, name: &str, program: &Path) -> Result<bool> {
        let directory = tempfile::tempdir()?;
        let archive = directory.path().join("image.tar");
        if let Some(ours) = &self.0.ours {
            let file = program.file_name().context("the program has no name")?;
            let entry = format!("{}:/{}", program.display(), file.display());
            let mut command = Command::new(&ours.program);
            command.args(["image", "--name", name, "--out"]).arg(&archive).arg(entry);
            succeed(&mut command)?;
        }
        self.load_image(&archive)
    }

    /// Stops the API server and leaves the rest running. Until it is started again, connections to
    /// it are refused.
    ///
    /// # Errors
    /// When it is stopped already, or the cluster is an external one.
    pub fn stop_api_server(&self) -> Result<()> {
        self.part("stop")
    }

    /// Starts the API server again, at the same address, and returns when it is ready.
    ///
    /// # Errors
    /// When it is running already, does not start, or the cluster is an external one.
    pub fn start_api_server(&self) -> Result<()> {
        self.part("start")
    }

    /// Stops the API server, starts it again and returns when it is ready.
    ///
    /// # Errors
    /// When it does not start, or the cluster is an external one.
    pub fn restart_api_server(&self) -> Result<()> {
        self.part("restart")
    }

    /// Whether this is a cluster that was there before the tests.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.0.ours.is_none()
    }

    /// What `cluster.json` says of the cluster; empty of an external one.
    #[must_use]
    pub fn description(&self) -> &Value {
        &self.0.description
    }

    /// What a part wrote in its log, such as `kube-apiserver`; empty where there is none.
    #[must_use]
    pub fn log(&self, part: &str) -> String {
        let file = Path::new(self.text("logs")).join(format!("{part}.log"));
        fs::read_to_string(file).unwrap_or_default()
    }

    pub(crate) fn start(program: &Program, options: &Options) -> Result<Self> {
        let running = match program {
            Program::Ours(path) => Running::start(path, options),
            Program::External(kubeconfig) => Running::external(program, kubeconfig),
        };
        Ok(Self(Arc::new(running?)))
    }

    /// Every test that is skipped says so, not only the one that found out.
    fn shared(shared: &Shared, options: Options) -> Option<Self> {
        let found = shared.get_or_init(|| options.shared());
        found.clone().inspect_err(|why| skip(why)).ok()
    }

    fn part(&self, verb: &str) -> Result<()> {
        let ours = self.0.ours.as_ref().context("the parts of an external cluster cannot be stopped")?;
        ours.run(&[verb.as_ref(), "kube-apiserver".as_ref()])
    }

    fn text(&self, field: &str) -> &str {
        self.0.description[field].as_str().unwrap_or_default()
    }
}

impl Running {
    fn start(program: &Path, options: &Options) -> Result<Self> {
        let mut up = Command::new(program)
            .arg("up")
            // Held open as long as this process lives: `up` ends when it is closed.
            .arg("--until-stdin-ends")
            .args(&options.flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` cannot be started", program.display()))?;
        let Some(kubeconfig) = ready(&mut up) else {
            let mut said = String::new();
            if let Some(mut pipe) = up.stderr.take() {
                pipe.read_to_string(&mut said)?;
            }
            up.wait()?;
            bail!("{}", said.trim());
        };
        let directory = kubeconfig.parent().map(Path::to_path_buf).context("a kubeconfig without a directory")?;
        let description: Value = serde_json::from_str(&fs::read_to_string(directory.join("cluster.json"))?)?;
        let ca = description["ca"].as_str().context("`cluster.json` names no CA")?;
        Ok(Self {
            ca_pem: fs::read_to_string(ca)?,
            kubectl: Kubectl::new(Program::Ours(program.to_owned()).kubectl(), kubeconfig),
            description,
            ours: Some(Ours { program: program.to_owned(), directory, up: Mutex::new(up) }),
        })
    }

    fn external(program: &Program, kubeconfig: &Path) -> Result<Self> {
        let kubectl = Kubectl::new(program.kubectl(), kubeconfig.to_owned());
        let discovery: Value = kubectl.json(&["get", "--raw", "/.well-known/openid-configuration"])?;
        let view = kubectl.json(&["config", "view", "--raw", "--minify", "--flatten", "--output", "json"])?;
        let cluster = &view["clusters"][0]["cluster"];
        let roots = kubectl.json(&["get", "configmap", "kube-root-ca.crt", "--output", "json"])?;
        let description = serde_json::json!({
            "tier": "node",
            "server": cluster["server"],
            "issuer": discovery["issuer"],
        });
        let ca_pem = roots["data"]["ca.crt"].as_str().unwrap_or_default().to_owned();
        Ok(Self { kubectl, description, ca_pem, ours: None })
    }
}

impl Ours {
    /// Runs a command of the program on this cluster.
    fn run(&self, arguments: &[&OsStr]) -> Result<()> {
        succeed(Command::new(&self.program).args(arguments).arg("--dir").arg(&self.directory))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let up = self.up.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(up.stdin.take());
        let mut said = String::new();
        if let Some(mut pipe) = up.stderr.take() {
            let _ = pipe.read_to_string(&mut said);
        }
        // Silent unless a part had failed meanwhile.
        if up.wait().is_ok_and(|status| !status.success()) {
            eprintln!("the test cluster failed: {}", said.trim());
        }
    }
}

/// The kubeconfig, once the cluster is ready; none when it ended instead.
fn ready(up: &mut Child) -> Option<PathBuf> {
    let mut lines = BufReader::new(up.stdout.take()?).lines().map_while(Result::ok);
    let kubeconfig = lines.next()?;
    (lines.next()? == "ready").then(|| kubeconfig.into())
}

/// Runs a command that says what went wrong on standard error.
fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("`{program}` cannot be started"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
