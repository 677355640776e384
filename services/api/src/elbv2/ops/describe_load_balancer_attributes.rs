use aws_model::elbv2::types::{
    DescribeLoadBalancerAttributesInput, DescribeLoadBalancerAttributesOutput, LoadBalancerAttribute,
};
use store::load_balancers::LoadBalancerRow;

use crate::elbv2::attributes::Map;
use crate::elbv2::attributes::load_balancer::{CATALOGUE, Subject};
use crate::elbv2::find;
use crate::{Context, Result};

/// DescribeLoadBalancerAttributes: everything that a load balancer of this type has, defaults too.
pub async fn describe_load_balancer_attributes(
    cx: &Context,
    input: DescribeLoadBalancerAttributesInput,
) -> Result<DescribeLoadBalancerAttributesOutput> {
    let row = find::load_balancer(cx, &input.load_balancer_arn).await?;
    Ok(DescribeLoadBalancerAttributesOutput {
        attributes: Some(shown(&row, &row.attributes)),
    })
}

/// A load balancer's attributes with defaults.
pub(super) fn shown(row: &LoadBalancerRow, stored: &Map) -> Vec<LoadBalancerAttribute> {
    let all = CATALOGUE.all(&Subject::of(row), stored);
    all.into_iter()
        .map(|(key, value)| LoadBalancerAttribute {
            key: Some(key),
            value: Some(value),
        })
        .collect()
}
