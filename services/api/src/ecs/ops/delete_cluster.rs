use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{DeleteClusterRequest, DeleteClusterResponse};
use store::clusters::{ClusterCounts, Occupied};

use crate::ecs::find;
use crate::ecs::view::cluster::{self, Include};
use crate::{Context, Error, Result};

/// DeleteCluster: an empty cluster becomes INACTIVE (C-03, C-04).
pub async fn delete_cluster(cx: &Context, input: DeleteClusterRequest) -> Result<DeleteClusterResponse> {
    let mut row = find::cluster(cx, Some(&input.cluster)).await?;
    let arn = cx.scope.cluster_arn(&row.name);
    store::clusters::delete(cx.db(), &cx.scope, row.id, &arn, cx.now())
        .await?
        .map_err(occupied)?;
    row.status = "INACTIVE".to_owned();
    let view = cluster::cluster(
        &cx.scope,
        row,
        ClusterCounts::default(),
        Vec::new(),
        Include::OF_CHANGES,
    );
    Ok(DeleteClusterResponse { cluster: Some(view) })
}

fn occupied(by: Occupied) -> Error {
    match by {
        Occupied::ContainerInstances => Error::new(
            ErrorCode::ClusterContainsContainerInstancesException,
            "The Cluster cannot be deleted while Container Instances are active or draining.",
        ),
        Occupied::Services => Error::new(
            ErrorCode::ClusterContainsServicesException,
            "The Cluster cannot be deleted while Services are active.",
        ),
        Occupied::Tasks => Error::new(
            ErrorCode::ClusterContainsTasksException,
            "The Cluster cannot be deleted while Tasks are active.",
        ),
    }
}
