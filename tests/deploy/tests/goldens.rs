//! What is rendered is what lies in git.

use symbolon_test_deploy::{Helm, generated, goldens, policy_template};

const GENERATE: &str = "`cargo xtask generate` writes it";

#[test]
fn every_generated_file_is_what_the_chart_gives() {
    let Some(helm) = Helm::find() else { return };
    let mut all = generated(&helm).unwrap();
    all.push(policy_template().unwrap());
    let stale: Vec<_> = all.iter().filter(|file| !file.is_there()).map(|file| file.path.display()).collect();
    assert!(stale.is_empty(), "not up to date: {stale:?}; {GENERATE}");
    for golden in goldens().unwrap() {
        assert!(all.iter().any(|file| file.path == golden.path), "nothing gives `{}`", golden.path.display());
    }
}

#[test]
fn the_chart_has_no_flaw_that_helm_knows() {
    let Some(helm) = Helm::find() else { return };
    let found = helm.lint(&["--set", "azureTenantID=tenant"]);
    assert!(found.is_ok(), "{}", found.unwrap_err());
}
