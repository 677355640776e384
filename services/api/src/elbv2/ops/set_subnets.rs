use aws_model::elbv2::types::{
    EnablePrefixForIpv6SourceNatEnum, IpAddressType, SetSubnetsInput, SetSubnetsOutput,
};
use store::Wake;
use store::load_balancers::{self, KeptBalancer, LoadBalancerChange};

use crate::elbv2::attributes::invalid_configuration;
use crate::elbv2::view::load_balancer::prefix_for_source_nat;
use crate::elbv2::{find, networks};
use crate::{Context, Result};

/// SetSubnets: the zones in which a load balancer stands from now on.
pub async fn set_subnets(cx: &Context, input: SetSubnetsInput) -> Result<SetSubnetsOutput> {
    let row = find::load_balancer(cx, &input.load_balancer_arn).await?;
    let is_application = row.kind == "application";
    let is_internal = row.scheme == "internal";
    let current = row.ip_address_type.parse().unwrap_or(IpAddressType::Ipv4);
    let ip_address_type = input.ip_address_type.unwrap_or(current);
    networks::check_ip_address_type(ip_address_type, is_application, is_internal)?;
    networks::check_source_nat(
        input.enable_prefix_for_ipv6_source_nat,
        is_application,
        ip_address_type,
    )?;
    let place = networks::placement(
        cx,
        is_application,
        is_internal,
        input.subnets,
        input.subnet_mappings,
    )
    .await?;
    if place.vpc_id != row.vpc_id {
        return Err(invalid_configuration(format!(
            "All subnets must belong to the same VPC: '{}'",
            row.vpc_id
        )));
    }
    let mut tx = cx.db().begin().await?;
    networks::hold(cx, &mut tx, &place.zones, &[]).await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    let source_nat = input.enable_prefix_for_ipv6_source_nat.map(|on| on.to_string());
    let kept = KeptBalancer {
        enable_prefix_for_ipv6_source_nat: source_nat.or(row
            .kept
            .0
            .enable_prefix_for_ipv6_source_nat
            .clone()),
        ..row.kept.0
    };
    let shown: Option<EnablePrefixForIpv6SourceNatEnum> = prefix_for_source_nat(is_application, &kept);
    let change = LoadBalancerChange {
        zones: Some(place.zones.clone()),
        ip_address_type: Some(ip_address_type.to_string()),
        kept: Some(kept),
        ..LoadBalancerChange::default()
    };
    load_balancers::update(&mut tx, &row.arn, &change).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(SetSubnetsOutput {
        availability_zones: Some(place.zones),
        ip_address_type: Some(ip_address_type),
        enable_prefix_for_ipv6_source_nat: shown,
    })
}
