use aws_model::ecs::types::{
    ListTaskDefinitionsRequest, ListTaskDefinitionsResponse, SortOrder, TaskDefinitionStatus,
};

use crate::ecs::paging::Page;
use crate::ecs::task_definition::reference;
use crate::{Context, Result};

/// ListTaskDefinitions: ARNs by family, then revision; `familyPrefix` is a whole family (TD-06, W-11).
pub async fn list_task_definitions(
    cx: &Context,
    input: ListTaskDefinitionsRequest,
) -> Result<ListTaskDefinitionsResponse> {
    let family = reference::family_filter(input.family_prefix.as_deref())?;
    let status = input.status.unwrap_or(TaskDefinitionStatus::Active).as_str();
    let descending = input.sort == Some(SortOrder::Desc);
    let page = Page::new(
        "ListTaskDefinitions",
        input.max_results,
        input.next_token.as_deref(),
        100,
    )?;
    let after = page.after::<(String, i32)>()?;
    let after = after
        .as_ref()
        .map(|(family, revision)| (family.as_str(), *revision));
    let rows = store::task_definitions::list(
        cx.db(),
        &cx.scope,
        family,
        status,
        descending,
        after,
        page.fetch(),
    );
    let (rows, next_token) = page.cut(rows.await?, |row| row.clone());
    let arns = rows
        .iter()
        .map(|(family, revision)| cx.scope.task_definition_arn(family, *revision))
        .collect();
    Ok(ListTaskDefinitionsResponse {
        task_definition_arns: Some(arns),
        next_token,
    })
}
