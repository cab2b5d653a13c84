//! `symbolon az`: the Azure CLI with everything set, in a configuration directory of its own.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;

use crate::{
    administrator::Administrator,
    command::run::{NOT_FOUND, cannot_run},
    context::Context,
    data_dir::{DataDir, write_atomically},
    endpoints::Endpoints,
    output,
};

/// The version in which the clouds are a list, as `az` reads them from `ARM_CLOUD_METADATA_URL`.
const METADATA_VERSION: &str = "2019-05-01";
/// What `az` keeps of the clouds that it was told of; stale once ports or names have changed.
const CACHED_CLOUDS: [&str; 2] = ["cloudEndpoints.json", "clouds.config"];

const EXAMPLES: &str = "\
Examples:
  symbolon az -- group list
  symbolon az -- identity create --resource-group symbolon --name sademo
  symbolon az -- role assignment list --all --output table
  symbolon az --program ~/venv/bin/az -- account show

az runs with the cloud, trust for the local CA and the administrator's login already set, in a
configuration directory of its own inside the data directory: your own ~/.azure is neither read nor
written. Everything after `--` goes to az as it is, and its exit code comes back.
`symbolon env --az` gives the same to a shell.";

/// Arguments of `symbolon az`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AzArgs {
    /// The Azure CLI
    #[arg(long, value_name = "PATH", default_value = "az")]
    program: PathBuf,
    /// What az is to do
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &AzArgs, context: &Context) -> Result<ExitCode> {
    let variables = match prepare(context, &args.program) {
        Ok(variables) => variables,
        Err(error) if is_missing(&error) => {
            output::print_error(&error);
            return Ok(ExitCode::from(NOT_FOUND));
        }
        Err(error) => return Err(error),
    };
    // Takes this process's place, so signals, the terminal and the exit code are az's own.
    let error = Command::new(&args.program).args(&args.arguments).envs(variables).exec();
    Ok(cannot_run(&args.program, error))
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.root_cause().downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound)
}

/// Makes az's configuration directory ready, with the administrator logged in, and returns the
/// variables that lead az to it.
pub(crate) fn prepare(context: &Context, program: &Path) -> Result<BTreeMap<&'static str, String>> {
    let directory = DataDir::new(context.data_dir.clone());
    let endpoints = Endpoints::require(&directory)?;
    let administrator = Administrator::read(context.administrator.as_deref().unwrap_or(&directory.administrator()))?;
    // One directory for each administrator, so that nobody acts as another one by an old login.
    let name = format!("az-{}", administrator.client_id);
    let config = std::path::absolute(directory.path().join(name))?;
    let mut variables = variables(&endpoints, &config);
    variables.insert("AZURE_TENANT_ID", administrator.tenant_id.to_string());
    let state = json!({
        "management": endpoints.management,
        "authority": endpoints.authority,
        "tenantId": administrator.tenant_id,
        "clientId": administrator.client_id,
    });
    let state = serde_json::to_vec_pretty(&state)?;
    let state_file = config.join("symbolon.json");
    if fs::read(&state_file).is_ok_and(|old| old == state) && is_logged_in(&config, &administrator) {
        return Ok(variables);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config)
        .with_context(|| format!("`{}` cannot be created", config.display()))?;
    for name in CACHED_CLOUDS {
        match fs::remove_file(config.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("`{}` cannot be removed", config.join(name).display()));
            }
            _ => {}
        }
    }
    log_in(program, &config, &administrator, &variables)?;
    // Last of all: a login that was cut off is done again.
    write_atomically(&state_file, &state, 0o600)
        .with_context(|| format!("`{}` cannot be written", state_file.display()))?;
    Ok(variables)
}

/// Whether az still knows the administrator: `az logout` makes it forget.
fn is_logged_in(config: &Path, administrator: &Administrator) -> bool {
    let profile = fs::read_to_string(config.join("azureProfile.json")).unwrap_or_default();
    profile.contains(&administrator.client_id.to_string()) && config.join("administrator.pem").exists()
}

/// az reads the certificate and its key from one file, again at each renewal of its token.
fn log_in(
    program: &Path,
    config: &Path,
    administrator: &Administrator,
    variables: &BTreeMap<&'static str, String>,
) -> Result<()> {
    let certificate = config.join("administrator.pem");
    write_atomically(&certificate, administrator.key_and_certificate().as_bytes(), 0o600)
        .with_context(|| format!("`{}` cannot be written", certificate.display()))?;
    let output = Command::new(program)
        .args(["login", "--service-principal", "--only-show-errors", "--output", "none"])
        .args(["--username", &administrator.client_id.to_string(), "--tenant", &administrator.tenant_id.to_string()])
        .arg("--certificate")
        .arg(&certificate)
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .with_context(|| {
            format!("`{}` cannot be run: install the Azure CLI, or name it with --program", program.display())
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("az could not log in as the administrator, is `symbolon up` running? it said: {}", said.trim())
}

/// What leads az to the installation: the cloud, trust, and a configuration directory of its own.
fn variables(endpoints: &Endpoints, config: &Path) -> BTreeMap<&'static str, String> {
    let mut variables = endpoints.variables();
    variables.insert("AZURE_CONFIG_DIR", config.to_string_lossy().into_owned());
    variables.insert(
        "ARM_CLOUD_METADATA_URL",
        format!("{}/metadata/endpoints?api-version={METADATA_VERSION}", endpoints.management),
    );
    // Otherwise az would first ask login.microsoftonline.com whether this authority may be trusted.
    variables.insert("AZURE_CORE_INSTANCE_DISCOVERY", "false".into());
    variables.insert("AZURE_CORE_COLLECT_TELEMETRY", "0".into());
    variables.extend(endpoints.no_proxy());
    variables
}
