//! `cargo xtask image`: the container image, without docker.

mod archive;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    cargo::{cargo, host, root, target_directory},
    step,
};
use archive::Image;

/// What of the program goes into the image.
const BUILD: [&str; 5] = ["build", "--release", "--locked", "--package", "symbolon"];
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Arguments of `cargo xtask image`.
#[derive(Args)]
pub(crate) struct ImageArgs {
    /// Where the archive goes [default: image/symbolon.tar in the target directory]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The image's name, with its registry [default: localhost/symbolon:VERSION]
    #[arg(long)]
    name: Option<String>,
}

/// Builds the program as one static file and writes an OCI archive with nothing else in it.
pub(crate) fn run(args: &ImageArgs) -> Result<()> {
    let target = target_directory()?;
    let host = host()?;
    let program = build(&target, &host)?;
    let output = args.output.clone().unwrap_or_else(|| target.join("image/symbolon.tar"));
    if let Some(directory) = output.parent() {
        fs::create_dir_all(directory)?;
    }
    let image = Image {
        name: args.name.clone().unwrap_or_else(|| format!("localhost/symbolon:{VERSION}")),
        architecture: architecture(&host)?,
        version: VERSION,
        program: fs::read(&program).with_context(|| format!("`{}` cannot be read", program.display()))?,
    };
    let bytes = image.archive()?;
    fs::write(&output, &bytes).with_context(|| format!("`{}` cannot be written", output.display()))?;
    println!("{}: {}, {} kB", output.display(), image.name, bytes.len() / 1000);
    Ok(())
}

/// The program, linked statically: the image has no loader and no libraries.
fn build(target: &Path, host: &str) -> Result<PathBuf> {
    let cargo_home =
        std::env::var("CARGO_HOME").ok().or_else(|| Some(format!("{}/.cargo", std::env::var("HOME").ok()?)));
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned(), remap(&root().to_string_lossy(), "symbolon")];
    // Where this machine keeps its files is nobody's business, and would make each machine's image another one.
    flags.extend(cargo_home.map(|home| remap(&home, "cargo")));
    step::show(cargo(&BUILD).args(["--target", host]).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")))?;
    Ok(target.join(host).join("release/symbolon"))
}

fn remap(from: &str, to: &str) -> String {
    format!("--remap-path-prefix={from}=/{to}")
}

/// The architecture's name in image indexes.
fn architecture(host: &str) -> Result<&'static str> {
    match host.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => anyhow::bail!("images are built for x86_64 and aarch64, not for `{host}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_makes_the_same_image() {
        let dockerfile = fs::read_to_string(root().join("deploy/Dockerfile")).unwrap();
        let cargo = format!("cargo {}", BUILD.join(" "));
        for line in [cargo.as_str(), "-C target-feature=+crt-static", archive::USER, r#"ENTRYPOINT ["/symbolon"]"#] {
            assert!(dockerfile.contains(line), "`{line}` is not in deploy/Dockerfile");
        }
    }
}
