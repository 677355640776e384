use aws_model::elbv2::types::{DescribeTagsInput, DescribeTagsOutput, TagDescription};

use crate::elbv2::tags;
use crate::{Context, Result};

/// DescribeTags: of each resource, also where there are none.
pub async fn describe_tags(cx: &Context, input: DescribeTagsInput) -> Result<DescribeTagsOutput> {
    let of_each = tags::of(cx, input.resource_arns).await?;
    let described = of_each.into_iter().map(|(arn, tags)| TagDescription {
        resource_arn: Some(arn),
        tags: Some(tags),
    });
    Ok(DescribeTagsOutput {
        tag_descriptions: Some(described.collect()),
    })
}
