//! Ports: blocks of host ports for `containerPortRange`, and the bindings that reports tell (T-10).

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use agent_protocol::Task;
use agent_protocol::state_change::NetworkBinding;
use agent_protocol::task::{Container, NetworkMode, PortMapping, TransportProtocol};
use kit::Random;
use runtime::container::PublishedPort;

const ANY_ADDRESS: &str = "0.0.0.0";

/// `first-last` of a `containerPortRange`.
pub fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first > 0 && first <= last).then_some(first..=last)
}

/// The first port of a consecutive block of `length` ports within `range` that nothing on this host uses right now.
/// Somebody else may still take one before the container starts; the caller then asks again.
pub fn free_block(
    range: &RangeInclusive<u16>,
    length: u16,
    protocol: &TransportProtocol,
    random: &Random,
) -> Option<u16> {
    let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
    let length = u32::from(length).max(1);
    let places = (last + 1)
        .checked_sub(first + length - 1)
        .filter(|places| *places > 0)?;
    let begin = random.below(places as usize) as u32;
    let mut tried = 0;
    while tried < places {
        let start = first + (begin + tried) % places;
        match (start..start + length)
            .rev()
            .find(|port| !is_free(*port as u16, protocol))
        {
            None => return Some(start as u16),
            // Any block that contains the taken port is no use either.
            Some(taken) => tried += taken - start + 1,
        }
    }
    None
}

fn is_free(port: u16, protocol: &TransportProtocol) -> bool {
    let address = (Ipv4Addr::UNSPECIFIED, port);
    match protocol {
        TransportProtocol::Udp => UdpSocket::bind(address).is_ok(),
        TransportProtocol::Tcp | TransportProtocol::Other(_) => TcpListener::bind(address).is_ok(),
    }
}

/// The protocol of a mapping, `tcp` if it does not say.
pub fn protocol(mapping: &PortMapping) -> TransportProtocol {
    mapping.protocol.clone().unwrap_or(TransportProtocol::Tcp)
}

/// What to report of a container's published ports. In host mode the container's ports are the host's.
pub fn bindings(task: &Task, container: &Container, published: &[PublishedPort]) -> Vec<NetworkBinding> {
    match task.network_mode {
        Some(NetworkMode::Host) => container.port_mappings.iter().filter_map(host_binding).collect(),
        Some(NetworkMode::None | NetworkMode::Awsvpc) => Vec::new(),
        Some(NetworkMode::Bridge | NetworkMode::Other(_)) | None => container
            .port_mappings
            .iter()
            .filter_map(|mapping| bridge_binding(mapping, published))
            .collect(),
    }
}

fn host_binding(mapping: &PortMapping) -> Option<NetworkBinding> {
    let port = mapping.container_port;
    let range = mapping.container_port_range.clone();
    (port.is_some() || range.is_some()).then(|| NetworkBinding {
        bind_ip: Some(ANY_ADDRESS.to_owned()),
        container_port: port,
        host_port: mapping.host_port.filter(|port| *port != 0).or(port),
        protocol: Some(protocol(mapping)),
        container_port_range: range.clone(),
        host_port_range: range,
    })
}

fn bridge_binding(mapping: &PortMapping, published: &[PublishedPort]) -> Option<NetworkBinding> {
    let protocol = protocol(mapping);
    let fixed = mapping.host_port.filter(|port| *port != 0);
    let host_of = |container_port: u16| {
        let fits = |p: &&PublishedPort| {
            p.container_port == container_port
                && p.protocol == protocol.as_str()
                && !p.host_ip.contains(':')
                && fixed.is_none_or(|port| port == p.host_port)
        };
        published.iter().find(fits)
    };
    let empty = NetworkBinding {
        protocol: Some(protocol.clone()),
        ..NetworkBinding::default()
    };
    if let Some(range) = mapping.container_port_range.as_deref().and_then(parse_range) {
        let (first, last) = (host_of(*range.start())?, host_of(*range.end())?);
        return Some(NetworkBinding {
            bind_ip: Some(first.host_ip.clone()),
            container_port_range: mapping.container_port_range.clone(),
            host_port_range: Some(format!("{}-{}", first.host_port, last.host_port)),
            ..empty
        });
    }
    let found = host_of(mapping.container_port?)?;
    Some(NetworkBinding {
        bind_ip: Some(found.host_ip.clone()),
        container_port: Some(found.container_port),
        host_port: Some(found.host_port),
        ..empty
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(container_port: u16, host_ip: &str, host_port: u16) -> PublishedPort {
        PublishedPort {
            container_port,
            protocol: "tcp".into(),
            host_ip: host_ip.into(),
            host_port,
        }
    }

    #[test]
    fn t10_bindings_tell_the_chosen_port_and_leave_ipv6_out() {
        let mapping = PortMapping {
            container_port: Some(80),
            ..PortMapping::default()
        };
        let range = PortMapping {
            container_port_range: Some("90-91".into()),
            ..PortMapping::default()
        };
        let container = Container {
            port_mappings: vec![mapping, range],
            ..Container::default()
        };
        let ports = [
            published(80, "::", 1),
            published(80, "0.0.0.0", 32768),
            published(90, "0.0.0.0", 4000),
            published(91, "0.0.0.0", 4001),
        ];
        let found = bindings(&Task::default(), &container, &ports);
        assert_eq!(
            (found[0].container_port, found[0].host_port),
            (Some(80), Some(32768))
        );
        assert_eq!(found[1].host_port_range.as_deref(), Some("4000-4001"));
        assert_eq!(found.len(), 2);
        let host = Task {
            network_mode: Some(NetworkMode::Host),
            ..Task::default()
        };
        assert_eq!(bindings(&host, &container, &[])[0].host_port, Some(80));
        let none = Task {
            network_mode: Some(NetworkMode::None),
            ..Task::default()
        };
        assert!(bindings(&none, &container, &ports).is_empty());
    }

    #[test]
    fn a_block_of_ports_avoids_those_in_use() {
        let random = Random::seeded(1);
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let (low, high) = (port.saturating_sub(2), port.saturating_add(2));
        assert_eq!(
            free_block(&(port..=port), 1, &TransportProtocol::Tcp, &random),
            None
        );
        assert_eq!(
            free_block(&(low..=high), 4, &TransportProtocol::Tcp, &random),
            None,
            "each block holds {port}"
        );
        assert_eq!(
            free_block(&(5..=6), 3, &TransportProtocol::Tcp, &random),
            None,
            "too short"
        );
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("80-82"), Some(80..=82));
        assert_eq!(parse_range("82-80"), None);
        assert_eq!(parse_range("x-80"), None);
    }
}
