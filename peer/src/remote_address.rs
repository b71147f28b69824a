//! The address at which a peer reaches us from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What to put into the `remote_addr` of our `init` to a peer that connected from `address`;
/// `None` for an address that no stranger can reach.
pub fn remote_address(address: SocketAddr) -> Option<Vec<u8>> {
    // [BOLT 1 init S8] One byte of type, then the address and the port as in BOLT 7.
    // [BOLT 1 init S9] Nothing private.
    let mut descriptor = match address.ip() {
        IpAddr::V4(ip) if is_public_v4(ip) => [&[IPV4][..], &ip.octets()].concat(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) if is_public_v4(ip) => [&[IPV4][..], &ip.octets()].concat(),
            None if is_public_v6(ip) => [&[IPV6][..], &ip.octets()].concat(),
            Some(_) | None => return None,
        },
        IpAddr::V4(_) => return None,
    };
    descriptor.extend(address.port().to_be_bytes());
    Some(descriptor)
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    let carrier_grade = first == 100 && (64..128).contains(&second);
    let reserved = first == 0 || first >= 240;
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || carrier_grade
        || reserved)
}

/// Global unicast, without the block for documentation.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    (0x2000..0x4000).contains(&first) && (first, second) != (0x2001, 0x0db8)
}

const IPV4: u8 = 1;
const IPV6: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(address: &str) -> Option<Vec<u8>> {
        remote_address(address.parse().unwrap())
    }

    #[test]
    fn public_addresses() {
        assert_eq!(descriptor("8.8.4.4:9735"), Some(vec![1, 8, 8, 4, 4, 0x26, 0x07]));
        assert_eq!(descriptor("[::ffff:8.8.4.4]:1"), Some(vec![1, 8, 8, 4, 4, 0, 1]));
        let v6 = descriptor("[2a00:1450::1]:9735").unwrap();
        assert_eq!(v6.len(), 1 + 16 + 2);
        assert_eq!(v6[..4], [2, 0x2a, 0, 0x14]);
    }

    #[test]
    fn private_addresses_are_not_told() {
        let private = [
            "127.0.0.1:1",
            "10.1.2.3:1",
            "192.168.0.1:1",
            "172.16.9.9:1",
            "169.254.0.1:1",
            "100.64.0.1:1",
            "0.0.0.0:1",
            "224.0.0.1:1",
            "255.255.255.255:1",
            "192.0.2.1:1",
            "[::1]:1",
            "[fe80::1]:1",
            "[fd00::1]:1",
            "[2001:db8::1]:1",
            "[::ffff:10.0.0.1]:1",
        ];
        for address in private {
            assert_eq!(descriptor(address), None, "{address}");
        }
    }
}
