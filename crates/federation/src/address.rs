//! Which addresses may be connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for (the IANA special-purpose registries, RFC 6890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Reachable from everywhere.
    Public,
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193), also the shared space of carriers (RFC 6598).
    Private,
    /// The local link (RFC 3927, RFC 4291).
    LinkLocal,
    /// Documentation and benchmarks; used as private addresses in laboratories.
    Laboratory,
    /// A cloud's metadata service or host agent, which gives credentials to whoever asks.
    Metadata,
    /// No address: `0.0.0.0/8` and `::`, which many systems take for this machine.
    Unspecified,
    /// A group.
    Multicast,
    /// Everything else that no issuer can have.
    Reserved,
}

impl AddressKind {
    /// The kind of `ip`. An IPv6 address that stands for an IPv4 address is of the kind of that one:
    /// the network would lead it there.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => of_v4(ip),
            IpAddr::V6(ip) => of_v6(ip),
        }
    }

    /// Whether it may be connected to; `allow_private` is the administrator's word for this issuer.
    #[must_use]
    pub(crate) const fn allowed(self, allow_private: bool) -> bool {
        match self {
            Self::Public => true,
            Self::Loopback | Self::Private | Self::LinkLocal | Self::Laboratory => allow_private,
            Self::Metadata | Self::Unspecified | Self::Multicast | Self::Reserved => false,
        }
    }

    /// Whether an administrator can allow it.
    #[must_use]
    pub(crate) const fn can_be_allowed(self) -> bool {
        self.allowed(true)
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Laboratory => "an address for documentation or benchmarks",
            Self::Metadata => "the address of a cloud's metadata service",
            Self::Unspecified => "not the address of a machine",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// AWS, Azure, Google and others; Alibaba; Azure's host agent, which lies in public space.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

/// The first 32 bits of AWS's and of Google's.
const METADATA_V6: [[u16; 2]; 2] = [[0xfd00, 0x0ec2], [0xfd20, 0x00ce]];

fn of_v4(ip: Ipv4Addr) -> AddressKind {
    // The second kind hands out credentials of containers and pods.
    if METADATA_V4.contains(&ip) || ip.octets()[..3] == [169, 254, 170] {
        return AddressKind::Metadata;
    }
    match ip.octets() {
        [0, ..] => AddressKind::Unspecified,
        [127, ..] => AddressKind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => AddressKind::Private,
        [169, 254, ..] => AddressKind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] => AddressKind::Laboratory,
        [224..=239, ..] => AddressKind::Multicast,
        // Protocol assignments, the 6to4 relay, the former class E with the broadcast address.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => AddressKind::Reserved,
        _ => AddressKind::Public,
    }
}

fn of_v6(ip: Ipv6Addr) -> AddressKind {
    if METADATA_V6.contains(&[ip.segments()[0], ip.segments()[1]]) {
        return AddressKind::Metadata;
    }
    if let Some(embedded) = embedded(ip) {
        return of_v4(embedded);
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        // Unique local, the former site-local, NAT64 of local use (RFC 8215).
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x0064, 0xff9b, 1, ..] => AddressKind::Private,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] | [0x2001, 2, 0, ..] => AddressKind::Laboratory,
        // Protocol assignments, with Teredo among them: a tunnel to an IPv4 address of its own choice.
        [0x2001, 0..=0x01ff, ..] => AddressKind::Reserved,
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Reserved,
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped and compatible (RFC 4291 section
/// 2.5.5), translated (RFC 2765), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        // `::` and `::1` have the form of compatible addresses, but are what they are.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(ip: &str) -> AddressKind {
        AddressKind::of(ip.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_open_internet_are_public() {
        for ip in ["1.1.1.1", "20.190.128.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"] {
            assert_eq!(kind(ip), AddressKind::Public, "{ip}");
        }
        for ip in ["2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "64:ff9b::101:101", "::ffff:1.1.1.1"] {
            assert_eq!(kind(ip), AddressKind::Public, "{ip}");
        }
    }

    #[test]
    fn every_special_address_has_its_kind() {
        use AddressKind::{Laboratory, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Unspecified};
        let kinds: [(AddressKind, &[&str]); 8] = [
            (Loopback, &["127.0.0.1", "127.255.255.255", "::1"]),
            (Private, &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255"]),
            (Private, &["fc00::1", "fdff::1", "fec0::1", "64:ff9b:1::1.1.1.1"]),
            (LinkLocal, &["169.254.0.1", "169.254.169.253", "fe80::1", "febf::1"]),
            (Laboratory, &["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "2001:db8::1"]),
            (Metadata, &["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]),
            (Unspecified, &["0.0.0.0", "0.255.255.255", "::"]),
            (Multicast, &["224.0.0.1", "239.255.255.255", "ff02::1"]),
        ];
        for (expected, ips) in kinds {
            for ip in ips {
                assert_eq!(kind(ip), expected, "{ip}");
            }
        }
        for ip in ["192.0.0.1", "192.88.99.1", "240.0.0.1", "255.255.255.255", "2001::1", "100::1", "4000::1", "1::1"] {
            assert_eq!(kind(ip), Reserved, "{ip}");
        }
    }

    #[test]
    fn only_public_addresses_are_allowed_without_the_word_of_an_administrator() {
        for ip in ["127.0.0.1", "10.0.0.1", "169.254.1.1", "192.0.2.1", "fd00::1", "fe80::1", "::1"] {
            assert!(!kind(ip).allowed(false), "{ip}");
            assert!(kind(ip).allowed(true), "{ip}");
        }
    }

    #[test]
    fn metadata_services_are_never_allowed() {
        for ip in ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "168.63.129.16", "0.0.0.0"] {
            assert!(!kind(ip).allowed(true), "{ip}");
        }
    }

    proptest! {
        #[test]
        fn an_embedded_address_is_of_the_kind_of_the_one_within(bits: u32, tail: [u16; 5]) {
            let v4 = Ipv4Addr::from_bits(bits);
            let ([a, b], [c, d]) = ([v4.octets()[0], v4.octets()[1]], [v4.octets()[2], v4.octets()[3]]);
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let [e, f, g, h, i] = tail;
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, e, f, g, h, i),
            ] {
                prop_assert_eq!(AddressKind::of(v6.into()), AddressKind::of(v4.into()), "{}", v6);
            }
        }
    }
}
