use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DeleteLoadBalancerInput, DeleteLoadBalancerOutput};
use domain::ElbKind;
use store::{Wake, load_balancers};

use crate::elbv2::attributes::load_balancer::DELETION_PROTECTION;
use crate::elbv2::find::check_arn;
use crate::{Context, Error, Result};

/// DeleteLoadBalancer: with its listeners and rules; target groups stay. One that is not there is deleted already (LB-12).
pub async fn delete_load_balancer(
    cx: &Context,
    input: DeleteLoadBalancerInput,
) -> Result<DeleteLoadBalancerOutput> {
    let arn = input.load_balancer_arn;
    check_arn(&arn, ElbKind::LoadBalancer)?;
    let mut tx = cx.db().begin().await?;
    let Some(row) = load_balancers::hold(&mut tx, &cx.scope, &arn).await? else {
        return Ok(DeleteLoadBalancerOutput {});
    };
    if row
        .attributes
        .get(DELETION_PROTECTION)
        .is_some_and(|value| value == "true")
    {
        return Err(Error::new(
            ErrorCode::OperationNotPermittedException,
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    load_balancers::delete(&mut tx, &cx.scope, &arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(DeleteLoadBalancerOutput {})
}
