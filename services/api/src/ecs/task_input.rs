//! What RunTask and StartTask have in common: checks of the call, and the job for placement.

use std::collections::BTreeMap;

use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{
    AwsVpcConfiguration, NetworkConfiguration, NetworkMode, PlacementConstraint, PlacementStrategy,
    PropagateTags, Tag, Task, TaskOverride, TaskVolumeConfiguration,
};
use domain::TaskId;
use serde::Serialize;
use store::clusters::ClusterRow;
use store::launch::{self, Launch, LaunchError};
use store::placement::{InCluster, Job, Outcome, Place, Placed, Target};
use store::task_definitions::TaskDefinitionRow;
use store::tasks::{ShownTask, TaskRow};
use store::tokens::{Token, Use};

use crate::ecs::cluster_input::not_yet;
use crate::ecs::{tags, view};
use crate::{Context, Error, Result};

/// Longest overrides, as JSON.
const OVERRIDES_LIMIT: usize = 8192;

/// The members that both operations have.
#[derive(Debug, Default)]
pub struct Call<'a> {
    pub overrides: Option<&'a TaskOverride>,
    pub constraints: &'a [PlacementConstraint],
    pub strategies: &'a [PlacementStrategy],
    pub network_configuration: Option<&'a NetworkConfiguration>,
    pub volume_configurations: &'a [TaskVolumeConfiguration],
    pub group: Option<&'a str>,
    pub started_by: Option<&'a str>,
    pub started_by_limit: usize,
    pub launch_type: &'a str,
    pub propagate_tags: Option<PropagateTags>,
    pub enable_ecs_managed_tags: bool,
    pub enable_execute_command: bool,
    pub reference_id: Option<&'a str>,
    pub tags: Option<Vec<Tag>>,
}

/// Checks the call and makes the job.
pub async fn job(
    cx: &Context,
    cluster: &ClusterRow,
    definition: &TaskDefinitionRow,
    call: Call<'_>,
    target: Target,
    token: Option<Token>,
) -> Result<Job> {
    check(&call)?;
    network(definition, call.network_configuration)?;
    volumes(definition, call.volume_configurations)?;
    compatible(definition, call.launch_type)?;
    let group = match call.group {
        Some(group) => group.to_owned(),
        None => format!("family:{}", definition.family),
    };
    let tags = task_tags(cx, cluster, definition, &call).await?;
    let launch = Launch {
        overrides: call.overrides,
        constraints: call.constraints,
        strategies: call.strategies,
        network_configuration: call.network_configuration,
        group,
        started_by: call.started_by.map(str::to_owned),
        launch_type: call.launch_type.to_owned(),
        service: None,
    };
    let (request, template) = launch::prepare(definition, &launch)?;
    let in_cluster = InCluster {
        id: cluster.id,
        name: cluster.name.clone(),
        scope: cx.scope.clone(),
    };
    Ok(Job {
        cluster: in_cluster,
        target,
        request,
        template,
        token,
        guard: None,
        tags,
    })
}

impl From<LaunchError> for Error {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Invalid(text) => Error::invalid_parameter(text),
        }
    }
}

fn check(call: &Call<'_>) -> Result<()> {
    if call.enable_execute_command {
        return Err(not_yet("enableExecuteCommand"));
    }
    if call.reference_id.is_some() {
        return Err(not_yet("referenceId"));
    }
    if let Some(group) = call.group
        && (group.is_empty() || group.chars().count() > 255)
    {
        return Err(Error::invalid_parameter("group must have 1 to 255 characters."));
    }
    if let Some(text) = call.started_by {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
        if text.chars().count() > call.started_by_limit || !text.chars().all(allowed) {
            let limit = call.started_by_limit;
            return Err(Error::invalid_parameter(format!(
                "startedBy must have at most {limit} letters (uppercase and lowercase), numbers, hyphens, forward slashes, and underscores."
            )));
        }
    }
    if call.propagate_tags == Some(PropagateTags::Service) {
        return Err(Error::invalid_parameter(
            "propagateTags SERVICE is only possible for tasks of a service.",
        ));
    }
    let Some(overrides) = call.overrides else {
        return Ok(());
    };
    if serde_json::to_string(overrides).map_or(0, |json| json.chars().count()) > OVERRIDES_LIMIT {
        return Err(Error::invalid_parameter(format!(
            "overrides can have at most {OVERRIDES_LIMIT} characters."
        )));
    }
    if overrides
        .inference_accelerator_overrides
        .as_ref()
        .is_some_and(|list| !list.is_empty())
    {
        return Err(not_yet("overrides.inferenceAcceleratorOverrides"));
    }
    if overrides.ephemeral_storage.is_some() {
        return Err(not_yet("overrides.ephemeralStorage"));
    }
    task_size("cpu", overrides.cpu.as_deref())?;
    task_size("memory", overrides.memory.as_deref())
}

