//! What went wrong in a fetch, in words that say what to do.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use symbolon_core::causes::with_causes;
use symbolon_core::difference::printable;
use url::Url;

use super::Target;
use crate::Settings;
use crate::resolver::AddressError;

pub(super) enum Failure {
    Refused(String),
    TooLarge { limit: usize },
    Malformed(String),
    Unreachable(String),
}

/// Plain http to an issuer whose registration does not allow it.
pub(super) fn plain_http(target: &Target<'_>, url: &Url) -> Failure {
    Failure::Refused(format!(
        "`{}` is not https; if this is meant, register the issuer with `{}`",
        printable(url.as_str()),
        register(target, true)
    ))
}

/// A host that must not, or cannot, be connected to.
pub(super) fn address(error: &AddressError, target: &Target<'_>) -> Failure {
    match error {
        AddressError::Unresolved { host, source } => {
            Failure::Unreachable(format!("name `{}` cannot be resolved: {source}", printable(host)))
        }
        AddressError::Forbidden { host, ip, kind } => {
            let what = match host {
                Some(host) => format!("`{}` resolves to {ip}, {kind}", printable(host)),
                None => format!("{ip} is {kind}"),
            };
            if kind.can_be_allowed() {
                let command = register(target, true);
                return Failure::Refused(format!("{what}; if this is meant, register the issuer with `{command}`"));
            }
            Failure::Refused(format!("{what}, where no issuer is ever asked for its keys"))
        }
    }
}

/// An error of the HTTP client. Its causes are looked for by type: their texts are not stable.
pub(super) fn describe(error: &reqwest::Error, target: &Target<'_>, url: &Url, settings: &Settings) -> Failure {
    if let Some(refused) = find::<AddressError>(error) {
        return address(refused, target);
    }
    let at = authority(url);
    if let Some(error) = find::<rustls::Error>(error) {
        return Failure::Unreachable(tls(error, target, &at));
    }
    if error.is_timeout() && error.is_connect() {
        return Failure::Unreachable(format!("no connection to `{at}` within {:?}", settings.connect_timeout));
    }
    if error.is_timeout() {
        return Failure::Unreachable(format!("`{at}` did not answer completely within {:?}", settings.total_timeout));
    }
    if error.is_connect() {
        return Failure::Unreachable(format!("no connection to `{at}`: {}", root_cause(error)));
    }
    Failure::Unreachable(format!("`{at}` did not answer as a web server does: {}", root_cause(error)))
}

fn tls(error: &rustls::Error, target: &Target<'_>, at: &str) -> String {
    let rustls::Error::InvalidCertificate(error) = error else {
        return format!("TLS with `{at}` failed: {}", printable(&error.to_string()));
    };
    match error {
        // A CA that was made anew under its old name shows as a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature if target.ca_pem.is_some() => {
            format!("the certificate of `{at}` is not signed by the CA that is registered for this issuer")
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of `{at}` is signed by a CA that is not trusted here; register the issuer with its CA: \
             `{} --ca-file FILE`",
            register(target, target.allow_private)
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of `{at}` has expired")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of `{at}` is not valid for this name")
        }
        other => format!("the certificate of `{at}` is not accepted: {}", printable(&other.to_string())),
    }
}

/// The command that registers the issuer, with what its registration has already.
fn register(target: &Target<'_>, allow_private: bool) -> String {
    let mut command = format!("symbolon trusted-issuer register {}", printable(target.issuer));
    if target.ca_pem.is_some() {
        command.push_str(" --ca-file FILE");
    }
    if allow_private {
        command.push_str(" --allow-private");
    }
    command
}

/// Host and port.
fn authority(url: &Url) -> String {
    let host = printable(url.host_str().unwrap_or_default());
    url.port_or_known_default().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    printable(&cause.to_string())
}

/// The whole chain of causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    printable(&with_causes(error))
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an I/O error is the source of what it wraps: that itself would be missed.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
