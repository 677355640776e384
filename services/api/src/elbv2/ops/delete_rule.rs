use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DeleteRuleInput, DeleteRuleOutput};
use store::{Wake, routes, rules};

use crate::elbv2::listeners;
use crate::{Context, Error, Result};

/// DeleteRule; default rules stay as long as their listener (LB-11).
pub async fn delete_rule(cx: &Context, input: DeleteRuleInput) -> Result<DeleteRuleOutput> {
    let mut tx = cx.db().begin().await?;
    let (balancer, _, rule) = listeners::locked_rule(cx, &mut tx, &input.rule_arn).await?;
    if rule.priority.is_none() {
        return Err(Error::new(
            ErrorCode::OperationNotPermittedException,
            format!("Default rule '{}' cannot be deleted", rule.arn),
        ));
    }
    rules::delete(&mut tx, &cx.scope, &rule.arn).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(DeleteRuleOutput::default())
}
