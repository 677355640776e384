use aws_model::ec2::types::{
    AccountAttribute, AccountAttributeName, AccountAttributeValue, DescribeAccountAttributesRequest,
    DescribeAccountAttributesResult,
};

use crate::{Context, Result};

/// DescribeAccountAttributes: there are VPCs only, and the default one's id. Berth sets no limits that it could show.
pub async fn describe_account_attributes(
    cx: &Context,
    input: DescribeAccountAttributesRequest,
) -> Result<DescribeAccountAttributesResult> {
    let default = store::networks::default_vpc(cx.db(), &cx.scope).await?;
    let all = [
        (AccountAttributeName::SupportedPlatforms, "VPC".to_owned()),
        (
            AccountAttributeName::DefaultVpc,
            default.map_or_else(|| "none".to_owned(), |vpc| vpc.id),
        ),
    ];
    let asked = input.attribute_names.unwrap_or_default();
    let shown = all
        .into_iter()
        .filter(|(name, _)| asked.is_empty() || asked.contains(name))
        .map(|(name, value)| AccountAttribute {
            attribute_name: Some(name.to_string()),
            attribute_values: Some(vec![AccountAttributeValue {
                attribute_value: Some(value),
            }]),
        });
    Ok(DescribeAccountAttributesResult {
        account_attributes: Some(shown.collect()),
    })
}
