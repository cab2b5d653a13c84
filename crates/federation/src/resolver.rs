//! Names to addresses, with the address policy in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::AddressKind;

/// How many addresses of one name are tried: a hostile name server must not choose how many
/// connections are made.
const MAX_ADDRESSES: usize = 8;

/// How many names the system may be resolving at once. A look-up that nobody waits for any more
/// still holds a thread until the system gives up.
const MAX_LOOK_UPS: usize = 64;

/// Finds the addresses of a name. What it finds is checked by the caller.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of `host`.
    ///
    /// # Errors
    /// An I/O error when the name has none or nobody can be asked.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone, Debug)]
pub struct SystemResolver(Arc<Semaphore>);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LOOK_UPS)))
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        // A task of its own, so that the permit is kept until the thread is really free.
        tokio::spawn(async move {
            let found = tokio::net::lookup_host((host, 0)).await.map(|found| found.map(|at| at.ip()).collect());
            drop(permit);
            found
        })
        .await
        .map_err(io::Error::other)?
    }
}

/// Why a host cannot be connected to.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    #[error("name `{host}` cannot be resolved")]
    Unresolved { host: String, source: io::Error },
    /// `host` is none where the URL has the address itself.
    #[error("{ip} is {kind}")]
    Forbidden { host: Option<String>, ip: IpAddr, kind: AddressKind },
}

/// Passes an address that stands in a URL. HTTP clients never ask a resolver about these.
pub(crate) fn check_literal(ip: IpAddr, allow_private: bool) -> Result<(), AddressError> {
    let kind = AddressKind::of(ip);
    if kind.allowed(allow_private) { Ok(()) } else { Err(AddressError::Forbidden { host: None, ip, kind }) }
}

/// The only resolver that the HTTP clients know: what it hands over is what is connected to, so a
/// name cannot resolve to one address for the check and to another for the connection.
pub(crate) struct GuardedResolver {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) allow_private: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, allow_private) = (Arc::clone(&self.resolver), self.allow_private);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = resolver.resolve(&host).await;
            let found = found.map_err(|source| AddressError::Unresolved { host: host.clone(), source })?;
            let allowed = allowed(host, found, allow_private)?;
            Ok(Box::new(allowed.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

fn allowed(host: String, found: Vec<IpAddr>, allow_private: bool) -> Result<Vec<IpAddr>, AddressError> {
    let Some(&ip) = found.first() else {
        let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(AddressError::Unresolved { host, source });
    };
    let allowed = |ip: &IpAddr| AddressKind::of(*ip).allowed(allow_private);
    let good: Vec<IpAddr> = found.into_iter().filter(allowed).take(MAX_ADDRESSES).collect();
    if good.is_empty() {
        return Err(AddressError::Forbidden { host: Some(host), ip, kind: AddressKind::of(ip) });
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn of_public_and_private_addresses_only_the_public_ones_are_handed_over() {
        let found = ips(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"]);
        let good = allowed("issuer.example".into(), found, false).unwrap();
        assert_eq!(good, ips(&["1.1.1.1", "2606:4700::1111"]));
    }

    #[test]
    fn a_metadata_address_is_dropped_even_where_private_ones_are_allowed() {
        let good = allowed("issuer.example".into(), ips(&["169.254.169.254", "10.0.0.1"]), true).unwrap();
        assert_eq!(good, ips(&["10.0.0.1"]));
    }

    #[test]
    fn a_name_with_nothing_but_forbidden_addresses_is_refused() {
        let refused = allowed("issuer.example".into(), ips(&["::ffff:10.0.0.1"]), false).unwrap_err();
        assert_eq!(refused.to_string(), "::ffff:10.0.0.1 is a private address");
    }

    #[test]
    fn a_name_without_addresses_is_not_resolved() {
        let refused = allowed("issuer.example".into(), vec![], true).unwrap_err();
        assert!(matches!(refused, AddressError::Unresolved { .. }));
    }

    #[test]
    fn a_name_with_many_addresses_is_tried_at_few() {
        let found = (0..200).map(|n| IpAddr::from([1, 1, 1, n])).collect();
        assert_eq!(allowed("issuer.example".into(), found, false).unwrap().len(), MAX_ADDRESSES);
    }
}
