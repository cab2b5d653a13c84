//! `symbolon token inspect`: what a token says, whether it is true, and what each claim is for.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use symbolon_core::{difference::printable, ports::Clock};
use symbolon_jose::{JwkSet, Unverified, VerificationKeys};

use super::read_token;
use crate::{
    context::Context,
    data_dir::DataDir,
    endpoints::Endpoints,
    output::{self, OutputFormat},
    system::SystemClock,
};

/// The most keys that are read of a key set.
const MAX_KEYS: usize = 100;

const EXAMPLES: &str = "\
Examples:
  symbolon token create --service-account default/sademo | symbolon token inspect -
  symbolon token inspect eyJhbGciOiJSUzI1NiIs…
  symbolon token inspect - --jwks-file keys.json < token.jwt

A token on the command line can be seen by other users of the machine: prefer standard input.";

/// Arguments of `symbolon token inspect`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    /// The token, or - for standard input
    #[arg(value_name = "TOKEN", default_value = "-")]
    token: String,
    /// Verify with these keys instead of those of the installation
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
}

/// What is known of the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(crate) enum Signature {
    /// It was made by a key of the issuer.
    #[serde(rename_all = "camelCase")]
    Valid {
        /// Where the keys came from.
        keys: String,
    },
    /// It was not.
    #[serde(rename_all = "camelCase")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// No keys were to be had.
    #[serde(rename_all = "camelCase")]
    NotChecked {
        /// Why.
        reason: String,
    },
}

pub(crate) async fn run(args: InspectArgs, context: &Context) -> Result<()> {
    let token = if args.token == "-" { read_token(&PathBuf::from("-"))? } else { args.token.trim().to_owned().into() };
    let (header, claims) = decode(&token)?;
    let signature = check(&token, &claims, args.jwks_file.as_ref(), context).await?;
    match context.output {
        OutputFormat::Json => {
            output::print_json(&json!({ "header": header, "claims": claims, "signature": signature }))?;
        }
        OutputFormat::Table => out!("{}", render(&header, &claims, &signature, SystemClock.now())),
    }
    match signature {
        Signature::Invalid { reason } => bail!("the token's signature is not valid: {reason}"),
        Signature::Valid { .. } | Signature::NotChecked { .. } => Ok(()),
    }
}

/// Decodes header and claims; works for unsigned tokens too, since people must see what they hold.
pub(crate) fn decode(token: &str) -> Result<(Value, Value)> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        bail!("this is not a JWT: expected three parts separated by dots, found {}", token.split('.').count());
    };
    let part = |name: &str, text: &str| -> Result<Value> {
        let bytes = symbolon_jose::base64url::decode(text).with_context(|| format!("the {name} is not base64url"))?;
        symbolon_jose::json::from_slice(&bytes).with_context(|| format!("the {name} is not JSON"))
    };
    Ok((part("header", header)?, part("payload", payload)?))
}

async fn check(token: &str, claims: &Value, jwks_file: Option<&PathBuf>, context: &Context) -> Result<Signature> {
    // Unsigned and otherwise impossible tokens are not valid whatever the keys are.
    if let Err(error) = Unverified::parse(token) {
        return Ok(Signature::Invalid { reason: error.to_string() });
    }
    let (document, origin) = match jwks_file {
        Some(path) => {
            let text = std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
            (text, path.display().to_string())
        }
        None => match published_keys(claims, context).await {
            Ok(found) => found,
            Err(reason) => return Ok(Signature::NotChecked { reason }),
        },
    };
    let set = JwkSet::parse(&document, MAX_KEYS).with_context(|| format!("`{origin}` is not a JWKS"))?;
    Ok(verify(token, &VerificationKeys::new(&set), origin))
}

/// The keys of the token's issuer, where it is a part of the installation.
async fn published_keys(claims: &Value, context: &Context) -> Result<(Vec<u8>, String), String> {
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or("the token names no issuer")?;
    let endpoints = Endpoints::read(&DataDir::new(context.data_dir.clone())).ok().flatten();
    let endpoints = endpoints.ok_or("there is no installation whose keys could be asked for; give --jwks-file")?;
    let url = if issuer == endpoints.issuer {
        format!("{issuer}/openid/v1/jwks")
    } else if issuer.starts_with(&format!("{}/", endpoints.authority)) {
        format!("{}/common/discovery/v2.0/keys", endpoints.authority)
    } else {
        return Err(format!("`{}` is no issuer of this installation; give --jwks-file", printable(issuer)));
    };
    let client = context.client().map_err(|error| format!("{error:#}"))?;
    let document = client.get_public(&url).await.map_err(|error| format!("{error:#}"))?;
    Ok((document, url))
}

pub(crate) fn verify(token: &str, keys: &VerificationKeys, origin: String) -> Signature {
    let invalid = |reason: String| Signature::Invalid { reason };
    let parsed = match Unverified::parse(token) {
        Ok(parsed) => parsed,
        Err(error) => return invalid(error.to_string()),
    };
    let Some(key_id) = parsed.header().kid().map(str::to_owned) else {
        return invalid("the header names no key (`kid`)".into());
    };
    let Some(key) = keys.get(&key_id) else {
        return invalid(format!("the issuer publishes no key `{}`", printable(&key_id)));
    };
    match parsed.verify(key) {
        Ok(_) => Signature::Valid { keys: origin },
        Err(error) => invalid(error.to_string()),
    }
}

