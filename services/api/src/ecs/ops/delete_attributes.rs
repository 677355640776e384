use aws_model::ecs::types::{Attribute, DeleteAttributesRequest, DeleteAttributesResponse};

use super::put_attributes::{apply, change};
use crate::{Context, Result};

/// DeleteAttributes (I-10). Deleting what is not there is no error.
pub async fn delete_attributes(
    cx: &Context,
    input: DeleteAttributesRequest,
) -> Result<DeleteAttributesResponse> {
    let named: Vec<Attribute> = input
        .attributes
        .into_iter()
        .map(|a| Attribute { value: None, ..a })
        .collect();
    let (changed, targets) = change(cx, input.cluster.as_deref(), named, |target, attribute| {
        target.delete.push(attribute.name.clone());
    })?;
    apply(cx, input.cluster.as_deref(), &targets).await?;
    Ok(DeleteAttributesResponse {
        attributes: Some(changed),
    })
}
