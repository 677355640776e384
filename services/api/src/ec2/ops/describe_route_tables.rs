use aws_model::ec2::types::{DescribeRouteTablesRequest, DescribeRouteTablesResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::route_table;
use crate::{Context, Result};

/// DescribeRouteTables.
pub async fn describe_route_tables(
    cx: &Context,
    input: DescribeRouteTablesRequest,
) -> Result<DescribeRouteTablesResult> {
    let selection = Selection {
        ids: input.route_table_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(route_table::all(cx).await?)?;
    Ok(DescribeRouteTablesResult {
        route_tables: Some(items),
        next_token,
    })
}