/// The token for people: each claim with its value and what it is for.
pub(crate) fn render(header: &Value, claims: &Value, signature: &Signature, now: Timestamp) -> String {
    let mut text = String::new();
    section(&mut text, "header", header, now);
    section(&mut text, "claims", claims, now);
    let line = match signature {
        Signature::Valid { keys } => output::good(&format!("valid, by the keys of {keys}")),
        Signature::Invalid { reason } => output::bad(&format!("NOT VALID: {reason}")),
        Signature::NotChecked { reason } => output::warning(&format!("not checked: {reason}")),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}\n  {line}", output::heading("signature", ""));
    text
}

fn section(text: &mut String, title: &str, object: &Value, now: Timestamp) {
    let _ = writeln!(text, "{}", output::heading(title, ""));
    let empty = Map::new();
    let mut members: Vec<_> = object.as_object().unwrap_or(&empty).iter().collect();
    members.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let is_access_token = object.get("tid").is_some();
    for (name, value) in members {
        let shown = match (name.as_str(), value) {
            ("exp" | "iat" | "nbf", Value::Number(number)) => time(number, now),
            (_, Value::String(string)) => printable(string),
            (_, other) => printable(&other.to_string()),
        };
        let _ = writeln!(text, "  {:<14} {shown}  {}", printable(name), output::dim(meaning(name, is_access_token)));
    }
}

fn time(seconds: &serde_json::Number, now: Timestamp) -> String {
    let Some(time) = seconds.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return seconds.to_string();
    };
    let distance = time.as_second() - now.as_second();
    let human = human_seconds(distance.unsigned_abs());
    let relation = if distance >= 0 { format!("in {human}") } else { format!("{human} ago") };
    format!("{seconds} = {} ({relation})", time.strftime("%Y-%m-%d %H:%M:%S UTC"))
}

fn human_seconds(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The order in which people read a token: who, for whom, about whom, until when.
const ORDER: [&str; 25] = [
    "alg",
    "kid",
    "x5t",
    "typ",
    "iss",
    "aud",
    "sub",
    "kubernetes.io",
    "appid",
    "azp",
    "oid",
    "xms_mirid",
    "tid",
    "exp",
    "nbf",
    "iat",
    "appidacr",
    "azpacr",
    "roles",
    "idp",
    "idtyp",
    "ver",
    "uti",
    "jti",
    "aio",
];

/// What a claim or header member is for.
fn meaning(name: &str, is_access_token: bool) -> &'static str {
    match name {
        "iss" if is_access_token => "who issued it",
        "sub" if is_access_token => "who it speaks for, the same as oid",
        "alg" => "the signature algorithm",
        "kid" => "the id of the key that signed it",
        "typ" => "the kind of token",
        "x5t" => "SHA-1 thumbprint of the signing certificate",
        "iss" => "who issued it; a federated credential must name exactly this",
        "aud" => "who it is for; anybody else must refuse it",
        "sub" => "who it speaks for; a federated credential must name exactly this",
        "exp" => "not valid from this moment on",
        "nbf" => "not valid before this moment",
        "iat" => "when it was issued",
        "jti" | "uti" => "the id of this one token",
        "kubernetes.io" => "namespace, pod, node and service account that it is bound to",
        "tid" => "the tenant",
        "oid" => "the object id of the identity; roles are assigned to it",
        "appid" | "azp" => "the client id of the identity",
        "appidacr" | "azpacr" => "how the client proved itself: 1 secret, 2 assertion",
        "idp" => "who authenticated the identity",
        "idtyp" => "app: no user is involved",
        "ver" => "the version of the token's form",
        "xms_mirid" => "the managed identity in Azure Resource Manager",
        "aio" | "rh" => "opaque, for the authority alone",
        "roles" => "application roles granted to the identity",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_human_terms() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let show = |seconds: i64| time(&serde_json::Number::from(seconds), now);
        assert_eq!(show(1_700_003_600), "1700003600 = 2023-11-14 23:13:20 UTC (in 60 min)");
        assert_eq!(show(1_699_999_990), "1699999990 = 2023-11-14 22:13:10 UTC (10 s ago)");
        assert_eq!(show(1_700_090_000), "1700090000 = 2023-11-15 23:13:20 UTC (in 25 h 0 min)");
    }

    #[test]
    fn what_is_not_a_token_is_refused_with_a_reason() {
        let message = |token: &str| format!("{:#}", decode(token).unwrap_err());
        assert!(message("abc").contains("expected three parts"), "{}", message("abc"));
        assert!(message("a.b.c").contains("the header is not"), "{}", message("a.b.c"));
    }

    #[test]
    fn an_unsigned_token_is_shown_and_called_not_valid() {
        let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJpIn0.";
        let (header, claims) = decode(token).unwrap();
        assert_eq!(header["alg"], "none");
        assert_eq!(claims["iss"], "i");
        let keys = VerificationKeys::new(&JwkSet::default());
        assert!(matches!(verify(token, &keys, "here".into()), Signature::Invalid { .. }));
    }
}
