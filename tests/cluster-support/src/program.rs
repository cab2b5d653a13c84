//! The program of `tests/cluster`.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::skip::{in_ci, on_path};

/// Names the program; `cargo xtask test` builds it and sets this.
const BINARY: &str = "SYMBOLON_TEST_CLUSTER_BINARY";
/// Chooses a cluster that is there already.
const CHOICE: &str = "SYMBOLON_TEST_CLUSTER";

/// Where a cluster comes from.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// From the program at this path.
    Ours(PathBuf),
    /// It is there already, at what this kubeconfig names.
    External(PathBuf),
}

impl Program {
    /// What there is here to have a cluster from, or why there is nothing.
    ///
    /// # Panics
    /// In CI, when the program could have been built; and when a variable says something that
    /// cannot be.
    pub(crate) fn find(node: bool) -> Result<Self, String> {
        match std::env::var(CHOICE).as_deref() {
            Ok("external") => return Ok(Self::External(external_kubeconfig())),
            Ok("") | Err(_) => {}
            Ok(other) => panic!("`{CHOICE}` is `{other}`; it can only be `external` or not be set"),
        }
        let Some(path) = std::env::var_os(BINARY).filter(|path| !path.is_empty()).map(PathBuf::from) else {
            let go = on_path("go");
            assert!(!(go && in_ci()), "`{BINARY}` is not set, though Go is installed: run `cargo xtask test`");
            let how = if go { "" } else { ", for which Go has to be installed" };
            return Err(format!("it is not built: `cargo xtask test` does that{how}"));
        };
        assert!(path.is_file(), "`{BINARY}` names `{}`, which is not there", path.display());
        if node {
            check_node(&path)?;
        }
        Ok(Self::Ours(path))
    }

    /// A command line of kubectl, to which arguments are appended.
    pub(crate) fn kubectl(&self) -> Vec<OsString> {
        match self {
            Self::Ours(program) => vec![program.into(), "kubectl".into()],
            Self::External(_) => vec!["kubectl".into()],
        }
    }
}

fn external_kubeconfig() -> PathBuf {
    let named = std::env::var_os("KUBECONFIG").map(PathBuf::from);
    let standard = || std::env::home_dir().map(|home| home.join(".kube/config"));
    let path = named.or_else(standard).unwrap_or_default();
    assert!(
        path.is_file(),
        "`{CHOICE}` is `external`, but `KUBECONFIG` names no file: set it to the cluster's kubeconfig"
    );
    path
}

/// Asks the program whether it can run a node here.
fn check_node(program: &PathBuf) -> Result<(), String> {
    let output = Command::new(program)
        .arg("check-node")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("`{}` cannot be started: {error}", program.display()));
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let missing: Vec<_> = printed.lines().collect();
    Err(format!("its node tier cannot run here: {}", missing.join(", ")))
}
