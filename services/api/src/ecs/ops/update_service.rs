use aws_model::ecs::types::{LoadBalancer, UpdateServiceRequest, UpdateServiceResponse};
use domain::ServiceStatus;
use store::Wake;
use store::launch;
use store::services::deployments::{self, NewDeployment};
use store::services::{DeploymentRow, DeploymentSpec, ServiceRow, changes, service_deployments};
use store::task_definitions::TaskDefinitionRow;

use crate::ecs::find;
use crate::ecs::service_input::unsupported::Shared;
use crate::ecs::service_input::{self, definition, deployment, hooks, load_balancers, strategy};
use crate::ecs::view::service::{self, configuration};
use crate::{Context, Error, Result};

/// UpdateService: changes what is given; another task definition, other load balancers or `forceNewDeployment` begin a deployment (S-06
/// to S-08).
pub async fn update_service(cx: &Context, mut input: UpdateServiceRequest) -> Result<UpdateServiceResponse> {
    shared(&input).refuse()?;
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let name = service_input::service_name(cx, &cluster.name, &input.service)?
        .ok_or_else(Error::service_not_found)?;
    let there = current(cx, cluster.id, name).await?;
    // The launch type of a service never changes, so this can be found out before the row is locked.
    let reference = input
        .task_definition
        .as_deref()
        .filter(|reference| !reference.is_empty());
    let definition = match reference {
        Some(reference) => Some(definition::resolve(cx, reference, there.spec.launch_type).await?),
        None => None,
    };
    let needs_definition = input.placement_constraints.is_some() || input.load_balancers.is_some();
    let fitted = match &definition {
        None if needs_definition => definition::current(cx, there.id).await?,
        _ => definition.clone(),
    };
    let balancers = match (input.load_balancers.take(), &fitted) {
        (Some(given), Some(fitted)) => Some(load_balancers::checked(cx, given).await?.of(&fitted.document)?),
        _ => None,
    };
    let mut tx = cx.db().begin().await?;
    let row = changes::lock(&mut tx, cluster.id, name)
        .await?
        .filter(|row| row.status == ServiceStatus::Active);
    let mut row = row.ok_or_else(Error::service_not_active)?;
    let primary = deployments::primary(&mut tx, row.id).await?;
    let balancers = balancers_of(balancers, primary.as_ref(), definition.as_ref())?;
    let force = input.force_new_deployment == Some(true);
    apply(&mut row, input, !balancers.is_empty())?;
    strategy::check(cx, row.spec.strategy, &balancers).await?;
    if let Some(fitted) = fitted {
        launch::constraints(&fitted.document, &row.spec.placement_constraints)?;
    }
    changes::save(&mut tx, &mut row).await?;
    let production = deployments::production_exchanged(&mut tx, row.id).await?;
    // The new revision goes to the groups that have no traffic (BG-02).
    let exchanged = production.is_some_and(|exchanged| exchanged != row.spec.strategy.shifts());
    let revision = DeploymentSpec::new(row.spec.launch_type, balancers, exchanged);
    if let Some(new) = deployment(&row, primary, definition, revision, force) {
        deployments::begin(&mut tx, row.id, &new, cx.now()).await?;
        service_deployments::begin(&mut tx, row.id, new.id.0, &configuration(&row.spec), cx.now()).await?;
    }
    cx.db().commit(tx, [Wake::Service(row.id)]).await?;
    let service = service::changed(cx, &cluster.name, row).await?;
    Ok(UpdateServiceResponse {
        service: Some(service),
    })
}

/// The ACTIVE service of this name (S-06).
async fn current(cx: &Context, cluster_id: i64, name: &str) -> Result<ServiceRow> {
    let rows = store::services::find_many(cx.db(), cluster_id, &[name.to_owned()]).await?;
    let row = rows.into_iter().next().ok_or_else(Error::service_not_found)?;
    match row.status {
        ServiceStatus::Active => Ok(row),
        ServiceStatus::Draining | ServiceStatus::Inactive => Err(Error::service_not_active()),
    }
}

/// The load balancers from now on: those that are given, else those of the PRIMARY deployment, which another definition has to fit (S-04).
fn balancers_of(
    given: Option<Vec<LoadBalancer>>,
    primary: Option<&DeploymentRow>,
    definition: Option<&TaskDefinitionRow>,
) -> Result<Vec<LoadBalancer>> {
    if let Some(given) = given {
        return Ok(given);
    }
    let kept = primary.map(|primary| primary.spec.configured_load_balancers());
    let kept = kept.unwrap_or_default();
    if let Some(definition) = definition {
        load_balancers::still_fit(&kept, &definition.document)?;
    }
    Ok(kept)
}

/// What is not given stays (S-06); none of this begins a deployment (S-07).
fn apply(row: &mut ServiceRow, input: UpdateServiceRequest, balanced: bool) -> Result<()> {
    let daemon = row.is_daemon();
    match input.desired_count {
        Some(_) if daemon => return Err(service_input::desired_count_of_daemon()),
        Some(count) => row.desired_count = service_input::desired_count(count)?,
        None => {}
    }
    let spec = &mut row.spec.0;
    spec.rolling = deployment::rolling(input.deployment_configuration.as_ref(), spec.rolling, daemon)?;
    if let Some(given) = &input.deployment_configuration {
        spec.strategy = strategy::strategy(given, spec.strategy, daemon)?;
        let kept = std::mem::take(&mut spec.lifecycle_hooks);
        spec.lifecycle_hooks = hooks::hooks(given, kept, spec.strategy)?;
    }
    if let Some(constraints) = input.placement_constraints {
        spec.placement_constraints = service_input::constraints(constraints)?;
    }
    if let Some(strategy) = input.placement_strategy {
        spec.placement_strategy = service_input::strategies(strategy, daemon)?;
    }
    if let Some(propagate) = input.propagate_tags {
        spec.propagate_tags = propagate;
    }
    if let Some(managed) = input.enable_ecs_managed_tags {
        spec.enable_ecs_managed_tags = managed;
    }
    spec.health_check_grace_period_seconds = load_balancers::grace_period(
        input.health_check_grace_period_seconds,
        spec.health_check_grace_period_seconds,
        balanced,
    )?;
    Ok(())
}

/// The deployment that this update begins, if it does (S-07, S-08).
fn deployment(
    row: &ServiceRow,
    primary: Option<DeploymentRow>,
    definition: Option<TaskDefinitionRow>,
    spec: DeploymentSpec,
    force: bool,
) -> Option<NewDeployment> {
    let current = primary.as_ref().map(|primary| primary.task_definition_id);
    let wanted = definition.map(|definition| definition.id).or(current)?;
    let unchanged = primary.is_some_and(|primary| {
        primary.task_definition_id == wanted
            && primary.spec.configured_load_balancers() == spec.configured_load_balancers()
    });
    if unchanged && !force {
        return None;
    }
    Some(NewDeployment::begun(wanted, row.desired_count, spec))
}

fn shared(input: &UpdateServiceRequest) -> Shared<'_> {
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
