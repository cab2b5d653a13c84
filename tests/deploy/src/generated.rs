//! Files that are made from others and lie in git.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{Helm, workspace};

/// The plain manifests, each with what it sets.
const MANIFESTS: [(&str, &[&str]); 3] =
    [("webhook", &["mode=webhook"]), ("policy", &["mode=policy"]), ("both", &["mode=both"])];
/// Who applies a plain manifest puts these in; no shell and no tool of templates is needed for that.
const PLACEHOLDERS: [&str; 3] =
    ["createNamespace=true", "azureTenantID=${AZURE_TENANT_ID}", "image.repository=${SYMBOLON_REGISTRY}/symbolon"];
/// Lines that are true of what Helm installs, and of nothing else.
const OF_HELM: [&str; 3] = ["# Source: ", "app.kubernetes.io/managed-by: Helm", "helm.sh/chart: "];

/// A file and what has to be in it.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Where it lies.
    pub path: PathBuf,
    /// What has to be in it.
    pub content: String,
}

/// Everything that is generated.
///
/// # Errors
/// When the chart cannot be rendered.
pub fn generated(helm: &Helm) -> Result<Vec<Generated>> {
    let mut all = manifests(helm)?;
    for values in yaml_files(&tests().join("values"))? {
        let content = helm
            .template(&["--values".as_ref(), values.as_os_str()])
            .with_context(|| format!("`{}` cannot be rendered", values.display()))?;
        all.push(Generated { path: golden_of(&values), content });
    }
    Ok(all)
}

/// The golden files, whether they are up to date or not.
///
/// # Errors
/// When they cannot be read.
pub fn goldens() -> Result<Vec<Generated>> {
    let paths = yaml_files(&tests().join("golden"))?.into_iter();
    paths.map(|path| Ok(Generated { content: fs::read_to_string(&path)?, path })).collect()
}

impl Generated {
    /// The name of its case.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.file_stem().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether the file is as it has to be.
    #[must_use]
    pub fn is_there(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|content| content == self.content)
    }

    /// Writes the file where it is not as it has to be, and says whether it did.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<bool> {
        if self.is_there() {
            return Ok(false);
        }
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&self.path, &self.content).with_context(|| format!("`{}`", self.path.display()))?;
        Ok(true)
    }
}

fn manifests(helm: &Helm) -> Result<Vec<Generated>> {
    let render = |(name, settings): (&str, &[&str])| {
        let arguments: Vec<_> = PLACEHOLDERS.iter().chain(settings).flat_map(|set| ["--set", *set]).collect();
        let rendered = helm.template(&arguments).with_context(|| format!("mode {name} cannot be rendered"))?;
        let plain = rendered.lines().filter(|line| !OF_HELM.iter().any(|mark| line.trim_start().starts_with(mark)));
        let content = plain.collect::<Vec<_>>().join("\n") + "\n";
        Ok(Generated { path: workspace().join(format!("deploy/manifests/{name}.yaml")), content })
    };
    MANIFESTS.into_iter().map(render).collect()
}

fn tests() -> PathBuf {
    workspace().join("tests/deploy")
}

fn golden_of(values: &Path) -> PathBuf {
    tests().join("golden").join(values.file_name().unwrap_or_default())
}

fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("`{}`", directory.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    Ok(paths)
}
