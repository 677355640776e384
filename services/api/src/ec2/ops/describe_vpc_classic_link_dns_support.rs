use aws_model::ec2::types::{
    ClassicLinkDnsSupport, DescribeVpcClassicLinkDnsSupportRequest, DescribeVpcClassicLinkDnsSupportResult,
};

use crate::ec2::selection::Selection;
use crate::ec2::view::vpc;
use crate::{Context, Result};

/// DescribeVpcClassicLinkDnsSupport: no VPC is linked to EC2-Classic, which is no more.
pub async fn describe_vpc_classic_link_dns_support(
    cx: &Context,
    input: DescribeVpcClassicLinkDnsSupportRequest,
) -> Result<DescribeVpcClassicLinkDnsSupportResult> {
    let selection = Selection {
        ids: input.vpc_ids,
        max_results: input.max_results,
        next_token: input.next_token,
        ..Selection::default()
    };
    let (vpcs, next_token) = selection.of(vpc::all(cx).await?)?;
    let support = vpcs.into_iter().map(|vpc| ClassicLinkDnsSupport {
        classic_link_dns_supported: Some(false),
        vpc_id: vpc.vpc_id,
    });
    Ok(DescribeVpcClassicLinkDnsSupportResult {
        next_token,
        vpcs: Some(support.collect()),
    })
}
