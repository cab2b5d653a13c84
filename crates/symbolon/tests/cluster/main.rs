//! The story on a real Kubernetes: a pod without a secret gets an access token.
//!
//! The API server is the issuer, the authority runs on this machine, the webhook and the controller
//! run as pods from the chart, and the workload is an ordinary program on an unmodified SDK. Where
//! no cluster with a node can run, each test is skipped with a line that says why.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod release;
mod stage;
mod workload;

#[path = "../support/access_token.rs"]
mod access_token;
#[path = "../support/identity.rs"]
mod identity;
#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../support/installation.rs"]
mod installation;

use release::Mode;
use stage::Stage;

/// One cluster and one release at a time: the machine is small, and a webhook is for all namespaces.
#[test]
fn a_pod_without_a_secret_gets_an_access_token_in_every_mode() {
    let Some(stage) = Stage::start() else { return };
    for mode in [Mode::Webhook, Mode::Policy, Mode::Both] {
        let release = stage.install(mode);
        stage.tell_the_story(mode);
        if mode == Mode::Both {
            release.stop_the_webhook();
            stage.an_ordinary_pod_is_still_injected();
        }
        release.uninstall();
    }
}
