use std::collections::BTreeSet;

use auth::keys::Secret;
use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    CreateLoadBalancerInput, CreateLoadBalancerOutput, IpAddressType, LoadBalancerSchemeEnum,
    LoadBalancerTypeEnum,
};
use domain::elb::{NameFlaw, check_name};
use store::Wake;
use store::load_balancers::{self, Created, KeptBalancer, LoadBalancerRow, NewLoadBalancer};

use crate::elbv2::attributes::invalid_configuration;
use crate::elbv2::view::load_balancer;
use crate::elbv2::{ids, limits, networks, tags};
use crate::{Context, Error, Result};

/// CreateLoadBalancer: makes a load balancer, or returns the one of that name and these settings (LB-10, LB-11).
pub async fn create_load_balancer(
    cx: &Context,
    input: CreateLoadBalancerInput,
) -> Result<CreateLoadBalancerOutput> {
    checked_name(&input.name)?;
    let tags = tags::checked(input.tags.clone())?;
    let new = prepared(cx, input, tags).await?;
    let mut tx = cx.db().begin().await?;
    networks::hold(cx, &mut tx, &new.zones, &new.security_groups).await?;
    let row = match load_balancers::create(&mut tx, &cx.scope, &new, limits::LOAD_BALANCERS, cx.now()).await?
    {
        Created::New(row) => {
            cx.db().commit(tx, [Wake::Routes]).await?;
            load_balancer::created(row)
        }
        Created::Exists(row) => {
            tx.rollback().await.map_err(Error::server)?;
            if !same(&row, &new) || !tags::all_present(cx, &row.arn, &new.tags).await? {
                return Err(Error::new(
                    ErrorCode::DuplicateLoadBalancerNameException,
                    format!(
                        "A load balancer with the same name '{}' exists, but with different settings",
                        new.name
                    ),
                ));
            }
            let arn = [row.arn.clone()];
            let failures = load_balancers::impairments(cx.db(), &arn).await?;
            load_balancer::load_balancer(row, failures.get(&arn[0]))
        }
        Created::LimitReached => {
            return Err(Error::new(
                ErrorCode::TooManyLoadBalancersException,
                format!(
                    "You have reached the limit of {} {} load balancers",
                    limits::LOAD_BALANCERS,
                    new.kind
                ),
            ));
        }
    };
    Ok(CreateLoadBalancerOutput {
        load_balancers: Some(vec![row]),
    })
}

fn checked_name(name: &str) -> Result<()> {
    check_name(name, true).map_err(|flaw| {
        Error::validation(match flaw {
            NameFlaw::TooLong => format!("The load balancer name '{name}' cannot be longer than '32' characters"),
            NameFlaw::Characters => format!(
                "The load balancer name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
            ),
            NameFlaw::Hyphen => {
                format!("The load balancer name '{name}' cannot begin or end with a hyphen(-)")
            }
            NameFlaw::Internal => format!("The load balancer name '{name}' cannot begin with 'internal-'"),
        })
    })
}

/// Checks the request and fills in what it leaves open.
async fn prepared(
    cx: &Context,
    input: CreateLoadBalancerInput,
    tags: Vec<store::tags::Tag>,
) -> Result<NewLoadBalancer> {
    let kind = input.r#type.unwrap_or(LoadBalancerTypeEnum::Application);
    if kind == LoadBalancerTypeEnum::Gateway {
        return Err(invalid_configuration(
            "Load balancers with type 'gateway' are not supported by Berth",
        ));
    }
    if input.customer_owned_ipv4_pool.is_some() {
        return Err(invalid_configuration(
            "Customer-owned IPv4 pools belong to AWS Outposts, which Berth does not have",
        ));
    }
    let is_application = kind == LoadBalancerTypeEnum::Application;
    let scheme = input.scheme.unwrap_or(LoadBalancerSchemeEnum::InternetFacing);
    let is_internal = scheme == LoadBalancerSchemeEnum::Internal;
    let ip_address_type = input.ip_address_type.unwrap_or(IpAddressType::Ipv4);
    networks::check_ip_address_type(ip_address_type, is_application, is_internal)?;
    networks::check_source_nat(
        input.enable_prefix_for_ipv6_source_nat,
        is_application,
        ip_address_type,
    )?;
    let ipam_pool = input.ipam_pools.and_then(|pools| pools.ipv4_ipam_pool_id);
    networks::check_ipam_pool(ipam_pool.as_deref(), is_application, is_internal)?;
    let place = networks::placement(
        cx,
        is_application,
        is_internal,
        input.subnets,
        input.subnet_mappings,
    )
    .await?;
    let groups = networks::security_groups(cx, is_application, &place.vpc_id, input.security_groups).await?;
    let id = ids::new_id(cx);
    let family = if is_application { "app" } else { "net" };
    let arn = cx.scope.load_balancer_arn(family, &input.name, id);
    Ok(NewLoadBalancer {
        dns_name: ids::dns_name(cx, &input.name, id, is_application, is_internal),
        sealed_cookie_key: sealed_key(cx, &arn),
        arn,
        name: input.name,
        kind: kind.to_string(),
        scheme: scheme.to_string(),
        vpc_id: place.vpc_id,
        ip_address_type: ip_address_type.to_string(),
        zones: place.zones,
        security_groups: groups,
        kept: KeptBalancer {
            enable_prefix_for_ipv6_source_nat: input
                .enable_prefix_for_ipv6_source_nat
                .map(|on| on.to_string()),
            ipam_pool,
            ..KeptBalancer::default()
        },
        tags,
    })
}

/// A key of its own for the session cookies of the load balancer: 32 bytes in hexadecimal.
fn sealed_key(cx: &Context, arn: &str) -> Vec<u8> {
    let mut key = [0; 32];
    cx.api.random.fill(&mut key);
    cx.api.vault.seal(arn, &Secret::new(hex::encode(key)))
}

/// Whether a creation with these settings would make this load balancer again.
fn same(row: &LoadBalancerRow, new: &NewLoadBalancer) -> bool {
    let groups = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<_>>();
    row.kind == new.kind
        && row.scheme == new.scheme
        && row.ip_address_type == new.ip_address_type
        && row.zones.0 == new.zones
        && groups(&row.security_groups) == groups(&new.security_groups)
        && row.kept.ipam_pool == new.kept.ipam_pool
        && row.kept.enable_prefix_for_ipv6_source_nat == new.kept.enable_prefix_for_ipv6_source_nat
}
