//! What a cluster of one's own is started with.

use std::{ffi::OsString, path::Path};

use anyhow::Result;

use crate::{TestCluster, program::Program, skip::skip};

/// What a cluster of one's own is started with.
///
/// The methods are flags of `cluster up`; its `--help` says more of them.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) node: bool,
    pub(crate) flags: Vec<OsString>,
}

impl Options {
    /// With a node, on which pods run.
    #[must_use]
    pub fn node(mut self) -> Self {
        self.node = true;
        self.flag("--node")
    }

    /// The issuer of service account tokens, which is the API server's URL otherwise.
    #[must_use]
    pub fn issuer(self, url: &str) -> Self {
        self.flag("--issuer").flag(url)
    }

    /// A PEM file with the private key that signs service account tokens, which is a new RSA key
    /// otherwise.
    #[must_use]
    pub fn signing_key(self, file: &Path) -> Self {
        self.flag("--signing-key").flag(file)
    }

    /// A feature gate of Kubernetes.
    #[must_use]
    pub fn feature_gate(self, name: &str, on: bool) -> Self {
        self.flag("--feature-gate").flag(format!("{name}={on}"))
    }

    /// A further argument of kube-apiserver, such as `--runtime-config=api/beta=true`.
    #[must_use]
    pub fn api_server_argument(self, argument: &str) -> Self {
        self.flag("--apiserver-arg").flag(argument)
    }

    /// Starts the cluster, which no other test shares, or says why none can run here.
    ///
    /// # Panics
    /// When a cluster could run here but does not start.
    #[must_use]
    pub fn start(self) -> Option<TestCluster> {
        self.try_start().unwrap_or_else(|error| did_not_start(&error))
    }

    /// Starts the cluster as `start` does, for tests of what keeps it from starting.
    ///
    /// # Errors
    /// When a cluster could run here but does not start.
    pub fn try_start(self) -> Result<Option<TestCluster>> {
        let program = match Program::find(self.node) {
            Ok(Program::External(_)) => Err("an external one cannot be started as this test needs it".to_owned()),
            other => other,
        };
        match program {
            Ok(program) => TestCluster::start(&program, &self).map(Some),
            Err(why) => {
                skip(&why);
                Ok(None)
            }
        }
    }

    /// The cluster that tests share, or why there is none.
    pub(crate) fn shared(self) -> Result<TestCluster, String> {
        let program = Program::find(self.node)?;
        Ok(TestCluster::start(&program, &self).unwrap_or_else(|error| did_not_start(&error)))
    }

    fn flag(mut self, flag: impl Into<OsString>) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// The message is one that `cluster up` wrote for its readers.
fn did_not_start<T>(error: &anyhow::Error) -> T {
    panic!("the test cluster did not start: {error:#}")
}
