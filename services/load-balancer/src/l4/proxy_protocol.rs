//! PROXY protocol, version 2: tells a target who its client is.

use std::net::{IpAddr, SocketAddr};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const VERSION_AND_COMMAND: u8 = 0x21;

/// What the connection to the listener was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Stream,
    Datagram,
}

/// The header of a connection from `client` to the listener at `local`, or of one of its datagrams.
pub fn header(client: SocketAddr, local: SocketAddr, transport: Transport) -> Vec<u8> {
    let transport = match transport {
        Transport::Stream => 1,
        Transport::Datagram => 2,
    };
    let mut header = SIGNATURE.to_vec();
    header.push(VERSION_AND_COMMAND);
    match (client.ip().to_canonical(), local.ip().to_canonical()) {
        (IpAddr::V4(client_ip), IpAddr::V4(local_ip)) => {
            header.push(0x10 | transport);
            header.extend_from_slice(&12_u16.to_be_bytes());
            header.extend_from_slice(&client_ip.octets());
            header.extend_from_slice(&local_ip.octets());
        }
        (client_ip, local_ip) => {
            header.push(0x20 | transport);
            header.extend_from_slice(&36_u16.to_be_bytes());
            header.extend_from_slice(&as_v6(client_ip));
            header.extend_from_slice(&as_v6(local_ip));
        }
    }
    header.extend_from_slice(&client.port().to_be_bytes());
    header.extend_from_slice(&local.port().to_be_bytes());
    header
}

fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a header as HAProxy's specification says.
    fn read(header: &[u8]) -> (SocketAddr, SocketAddr, u8) {
        assert_eq!(header[..12], SIGNATURE);
        assert_eq!(header[12], 0x21);
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        let body = &header[16..];
        assert_eq!(body.len(), length);
        let size = if header[13] >> 4 == 1 { 4 } else { 16 };
        let ip = |at: usize| match size {
            4 => IpAddr::from(<[u8; 4]>::try_from(&body[at..at + 4]).unwrap()),
            _ => IpAddr::from(<[u8; 16]>::try_from(&body[at..at + 16]).unwrap()),
        };
        let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        let client = SocketAddr::new(ip(0), port(2 * size));
        let local = SocketAddr::new(ip(size), port(2 * size + 2));
        (client, local, header[13] & 0xf)
    }

    #[test]
    fn a_header_of_ipv4_is_28_bytes_as_specified() {
        let header = header(
            "1.2.3.4:5".parse().unwrap(),
            "6.7.8.9:443".parse().unwrap(),
            Transport::Stream,
        );
        assert_eq!(
            header[12..],
            [0x21, 0x11, 0, 12, 1, 2, 3, 4, 6, 7, 8, 9, 0, 5, 1, 187]
        );
    }

    proptest! {
        #[test]
        fn any_two_addresses_can_be_read_back(
            client in any::<SocketAddr>(),
            local in any::<SocketAddr>(),
            datagram in any::<bool>(),
        ) {
            let transport = if datagram { Transport::Datagram } else { Transport::Stream };
            let (read_client, read_local, read_transport) = read(&header(client, local, transport));
            prop_assert_eq!(read_client.ip().to_canonical(), client.ip().to_canonical());
            prop_assert_eq!(read_local.ip().to_canonical(), local.ip().to_canonical());
            prop_assert_eq!((read_client.port(), read_local.port()), (client.port(), local.port()));
            prop_assert_eq!(read_transport, if datagram { 2 } else { 1 });
        }
    }
}
