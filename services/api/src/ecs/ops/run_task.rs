use aws_model::ecs::types::{Failure, LaunchType, RunTaskRequest, RunTaskResponse};
use store::placement::{Outcome, Target};
use store::tokens::Use;

use crate::ecs::task_input::{self, Call};
use crate::ecs::{cluster_input, find, task_definition};
use crate::{Context, Error, Result};

/// RunTask: places and starts 1 to 10 tasks. What finds no place is in `failures[]`.
pub async fn run_task(cx: &Context, mut input: RunTaskRequest) -> Result<RunTaskResponse> {
    let client_token = input.client_token.take();
    let token = task_input::token(cx, "RunTask", client_token.as_deref(), 64, &input)?;
    let count = match input.count.unwrap_or(1) {
        count @ 1..=10 => count as usize,
        _ => return Err(Error::invalid_parameter("count must be between 1 and 10.")),
    };
    let launch_type = launch_type(&input)?;
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let definition = match (
        task_definition::find_active(cx, &input.task_definition).await,
        &token,
    ) {
        (Ok(definition), _) => definition,
        // A call that was carried out is answered again whatever became of its definition.
        (Err(refused), Some(token)) => {
            return match store::tokens::used(cx.db(), token).await? {
                Use::First => Err(refused),
                used => Ok(RunTaskResponse {
                    tasks: Some(task_input::replayed(cx, &cluster.name, used).await?),
                    failures: Some(Vec::new()),
                }),
            };
        }
        (Err(refused), None) => return Err(refused),
    };
    let call = Call {
        overrides: input.overrides.as_ref(),
        constraints: input.placement_constraints.as_deref().unwrap_or_default(),
        strategies: input.placement_strategy.as_deref().unwrap_or_default(),
        network_configuration: input.network_configuration.as_ref(),
        volume_configurations: input.volume_configurations.as_deref().unwrap_or_default(),
        group: input.group.as_deref(),
        started_by: input.started_by.as_deref(),
        started_by_limit: 128,
        launch_type,
        propagate_tags: input.propagate_tags,
        enable_ecs_managed_tags: input.enable_ecs_managed_tags.unwrap_or(false),
        enable_execute_command: input.enable_execute_command.unwrap_or(false),
        reference_id: input.reference_id.as_deref(),
        tags: input.tags.clone(),
    };
    let job = task_input::job(cx, &cluster, &definition, call, Target::Anywhere(count), token).await?;
    let tags = job.tags.clone();
    let placed = cx.api.placer.place(job).await?;
    let (tasks, outcome) = task_input::started(cx, &cluster.name, &definition, &tags, placed).await?;
    if outcome.no_instances {
        return Err(Error::invalid_parameter(
            "No Container Instances were found in your cluster.",
        ));
    }
    Ok(RunTaskResponse {
        tasks: Some(tasks),
        failures: Some(failures(cx, &cluster.name, &outcome)),
    })
}

/// One entry for each instance that was looked at.
pub(super) fn failures(cx: &Context, cluster: &str, outcome: &Outcome) -> Vec<Failure> {
    let failure = |refusal: &planning::placement::Refusal| Failure {
        arn: Some(cx.scope.container_instance_arn(cluster, refusal.host)),
        reason: Some(refusal.reason.as_failure().to_owned()),
        detail: None,
    };
    outcome.refusals.iter().map(failure).collect()
}

/// which launch type the call means.
fn launch_type(input: &RunTaskRequest) -> Result<&'static str> {
    let strategy = input
        .capacity_provider_strategy
        .as_ref()
        .is_some_and(|items| !items.is_empty());
    if strategy && input.launch_type.is_some() {
        return Err(Error::invalid_parameter(
            "Specify either Launch Type or Capacity Provider Strategy, but not both.",
        ));
    }
    if strategy {
        return Err(cluster_input::not_yet("capacityProviderStrategy"));
    }
    if input.platform_version.is_some() {
        return Err(Error::invalid_parameter(
            "The platform version must be null when specifying an EC2 launch type.",
        ));
    }
    match input.launch_type {
        None | Some(LaunchType::Ec2) => Ok("EC2"),
        Some(LaunchType::External) => Ok("EXTERNAL"),
        Some(other) => Err(cluster_input::not_yet(&format!("launchType {}", other.as_str()))),
    }
}
