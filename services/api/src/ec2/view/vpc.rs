use aws_model::ec2::types::{
    BlockPublicAccessMode, BlockPublicAccessStates, Tag, Tenancy, Vpc, VpcCidrBlockAssociation,
    VpcCidrBlockState, VpcCidrBlockStateCode, VpcState,
};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::VpcRow;

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All VPCs.
pub async fn all(cx: &Context) -> Result<Vec<Vpc>> {
    let rows = store::networks::vpcs::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(cx, ResourceKind::Vpc, rows.iter().map(|row| row.id.as_str())).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            vpc(&cx.scope, row, tags)
        })
        .collect())
}

pub fn vpc(scope: &Scope, row: VpcRow, tags: Vec<store::tags::Tag>) -> Vpc {
    let association = VpcCidrBlockAssociation {
        association_id: Some(row.cidr_association_id),
        cidr_block: Some(row.cidr_block.clone()),
        cidr_block_state: Some(VpcCidrBlockState {
            state: Some(VpcCidrBlockStateCode::Associated),
            status_message: None,
        }),
    };
    Vpc {
        owner_id: Some(scope.account.to_string()),
        instance_tenancy: Some(match row.instance_tenancy.as_str() {
            "dedicated" => Tenancy::Dedicated,
            _ => Tenancy::Default,
        }),
        ipv6_cidr_block_association_set: Some(Vec::new()),
        cidr_block_association_set: Some(vec![association]),
        is_default: Some(row.is_default),
        tags: tags::shown(tags),
        block_public_access_states: Some(BlockPublicAccessStates {
            internet_gateway_block_mode: Some(BlockPublicAccessMode::Off),
        }),
        vpc_id: Some(row.id),
        state: Some(VpcState::Available),
        cidr_block: Some(row.cidr_block),
        // No options of DHCP are set.
        dhcp_options_id: Some("default".to_owned()),
        encryption_control: None,
    }
}

impl Filtered for Vpc {
    const FIELDS: &'static [Field<Self>] = &[
        ("cidr", |vpc| text(&vpc.cidr_block)),
        ("cidr-block", |vpc| text(&vpc.cidr_block)),
        ("cidrBlock", |vpc| text(&vpc.cidr_block)),
        ("cidr-block-association.cidr-block", |vpc| {
            each(&vpc.cidr_block_association_set, |block| text(&block.cidr_block))
        }),
        ("cidr-block-association.association-id", |vpc| {
            each(&vpc.cidr_block_association_set, |block| {
                text(&block.association_id)
            })
        }),
        ("cidr-block-association.state", |vpc| {
            each(&vpc.cidr_block_association_set, |block| {
                shown(&block.cidr_block_state.as_ref().and_then(|state| state.state))
            })
        }),
        ("dhcp-options-id", |vpc| text(&vpc.dhcp_options_id)),
        ("dhcpOptionsId", |vpc| text(&vpc.dhcp_options_id)),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |_| Vec::new()),
        ("ipv6-cidr-block-association.ipv6-pool", |_| Vec::new()),
        ("ipv6-cidr-block-association.association-id", |_| Vec::new()),
        ("ipv6-cidr-block-association.state", |_| Vec::new()),
        ("is-default", |vpc| shown(&vpc.is_default)),
        ("isDefault", |vpc| shown(&vpc.is_default)),
        ("owner-id", |vpc| text(&vpc.owner_id)),
        ("state", |vpc| shown(&vpc.state)),
        ("vpc-id", |vpc| text(&vpc.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for Vpc {
    const KIND: ResourceKind = ResourceKind::Vpc;

    fn id(&self) -> &str {
        self.vpc_id.as_deref().unwrap_or_default()
    }
}
