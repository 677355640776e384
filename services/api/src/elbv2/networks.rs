//! Where load balancers stand: subnets, zones and security groups of the account's networks.

use std::net::Ipv4Addr;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    AvailabilityZone, EnablePrefixForIpv6SourceNatEnum, IpAddressType, LoadBalancerAddress, SubnetMapping,
};
use domain::network::{Ipv4Cidr, ResourceKind};
use store::Tx;
use store::networks::{self, NetworkError, SubnetRow};

use crate::elbv2::attributes::invalid_configuration;
use crate::{Context, Error, Result};

/// Zones that a load balancer is to be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    pub vpc_id: String,
    /// Ascending by subnet, as described.
    pub zones: Vec<AvailabilityZone>,
}

/// Zones of the subnets or subnet mappings of a request. An application load balancer is in two zones at least.
///
/// # Errors
/// ValidationError for too few subnets or both forms, SubnetNotFound, AllocationIdNotFound, InvalidConfigurationRequest for subnets of
/// one zone or of different VPCs.
pub async fn placement(
    cx: &Context,
    is_application: bool,
    is_internal: bool,
    subnets: Option<Vec<String>>,
    mappings: Option<Vec<SubnetMapping>>,
) -> Result<Placement> {
    let plain = |id: String| SubnetMapping {
        subnet_id: Some(id),
        ..SubnetMapping::default()
    };
    let mappings: Vec<SubnetMapping> = match (subnets.unwrap_or_default(), mappings.unwrap_or_default()) {
        (subnets, mappings) if !subnets.is_empty() && !mappings.is_empty() => {
            return Err(Error::validation(
                "You must specify either subnets or subnet mappings, not both",
            ));
        }
        (subnets, mappings) if mappings.is_empty() => subnets.into_iter().map(plain).collect(),
        (_, mappings) => mappings,
    };
    let ids: Vec<String> = mappings
        .iter()
        .map(|mapping| mapping.subnet_id.clone().unwrap_or_default())
        .collect();
    let rows = networks::subnets(cx.db(), &cx.scope, &ids).await?;
    if let Some(missing) = ids.iter().find(|id| rows.iter().all(|row| row.id != **id)) {
        return Err(subnet_not_found(missing));
    }
    let vpc_id = check_subnets(&rows, is_application)?;
    let mut zones = Vec::with_capacity(rows.len());
    for (row, mapping) in rows.iter().zip(mappings) {
        zones.push(zone(row, mapping, is_application, is_internal)?);
    }
    zones.sort_by(|a, b| a.subnet_id.cmp(&b.subnet_id));
    Ok(Placement { vpc_id, zones })
}

