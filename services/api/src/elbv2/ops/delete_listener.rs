use aws_model::elbv2::types::{DeleteListenerInput, DeleteListenerOutput};
use store::{Wake, routes};

use crate::elbv2::listeners;
use crate::{Context, Result};

/// DeleteListener: with its rules and their tags; target groups stay (LB-12).
pub async fn delete_listener(cx: &Context, input: DeleteListenerInput) -> Result<DeleteListenerOutput> {
    let mut tx = cx.db().begin().await?;
    let (balancer, listener) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    store::listeners::delete(&mut tx, &cx.scope, &listener.arn).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(DeleteListenerOutput::default())
}
