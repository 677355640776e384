use aws_model::elbv2::types::{ModifyIpPoolsInput, ModifyIpPoolsOutput, RemoveIpamPoolEnum};
use store::load_balancers::{self, KeptBalancer, LoadBalancerChange};

use crate::elbv2::view::load_balancer::ipam_pools;
use crate::elbv2::{find, networks};
use crate::{Context, Error, Result};

/// ModifyIpPools: kept and returned; addresses are those of the proxies.
pub async fn modify_ip_pools(cx: &Context, input: ModifyIpPoolsInput) -> Result<ModifyIpPoolsOutput> {
    let given = input.ipam_pools.and_then(|pools| pools.ipv4_ipam_pool_id);
    let removed = input
        .remove_ipam_pools
        .is_some_and(|pools| pools.contains(&RemoveIpamPoolEnum::Ipv4));
    if given.is_some() == removed {
        return Err(Error::validation(
            "Either an IPAM pool to use or one to remove must be specified",
        ));
    }
    let mut tx = cx.db().begin().await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    networks::check_ipam_pool(
        given.as_deref(),
        row.kind == "application",
        row.scheme == "internal",
    )?;
    let kept = KeptBalancer {
        ipam_pool: given,
        ..row.kept.0
    };
    let shown = ipam_pools(&kept);
    let change = LoadBalancerChange {
        kept: Some(kept),
        ..LoadBalancerChange::default()
    };
    load_balancers::update(&mut tx, &row.arn, &change).await?;
    cx.db().commit(tx, []).await?;
    Ok(ModifyIpPoolsOutput { ipam_pools: shown })
}
