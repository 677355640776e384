use aws_model::ecs::types::{UpdateClusterSettingsRequest, UpdateClusterSettingsResponse};
use store::clusters::ClusterChange;

use crate::ecs::{cluster_input, find};
use crate::{Context, Error, Result};

/// UpdateClusterSettings.
pub async fn update_cluster_settings(
    cx: &Context,
    input: UpdateClusterSettingsRequest,
) -> Result<UpdateClusterSettingsResponse> {
    if input.settings.is_empty() {
        return Err(Error::invalid_parameter("settings can not be blank."));
    }
    let row = find::cluster(cx, Some(&input.cluster)).await?;
    let settings = cluster_input::settings(input.settings)?;
    let change = ClusterChange {
        settings: Some(settings),
        ..ClusterChange::default()
    };
    Ok(UpdateClusterSettingsResponse {
        cluster: Some(super::update_cluster::changed(cx, row, change).await?),
    })
}
