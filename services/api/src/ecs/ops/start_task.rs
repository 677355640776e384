use aws_model::ecs::types::{Failure, StartTaskRequest, StartTaskResponse};
use store::placement::Target;

use crate::ecs::task_input::{self, Call};
use crate::ecs::{find, task_definition};
use crate::{Context, Error, Result};

/// StartTask: one task on each of 1 to 10 named instances.
pub async fn start_task(cx: &Context, input: StartTaskRequest) -> Result<StartTaskResponse> {
    match input.container_instances.len() {
        0 => return Err(Error::invalid_parameter("Container Instances cannot be empty.")),
        1..=10 => {}
        _ => {
            return Err(Error::invalid_parameter(
                "containerInstances can have at most 10 items.",
            ));
        }
    }
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let definition = task_definition::find_active(cx, &input.task_definition).await?;
    let (mut instances, mut failures) = (Vec::new(), Vec::new());
    for text in &input.container_instances {
        match find::instance_id(cx, &cluster.name, text)? {
            Some(id) => instances.push(id),
            None => failures.push(missing(cx, &cluster.name, text)),
        }
    }
    let call = Call {
        overrides: input.overrides.as_ref(),
        network_configuration: input.network_configuration.as_ref(),
        volume_configurations: input.volume_configurations.as_deref().unwrap_or_default(),
        group: input.group.as_deref(),
        started_by: input.started_by.as_deref(),
        started_by_limit: 36,
        launch_type: "EC2",
        propagate_tags: input.propagate_tags,
        enable_ecs_managed_tags: input.enable_ecs_managed_tags.unwrap_or(false),
        enable_execute_command: input.enable_execute_command.unwrap_or(false),
        reference_id: input.reference_id.as_deref(),
        tags: input.tags.clone(),
        ..Call::default()
    };
    let job = task_input::job(
        cx,
        &cluster,
        &definition,
        call,
        Target::Instances(instances),
        None,
    )
    .await?;
    let tags = job.tags.clone();
    let placed = cx.api.placer.place(job).await?;
    let (tasks, outcome) = task_input::started(cx, &cluster.name, &definition, &tags, placed).await?;
    failures.extend(super::run_task::failures(cx, &cluster.name, &outcome));
    Ok(StartTaskResponse {
        tasks: Some(tasks),
        failures: Some(failures),
    })
}

fn missing(cx: &Context, cluster: &str, text: &str) -> Failure {
    let arn = match text.starts_with("arn:") {
        true => text.to_owned(),
        false => format!(
            "{}/{text}",
            cx.scope
                .cluster_arn(cluster)
                .replace(":cluster/", ":container-instance/")
        ),
    };
    Failure {
        arn: Some(arn),
        reason: Some("MISSING".to_owned()),
        detail: None,
    }
}
