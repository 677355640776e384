use aws_model::elbv2::types::{DescribeTargetGroupsInput, DescribeTargetGroupsOutput};
use domain::ElbKind;
use store::load_balancers::Which;
use store::target_groups;

use crate::elbv2::find;
use crate::elbv2::paging::Page;
use crate::elbv2::view::target_group;
use crate::{Context, Error, Result};

/// DescribeTargetGroups: all, those of a load balancer, or those with the given ARNs or names, every one of which has to be there (LB-13).
pub async fn describe_target_groups(
    cx: &Context,
    input: DescribeTargetGroupsInput,
) -> Result<DescribeTargetGroupsOutput> {
    let page = Page::new("DescribeTargetGroups", input.marker.as_deref(), input.page_size)?;
    let arns = input.target_group_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    let load_balancer = input.load_balancer_arn;
    let ways = [!arns.is_empty(), !names.is_empty(), load_balancer.is_some()];
    if ways.into_iter().filter(|given| *given).count() > 1 {
        return Err(Error::validation(
            "Only one of target group names, target group ARNs and a load balancer ARN can be specified at the same time",
        ));
    }
    for arn in &arns {
        find::check_arn(arn, ElbKind::TargetGroup)?;
    }
    if let Some(arn) = &load_balancer {
        find::load_balancer(cx, arn).await?;
    }
    let which = match (arns.is_empty(), names.is_empty()) {
        (false, _) => Which::Arns(&arns),
        (_, false) => Which::Names(&names),
        _ => Which::Page {
            after: page.after(),
            limit: page.fetch(),
        },
    };
    let rows = target_groups::list(cx.db(), &cx.scope, which, load_balancer.as_deref()).await?;
    let all_there = arns.iter().all(|arn| rows.iter().any(|row| row.arn == *arn))
        && names.iter().all(|name| rows.iter().any(|row| row.name == *name));
    if !all_there {
        return Err(find::target_groups_not_found());
    }
    let (rows, next_marker) = match which {
        Which::Page { .. } => page.cut(rows, |row| row.name.clone()),
        _ => (rows, None),
    };
    Ok(DescribeTargetGroupsOutput {
        target_groups: Some(target_group::target_groups(cx, rows).await?),
        next_marker,
    })
}
