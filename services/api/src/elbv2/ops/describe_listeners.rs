use aws_model::elbv2::types::{DescribeListenersInput, DescribeListenersOutput};
use domain::ElbKind;

use crate::elbv2::paging::Page;
use crate::elbv2::{find, listener_view, listeners};
use crate::{Context, Error, Result};

/// DescribeListeners: of a balancer by port, or those with the given ARNs (LB-13).
pub async fn describe_listeners(
    cx: &Context,
    input: DescribeListenersInput,
) -> Result<DescribeListenersOutput> {
    let arns = input.listener_arns.filter(|arns| !arns.is_empty());
    let (rows, next_marker) = match (input.load_balancer_arn, arns) {
        (Some(_), Some(_)) => {
            return Err(Error::validation(
                "Listener ARNs and a load balancer ARN cannot be specified at the same time",
            ));
        }
        (None, None) => {
            return Err(Error::validation(
                "Either listener ARNs or a load balancer ARN must be specified",
            ));
        }
        (None, Some(arns)) => {
            for arn in &arns {
                find::check_arn(arn, ElbKind::Listener)?;
            }
            let rows = store::listeners::find_many(cx.db(), &cx.scope, &arns).await?;
            if arns.iter().any(|arn| rows.iter().all(|row| row.arn != *arn)) {
                return Err(listeners::no_listener());
            }
            (rows, None)
        }
        (Some(balancer), None) => {
            find::load_balancer(cx, &balancer).await?;
            let page = Page::new("DescribeListeners", input.marker.as_deref(), input.page_size)?;
            let after = page.after().parse().unwrap_or(0);
            let rows =
                store::listeners::of_balancer(cx.db(), &cx.scope, &balancer, after, page.fetch()).await?;
            page.cut(rows, |row| row.port.to_string())
        }
    };
    Ok(DescribeListenersOutput {
        listeners: Some(rows.into_iter().map(listener_view::listener).collect()),
        next_marker,
    })
}
