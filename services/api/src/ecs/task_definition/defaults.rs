//! What a definition gets that was not given: exactly the members of TD-10 and TD-11, because tools compare what they sent with what
//! they read.

use aws_model::ecs::types::{
    ContainerDefinition, NetworkMode, PortMapping, TaskDefinition, TransportProtocol,
};

/// Fills in the defaults.
pub fn fill(definition: &mut TaskDefinition) {
    let mode = definition.network_mode;
    definition.volumes.get_or_insert_default();
    definition.placement_constraints.get_or_insert_default();
    for container in definition.container_definitions.iter_mut().flatten() {
        fill_container(container, mode);
    }
}

fn fill_container(container: &mut ContainerDefinition, mode: Option<NetworkMode>) {
    container.cpu.get_or_insert(0);
    container.essential.get_or_insert(true);
    container.environment.get_or_insert_default();
    container.mount_points.get_or_insert_default();
    container.volumes_from.get_or_insert_default();
    container.system_controls.get_or_insert_default();
    for mapping in container.port_mappings.get_or_insert_default() {
        fill_mapping(mapping, mode);
    }
}

fn fill_mapping(mapping: &mut PortMapping, mode: Option<NetworkMode>) {
    mapping.protocol.get_or_insert(TransportProtocol::Tcp);
    // A range has no host port beside it (TD-27).
    let Some(container_port) = mapping.container_port else {
        return;
    };
    let host_port = match mode {
        Some(NetworkMode::Host | NetworkMode::Awsvpc) => container_port,
        Some(NetworkMode::Bridge | NetworkMode::None) | None => 0,
    };
    mapping.host_port.get_or_insert(host_port);
}
