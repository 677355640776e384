use aws_model::elbv2::types::{SetIpAddressTypeInput, SetIpAddressTypeOutput};
use store::Wake;
use store::load_balancers::{self, LoadBalancerChange};

use crate::elbv2::{find, networks};
use crate::{Context, Result};

/// SetIpAddressType: kept and returned; proxies listen where their operator says.
pub async fn set_ip_address_type(
    cx: &Context,
    input: SetIpAddressTypeInput,
) -> Result<SetIpAddressTypeOutput> {
    let mut tx = cx.db().begin().await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    let (is_application, is_internal) = (row.kind == "application", row.scheme == "internal");
    networks::check_ip_address_type(input.ip_address_type, is_application, is_internal)?;
    let change = LoadBalancerChange {
        ip_address_type: Some(input.ip_address_type.to_string()),
        ..LoadBalancerChange::default()
    };
    load_balancers::update(&mut tx, &row.arn, &change).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(SetIpAddressTypeOutput {
        ip_address_type: Some(input.ip_address_type),
    })
}
