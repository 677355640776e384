use aws_model::ecs::types::{
    CreateServiceRequest, CreateServiceResponse, LaunchType, LoadBalancer, PropagateTags, SchedulingStrategy,
};
use domain::ServiceStatus;
use sha2::{Digest, Sha256};
use store::Wake;
use store::clusters::ClusterRow;
use store::launch;
use store::services::changes::NewService;
use store::services::deployments::NewDeployment;
use store::services::{DeploymentSpec, ServiceRow, ServiceSpec, Strategy, service_deployments};
use store::tags::Tag;
use store::task_definitions::TaskDefinitionRow;
use store::tokens::{Token, Use};

use crate::ecs::service_input::unsupported::Shared;
use crate::ecs::service_input::{self, definition, deployment, hooks, load_balancers, strategy, unsupported};
use crate::ecs::view::service::{self, configuration};
use crate::ecs::{find, tags};
use crate::{Context, Error, Result};

/// A service that has passed all checks.
struct Checked {
    new: NewService,
    load_balancers: Vec<LoadBalancer>,
    definition: TaskDefinitionRow,
    tags: Vec<Tag>,
    token: Option<Token>,
}

/// CreateService (S-01 to S-05). The same call again gives the same service (S-03).
pub async fn create_service(cx: &Context, mut input: CreateServiceRequest) -> Result<CreateServiceResponse> {
    if !domain::names::is_resource_name(&input.service_name) {
        return Err(Error::invalid_parameter(
            "Service names have at most 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.",
        ));
    }
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let token = service_input::client_token(input.client_token.take())?;
    input.cluster = Some(cluster.name.clone());
    let parameters = serde_json::to_vec(&input).map_err(Error::server)?;
    let digest = Sha256::digest(&parameters).to_vec();
    let name = input.service_name.clone();
    if let Some(there) = store::services::find(cx.db(), cluster.id, &name).await? {
        return replayed(cx, &cluster, there, &digest).await;
    }
    let token = token.map(|token| Token::new(&cx.scope, "CreateService", &token, &parameters));
    let checked = check(cx, input, token, digest.clone()).await?;
    if let Some(row) = create(cx, &cluster, checked).await? {
        let service = service::changed(cx, &cluster.name, row).await?;
        return Ok(CreateServiceResponse {
            service: Some(service),
        });
    }
    // Somebody else was faster.
    match store::services::find(cx.db(), cluster.id, &name).await? {
        Some(there) => replayed(cx, &cluster, there, &digest).await,
        None => Err(not_idempotent()),
    }
}

async fn check(
    cx: &Context,
    input: CreateServiceRequest,
    token: Option<Token>,
    create_digest: Vec<u8>,
) -> Result<Checked> {
    shared(&input).refuse()?;
    let launch_type = match input.launch_type.unwrap_or(LaunchType::Ec2) {
        fitting @ (LaunchType::Ec2 | LaunchType::External) => fitting,
        other => return Err(unsupported(&format!("launchType {other}"))),
    };
    let strategy = input.scheduling_strategy.unwrap_or(SchedulingStrategy::Replica);
    let daemon = strategy == SchedulingStrategy::Daemon;
    let desired_count = desired_count(&input, daemon)?;
    let rolling = deployment::rolling(
        input.deployment_configuration.as_ref(),
        deployment::defaults(daemon),
        daemon,
    )?;
    let (placement_constraints, placement_strategy) = (
        service_input::constraints(input.placement_constraints.unwrap_or_default())?,
        service_input::strategies(input.placement_strategy.unwrap_or_default(), daemon)?,
    );
    let tags = tags::checked(input.tags)?;
    let reference = input.task_definition.filter(|reference| !reference.is_empty());
    let reference = reference.ok_or_else(|| Error::invalid_parameter("TaskDefinition can not be blank."))?;
    let definition = definition::resolve(cx, &reference, launch_type).await?;
    launch::constraints(&definition.document, &placement_constraints)?;
    let load_balancers = load_balancers::checked(cx, input.load_balancers.unwrap_or_default()).await?;
    let load_balancers = load_balancers.of(&definition.document)?;
    let given = input.deployment_configuration.unwrap_or_default();
    let deployment_strategy = strategy::strategy(&given, Strategy::Rolling, daemon)?;
    let lifecycle_hooks = hooks::hooks(&given, Vec::new(), deployment_strategy)?;
    strategy::check(cx, deployment_strategy, &load_balancers).await?;
    let spec = ServiceSpec {
        launch_type,
        rolling,
        strategy: deployment_strategy,
        lifecycle_hooks,
        placement_constraints,
        placement_strategy,
        propagate_tags: input.propagate_tags.unwrap_or(PropagateTags::None),
        enable_ecs_managed_tags: input.enable_ecs_managed_tags.unwrap_or(false),
        health_check_grace_period_seconds: load_balancers::grace_period(
            input.health_check_grace_period_seconds,
            None,
            !load_balancers.is_empty(),
        )?,
        role: load_balancers::role(input.role, &load_balancers)?,
    };
    let new = NewService {
        name: input.service_name,
        scheduling_strategy: strategy.as_str(),
        desired_count,
        spec,
        create_digest,
        created_by: cx.caller.principal_arn.clone(),
    };
    Ok(Checked {
        new,
        load_balancers,
        definition,
        tags,
        token,
    })
}

