use std::collections::BTreeMap;

use domain::HealthStatus;
use store::tasks::NetworkBindingRecord;
use uuid::Uuid;

use super::*;

const GROUP: &str = "arn:tg";

fn binding(container_port: i32, host_port: i32, protocol: &str) -> NetworkBindingRecord {
    NetworkBindingRecord {
        container_port: Some(container_port),
        host_port: Some(host_port),
        protocol: protocol.to_owned(),
        ..NetworkBindingRecord::default()
    }
}

fn container(
    name: &str,
    last_status: ContainerStatus,
    bindings: Vec<NetworkBindingRecord>,
) -> ContainerRecord {
    ContainerRecord {
        name: name.to_owned(),
        id: Uuid::nil(),
        image: "app".to_owned(),
        essential: true,
        has_health_check: false,
        last_status,
        health: HealthStatus::Unknown,
        exit_code: None,
        reason: None,
        runtime_id: None,
        image_digest: None,
        network_bindings: bindings,
        cpu: None,
        memory: None,
        memory_reservation: None,
        gpu_ids: Vec::new(),
    }
}

fn balancer(group: &str, container: &str, port: i32) -> LoadBalancer {
    LoadBalancer {
        target_group_arn: Some(group.to_owned()),
        container_name: Some(container.to_owned()),
        container_port: Some(port),
        ..LoadBalancer::default()
    }
}

/// A task whose container `app` takes requests at its port 80.
fn standing(containers: Vec<ContainerRecord>) -> Standing {
    let candidate = Candidate {
        task: Uuid::from_u128(7),
        load_balancers: vec![balancer(GROUP, "app", 80)],
        containers,
        instance: Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        ec2_instance_id: None,
        availability_zone: Some("us-east-1a".to_owned()),
        address: Some([10, 0, 0, 9].into()),
    };
    let group = Group {
        target_type: "instance".to_owned(),
        protocol: Some("HTTP".to_owned()),
    };
    Standing {
        candidates: vec![candidate],
        groups: BTreeMap::from([(GROUP.to_owned(), group)]),
        ..Standing::default()
    }
}

#[test]
fn lb01_a_task_is_registered_by_its_hosts_id_and_the_port_that_is_bound_there() {
    let mut standing = standing(vec![container(
        "app",
        ContainerStatus::Running,
        vec![
            binding(81, 1, "tcp"),
            binding(80, 2, "udp"),
            binding(80, 32_768, "tcp"),
        ],
    )]);
    let expected = TaskTarget {
        task: Uuid::from_u128(7),
        target_group_arn: GROUP.to_owned(),
        target_id: "i-0123456789abcdef0".to_owned(),
        port: 32_768,
        availability_zone: Some("us-east-1a".to_owned()),
        address: Some([10, 0, 0, 9].into()),
    };
    assert_eq!(mending(&standing).register, std::slice::from_ref(&expected));
    standing.candidates[0].ec2_instance_id = Some("i-real".to_owned());
    assert_eq!(mending(&standing).register[0].target_id, "i-real");
    if let Some(group) = standing.groups.get_mut(GROUP) {
        group.protocol = Some("UDP".to_owned());
    }
    assert_eq!(mending(&standing).register[0].port, 2);
}

#[test]
fn lb01_a_container_that_does_not_run_or_has_no_port_yet_is_not_registered() {
    let bound = || vec![binding(80, 32_768, "tcp")];
    for containers in [
        vec![],
        vec![container("other", ContainerStatus::Running, bound())],
        vec![container("app", ContainerStatus::Pending, bound())],
        vec![container("app", ContainerStatus::Stopped, bound())],
        vec![container("app", ContainerStatus::Running, vec![])],
    ] {
        assert_eq!(
            mending(&standing(containers.clone())),
            Mending::default(),
            "{containers:?}"
        );
    }
}

#[test]
fn lb06_one_task_can_be_several_targets_of_a_group() {
    let ports = vec![binding(80, 32_768, "tcp"), binding(81, 32_769, "tcp")];
    let mut standing = standing(vec![container("app", ContainerStatus::Running, ports)]);
    standing.candidates[0]
        .load_balancers
        .push(balancer(GROUP, "app", 81));
    let ports: Vec<i32> = mending(&standing)
        .register
        .iter()
        .map(|target| target.port)
        .collect();
    assert_eq!(ports, [32_768, 32_769]);
}

#[test]
fn lb05_a_target_group_that_is_gone_is_a_failure_and_the_others_are_served() {
    let ports = vec![binding(80, 32_768, "tcp")];
    let mut standing = standing(vec![container("app", ContainerStatus::Running, ports)]);
    standing.candidates[0]
        .load_balancers
        .insert(0, balancer("arn:gone", "app", 80));
    let mending = mending(&standing);
    assert_eq!(mending.register.len(), 1);
    assert_eq!(
        Vec::from_iter(mending.failures),
        [(
            "arn:gone".to_owned(),
            "One or more target groups not found".to_owned()
        )]
    );
}
