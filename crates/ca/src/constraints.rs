use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::{CaError, SubjectName};

/// The names that a CA may sign for (RFC 5280, section 4.2.1.10).
///
/// A host name permits itself and everything below it. Host names and addresses are always both
/// limited: a kind of name that a CA does not mention would not be limited at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstrainedNames {
    dns: Vec<String>,
    ip: Vec<Subnet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subnet {
    V4 { address: u32, mask: u32 },
    V6 { address: u128, mask: u128 },
}

impl ConstrainedNames {
    /// The names that never leave this machine or its cluster: `localhost`, `svc`,
    /// `svc.cluster.local`, all names below those, `127.0.0.0/8` and `::1`.
    #[must_use]
    pub fn local() -> Self {
        Self {
            dns: ["localhost", "svc", "svc.cluster.local"].map(str::to_owned).into(),
            ip: vec![
                Subnet::V4 { address: Ipv4Addr::new(127, 0, 0, 0).to_bits(), mask: 0xff00_0000 },
                Subnet::host(Ipv6Addr::LOCALHOST.into()),
            ],
        }
    }

    /// Permits one more name: an address, or a host name and everything below it.
    /// `*.example.test` permits the same as `example.test`.
    pub fn permit(&mut self, name: &SubjectName) {
        if self.permits(name) {
            return;
        }
        match name {
            SubjectName::Dns(name) => self.dns.push(base(name).to_owned()),
            SubjectName::Ip(address) => self.ip.push(Subnet::host(*address)),
        }
    }

    /// Whether a certificate for this name would be accepted.
    #[must_use]
    pub fn permits(&self, name: &SubjectName) -> bool {
        match name {
            SubjectName::Dns(name) => {
                let name = base(name);
                self.dns.iter().any(|permitted| {
                    name.strip_suffix(permitted.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                })
            }
            SubjectName::Ip(address) => self.ip.iter().any(|subnet| subnet.contains(*address)),
        }
    }

    pub(crate) fn to_extension(&self) -> NameConstraints {
        let dns = self.dns.iter().cloned().map(GeneralSubtree::DnsName);
        let ip = self.ip.iter().map(|subnet| GeneralSubtree::IpAddress(subnet.to_cidr()));
        NameConstraints { permitted_subtrees: dns.chain(ip).collect(), excluded_subtrees: Vec::new() }
    }

    /// Reads the permitted names back from a CA certificate.
    ///
    /// A CA that excludes names or permits other kinds of names was not made here. It is refused,
    /// because [`Self::permits`] would not tell the truth about it.
    pub(crate) fn from_certificate(certificate: &X509Certificate<'_>) -> Result<Self, CaError> {
        let extension = certificate.name_constraints().map_err(|_| CaError::Certificate)?;
        let constraints = extension.ok_or(CaError::Unconstrained)?.value;
        if constraints.excluded_subtrees.is_some() {
            return Err(CaError::Certificate);
        }
        let mut names = Self { dns: Vec::new(), ip: Vec::new() };
        for subtree in constraints.permitted_subtrees.iter().flatten() {
            match &subtree.base {
                GeneralName::DNSName(name) if !name.is_empty() => names.dns.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(bytes) => {
                    names.ip.push(Subnet::from_bytes(bytes).ok_or(CaError::Certificate)?);
                }
                _ => return Err(CaError::Certificate),
            }
        }
        if names.dns.is_empty() || names.ip.is_empty() {
            return Err(CaError::Unconstrained);
        }
        Ok(names)
    }
}

impl Default for ConstrainedNames {
    fn default() -> Self {
        Self::local()
    }
}

fn base(name: &str) -> &str {
    name.strip_prefix("*.").unwrap_or(name)
}

impl Subnet {
    fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4 { address: address.to_bits(), mask: u32::MAX },
            IpAddr::V6(address) => Self::V6 { address: address.to_bits(), mask: u128::MAX },
        }
    }

    fn contains(self, candidate: IpAddr) -> bool {
        match (self, candidate) {
            (Self::V4 { address, mask }, IpAddr::V4(candidate)) => candidate.to_bits() & mask == address,
            (Self::V6 { address, mask }, IpAddr::V6(candidate)) => candidate.to_bits() & mask == address,
            _ => false,
        }
    }

    fn to_cidr(self) -> CidrSubnet {
        match self {
            Self::V4 { address, mask } => CidrSubnet::V4(address.to_be_bytes(), mask.to_be_bytes()),
            Self::V6 { address, mask } => CidrSubnet::V6(address.to_be_bytes(), mask.to_be_bytes()),
        }
    }

    /// An address followed by a mask of the same length.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let Ok([a, b, c, d, masks @ ..]) = <[u8; 8]>::try_from(bytes) {
            let mask = u32::from_be_bytes(masks);
            return Some(Self::V4 { address: u32::from_be_bytes([a, b, c, d]) & mask, mask });
        }
        let (address, mask) = bytes.split_at_checked(16)?;
        let mask = u128::from_be_bytes(mask.try_into().ok()?);
        Some(Self::V6 { address: u128::from_be_bytes(address.try_into().ok()?) & mask, mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SubjectName {
        text.parse().unwrap()
    }

    #[test]
    fn local_names_and_what_lies_below_them_are_permitted() {
        let names = ConstrainedNames::local();
        for text in [
            "localhost",
            "vault.localhost",
            "*.vault.localhost",
            "webhook.kube-system.svc",
            "webhook.kube-system.svc.cluster.local",
            "127.0.0.1",
            "127.255.255.254",
            "::1",
        ] {
            assert!(names.permits(&name(text)), "{text}");
        }
    }

    #[test]
    fn other_names_are_not_permitted() {
        let names = ConstrainedNames::local();
        for text in [
            "login.microsoftonline.com",
            "notlocalhost",
            "localhost.example.com",
            "svc.example.com",
            "cluster.local",
            "*.com",
            "128.0.0.1",
            "10.0.0.1",
            "::2",
            "::ffff:127.0.0.1",
            "0.0.0.0",
        ] {
            assert!(!names.permits(&name(text)), "{text}");
        }
    }

    #[test]
    fn an_added_name_permits_itself_and_names_below_it() {
        let mut names = ConstrainedNames::local();
        names.permit(&name("*.corp.example"));
        names.permit(&name("10.1.2.3"));
        assert!(names.permits(&name("corp.example")));
        assert!(names.permits(&name("symbolon.corp.example")));
        assert!(!names.permits(&name("example")));
        assert!(!names.permits(&name("othercorp.example")));
        assert!(names.permits(&name("10.1.2.3")));
        assert!(!names.permits(&name("10.1.2.4")));
    }

    #[test]
    fn adding_a_name_that_is_permitted_changes_nothing() {
        let mut names = ConstrainedNames::local();
        names.permit(&name("vault.localhost"));
        names.permit(&name("127.0.0.1"));
        assert_eq!(names, ConstrainedNames::local());
    }
}
