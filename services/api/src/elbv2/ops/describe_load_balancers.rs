use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DescribeLoadBalancersInput, DescribeLoadBalancersOutput};
use domain::ElbKind;
use store::load_balancers::{self, LoadBalancerRow, Which};

use crate::elbv2::find::check_arn;
use crate::elbv2::paging::Page;
use crate::elbv2::view::load_balancer;
use crate::{Context, Error, Result};

/// DescribeLoadBalancers: all, or those with the given ARNs or names, every one of which has to be there (LB-13).
pub async fn describe_load_balancers(
    cx: &Context,
    input: DescribeLoadBalancersInput,
) -> Result<DescribeLoadBalancersOutput> {
    let page = Page::new("DescribeLoadBalancers", input.marker.as_deref(), input.page_size)?;
    let arns = input.load_balancer_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    let (rows, next_marker) = match (arns.is_empty(), names.is_empty()) {
        (false, false) => {
            return Err(Error::validation(
                "Load balancer names and load balancer ARNs cannot be specified at the same time",
            ));
        }
        (false, true) => (by_arns(cx, &arns).await?, None),
        (true, false) => (by_names(cx, &names).await?, None),
        (true, true) => {
            let which = Which::Page {
                after: page.after(),
                limit: page.fetch(),
            };
            page.cut(load_balancers::list(cx.db(), &cx.scope, which).await?, |row| {
                row.name.clone()
            })
        }
    };
    let arns: Vec<String> = rows.iter().map(|row| row.arn.clone()).collect();
    let failures = load_balancers::impairments(cx.db(), &arns).await?;
    let shown = rows.into_iter().map(|row| {
        let failures = failures.get(&row.arn);
        load_balancer::load_balancer(row, failures)
    });
    Ok(DescribeLoadBalancersOutput {
        load_balancers: Some(shown.collect()),
        next_marker,
    })
}

async fn by_arns(cx: &Context, arns: &[String]) -> Result<Vec<LoadBalancerRow>> {
    for arn in arns {
        check_arn(arn, ElbKind::LoadBalancer)?;
    }
    let rows = load_balancers::list(cx.db(), &cx.scope, Which::Arns(arns)).await?;
    match arns.iter().all(|arn| rows.iter().any(|row| row.arn == *arn)) {
        true => Ok(rows),
        false => Err(not_found("One or more load balancers not found".to_owned())),
    }
}

async fn by_names(cx: &Context, names: &[String]) -> Result<Vec<LoadBalancerRow>> {
    let rows = load_balancers::list(cx.db(), &cx.scope, Which::Names(names)).await?;
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| rows.iter().all(|row| row.name != **name))
        .map(String::as_str)
        .collect();
    match missing.is_empty() {
        true => Ok(rows),
        false => Err(not_found(format!(
            "Load balancers '[{}]' not found",
            missing.join(", ")
        ))),
    }
}

fn not_found(text: String) -> Error {
    Error::new(ErrorCode::LoadBalancerNotFoundException, text)
}
