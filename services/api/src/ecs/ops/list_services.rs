use aws_model::ecs::types::{ListServicesRequest, ListServicesResponse, ResourceManagementType};
use store::services::ListFilter;

use crate::ecs::find;
use crate::ecs::paging::Page;
use crate::{Context, Result};

/// ListServices: ARNs of the ACTIVE ones, ten a page unless asked otherwise (S-10, W-11).
pub async fn list_services(cx: &Context, input: ListServicesRequest) -> Result<ListServicesResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let page = Page::new("ListServices", input.max_results, input.next_token.as_deref(), 10)?;
    // Services that ECS manages for its own features do not exist yet: all are the customer's.
    if input.resource_management_type == Some(ResourceManagementType::Ecs) {
        return Ok(ListServicesResponse {
            service_arns: Some(Vec::new()),
            next_token: None,
        });
    }
    let after = page.after::<String>()?.unwrap_or_default();
    let filter = ListFilter {
        launch_type: input.launch_type.map(|launch_type| launch_type.as_str()),
        scheduling_strategy: input.scheduling_strategy.map(|strategy| strategy.as_str()),
    };
    let names = store::services::list(cx.db(), cluster.id, &filter, &after, page.fetch()).await?;
    let (names, next_token) = page.cut(names, |name| name.clone());
    let arns = names
        .iter()
        .map(|name| cx.scope.service_arn(&cluster.name, name))
        .collect();
    Ok(ListServicesResponse {
        service_arns: Some(arns),
        next_token,
    })
}
