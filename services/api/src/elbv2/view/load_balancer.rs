//! Load balancers in replies.

use std::collections::BTreeSet;

use aws_model::elbv2::types::{IpamPools, LoadBalancer, LoadBalancerState, LoadBalancerStateEnum};
use store::load_balancers::{KeptBalancer, LoadBalancerRow};

/// Of which hosted zone the names in DNS are: those of us-east-1, in every region.
const APPLICATION_ZONE: &str = "Z35SXDOTRQ7X7K";
const NETWORK_ZONE: &str = "Z26RNL4JYFTOTI";

/// A load balancer that is there, and why listeners of it do not work (LB-10).
pub fn load_balancer(row: LoadBalancerRow, failures: Option<&BTreeSet<String>>) -> LoadBalancer {
    let state = match failures {
        None => LoadBalancerState {
            code: Some(LoadBalancerStateEnum::Active),
            reason: None,
        },
        Some(failures) => LoadBalancerState {
            code: Some(LoadBalancerStateEnum::ActiveImpaired),
            reason: Some(reason(failures)),
        },
    };
    shown(row, state)
}

/// A load balancer as the reply to its creation shows it.
pub fn created(row: LoadBalancerRow) -> LoadBalancer {
    let state = LoadBalancerState {
        code: Some(LoadBalancerStateEnum::Provisioning),
        reason: None,
    };
    shown(row, state)
}

fn reason(failures: &BTreeSet<String>) -> String {
    let failures: Vec<&str> = failures.iter().map(String::as_str).collect();
    format!("Listeners are not served: {}.", failures.join("; "))
}

fn shown(row: LoadBalancerRow, state: LoadBalancerState) -> LoadBalancer {
    let is_application = row.kind == "application";
    let has_groups = !row.security_groups.is_empty();
    let kept = row.kept.0;
    LoadBalancer {
        canonical_hosted_zone_id: Some(
            match is_application {
                true => APPLICATION_ZONE,
                false => NETWORK_ZONE,
            }
            .to_owned(),
        ),
        load_balancer_arn: Some(row.arn),
        dns_name: Some(row.dns_name),
        created_time: Some(row.created_at.into()),
        load_balancer_name: Some(row.name),
        scheme: row.scheme.parse().ok(),
        vpc_id: Some(row.vpc_id),
        state: Some(state),
        r#type: row.kind.parse().ok(),
        availability_zones: Some(row.zones.0),
        security_groups: (is_application || has_groups).then_some(row.security_groups),
        ip_address_type: row.ip_address_type.parse().ok(),
        customer_owned_ipv4_pool: None,
        enforce_security_group_inbound_rules_on_private_link_traffic: (!is_application && has_groups)
            .then(|| enforcement(&kept)),
        enable_prefix_for_ipv6_source_nat: prefix_for_source_nat(is_application, &kept),
        ipam_pools: ipam_pools(&kept),
    }
}

/// Whether the security groups of a network load balancer hold for PrivateLink.
pub fn enforcement(kept: &KeptBalancer) -> String {
    let kept = kept.enforce_inbound_rules_on_private_link.clone();
    kept.unwrap_or_else(|| "on".to_owned())
}

/// Network load balancers have it, off by default.
pub fn prefix_for_source_nat<E: std::str::FromStr>(is_application: bool, kept: &KeptBalancer) -> Option<E> {
    let text = kept.enable_prefix_for_ipv6_source_nat.as_deref().unwrap_or("off");
    text.parse().ok().filter(|_| !is_application)
}

pub fn ipam_pools(kept: &KeptBalancer) -> Option<IpamPools> {
    kept.ipam_pool.clone().map(|pool| IpamPools {
        ipv4_ipam_pool_id: Some(pool),
    })
}
