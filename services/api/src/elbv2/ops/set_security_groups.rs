use aws_model::elbv2::types::{SetSecurityGroupsInput, SetSecurityGroupsOutput};
use store::Wake;
use store::load_balancers::{self, KeptBalancer, LoadBalancerChange};

use crate::elbv2::attributes::invalid_configuration;
use crate::elbv2::view::load_balancer::enforcement;
use crate::elbv2::{find, networks};
use crate::{Context, Error, Result};

/// SetSecurityGroups: the groups of a load balancer from now on. A network load balancer that was made without any stays so.
pub async fn set_security_groups(
    cx: &Context,
    input: SetSecurityGroupsInput,
) -> Result<SetSecurityGroupsOutput> {
    let row = find::load_balancer(cx, &input.load_balancer_arn).await?;
    let is_application = row.kind == "application";
    if input.security_groups.is_empty() {
        return Err(Error::validation("At least one security group must be specified"));
    }
    if !is_application && row.security_groups.is_empty() {
        return Err(invalid_configuration(
            "Security groups cannot be set for load balancers with type 'network' that were created without security groups",
        ));
    }
    let enforce = input.enforce_security_group_inbound_rules_on_private_link_traffic;
    if is_application && enforce.is_some() {
        return Err(invalid_configuration(
            "Inbound rules on PrivateLink traffic can only be enforced for load balancers with type 'network'",
        ));
    }
    let groups =
        networks::security_groups(cx, is_application, &row.vpc_id, Some(input.security_groups)).await?;
    let mut tx = cx.db().begin().await?;
    networks::hold(cx, &mut tx, &[], &groups).await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    let enforce = enforce.map(|on| on.to_string());
    let kept = KeptBalancer {
        enforce_inbound_rules_on_private_link: enforce.or(row
            .kept
            .0
            .enforce_inbound_rules_on_private_link
            .clone()),
        ..row.kept.0
    };
    let shown = (!is_application).then(|| enforcement(&kept));
    let change = LoadBalancerChange {
        security_groups: Some(groups.clone()),
        kept: Some(kept),
        ..LoadBalancerChange::default()
    };
    load_balancers::update(&mut tx, &row.arn, &change).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(SetSecurityGroupsOutput {
        security_group_ids: Some(groups),
        enforce_security_group_inbound_rules_on_private_link_traffic: shown
            .and_then(|text| text.parse().ok()),
    })
}
