use aws_model::ecs::types::{ListServiceDeploymentsRequest, ListServiceDeploymentsResponse};
use store::services::service_deployments::{self, ListFilter};

use crate::ecs::paging::Page;
use crate::ecs::view::service_deployment::{Home, brief};
use crate::ecs::{find, service_input};
use crate::{Context, Error, Result};

/// ListServiceDeployments: newest first, twenty a page unless asked otherwise (SD-06, W-11).
pub async fn list_service_deployments(
    cx: &Context,
    input: ListServiceDeploymentsRequest,
) -> Result<ListServiceDeploymentsResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let page = Page::new(
        "ListServiceDeployments",
        input.max_results,
        input.next_token.as_deref(),
        20,
    )?;
    let name = service_input::service_name(cx, &cluster.name, &input.service)?
        .ok_or_else(Error::service_not_found)?;
    let service = store::services::find(cx.db(), cluster.id, name)
        .await?
        .ok_or_else(Error::service_not_found)?;
    let created = input.created_at.unwrap_or_default();
    let filter = ListFilter {
        statuses: input
            .status
            .unwrap_or_default()
            .iter()
            .map(|status| status.as_str().to_owned())
            .collect(),
        created_after: created.after.map(Into::into),
        created_before: created.before.map(Into::into),
        after: page.after()?,
    };
    let rows = service_deployments::list(cx.db(), service.id, &filter, page.fetch()).await?;
    let (rows, next_token) = page.cut(rows, |row| row.ordinal);
    let home = Home {
        scope: &cx.scope,
        cluster: &cluster.name,
        service: &service.name,
    };
    Ok(ListServiceDeploymentsResponse {
        service_deployments: Some(rows.into_iter().map(|row| brief(home, row)).collect()),
        next_token,
    })
}
