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

/// What of the program goes into the image: the webhook and the controller, without the authority.
const BUILD: [&str; 7] = ["build", "--profile", "small", "--locked", "--package", "symbolon", "--no-default-features"];
/// Nothing is loaded besides, and relocations are packed: they are read at every start, and were 0.7 MB.
const STATIC: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,-z,pack-relative-relocs"];
const DESCRIPTION: &str = "Workload identity for Kubernetes: admission webhook, admission policy and controller";
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
    let output = args.output.clone().unwrap_or_else(|| target.join("image/symbolon.tar"));
    let name = args.name.clone().unwrap_or_else(|| format!("localhost/symbolon:{VERSION}"));
    let bytes = symbolon(&target, name.clone(), &output)?;
    println!("{}: {name}, {} kB", output.display(), bytes / 1000);
    Ok(())
}

/// Writes the images that the tests on a real cluster run: the product's, and one of an ordinary
/// program on an unmodified SDK.
///
/// # Errors
/// When one cannot be built.
pub(crate) fn for_tests(target: &Path, clients: &Path) -> Result<PathBuf> {
    let directory = target.join("image");
    symbolon(target, format!("localhost/symbolon:{VERSION}"), &directory.join("symbolon.tar"))?;
    let client = Image {
        name: "localhost/client:1".to_owned(),
        architecture: architecture(&host()?)?,
        version: "1",
        file: "client",
        description: "A program that asks for an access token with azidentity",
        program: Vec::new(),
    };
    write(client, &clients.join("go/client"), &directory.join("client.tar"))?;
    Ok(directory)
}

fn symbolon(target: &Path, name: String, output: &Path) -> Result<usize> {
    let host = host()?;
    let program = build(target, &host)?;
    let image = Image {
        name,
        architecture: architecture(&host)?,
        version: VERSION,
        file: "symbolon",
        description: DESCRIPTION,
        program: Vec::new(),
    };
    write(image, &program, output)
}

fn write(mut image: Image, program: &Path, output: &Path) -> Result<usize> {
    image.program = fs::read(program).with_context(|| format!("`{}` cannot be read", program.display()))?;
    let bytes = image.archive()?;
    if let Some(directory) = output.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(output, &bytes).with_context(|| format!("`{}` cannot be written", output.display()))?;
    Ok(bytes.len())
}

/// The program of the image.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn program() -> Result<PathBuf> {
    build(&target_directory()?, &host()?)
}

/// The program, linked statically: the image has no loader and no libraries.
fn build(target: &Path, host: &str) -> Result<PathBuf> {
    let cargo_home =
        std::env::var("CARGO_HOME").ok().or_else(|| Some(format!("{}/.cargo", std::env::var("HOME").ok()?)));
    let mut flags = STATIC.map(str::to_owned).to_vec();
    flags.push(remap(&root().to_string_lossy(), "symbolon"));
    // Where this machine keeps its files is nobody's business, and would make each machine's image another one.
    flags.extend(cargo_home.map(|home| remap(&home, "cargo")));
    step::show(cargo(&BUILD).args(["--target", host]).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")))?;
    Ok(target.join(host).join("small/symbolon"))
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
        let flags = STATIC.join(" ");
        for line in [cargo.as_str(), flags.as_str(), archive::USER, r#"ENTRYPOINT ["/symbolon"]"#] {
            assert!(dockerfile.contains(line), "`{line}` is not in deploy/Dockerfile");
        }
    }
}
