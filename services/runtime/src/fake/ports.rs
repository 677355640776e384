//! Host ports of a simulated host.

use crate::container::PublishedPort;
use crate::error::{Result, RuntimeError};
use crate::model::{HostConfig, PortBinding};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Which host ports are taken, and which come next.
#[derive(Debug)]
pub(super) struct Ports {
    taken: BTreeSet<(String, u16)>,
    dynamic: RangeInclusive<u16>,
    next: u16,
}

impl Ports {
    pub(super) fn new(dynamic: RangeInclusive<u16>) -> Self {
        Self {
            taken: BTreeSet::new(),
            next: *dynamic.start(),
            dynamic,
        }
    }

    /// Takes ports for all bindings of a container, or none at all.
    pub(super) fn publish(&mut self, host_config: &HostConfig) -> Result<Vec<PublishedPort>> {
        let mut published = Vec::new();
        let bindings = host_config.port_bindings.iter().flatten();
        for (inside, binding) in
            bindings.flat_map(|(inside, list)| list.iter().flatten().map(move |one| (inside, one)))
        {
            match self.bind(inside, binding) {
                Ok(port) => published.push(port),
                Err(error) => {
                    self.release(&published);
                    return Err(error);
                }
            }
        }
        published.sort();
        Ok(published)
    }

    pub(super) fn release(&mut self, published: &[PublishedPort]) {
        for port in published {
            self.taken.remove(&(port.protocol.clone(), port.host_port));
        }
    }

    fn bind(&mut self, inside: &str, binding: &PortBinding) -> Result<PublishedPort> {
        let (port, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        let wanted = binding.host_port.as_deref().unwrap_or_default();
        let invalid = |what: &str| refused(400, format!("invalid port {what}"));
        let number = |text: &str| text.parse::<u16>().map_err(|_| invalid(text));
        let host_port = match wanted.split_once('-') {
            Some((first, last)) => self.first_free(protocol, number(first)?..=number(last)?),
            None if wanted.is_empty() || wanted == "0" => self.next_dynamic(protocol),
            None => {
                let port = number(wanted)?;
                self.first_free(protocol, port..=port)
            }
        };
        let host_port = host_port.ok_or_else(|| {
            let place = if wanted.is_empty() {
                "every dynamic port"
            } else {
                wanted
            };
            refused(
                500,
                format!("Bind for 0.0.0.0:{place} failed: port is already allocated"),
            )
        })?;
        self.taken.insert((protocol.to_owned(), host_port));
        Ok(PublishedPort {
            container_port: number(port)?,
            protocol: protocol.to_owned(),
            host_ip: binding
                .host_ip
                .clone()
                .filter(|ip| !ip.is_empty())
                .unwrap_or_else(|| "0.0.0.0".to_owned()),
            host_port,
        })
    }

    fn is_free(&self, protocol: &str, port: u16) -> bool {
        !self.taken.contains(&(protocol.to_owned(), port))
    }

    fn first_free(&self, protocol: &str, mut range: RangeInclusive<u16>) -> Option<u16> {
        range.find(|port| self.is_free(protocol, *port))
    }

    /// Goes round the range, so that a port that was just given back is not handed out at once.
    fn next_dynamic(&mut self, protocol: &str) -> Option<u16> {
        let (first, last) = (*self.dynamic.start(), *self.dynamic.end());
        let port = (self.next..=last)
            .chain(first..self.next)
            .find(|port| self.is_free(protocol, *port))?;
        self.next = if port == last { first } else { port + 1 };
        Some(port)
    }
}

fn refused(status: u16, message: String) -> RuntimeError {
    RuntimeError::Engine {
        status,
        message: format!("driver failed programming external connectivity: {message}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn config(ports: &[(&str, &str)]) -> HostConfig {
        let binding = |port: &str| PortBinding {
            host_ip: None,
            host_port: Some(port.to_owned()),
        };
        let bindings: HashMap<_, _> = ports
            .iter()
            .map(|(inside, outside)| ((*inside).to_owned(), Some(vec![binding(outside)])))
            .collect();
        HostConfig {
            port_bindings: Some(bindings),
            ..HostConfig::default()
        }
    }

    #[test]
    fn dynamic_ports_never_collide_and_are_used_up_in_turn() {
        let mut ports = Ports::new(100..=102);
        let take = |ports: &mut Ports| {
            ports
                .publish(&config(&[("80/tcp", "")]))
                .map(|list| list[0].host_port)
        };
        let first = ports.publish(&config(&[("80/tcp", "0")])).unwrap();
        assert_eq!(first[0].host_port, 100);
        ports.release(&first);
        assert_eq!(
            (
                take(&mut ports).unwrap(),
                take(&mut ports).unwrap(),
                take(&mut ports).unwrap()
            ),
            (101, 102, 100)
        );
        assert!(take(&mut ports).is_err());
        assert_eq!(
            ports.publish(&config(&[("53/udp", "")])).unwrap()[0].host_port,
            101
        );
    }

    #[test]
    fn a_fixed_port_is_refused_while_taken_and_leaves_nothing_behind() {
        let mut ports = Ports::new(100..=200);
        let first = ports.publish(&config(&[("80/tcp", "8080")])).unwrap();
        assert!(
            ports
                .publish(&config(&[("80/tcp", "8080"), ("81/tcp", "8081")]))
                .is_err()
        );
        assert_eq!(
            ports.publish(&config(&[("81/tcp", "8080-8082")])).unwrap()[0].host_port,
            8081
        );
        ports.release(&first);
        assert_eq!(
            ports.publish(&config(&[("80/tcp", "8080")])).unwrap()[0].host_port,
            8080
        );
    }
}