fn shared(input: &CreateServiceRequest) -> Shared<'_> {
    Shared {
        service_registries: input.service_registries.as_ref(),
        capacity_provider_strategy: input.capacity_provider_strategy.as_ref(),
        volume_configurations: input.volume_configurations.as_ref(),
        vpc_lattice_configurations: input.vpc_lattice_configurations.as_ref(),
        service_connect_configuration: input.service_connect_configuration.as_ref(),
        network_configuration: input.network_configuration.as_ref(),
        deployment_controller: input.deployment_controller.as_ref(),
        availability_zone_rebalancing: input.availability_zone_rebalancing,
        platform_version: input.platform_version.as_deref(),
        enable_execute_command: input.enable_execute_command,
    }
}

/// S-02, S-05. A DAEMON service wants as many tasks as there are instances; the scheduler counts them.
fn desired_count(input: &CreateServiceRequest, daemon: bool) -> Result<i32> {
    match (input.desired_count, daemon) {
        (Some(count), false) => service_input::desired_count(count),
        (None, false) => Err(Error::invalid_parameter(
            "desiredCount is required for services with scheduling strategy REPLICA.",
        )),
        (None, true) => Ok(0),
        (Some(_), true) => Err(service_input::desired_count_of_daemon()),
    }
}

/// Makes the service with its first deployment; `None` if one of this name was made in between.
async fn create(cx: &Context, cluster: &ClusterRow, checked: Checked) -> Result<Option<ServiceRow>> {
    let Checked {
        new,
        load_balancers,
        definition,
        tags,
        token,
    } = checked;
    let now = cx.now();
    let mut tx = cx.db().begin().await?;
    if !store::clusters::hold(&mut tx, cluster.id).await? {
        return Err(Error::cluster_not_found());
    }
    if let Some(token) = &token
        && let Use::Different(_) = store::tokens::claim(&mut tx, token, now).await?
    {
        return Err(not_idempotent());
    }
    let Some(row) = store::services::changes::insert(&mut tx, cluster.id, &new, now).await? else {
        return Ok(None);
    };
    let spec = DeploymentSpec::new(new.spec.launch_type, load_balancers, false);
    let first = NewDeployment::begun(definition.id, row.desired_count, spec);
    store::services::deployments::begin(&mut tx, row.id, &first, now).await?;
    service_deployments::begin(&mut tx, row.id, first.id.0, &configuration(&row.spec), now).await?;
    let arn = cx.scope.service_arn(&cluster.name, &row.name);
    let tags: Vec<(String, Tag)> = tags.into_iter().map(|tag| (arn.clone(), tag)).collect();
    store::tags::put(&mut tx, &cx.scope, &tags).await?;
    if let Some(token) = &token {
        store::tokens::fulfil(&mut tx, token, &[arn]).await?;
    }
    cx.db().commit(tx, [Wake::Service(row.id)]).await?;
    Ok(Some(row))
}

/// A service of this name is there: the same call again gives it, any other is refused (S-03).
async fn replayed(
    cx: &Context,
    cluster: &ClusterRow,
    there: ServiceRow,
    digest: &[u8],
) -> Result<CreateServiceResponse> {
    if there.status == ServiceStatus::Draining {
        return Err(Error::invalid_parameter(
            "Unable to Start a service that is still Draining.",
        ));
    }
    if there.create_digest != digest {
        return Err(not_idempotent());
    }
    let service = service::changed(cx, &cluster.name, there).await?;
    Ok(CreateServiceResponse {
        service: Some(service),
    })
}

fn not_idempotent() -> Error {
    Error::invalid_parameter("Creation of service was not idempotent.")
}
