use aws_model::ec2::types::{
    DescribeVpcClassicLinkRequest, DescribeVpcClassicLinkResult, Tag, VpcClassicLink,
};
use domain::network::ResourceKind;

use crate::ec2::filters::{Field, Filtered, shown};
use crate::ec2::selection::{Described, Selection};
use crate::ec2::view::vpc;
use crate::{Context, Result};

/// DescribeVpcClassicLink: no VPC is linked to EC2-Classic, which is no more.
pub async fn describe_vpc_classic_link(
    cx: &Context,
    input: DescribeVpcClassicLinkRequest,
) -> Result<DescribeVpcClassicLinkResult> {
    let links = vpc::all(cx).await?.into_iter().map(|vpc| VpcClassicLink {
        classic_link_enabled: Some(false),
        tags: vpc.tags,
        vpc_id: vpc.vpc_id,
    });
    let selection = Selection {
        ids: input.vpc_ids,
        filters: input.filters,
        ..Selection::default()
    };
    let (vpcs, _) = selection.of(links.collect())?;
    Ok(DescribeVpcClassicLinkResult { vpcs: Some(vpcs) })
}

impl Filtered for VpcClassicLink {
    const FIELDS: &'static [Field<Self>] =
        &[("is-classic-link-enabled", |vpc| shown(&vpc.classic_link_enabled))];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for VpcClassicLink {
    const KIND: ResourceKind = ResourceKind::Vpc;

    fn id(&self) -> &str {
        self.vpc_id.as_deref().unwrap_or_default()
    }
}
