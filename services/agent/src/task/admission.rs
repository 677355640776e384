//! Whether a payload describes a task at all (section 2.6).

use std::collections::BTreeSet;

use agent_protocol::Task;
use agent_protocol::task::{DesiredStatus, VolumeType};

use super::failure::{Failure, FailureKind};

/// Why a task that is not known yet is not begun but reported STOPPED right away; `None` for one that is well-formed.
pub fn refusal(task: &Task) -> Option<Failure> {
    if task.desired_status == DesiredStatus::Stopped {
        let text = "the task to stop is not known to this agent";
        return task
            .containers
            .is_empty()
            .then(|| Failure::new(FailureKind::TaskState, text));
    }
    let flaw = flaw(task)?;
    Some(Failure::new(
        FailureKind::UnrecognizedTask,
        format!("Error loading task - {flaw}"),
    ))
}

fn flaw(task: &Task) -> Option<String> {
    if task.desired_status != DesiredStatus::Running {
        return Some(format!(
            "desired status {} cannot be begun with",
            task.desired_status
        ));
    }
    if !task.arn.starts_with("arn:") || !task.arn.contains('/') {
        return Some(format!("{:?} is not the ARN of a task", task.arn));
    }
    if task.containers.is_empty() {
        return Some("it has no containers".to_owned());
    }
    let mut names = BTreeSet::new();
    for container in &task.containers {
        if container.name.is_empty() || container.image.is_empty() {
            return Some("a container has no name or no image".to_owned());
        }
        if !names.insert(&container.name) {
            return Some(format!("there are two containers called {}", container.name));
        }
    }
    let host_volume = |volume: &&agent_protocol::task::Volume| {
        matches!(volume.r#type, None | Some(VolumeType::Host)) && task.attachments.is_empty()
    };
    let shapeless = task
        .volumes
        .iter()
        .filter(host_volume)
        .find(|volume| volume.host.is_none());
    shapeless.map(|volume| format!("volume {} has no host", volume.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_protocol::task::{Container, Volume};

    fn task() -> Task {
        let container = Container {
            name: "web".into(),
            image: "web:1".into(),
            ..Container::default()
        };
        let arn = "arn:aws:ecs:us-east-1:000000000000:task/demo/1".into();
        Task {
            arn,
            desired_status: DesiredStatus::Running,
            containers: vec![container],
            ..Task::default()
        }
    }

    #[test]
    fn flaws_of_a_payload_are_named() {
        assert_eq!(refusal(&task()), None);
        let text = |change: fn(&mut Task)| {
            let mut task = task();
            change(&mut task);
            refusal(&task).unwrap().to_string()
        };
        let prefix = "UnrecogniedTaskError: Error loading task - ";
        assert_eq!(
            text(|t| t.containers.clear()),
            format!("{prefix}it has no containers")
        );
        assert!(text(|t| t.containers.push(t.containers[0].clone())).contains("two containers called web"));
        assert!(
            text(|t| t.volumes.push(Volume {
                name: "v".into(),
                ..Volume::default()
            }))
            .contains("volume v")
        );
        assert!(text(|t| t.arn = "x".into()).contains("ARN"));
    }

    #[test]
    fn stopping_an_unknown_task_is_an_error_only_without_containers() {
        let mut stop = task();
        stop.desired_status = DesiredStatus::Stopped;
        assert_eq!(refusal(&stop), None);
        assert!(
            refusal(&Task::stop("a/1"))
                .unwrap()
                .to_string()
                .starts_with("TaskStateError: ")
        );
    }
}