/// Task-level sizes in an override are whole numbers of CPU units or MiB.
fn task_size(member: &str, text: Option<&str>) -> Result<()> {
    match text.map(str::parse::<u32>) {
        None | Some(Ok(1..)) => Ok(()),
        _ => Err(Error::invalid_parameter(format!(
            "Invalid '{member}' setting for task."
        ))),
    }
}

///
fn network(definition: &TaskDefinitionRow, given: Option<&NetworkConfiguration>) -> Result<()> {
    let vpc: Option<&AwsVpcConfiguration> = given.and_then(|network| network.awsvpc_configuration.as_ref());
    if definition.document.network_mode != Some(NetworkMode::Awsvpc) {
        return match vpc {
            None => Ok(()),
            Some(_) => Err(Error::invalid_parameter(
                "Network Configuration is not valid for the given networkMode of this task definition.",
            )),
        };
    }
    let Some(vpc) = vpc else {
        return Err(Error::invalid_parameter(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    };
    if vpc.subnets.is_empty() {
        return Err(Error::invalid_parameter("subnets can not be empty."));
    }
    if vpc.subnets.len() > 16
        || vpc
            .security_groups
            .as_ref()
            .is_some_and(|groups| groups.len() > 5)
    {
        return Err(Error::invalid_parameter(
            "There can be at most 16 subnets and 5 security groups.",
        ));
    }
    Ok(())
}

/// R-14; volumes that are made at launch need a kind of storage that hosts do not have yet.
fn volumes(definition: &TaskDefinitionRow, given: &[TaskVolumeConfiguration]) -> Result<()> {
    let at_launch = definition
        .document
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.configured_at_launch == Some(true));
    match (at_launch, given) {
        (None, []) => Ok(()),
        (None, _) => Err(Error::invalid_parameter(
            "volumeConfigurations names a volume that the task definition does not configure at launch.",
        )),
        (Some(volume), _) => {
            let name = volume.name.as_deref().unwrap_or_default();
            Err(not_yet(&format!("The volume '{name}' with configuredAtLaunch")))
        }
    }
}

///
fn compatible(definition: &TaskDefinitionRow, launch_type: &str) -> Result<()> {
    let compatibilities = definition.document.compatibilities.as_deref().unwrap_or_default();
    if compatibilities.is_empty() || compatibilities.iter().any(|c| c.as_str() == launch_type) {
        return Ok(());
    }
    Err(Error::invalid_parameter(format!(
        "Task definition does not support launch_type {launch_type}."
    )))
}

/// The call's tags, those of the definition if they are propagated, and the managed ones (TG-04, TG-05).
async fn task_tags(
    cx: &Context,
    cluster: &ClusterRow,
    definition: &TaskDefinitionRow,
    call: &Call<'_>,
) -> Result<Vec<store::tags::Tag>> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    if call.propagate_tags == Some(PropagateTags::TaskDefinition) {
        let arn = definition.arn(&cx.scope);
        let tags = store::tags::of(cx.db(), &cx.scope, std::slice::from_ref(&arn))
            .await?
            .remove(&arn);
        all.extend(
            tags.unwrap_or_default()
                .into_iter()
                .map(|tag| (tag.key, tag.value)),
        );
    }
    all.extend(
        tags::checked(call.tags.clone())?
            .into_iter()
            .map(|tag| (tag.key, tag.value)),
    );
    if all.len() > tags::LIMIT {
        return Err(Error::invalid_parameter(format!(
            "A resource can have at most {} tags.",
            tags::LIMIT
        )));
    }
    if call.enable_ecs_managed_tags {
        all.insert("aws:ecs:clusterName".to_owned(), cluster.name.clone());
    }
    Ok(all
        .into_iter()
        .map(|(key, value)| store::tags::Tag { key, value })
        .collect())
}

