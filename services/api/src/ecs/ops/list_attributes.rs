use aws_model::ecs::types::{Attribute, ListAttributesRequest, ListAttributesResponse, TargetType};
use domain::ContainerInstanceId;
use store::instances::AttributeFilter;

use crate::ecs::find;
use crate::ecs::paging::Page;
use crate::{Context, Error, Result};

/// ListAttributes: of all instances of a cluster, narrowed by name, and by value of that name.
pub async fn list_attributes(cx: &Context, input: ListAttributesRequest) -> Result<ListAttributesResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let page = Page::new(
        "ListAttributes",
        input.max_results,
        input.next_token.as_deref(),
        100,
    )?;
    if input.attribute_value.is_some() && input.attribute_name.is_none() {
        return Err(Error::invalid_parameter("attributeValue needs an attributeName."));
    }
    let filter = AttributeFilter {
        name: input.attribute_name,
        value: input.attribute_value,
    };
    let after = page.after::<(ContainerInstanceId, String)>()?;
    let found = store::instances::list_attributes(cx.db(), cluster.id, &filter, after, page.fetch()).await?;
    let (found, next_token) = page.cut(found, |(id, name, _)| (*id, name.clone()));
    let attributes = found.into_iter().map(|(id, name, value)| Attribute {
        name,
        value,
        target_type: Some(TargetType::ContainerInstance),
        target_id: Some(cx.scope.container_instance_arn(&cluster.name, id)),
    });
    Ok(ListAttributesResponse {
        attributes: Some(attributes.collect()),
        next_token,
    })
}
