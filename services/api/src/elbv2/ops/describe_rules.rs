use aws_model::elbv2::types::{DescribeRulesInput, DescribeRulesOutput};
use domain::ElbKind;

use crate::elbv2::paging::Page;
use crate::elbv2::{find, listener_view, listeners};
use crate::{Context, Error, Result};

/// DescribeRules: of a listener by priority, the default one last, or those with the given ARNs (LB-13).
pub async fn describe_rules(cx: &Context, input: DescribeRulesInput) -> Result<DescribeRulesOutput> {
    let arns = input.rule_arns.filter(|arns| !arns.is_empty());
    let (rows, next_marker) = match (input.listener_arn, arns) {
        (Some(_), Some(_)) => {
            return Err(Error::validation(
                "Rule ARNs and a listener ARN cannot be specified at the same time",
            ));
        }
        (None, None) => {
            return Err(Error::validation(
                "Either a listener ARN or rule ARNs must be specified",
            ));
        }
        (None, Some(arns)) => {
            for arn in &arns {
                find::check_arn(arn, ElbKind::Rule)?;
            }
            let rows = store::rules::find_many(cx.db(), &cx.scope, &arns).await?;
            if arns.iter().any(|arn| rows.iter().all(|row| row.arn != *arn)) {
                return Err(listeners::no_rule());
            }
            (rows, None)
        }
        (Some(listener), None) => {
            listeners::listener(cx, &listener).await?;
            let page = Page::new("DescribeRules", input.marker.as_deref(), input.page_size)?;
            let after = page.after().parse().unwrap_or(0);
            let rows = store::rules::of_listener(cx.db(), &cx.scope, &listener, after, page.fetch()).await?;
            page.cut(rows, |row| row.priority.unwrap_or(i32::MAX).to_string())
        }
    };
    Ok(DescribeRulesOutput {
        rules: Some(rows.into_iter().map(listener_view::rule).collect()),
        next_marker,
    })
}