/// The client token of a call, with the digest of its parameters. `parameters` is the request without the token.
pub fn token(
    cx: &Context,
    operation: &'static str,
    token: Option<&str>,
    limit: usize,
    parameters: &impl Serialize,
) -> Result<Option<Token>> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    if token.len() > limit || !token.bytes().all(|b| (33..=126).contains(&b)) {
        return Err(Error::invalid_parameter(format!(
            "clientToken must have at most {limit} ASCII characters from 33 to 126."
        )));
    }
    let parameters = serde_json::to_vec(parameters).map_err(Error::server)?;
    Ok(Some(Token::new(&cx.scope, operation, token, &parameters)))
}

/// What came of placing: new tasks with the refusals, or the tasks of the first call with this token.
pub async fn started(
    cx: &Context,
    cluster: &str,
    definition: &TaskDefinitionRow,
    tags: &[store::tags::Tag],
    placed: Placed,
) -> Result<(Vec<Task>, Outcome)> {
    match placed {
        Placed::Done(mut outcome) => {
            let places = std::mem::take(&mut outcome.places);
            let new = std::mem::take(&mut outcome.tasks).into_iter().zip(places);
            // All that a reply shows is known: nothing has to be read again.
            let view = |(task, place): (TaskRow, Place)| {
                let shown = ShownTask {
                    family: definition.family.clone(),
                    revision: definition.revision,
                    host_connected: Some(true),
                    host_connected_at: Some(task.created_at),
                    host_availability_zone: place.availability_zone,
                    host_cpu_architecture: place.cpu_architecture,
                    task,
                };
                view::task::task(&cx.scope, cluster, shown, tags::shown(tags.to_vec()))
            };
            Ok((new.map(view).collect(), outcome))
        }
        Placed::Replayed(used) => Ok((replayed(cx, cluster, used).await?, Outcome::default())),
        Placed::GuardLost => Err(try_again()),
    }
}

/// The tasks of the first call with this token, if the parameters are the same.
pub async fn replayed(cx: &Context, cluster: &str, used: Use) -> Result<Vec<Task>> {
    let arns = match used {
        Use::First => return Err(try_again()),
        Use::Different(arns) => {
            let text = "The client token was used before with other parameters.";
            return Err(Error::conflict(text, arns));
        }
        Use::Same(arns) => arns,
    };
    let ids = arns.iter().filter_map(|arn| arn.rsplit('/').next()?.parse().ok());
    let ids: Vec<TaskId> = ids.collect();
    views(
        cx,
        cluster,
        store::tasks::shown(cx.db(), &cx.scope, cluster, &ids).await?,
    )
    .await
}

fn try_again() -> Error {
    Error::new(
        ErrorCode::ServerException,
        "The request could not be carried out. Please try again.",
    )
}

/// Replies to calls that start tasks show their tags.
async fn views(cx: &Context, cluster: &str, shown: Vec<ShownTask>) -> Result<Vec<Task>> {
    let arn = |shown: &ShownTask| cx.scope.task_arn(cluster, TaskId(shown.task.id));
    let arns: Vec<String> = shown.iter().map(arn).collect();
    let mut tags = tags::of(cx, true, &arns).await?;
    let view = |(shown, arn): (ShownTask, &String)| {
        view::task::task(&cx.scope, cluster, shown, tags::taken(&mut tags, arn))
    };
    Ok(shown.into_iter().zip(&arns).map(view).collect())
}
