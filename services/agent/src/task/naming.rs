//! Names of what a task owns on the host (section 6.2). They follow from the task's ARN alone, so that an agent that was
//! killed between making a thing and noting it finds it again under the same name.

use agent_protocol::Task;
use sha2::{Digest, Sha256};

/// Labels by which an agent finds its containers again (K-12).
pub mod label {
    pub const CLUSTER: &str = "com.amazonaws.ecs.cluster";
    pub const TASK_ARN: &str = "com.amazonaws.ecs.task-arn";
    pub const CONTAINER_NAME: &str = "com.amazonaws.ecs.container-name";
    pub const FAMILY: &str = "com.amazonaws.ecs.task-definition-family";
    pub const VERSION: &str = "com.amazonaws.ecs.task-definition-version";
    /// The container instance that owns a container: several agents may share an engine.
    pub const CONTAINER_INSTANCE: &str = "dev.berth.container-instance";
}

/// The id at the end of a task's ARN.
pub fn task_id(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

/// `ecs-<family>-<version>-<container>-<20 hex digits>`.
pub fn container(task: &Task, name: &str) -> String {
    owned(task, "container", name)
}

/// `ecs-<family>-<version>-<volume>-<20 hex digits>`.
pub fn volume(task: &Task, name: &str) -> String {
    owned(task, "volume", name)
}

fn owned(task: &Task, kind: &str, name: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{}\n{kind}\n{name}", task.arn)));
    format!(
        "ecs-{}-{}-{}-{}",
        plain(&task.family),
        plain(&task.version),
        plain(name),
        &digest[..20]
    )
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_official_form_and_differ_by_task_and_container() {
        let task = |arn: &str| Task {
            arn: arn.into(),
            family: "we_b".into(),
            version: "7".into(),
            ..Task::default()
        };
        let one = task("arn:aws:ecs:us-east-1:000000000000:task/demo/aa");
        let name = container(&one, "side_car");
        assert!(name.starts_with("ecs-web-7-sidecar-"), "{name}");
        assert_eq!(name.rsplit_once('-').unwrap().1.len(), 20);
        assert_eq!(name, container(&one, "side_car"));
        assert_ne!(name, container(&one, "sidecar"));
        assert_ne!(
            name,
            container(
                &task("arn:aws:ecs:us-east-1:000000000000:task/demo/bb"),
                "side_car"
            )
        );
        assert_ne!(container(&one, "x"), volume(&one, "x"));
        assert_eq!(task_id(&one.arn), "aa");
    }
}
