//! Which targets tasks are to be (LB-01). Pure.

use aws_model::ecs::types::LoadBalancer;
use domain::ContainerStatus;
use store::services::targets::{Candidate, Group, Mending, Standing, TaskTarget};
use store::tasks::ContainerRecord;

/// What ELBv2 says of a target group that is gone (LB-12).
const GROUP_GONE: &str = "One or more target groups not found";

/// What is wrong with the targets of a service.
pub fn mending(standing: &Standing) -> Mending {
    let mut mending = Mending {
        deregister: standing.ended.clone(),
        ..Mending::default()
    };
    for candidate in &standing.candidates {
        for balancer in &candidate.load_balancers {
            let Some(arn) = &balancer.target_group_arn else {
                continue;
            };
            match standing.groups.get(arn) {
                Some(group) => mending.register.extend(target(candidate, balancer, arn, group)),
                None => drop(mending.failures.insert((arn.clone(), GROUP_GONE.to_owned()))),
            }
        }
    }
    mending
}

/// The target that the task is in this group; `None` while its port is not bound.
fn target(candidate: &Candidate, balancer: &LoadBalancer, arn: &str, group: &Group) -> Option<TaskTarget> {
    let container = candidate
        .containers
        .iter()
        .find(|container| Some(&container.name) == balancer.container_name.as_ref())?;
    let port = host_port(container, balancer.container_port?, group)?;
    let target_id = match group.target_type.as_str() {
        "instance" => instance_id(candidate),
        _ => candidate.address?.to_string(),
    };
    Some(TaskTarget {
        task: candidate.task,
        target_group_arn: arn.to_owned(),
        target_id,
        port,
        availability_zone: candidate.availability_zone.clone(),
        address: candidate.address,
    })
}

/// The port of the host at which a running container's port is reached.
fn host_port(container: &ContainerRecord, container_port: i32, group: &Group) -> Option<i32> {
    let protocol = match group.protocol.as_deref() {
        Some("UDP") => "udp",
        _ => "tcp",
    };
    let bindings = || {
        let all = container.network_bindings.iter();
        all.filter(|binding| binding.container_port == Some(container_port))
    };
    let fitting = bindings().find(|binding| binding.protocol == protocol);
    fitting
        .or_else(|| bindings().next())
        .and_then(|binding| binding.host_port)
        .filter(|_| container.last_status == ContainerStatus::Running)
}

/// EC2's name of the host, or one that looks like it.
fn instance_id(candidate: &Candidate) -> String {
    let made_up = || format!("i-{}", &candidate.instance.simple().to_string()[..17]);
    candidate.ec2_instance_id.clone().unwrap_or_else(made_up)
}

#[cfg(test)]
mod tests;
