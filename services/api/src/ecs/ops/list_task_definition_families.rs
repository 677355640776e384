use aws_model::ecs::types::{
    ListTaskDefinitionFamiliesRequest, ListTaskDefinitionFamiliesResponse, TaskDefinitionFamilyStatus,
};
use store::task_definitions::FamilyFilter;

use crate::ecs::paging::Page;
use crate::ecs::task_definition::reference;
use crate::{Context, Result};

/// ListTaskDefinitionFamilies: families that begin with a prefix, with and without ACTIVE revisions unless asked otherwise (TD-06).
pub async fn list_task_definition_families(
    cx: &Context,
    input: ListTaskDefinitionFamiliesRequest,
) -> Result<ListTaskDefinitionFamiliesResponse> {
    let prefix = reference::family_filter(input.family_prefix.as_deref())?.unwrap_or_default();
    let filter = match input.status {
        Some(TaskDefinitionFamilyStatus::Active) => FamilyFilter::Active,
        Some(TaskDefinitionFamilyStatus::Inactive) => FamilyFilter::Inactive,
        Some(TaskDefinitionFamilyStatus::All) | None => FamilyFilter::All,
    };
    let page = Page::new(
        "ListTaskDefinitionFamilies",
        input.max_results,
        input.next_token.as_deref(),
        100,
    )?;
    let after = page.after::<String>()?.unwrap_or_default();
    let families =
        store::task_definitions::list_families(cx.db(), &cx.scope, prefix, filter, &after, page.fetch());
    let (families, next_token) = page.cut(families.await?, |family| family.clone());
    Ok(ListTaskDefinitionFamiliesResponse {
        families: Some(families),
        next_token,
    })
}
