use aws_model::ec2::types::{
    BlockPublicAccessMode, BlockPublicAccessStates, HostnameType, PrivateDnsNameOptionsOnLaunch, Subnet,
    SubnetState, Tag,
};
use domain::Scope;
use domain::network::{ResourceKind, zone};
use store::networks::SubnetRow;

use crate::ec2::filters::{Field, Filtered, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All subnets.
pub async fn all(cx: &Context) -> Result<Vec<Subnet>> {
    let rows = store::networks::subnets::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(cx, ResourceKind::Subnet, rows.iter().map(|row| row.id.as_str())).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            subnet(&cx.scope, row, tags)
        })
        .collect())
}

pub fn subnet(scope: &Scope, row: SubnetRow, tags: Vec<store::tags::Tag>) -> Subnet {
    let zone = zone::zone(&scope.region, &row.availability_zone);
    let hostname_type = match row.hostname_type.as_str() {
        "resource-name" => HostnameType::ResourceName,
        _ => HostnameType::IpName,
    };
    Subnet {
        availability_zone_id: zone.map(|zone| zone.id),
        map_customer_owned_ip_on_launch: Some(false),
        owner_id: Some(scope.account.to_string()),
        assign_ipv6_address_on_creation: Some(false),
        ipv6_cidr_block_association_set: Some(Vec::new()),
        tags: tags::shown(tags),
        subnet_arn: Some(scope.ec2_arn(ResourceKind::Subnet, &row.id)),
        enable_dns64: Some(false),
        ipv6_native: Some(false),
        private_dns_name_options_on_launch: Some(PrivateDnsNameOptionsOnLaunch {
            hostname_type: Some(hostname_type),
            enable_resource_name_dns_a_record: Some(row.resource_name_dns_a_record),
            enable_resource_name_dns_aaaa_record: Some(false),
        }),
        block_public_access_states: Some(BlockPublicAccessStates {
            internet_gateway_block_mode: Some(BlockPublicAccessMode::Off),
        }),
        state: Some(SubnetState::Available),
        available_ip_address_count: i32::try_from(row.available_addresses()).ok(),
        subnet_id: Some(row.id),
        vpc_id: Some(row.vpc_id),
        cidr_block: Some(row.cidr_block),
        availability_zone: Some(row.availability_zone),
        default_for_az: Some(row.default_for_az),
        map_public_ip_on_launch: Some(row.map_public_ip_on_launch),
        ..Subnet::default()
    }
}

impl Filtered for Subnet {
    const FIELDS: &'static [Field<Self>] = &[
        ("availability-zone", |subnet| text(&subnet.availability_zone)),
        ("availabilityZone", |subnet| text(&subnet.availability_zone)),
        ("availability-zone-id", |subnet| {
            text(&subnet.availability_zone_id)
        }),
        ("availabilityZoneId", |subnet| text(&subnet.availability_zone_id)),
        ("available-ip-address-count", |subnet| {
            shown(&subnet.available_ip_address_count)
        }),
        ("cidr", |subnet| text(&subnet.cidr_block)),
        ("cidr-block", |subnet| text(&subnet.cidr_block)),
        ("cidrBlock", |subnet| text(&subnet.cidr_block)),
        ("customer-owned-ipv4-pool", |subnet| {
            text(&subnet.customer_owned_ipv4_pool)
        }),
        ("default-for-az", |subnet| shown(&subnet.default_for_az)),
        ("defaultForAz", |subnet| shown(&subnet.default_for_az)),
        ("enable-dns64", |subnet| shown(&subnet.enable_dns64)),
        ("enable-lni-at-device-index", |subnet| {
            shown(&subnet.enable_lni_at_device_index)
        }),
        ("ipv6-cidr-block-association.ipv6-cidr-block", |_| Vec::new()),
        ("ipv6-cidr-block-association.association-id", |_| Vec::new()),
        ("ipv6-cidr-block-association.state", |_| Vec::new()),
        ("ipv6-native", |subnet| shown(&subnet.ipv6_native)),
        ("map-customer-owned-ip-on-launch", |subnet| {
            shown(&subnet.map_customer_owned_ip_on_launch)
        }),
        ("map-public-ip-on-launch", |subnet| {
            shown(&subnet.map_public_ip_on_launch)
        }),
        ("outpost-arn", |subnet| text(&subnet.outpost_arn)),
        ("owner-id", |subnet| text(&subnet.owner_id)),
        ("private-dns-name-options-on-launch.hostname-type", |subnet| {
            shown(&launch_names(subnet).and_then(|names| names.hostname_type))
        }),
        (
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
            |subnet| shown(&launch_names(subnet).and_then(|names| names.enable_resource_name_dns_a_record)),
        ),
        (
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
            |subnet| {
                shown(&launch_names(subnet).and_then(|names| names.enable_resource_name_dns_aaaa_record))
            },
        ),
        ("state", |subnet| shown(&subnet.state)),
        ("subnet-arn", |subnet| text(&subnet.subnet_arn)),
        ("subnet-id", |subnet| text(&subnet.subnet_id)),
        ("vpc-id", |subnet| text(&subnet.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

fn launch_names(subnet: &Subnet) -> Option<&PrivateDnsNameOptionsOnLaunch> {
    subnet.private_dns_name_options_on_launch.as_ref()
}

impl Described for Subnet {
    const KIND: ResourceKind = ResourceKind::Subnet;

    fn id(&self) -> &str {
        self.subnet_id.as_deref().unwrap_or_default()
    }
}