/// Gives the one VPC that all these subnets are in.
fn check_subnets(rows: &[SubnetRow], is_application: bool) -> Result<String> {
    let Some(first) = rows.first() else {
        return Err(too_few(is_application));
    };
    if rows.iter().any(|row| row.vpc_id != first.vpc_id) {
        return Err(invalid_configuration(format!(
            "All subnets must belong to the same VPC: '{}'",
            first.vpc_id
        )));
    }
    let mut zones: Vec<&str> = rows.iter().map(|row| row.availability_zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    if zones.len() < rows.len() {
        return Err(invalid_configuration(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    match is_application && zones.len() < 2 {
        true => Err(too_few(true)),
        false => Ok(first.vpc_id.clone()),
    }
}

fn too_few(is_application: bool) -> Error {
    Error::validation(match is_application {
        true => "At least two subnets in two different Availability Zones must be specified",
        false => "At least one subnet must be specified",
    })
}

pub fn subnet_not_found(id: &str) -> Error {
    Error::new(
        ErrorCode::SubnetNotFoundException,
        format!("The subnet ID '{id}' does not exist"),
    )
}

/// The zone of a subnet with the addresses that a network load balancer was given there.
fn zone(
    row: &SubnetRow,
    mapping: SubnetMapping,
    is_application: bool,
    is_internal: bool,
) -> Result<AvailabilityZone> {
    if let Some(id) = &mapping.allocation_id {
        // Berth has no Elastic IP addresses.
        return Err(Error::new(
            ErrorCode::AllocationIdNotFoundException,
            format!("The allocation IDs '{id}' do not exist"),
        ));
    }
    let mut zone = AvailabilityZone {
        zone_name: Some(row.availability_zone.clone()),
        subnet_id: Some(row.id.clone()),
        load_balancer_addresses: Some(Vec::new()),
        ..AvailabilityZone::default()
    };
    if mapping.source_nat_ipv6_prefix.is_some() || mapping.ipv6_address.is_some() {
        return Err(invalid_configuration(format!(
            "The subnet '{}' does not have an associated IPv6 CIDR block",
            row.id
        )));
    }
    let Some(address) = mapping.private_ipv4_address else {
        return Ok(zone);
    };
    if is_application || !is_internal {
        return Err(invalid_configuration(
            "Private IPv4 addresses can only be specified for internal load balancers with type 'network'",
        ));
    }
    let inside = address.parse::<Ipv4Addr>().is_ok_and(|address| {
        let block = row.cidr_block.parse::<Ipv4Cidr>();
        block.is_ok_and(|block| (block.first()..=block.last()).contains(&address))
    });
    if !inside {
        return Err(invalid_configuration(format!(
            "The private IPv4 address '{address}' is not in the range of the subnet '{}'",
            row.id
        )));
    }
    zone.load_balancer_addresses = Some(vec![LoadBalancerAddress {
        private_ipv4_address: Some(address),
        ..LoadBalancerAddress::default()
    }]);
    Ok(zone)
}

/// The security groups of a request, each once and all of the VPC; the VPC's default group where an application load balancer has none.
///
/// # Errors
/// InvalidSecurityGroup for one that does not exist, InvalidConfigurationRequest for one of another VPC.
pub async fn security_groups(
    cx: &Context,
    is_application: bool,
    vpc_id: &str,
    given: Option<Vec<String>>,
) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for id in given.unwrap_or_default() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        if !is_application {
            return Ok(ids);
        }
        let default = networks::default_security_group(cx.db(), &cx.scope, vpc_id).await?;
        return Ok(default.into_iter().map(|group| group.id).collect());
    }
    let rows = networks::security_groups(cx.db(), &cx.scope, &ids).await?;
    if let Some(missing) = ids.iter().find(|id| rows.iter().all(|row| row.id != **id)) {
        return Err(security_group_not_found(missing));
    }
    if rows.iter().any(|row| row.vpc_id != vpc_id) {
        return Err(invalid_configuration("One or more security groups are invalid"));
    }
    Ok(ids)
}

fn security_group_not_found(id: &str) -> Error {
    Error::new(
        ErrorCode::InvalidSecurityGroupException,
        format!("The security group ID '{id}' does not exist"),
    )
}

/// Keeps subnets and security groups from being deleted until the transaction ends.
pub async fn hold(
    cx: &Context,
    tx: &mut Tx,
    zones: &[AvailabilityZone],
    security_groups: &[String],
) -> Result<()> {
    let subnets: Vec<String> = zones.iter().filter_map(|zone| zone.subnet_id.clone()).collect();
    let held = networks::hold(tx, &cx.scope, &subnets, security_groups).await;
    held.map_err(|error| match error {
        NetworkError::Store(error) => error.into(),
        NetworkError::NotFound {
            kind: ResourceKind::Subnet,
            id,
        } => subnet_not_found(&id),
        NetworkError::NotFound { id, .. } => security_group_not_found(&id),
        other => Error::server(other),
    })
}

/// Addresses without public IPv4 are for application load balancers that face the internet.
pub fn check_ip_address_type(
    ip_address_type: IpAddressType,
    is_application: bool,
    is_internal: bool,
) -> Result<()> {
    let refused =
        ip_address_type == IpAddressType::DualstackWithoutPublicIpv4 && (is_internal || !is_application);
    match refused {
        true => Err(invalid_configuration(format!(
            "IP address type '{ip_address_type}' is only supported for internet-facing load balancers with type 'application'"
        ))),
        false => Ok(()),
    }
}

/// Prefixes for source NAT are for dual-stack network load balancers.
pub fn check_source_nat(
    given: Option<EnablePrefixForIpv6SourceNatEnum>,
    is_application: bool,
    ip_address_type: IpAddressType,
) -> Result<()> {
    let on = given == Some(EnablePrefixForIpv6SourceNatEnum::On);
    match (given.is_some() && is_application) || (on && ip_address_type == IpAddressType::Ipv4) {
        true => Err(invalid_configuration(
            "Source NAT with IPv6 prefixes is only supported for dualstack load balancers with type 'network'",
        )),
        false => Ok(()),
    }
}

/// IPAM pools are for application load balancers that face the internet.
pub fn check_ipam_pool(pool: Option<&str>, is_application: bool, is_internal: bool) -> Result<()> {
    match pool.is_some() && (is_internal || !is_application) {
        true => Err(invalid_configuration(
            "IPAM pools are only supported for internet-facing load balancers with type 'application'",
        )),
        false => Ok(()),
    }
}
