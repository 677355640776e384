use aws_model::elbv2::types::{DescribeTargetHealthInput, DescribeTargetHealthOutput};
use store::targets;

use crate::elbv2::view::target_health::Group;
use crate::elbv2::{find, target_key};
use crate::{Context, Result};

/// DescribeTargetHealth: all targets of a group, or the given ones, registered or not (LB-16, LB-17).
pub async fn describe_target_health(
    cx: &Context,
    input: DescribeTargetHealthInput,
) -> Result<DescribeTargetHealthOutput> {
    let row = find::target_group(cx, &input.target_group_arn).await?;
    let registered = targets::of_group(cx.db(), &cx.scope, &row.arn).await?;
    let balancers = store::target_groups::load_balancers_of(cx.db(), std::slice::from_ref(&row.arn)).await?;
    let is_http = matches!(row.protocol.as_deref(), Some("HTTP" | "HTTPS"));
    let group = Group {
        row: &row,
        in_use: !balancers.is_empty(),
        with_anomalies: is_http && input.include.is_some_and(|include| !include.is_empty()),
    };
    let asked = input.targets.unwrap_or_default();
    let described = match asked.is_empty() {
        true => registered.iter().map(|target| group.registered(target)).collect(),
        false => asked
            .into_iter()
            .map(|target| {
                let (id, port) = target_key::of(&row, &target);
                let found = registered.iter().find(|one| one.id == id && one.port == port);
                match found {
                    Some(found) => group.registered(found),
                    None => group.unregistered(target),
                }
            })
            .collect(),
    };
    Ok(DescribeTargetHealthOutput {
        target_health_descriptions: Some(described),
    })
}
