use aws_model::elbv2::types::{ModifyLoadBalancerAttributesInput, ModifyLoadBalancerAttributesOutput};
use store::Wake;
use store::load_balancers::{self, LoadBalancerChange};

use crate::elbv2::attributes::load_balancer::{CATALOGUE, Subject};
use crate::elbv2::find;
use crate::elbv2::ops::describe_load_balancer_attributes::shown;
use crate::{Context, Result};

/// ModifyLoadBalancerAttributes: sets the given ones, all or none, and returns everything (LB-35).
pub async fn modify_load_balancer_attributes(
    cx: &Context,
    input: ModifyLoadBalancerAttributesInput,
) -> Result<ModifyLoadBalancerAttributesOutput> {
    let mut tx = cx.db().begin().await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    let changes = input.attributes.into_iter().map(|one| (one.key, one.value));
    let changed = CATALOGUE.changed(&Subject::of(&row), &row.attributes, changes.collect())?;
    let attributes = shown(&row, &changed);
    if changed != row.attributes.0 {
        let change = LoadBalancerChange {
            attributes: Some(changed),
            ..LoadBalancerChange::default()
        };
        load_balancers::update(&mut tx, &row.arn, &change).await?;
        cx.db().commit(tx, [Wake::Routes]).await?;
    }
    Ok(ModifyLoadBalancerAttributesOutput {
        attributes: Some(attributes),
    })
}
