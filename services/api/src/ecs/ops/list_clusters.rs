use aws_model::ecs::types::{ListClustersRequest, ListClustersResponse};

use crate::ecs::paging::Page;
use crate::{Context, Result};

/// ListClusters: ARNs of those that are not INACTIVE (C-03, W-11).
pub async fn list_clusters(cx: &Context, input: ListClustersRequest) -> Result<ListClustersResponse> {
    let page = Page::new(
        "ListClusters",
        input.max_results,
        input.next_token.as_deref(),
        100,
    )?;
    let after = page.after::<String>()?.unwrap_or_default();
    let names = store::clusters::list(cx.db(), &cx.scope, &after, page.fetch()).await?;
    let (names, next_token) = page.cut(names, |name| name.clone());
    let arns = names.iter().map(|name| cx.scope.cluster_arn(name)).collect();
    Ok(ListClustersResponse {
        cluster_arns: Some(arns),
        next_token,
    })
}
