use aws_model::ecs::types::{UpdateClusterRequest, UpdateClusterResponse};
use store::clusters::{ClusterChange, ClusterRow};

use crate::ecs::view::cluster::{self, Include};
use crate::ecs::{cluster_input, find, tags};
use crate::{Context, Error, Result};

/// UpdateCluster: settings and configuration; members that are absent stay.
pub async fn update_cluster(cx: &Context, input: UpdateClusterRequest) -> Result<UpdateClusterResponse> {
    if input
        .service_connect_defaults
        .is_some_and(|defaults| !defaults.namespace.is_empty())
    {
        return Err(cluster_input::not_yet("serviceConnectDefaults"));
    }
    let row = find::cluster(cx, Some(&input.cluster)).await?;
    let change = ClusterChange {
        settings: input
            .settings
            .map(cluster_input::settings)
            .transpose()?
            .filter(|settings| !settings.is_empty()),
        configuration: cluster_input::configuration(input.configuration)?,
        service_connect_defaults: None,
    };
    Ok(UpdateClusterResponse {
        cluster: Some(changed(cx, row, change).await?),
    })
}

/// Applies the change and shows the cluster; shared with UpdateClusterSettings.
pub(super) async fn changed(
    cx: &Context,
    row: ClusterRow,
    change: ClusterChange,
) -> Result<aws_model::ecs::types::Cluster> {
    let row = store::clusters::update(cx.db(), row.id, &change)
        .await?
        .ok_or_else(Error::cluster_not_found)?;
    let arn = cx.scope.cluster_arn(&row.name);
    let counts = store::clusters::counts(cx.db(), &[row.id])
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut tags = tags::of(cx, true, std::slice::from_ref(&arn)).await?;
    Ok(cluster::cluster(
        &cx.scope,
        row,
        counts,
        tags::taken(&mut tags, &arn),
        Include::OF_CHANGES,
    ))
}
