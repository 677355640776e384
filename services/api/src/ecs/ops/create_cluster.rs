use aws_model::ecs::types::{CreateClusterRequest, CreateClusterResponse};
use store::clusters::NewCluster;

use crate::ecs::view::cluster::{self, Include};
use crate::ecs::{cluster_input, settings, tags};
use crate::{Context, Error, Result};

/// CreateCluster: makes a cluster, or returns the ACTIVE one of that name unchanged (C-01, C-02).
pub async fn create_cluster(cx: &Context, input: CreateClusterRequest) -> Result<CreateClusterResponse> {
    let name = input
        .cluster_name
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned());
    if !domain::names::is_resource_name(&name) {
        return Err(Error::invalid_parameter(
            "Cluster names have at most 255 letters (uppercase and lowercase), numbers, hyphens, and underscores.",
        ));
    }
    cluster_input::refuse_unless_empty(input.capacity_providers.as_ref(), "capacityProviders")?;
    let strategy = input.default_capacity_provider_strategy.as_ref();
    cluster_input::refuse_unless_empty(strategy, "defaultCapacityProviderStrategy")?;
    if input.service_connect_defaults.is_some() {
        return Err(cluster_input::not_yet("serviceConnectDefaults"));
    }
    let tags = tags::checked(input.tags)?;
    let configuration = cluster_input::configuration(input.configuration)?;
    let settings = match cluster_input::settings(input.settings.unwrap_or_default())? {
        given if !given.is_empty() => given,
        _ => cluster::default_settings(&settings::effective(cx, "containerInsights").await?),
    };
    let new = NewCluster {
        name,
        settings,
        configuration,
        service_connect_defaults: None,
    };
    let (row, _) = store::clusters::create(cx.db(), &cx.scope, &new, &tags, cx.now()).await?;
    let arn = cx.scope.cluster_arn(&row.name);
    let counts = store::clusters::counts(cx.db(), &[row.id])
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut tags = tags::of(cx, true, std::slice::from_ref(&arn)).await?;
    let tags = tags::taken(&mut tags, &arn);
    Ok(CreateClusterResponse {
        cluster: Some(cluster::cluster(
            &cx.scope,
            row,
            counts,
            tags,
            Include::OF_CHANGES,
        )),
    })
}
